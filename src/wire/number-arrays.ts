// Blanks the inside of arrays of numbers, so that answers with embeddings, millions of numbers that nobody needs, can be parsed within limits.
// What comes back has the same length and the same bytes everywhere else: offsets of nodes parsed from it are offsets into the original.
// Only numbers that RFC 8259 allows are blanked; anything else stays for the parser, which says what is wrong with it. Linear; never throws.

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const SPACE = 0x20;
const OPEN = 0x5b;
const CLOSE = 0x5d;

const isSpace = (byte: number | undefined): boolean => byte === SPACE || byte === 0x0a || byte === 0x0d || byte === 0x09;

const afterSpace = (bytes: Uint8Array, at: number): number => {
  let next = at;
  while (isSpace(bytes[next])) next++;
  return next;
};

const afterDigits = (bytes: Uint8Array, at: number): number => {
  let next = at;
  for (let byte = bytes[next]; byte !== undefined && byte >= 0x30 && byte <= 0x39; byte = bytes[next]) next++;
  return next;
};

/** Where the number that begins at `at` ends; -1 when none does. */
const afterNumber = (bytes: Uint8Array, at: number): number => {
  const whole = bytes[at] === 0x2d ? at + 1 : at;
  let next = afterDigits(bytes, whole);
  if (next === whole || (bytes[whole] === 0x30 && next > whole + 1)) return -1;
  if (bytes[next] === 0x2e) {
    const fraction = next + 1;
    next = afterDigits(bytes, fraction);
    if (next === fraction) return -1;
  }
  if (bytes[next] === 0x65 || bytes[next] === 0x45) {
    const signed = bytes[next + 1] === 0x2b || bytes[next + 1] === 0x2d;
    const exponent = next + (signed ? 2 : 1);
    next = afterDigits(bytes, exponent);
    if (next === exponent) return -1;
  }
  return next;
};

interface Stretch {
  /** Where reading stopped: at the closing bracket, or at what is no number of this array. */
  readonly at: number;
  readonly closed: boolean;
}

/** Reads numbers and commas from behind an opening bracket. An empty array does not count: there is nothing to blank. */
const readNumbers = (bytes: Uint8Array, start: number): Stretch => {
  let at = afterSpace(bytes, start);
  for (;;) {
    const end = afterNumber(bytes, at);
    if (end === -1) return { at, closed: false };
    at = afterSpace(bytes, end);
    if (bytes[at] === CLOSE) return { at, closed: true };
    if (bytes[at] !== COMMA) return { at, closed: false };
    at = afterSpace(bytes, at + 1);
  }
};

/** Where the string whose opening quote is at `at` ends; the end of the bytes when it is not closed. */
const afterString = (bytes: Uint8Array, at: number): number => {
  let next = at + 1;
  for (; next < bytes.length && bytes[next] !== QUOTE; next++) if (bytes[next] === BACKSLASH) next++;
  return Math.min(next + 1, bytes.length);
};

/** A copy of `source`, a JSON text, in which blanks stand for the numbers of every array that holds nothing else. */
export const blankNumberArrays = (source: Uint8Array): Uint8Array => {
  const bytes = Uint8Array.from(source);
  for (let at = 0; at < bytes.length;) {
    if (bytes[at] === QUOTE) at = afterString(bytes, at);
    else if (bytes[at] === OPEN) {
      const stretch = readNumbers(bytes, at + 1);
      if (stretch.closed) bytes.fill(SPACE, at + 1, stretch.at);
      // What was read up to here holds neither bracket nor quote, so nothing is passed over.
      at = stretch.closed ? stretch.at + 1 : Math.max(stretch.at, at + 1);
    } else at++;
  }
  return bytes;
};
