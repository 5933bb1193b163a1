// A strict JSON parser over bytes (RFC 8259) whose nodes know where they stand, so that an edit can be a splice on the original.
// Refuses what two parsers could read differently: duplicate keys, bad UTF-8, a byte order mark, trailing bytes, deep or endless nesting.
// Never throws; a problem says what and at which byte, and never quotes content. Numbers keep their source text.

import { isUtf8 } from 'node:buffer';
import { limits } from '../core/limits.ts';
import type { ByteRange } from '../core/slot.ts';

export interface JsonObject extends ByteRange {
  readonly kind: 'object';
  readonly members: readonly JsonMember[];
}
export interface JsonArray extends ByteRange {
  readonly kind: 'array';
  readonly items: readonly JsonNode[];
}
/** The range includes the quotes. A lone surrogate that was escaped stays as it is in `text`. */
export interface JsonString extends ByteRange {
  readonly kind: 'string';
  readonly text: string;
}
export interface JsonNumber extends ByteRange {
  readonly kind: 'number';
  readonly source: string;
}
export interface JsonLiteral extends ByteRange {
  readonly kind: 'literal';
  readonly value: boolean | null;
}
export type JsonNode = JsonObject | JsonArray | JsonString | JsonNumber | JsonLiteral;

export interface JsonMember {
  readonly name: string;
  readonly value: JsonNode;
}

export interface JsonProblem {
  readonly problem: string;
  /** Offset of the byte at which reading stopped. */
  readonly at: number;
}

export const isJsonProblem = (result: JsonNode | JsonProblem): result is JsonProblem => 'problem' in result;

interface Scan {
  readonly bytes: Buffer;
  at: number;
  depth: number;
  nodesCount: number;
  problem: string | null;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;

/** 1 for bytes that end the plain run of a string: the quote, the backslash and the control characters. */
const endsRun = new Uint8Array(256);
endsRun.fill(1, 0, 0x20);
endsRun[QUOTE] = 1;
endsRun[BACKSLASH] = 1;

/** Below this length a string is cheaper to build in JavaScript than to ask the runtime for. */
const SHORT_STRING_BYTES = 16;

const stop = (scan: Scan, problem: string): undefined => {
  scan.problem ??= problem;
  return undefined;
};

const skipSpace = (scan: Scan): void => {
  const { bytes } = scan;
  let { at } = scan;
  for (;;) {
    const byte = bytes[at];
    if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) break;
    at++;
  }
  scan.at = at;
};

const isHex = (byte: number | undefined): boolean =>
  byte !== undefined && ((byte >= 0x30 && byte <= 0x39) || (byte >= 0x41 && byte <= 0x46) || (byte >= 0x61 && byte <= 0x66));

/** The bytes that may follow a backslash, but for the u. */
const shortEscapes = new Set(Buffer.from('"\\/bfnrt'));

/** Leaves the cursor after the escape that begins at the cursor. */
const skipEscape = (scan: Scan): boolean => {
  const { bytes, at } = scan;
  const byte = bytes[at + 1];
  if (byte === undefined) return false;
  const long = byte === 0x75;
  if (long ? !(isHex(bytes[at + 2]) && isHex(bytes[at + 3]) && isHex(bytes[at + 4]) && isHex(bytes[at + 5])) : !shortEscapes.has(byte)) {
    return false;
  }
  scan.at = at + (long ? 6 : 2);
  return true;
};

const plainText = (bytes: Buffer, start: number, end: number): string => {
  if (end - start >= SHORT_STRING_BYTES) return bytes.toString('utf8', start, end);
  let text = '';
  for (let at = start; at < end; at++) {
    const byte = bytes[at] ?? 0;
    if (byte > 0x7f) return bytes.toString('utf8', start, end);
    text += String.fromCharCode(byte);
  }
  return text;
};

