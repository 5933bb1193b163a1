// A slot is a place in a message that holds text or data; a splice replaces one byte range of the original message.
// Edits are only ever splices: what is not replaced is the same bytes in the same place.

export interface ByteRange {
  /** Offset of the first byte. */
  readonly start: number;
  /** Offset after the last byte. */
  readonly end: number;
}

export interface Slot extends ByteRange {
  /** JSON Pointer (RFC 6901) into the message. */
  readonly path: string;
  readonly text: string;
  /** Whose words they are, as the message says. */
  readonly role: 'system' | 'user' | 'assistant' | 'tool' | 'unknown';
}

export interface Splice extends ByteRange {
  readonly replacement: Uint8Array;
}

/** `original` with each range replaced. Splices may come in any order; overlapping ones are a bug and throw. */
export const applySplices = (original: Uint8Array, splices: readonly Splice[]): Uint8Array => {
  if (splices.length === 0) return original;
  const ordered = splices.toSorted((a, b) => a.start - b.start || a.end - b.end);
  const parts: Uint8Array[] = [];
  let size = 0;
  let at = 0;
  const take = (part: Uint8Array): void => {
    parts.push(part);
    size += part.length;
  };
  for (const { start, end, replacement } of ordered) {
    if (start < at || end < start || end > original.length) throw new RangeError(`splice ${start}-${end} overlaps or lies outside`);
    take(original.subarray(at, start));
    take(replacement);
    at = end;
  }
  take(original.subarray(at));
  const spliced = new Uint8Array(size);
  let offset = 0;
  for (const part of parts) {
    spliced.set(part, offset);
    offset += part.length;
  }
  return spliced;
};
