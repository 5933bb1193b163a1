// The wall time as records and lines have it: RFC 3339, UTC, in milliseconds.
// The text of the last second is kept, since all but its end is the same for what is made within one; nothing else is.

let lastSecond = Number.NaN;
/** Up to the point before the milliseconds. */
let lastBegin = '';
let lastMs = Number.NaN;
let lastText = '';

const second = 1_000;
const endCharacters = '.000Z'.length;

const ends: readonly string[] = Array.from({ length: second }, (_, ms) => `.${String(ms).padStart(endCharacters - 2, '0')}Z`);

/** `ms` since the Unix epoch. Throws RangeError on what is no time. */
export const timestampOf = (ms: number): string => {
  if (ms === lastMs) return lastText;
  const ofSecond = Math.floor(ms / second);
  const end = ends[ms - ofSecond * second];
  // Parts of a millisecond are for whoever made `Date` to cut off.
  if (end === undefined) return new Date(ms).toISOString();
  if (ofSecond !== lastSecond) {
    lastBegin = new Date(ms).toISOString().slice(0, -endCharacters);
    lastSecond = ofSecond;
  }
  lastText = lastBegin + end;
  lastMs = ms;
  return lastText;
};