/** The text of the string whose opening quote is at the cursor; leaves the cursor after the closing quote. */
const scanText = (scan: Scan): string | undefined => {
  const { bytes } = scan;
  const start = scan.at;
  let escaped = false;
  let at = start + 1;
  for (;;) {
    while (at < bytes.length && endsRun[bytes[at] ?? 0] === 0) at++;
    scan.at = at;
    if (at >= bytes.length) return stop(scan, 'a string is not closed');
    if (bytes[at] === QUOTE) break;
    if (bytes[at] !== BACKSLASH) return stop(scan, 'a control character stands unescaped in a string');
    if (!skipEscape(scan)) return stop(scan, 'an escape is not valid');
    escaped = true;
    at = scan.at;
  }
  scan.at = at + 1;
  // Every escape was checked above, so JSON.parse cannot throw here.
  return escaped ? (JSON.parse(bytes.toString('utf8', start, at + 1)) as string) : plainText(bytes, start + 1, at);
};

const skipDigits = (scan: Scan): boolean => {
  const { bytes } = scan;
  const start = scan.at;
  let { at } = scan;
  for (;;) {
    const byte = bytes[at];
    if (byte === undefined || byte < 0x30 || byte > 0x39) break;
    at++;
  }
  scan.at = at;
  return at > start;
};

const scanNumber = (scan: Scan): JsonNumber | undefined => {
  const { bytes } = scan;
  const start = scan.at;
  if (bytes[scan.at] === 0x2d) scan.at++;
  const leadingZero = bytes[scan.at] === 0x30;
  const whole = scan.at;
  if (!skipDigits(scan)) return stop(scan, 'no JSON value begins here');
  if (leadingZero && scan.at > whole + 1) return stop(scan, 'a number begins with zero');
  if (bytes[scan.at] === 0x2e) {
    scan.at++;
    if (!skipDigits(scan)) return stop(scan, 'a number ends after its point');
  }
  if (bytes[scan.at] === 0x65 || bytes[scan.at] === 0x45) {
    scan.at++;
    if (bytes[scan.at] === 0x2b || bytes[scan.at] === 0x2d) scan.at++;
    if (!skipDigits(scan)) return stop(scan, 'a number ends in its exponent');
  }
  return { kind: 'number', start, end: scan.at, source: bytes.toString('latin1', start, scan.at) };
};

const literals: readonly (readonly [string, boolean | null])[] = [
  ['true', true],
  ['false', false],
  ['null', null],
];

const scanLiteral = (scan: Scan): JsonLiteral | undefined => {
  const start = scan.at;
  for (const [source, value] of literals) {
    const end = start + source.length;
    if (scan.bytes.toString('latin1', start, Math.min(end, scan.bytes.length)) !== source) continue;
    scan.at = end;
    return { kind: 'literal', start, end, value };
  }
  return stop(scan, 'no JSON value begins here');
};

const scanArray = (scan: Scan): JsonArray | undefined => {
  const start = scan.at++;
  const items: JsonNode[] = [];
  skipSpace(scan);
  if (scan.bytes[scan.at] === 0x5d) return { kind: 'array', start, end: ++scan.at, items };
  for (;;) {
    const item = scanValue(scan);
    if (item === undefined) return undefined;
    items.push(item);
    skipSpace(scan);
    const byte = scan.bytes[scan.at];
    if (byte === 0x5d) return { kind: 'array', start, end: ++scan.at, items };
    if (byte !== COMMA) return stop(scan, 'a comma or the end of an array is missing');
    scan.at++;
  }
};

const MANY_MEMBERS = 12;

/** Whether `name` stands among `members`; from many members on, `names` keeps them in a set so that large objects stay linear. */
const isRepeated = (members: readonly JsonMember[], names: Set<string> | undefined, name: string): boolean =>
  names === undefined ? members.some((member) => member.name === name) : names.has(name);

