// The strings of a JSON text (RFC 8259 section 7), read from bytes that are known to be UTF-8.
// Short ones are walked byte by byte; in longer ones the runtime looks for the closing quote and decodes the escapes.
// Never throws: a string that is not valid sets the cursor's problem, and the cursor then stands at the byte that is wrong.

import { familiarise, familiarText } from './familiar-text.ts';

export interface Cursor {
  readonly bytes: Buffer;
  at: number;
  problem: string | null;
  /** Where the next backslash stands, as far as known; passed ones are looked for anew. */
  backslashAt: number;
}

export const stop = (cursor: Cursor, problem: string): undefined => {
  cursor.problem ??= problem;
  return undefined;
};

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** 1 for bytes that end the plain run of a string: the quote, the backslash and the control characters. */
const endsRun = new Uint8Array(256);
endsRun.fill(1, 0, 0x20);
endsRun[QUOTE] = 1;
endsRun[BACKSLASH] = 1;

/** Up to this length a string is cheaper to walk than to search. */
const WALKED_BYTES = 32;

const isHex = (byte: number | undefined): boolean =>
  byte !== undefined && ((byte >= 0x30 && byte <= 0x39) || (byte >= 0x41 && byte <= 0x46) || (byte >= 0x61 && byte <= 0x66));

/** The bytes that may follow a backslash, but for the u. */
const shortEscapes = new Set(Buffer.from('"\\/bfnrt'));

/** How many bytes the escape at `at` has; 0 when it is none. */
export const escapeLength = (bytes: Buffer, at: number): number => {
  const byte = bytes[at + 1];
  if (byte === undefined) return 0;
  if (byte !== 0x75) return shortEscapes.has(byte) ? 2 : 0;
  return isHex(bytes[at + 2]) && isHex(bytes[at + 3]) && isHex(bytes[at + 4]) && isHex(bytes[at + 5]) ? 6 : 0;
};

/** Says what is wrong with the string whose first byte after the quote is at `start`, and leaves the cursor there. */
const explain = (cursor: Cursor, start: number): undefined => {
  const { bytes } = cursor;
  let at = start;
  for (;;) {
    while (at < bytes.length && endsRun[bytes[at] ?? 0] === 0) at++;
    cursor.at = at;
    if (at >= bytes.length) return stop(cursor, 'a string is not closed');
    if (bytes[at] === QUOTE) return stop(cursor, 'a string cannot be decoded');
    if (bytes[at] !== BACKSLASH) return stop(cursor, 'a control character stands unescaped in a string');
    const length = escapeLength(bytes, at);
    if (length === 0) return stop(cursor, 'an escape is not valid');
    at += length;
  }
};

/** Whether the quote at `at` belongs to an escape: an odd number of backslashes stands before it. */
const isEscaped = (bytes: Buffer, start: number, at: number): boolean => {
  let before = at;
  while (before > start && bytes[before - 1] === BACKSLASH) before--;
  return (at - before) % 2 === 1;
};

const hasControl = (bytes: Buffer, start: number, end: number): boolean => {
  for (let at = start; at < end; at++) if ((bytes[at] ?? 0) < 0x20) return true;
  return false;
};

/** The text between the quotes, escapes decoded; undefined when an escape or a character in it is not allowed. */
const unescaped = (bytes: Buffer, start: number, end: number): string | undefined => {
  try {
    return JSON.parse(bytes.toString('utf8', start - 1, end + 1)) as string;
  } catch {
    return undefined;
  }
};

const backslashFrom = (cursor: Cursor, at: number): number => {
  if (cursor.backslashAt >= at) return cursor.backslashAt;
  const found = cursor.bytes.indexOf(BACKSLASH, at);
  cursor.backslashAt = found === -1 ? Number.MAX_SAFE_INTEGER : found;
  return cursor.backslashAt;
};

/**
 * Where the closing quote stands, or -1; `from` is not inside an escape. Walks a little after each quote that was escaped, since a JSON text
 * inside a string has many of them close together, and searches for the next one otherwise.
 */
const closingQuote = (bytes: Buffer, from: number): number => {
  let at = from;
  for (;;) {
    const limit = Math.min(at + WALKED_BYTES, bytes.length);
    for (; at < limit; at++) {
      if (bytes[at] === QUOTE) return at;
      if (bytes[at] === BACKSLASH) at++;
    }
    const found = bytes.indexOf(QUOTE, at);
    if (found === -1 || !isEscaped(bytes, at, found)) return found;
    at = found + 1;
  }
};

/** The text of a string that begins at `start` and is plain up to `plainTo`. */
const searchText = (cursor: Cursor, start: number, plainTo: number): string | undefined => {
  const { bytes } = cursor;
  const found = bytes.indexOf(QUOTE, plainTo);
  if (found !== -1 && backslashFrom(cursor, plainTo) > found) {
    if (hasControl(bytes, plainTo, found)) return explain(cursor, start);
    cursor.at = found + 1;
    return bytes.toString('utf8', start, found);
  }
  const end = found === -1 ? -1 : closingQuote(bytes, plainTo);
  const text = end === -1 ? undefined : unescaped(bytes, start, end);
  if (text === undefined) return explain(cursor, start);
  cursor.at = end + 1;
  return text;
};

/** Where the plain run that begins at `start` ends, or how far it was walked. Negative, and one less than that, when it is not all ASCII. */
const walk = (bytes: Buffer, start: number): number => {
  const limit = Math.min(start + WALKED_BYTES, bytes.length);
  let all = 0;
  let at = start;
  for (; at < limit; at++) {
    const byte = bytes[at] ?? 0;
    if (endsRun[byte] !== 0) break;
    all |= byte;
  }
  return all < 0x80 ? at : -at - 1;
};

/** The text of the string whose opening quote is at the cursor; leaves the cursor after the closing quote. */
export const scanText = (cursor: Cursor, isName: boolean): string | undefined => {
  const { bytes } = cursor;
  const start = cursor.at + 1;
  const walked = walk(bytes, start);
  const end = walked < 0 ? -walked - 1 : walked;
  if (bytes[end] !== QUOTE) return searchText(cursor, start, end);
  cursor.at = end + 1;
  if (walked < 0) return bytes.toString('utf8', start, end);
  const familiar = familiarText(bytes, start, end);
  if (familiar !== undefined) return familiar;
  const text = bytes.toString('latin1', start, end);
  if (isName) familiarise(text, bytes, start, end);
  return text;
};
