// The wall time as records and lines have it: RFC 3339, UTC, in milliseconds.
// The text of the last millisecond is kept, since several are made in one; nothing else is.

let lastMs = Number.NaN;
let lastText = '';

/** `ms` since the Unix epoch. Throws RangeError on what is no time. */
export const timestampOf = (ms: number): string => {
  if (ms !== lastMs) {
    lastText = new Date(ms).toISOString();
    lastMs = ms;
  }
  return lastText;
};