const scanObject = (scan: Scan): JsonObject | undefined => {
  const start = scan.at++;
  const members: JsonMember[] = [];
  let names: Set<string> | undefined;
  skipSpace(scan);
  if (scan.bytes[scan.at] === 0x7d) return { kind: 'object', start, end: ++scan.at, members };
  for (;;) {
    if (scan.bytes[scan.at] !== QUOTE) return stop(scan, 'a member name is missing');
    const nameAt = scan.at;
    const name = scanText(scan);
    if (name === undefined) return undefined;
    if (isRepeated(members, names, name)) {
      scan.at = nameAt;
      return stop(scan, 'a member name stands twice in one object');
    }
    skipSpace(scan);
    if (scan.bytes[scan.at] !== COLON) return stop(scan, 'a colon is missing');
    scan.at++;
    const value = scanValue(scan);
    if (value === undefined) return undefined;
    members.push({ name, value });
    if (members.length === MANY_MEMBERS) names = new Set(members.map((member) => member.name));
    else names?.add(name);
    skipSpace(scan);
    const byte = scan.bytes[scan.at];
    if (byte === 0x7d) return { kind: 'object', start, end: ++scan.at, members };
    if (byte !== COMMA) return stop(scan, 'a comma or the end of an object is missing');
    scan.at++;
    skipSpace(scan);
  }
};

const scanNested = (scan: Scan, inner: (scan: Scan) => JsonNode | undefined): JsonNode | undefined => {
  if (scan.depth >= limits.jsonDepth) return stop(scan, `values are nested more than ${limits.jsonDepth} deep`);
  scan.depth++;
  const node = inner(scan);
  scan.depth--;
  return node;
};

const scanValue = (scan: Scan): JsonNode | undefined => {
  skipSpace(scan);
  if (++scan.nodesCount > limits.jsonNodesCount) return stop(scan, `there are more than ${limits.jsonNodesCount} values`);
  switch (scan.bytes[scan.at]) {
    case QUOTE: {
      const start = scan.at;
      const text = scanText(scan);
      return text === undefined ? undefined : { kind: 'string', start, end: scan.at, text };
    }
    case 0x7b:
      return scanNested(scan, scanObject);
    case 0x5b:
      return scanNested(scan, scanArray);
    case 0x74:
    case 0x66:
    case 0x6e:
      return scanLiteral(scan);
    case undefined:
      return stop(scan, 'the text ends where a value should stand');
    default:
      return scanNumber(scan);
  }
};

/** Offset of the first byte that decoding to text and back would change. */
const firstBadByte = (bytes: Buffer): number => {
  const decoded = Buffer.from(bytes.toString('utf8'));
  let at = 0;
  while (at < bytes.length && bytes[at] === decoded[at]) at++;
  return at;
};

/** Parses `source` as one JSON text. The whole must be UTF-8 without a byte order mark; nothing but white space may follow the value. */
export const parseJson = (source: Uint8Array): JsonNode | JsonProblem => {
  const bytes = Buffer.from(source.buffer, source.byteOffset, source.byteLength);
  if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) return { problem: 'the text begins with a byte order mark', at: 0 };
  if (!isUtf8(bytes)) return { problem: 'the bytes are not UTF-8', at: firstBadByte(bytes) };
  const scan: Scan = { bytes, at: 0, depth: 0, nodesCount: 0, problem: null };
  const node = scanValue(scan);
  if (node === undefined) return { problem: scan.problem ?? 'the text is not JSON', at: scan.at };
  skipSpace(scan);
  if (scan.at < bytes.length) return { problem: 'something follows the JSON value', at: scan.at };
  return node;
};

/** The member of that name, or undefined when `node` is no object or has none. */
export const memberOf = (node: JsonNode | undefined, name: string): JsonNode | undefined =>
  node?.kind === 'object' ? node.members.find((member) => member.name === name)?.value : undefined;

/** The text of a string node; undefined for anything else. */
export const textOf = (node: JsonNode | undefined): string | undefined => (node?.kind === 'string' ? node.text : undefined);

/** A count that the provider reports: a whole number from 0 to 2^53-1; null for anything else. */
export const countOf = (node: JsonNode | undefined): number | null => {
  if (node?.kind !== 'number') return null;
  const count = Number(node.source);
  return Number.isSafeInteger(count) && count >= 0 ? count : null;
};

/** `path` extended by one reference token (RFC 6901). */
export const pointer = (path: string, token: string | number): string =>
  `${path}/${typeof token === 'number' ? token : token.replaceAll('~', '~0').replaceAll('/', '~1')}`;

/** `value` as the bytes of a JSON text. */
export const jsonText = (value: unknown): Buffer => Buffer.from(JSON.stringify(value), 'utf8');
