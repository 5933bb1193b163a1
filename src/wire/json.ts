// A strict JSON parser over bytes (RFC 8259) whose nodes know where they stand, so that an edit can be a splice on the original.
// Refuses what two parsers could read differently: duplicate keys, bad UTF-8, a byte order mark, trailing bytes, deep or endless nesting.
// Never throws; a problem says what and at which byte, and never quotes content. Numbers keep their source text.

import { isUtf8 } from 'node:buffer';
import { limits } from '../core/limits.ts';
import type { ByteRange } from '../core/slot.ts';
import { familiarText } from './familiar-text.ts';
import type { Cursor } from './json-text.ts';
import { scanText, stop } from './json-text.ts';

interface JsonContainer extends ByteRange {
  /** How many values stand in it, itself included. */
  readonly valuesCount: number;
  /** Room for what a reader found out from this value alone; it comes again with the value. Undefined until then. */
  memo: unknown;
}
export interface JsonObject extends JsonContainer {
  readonly kind: 'object';
  readonly members: readonly JsonMember[];
}
export interface JsonArray extends JsonContainer {
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

/** A JSON text and what it was parsed into. Its bytes must still be those that were parsed. */
export interface Parsed {
  readonly bytes: Uint8Array;
  readonly root: JsonNode;
}

interface Scan extends Cursor {
  depth: number;
  nodesCount: number;
  /** The bytes of an earlier text whose nodes may be used again. */
  readonly earlier: Uint8Array;
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;

const skipSpace = (scan: Scan): void => {
  const { bytes } = scan;
  let { at } = scan;
  for (;;) {
    const byte = bytes[at];
    if (byte === undefined || byte > 0x20 || (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09)) break;
    at++;
  }
  scan.at = at;
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
  return { kind: 'number', start, end: scan.at, source: familiarText(bytes, start, scan.at) ?? bytes.toString('latin1', start, scan.at) };
};

const literals: ReadonlyMap<number, { readonly rest: readonly number[]; readonly value: boolean | null }> = new Map(
  (
    [
      ['true', true],
      ['false', false],
      ['null', null],
    ] as const
  ).map(([source, value]) => [source.charCodeAt(0), { rest: [...Buffer.from(source)], value }]),
);

const scanLiteral = (scan: Scan): JsonLiteral | undefined => {
  const start = scan.at;
  const literal = literals.get(scan.bytes[start] ?? 0);
  if (literal === undefined) return stop(scan, 'no JSON value begins here');
  const { rest, value } = literal;
  for (let index = 0; index < rest.length; index++)
    if (scan.bytes[start + index] !== rest[index]) return stop(scan, 'no JSON value begins here');
  scan.at = start + rest.length;
  return { kind: 'literal', start, end: scan.at, value };
};

/** How deep values are compared with an earlier text: as deep as the blocks of a message and what they hold. */
const REUSE_DEPTH = 6;
/** Shorter values are cheaper to parse than to compare. */
const REUSE_BYTES = 48;

/** `node` as it stands `by` bytes further on. */
const moved = (node: JsonNode, by: number): JsonNode => {
  const start = node.start + by;
  const end = node.end + by;
  switch (node.kind) {
    case 'object': {
      const { valuesCount, memo } = node;
      const members = node.members.map(({ name, value }) => ({ name, value: moved(value, by) }));
      return { kind: 'object', start, end, members, valuesCount, memo };
    }
    case 'array': {
      const { valuesCount, memo } = node;
      return { kind: 'array', start, end, items: node.items.map((item) => moved(item, by)), valuesCount, memo };
    }
    case 'string':
      return { kind: 'string', start, end, text: node.text };
    case 'number':
      return { kind: 'number', start, end, source: node.source };
    case 'literal':
      return { kind: 'literal', start, end, value: node.value };
  }
};

/**
 * The value at the cursor, when it is byte for byte `before`. Only values that say themselves where they end: a longer number can begin like a shorter one.
 * `before` stood equally deep, so that a limit that it kept is kept here too.
 */
const reuse = (scan: Scan, before: JsonNode): JsonNode | undefined => {
  if (before.kind === 'number' || before.kind === 'literal') return undefined;
  const { bytes, at, earlier } = scan;
  const { start, end } = before;
  const until = at + end - start;
  if (end - start < REUSE_BYTES || bytes[until - 1] !== earlier[end - 1] || bytes[at] !== earlier[start]) return undefined;
  const valuesCount = before.kind === 'string' ? 1 : before.valuesCount;
  // The value at which a limit is passed must be found where it stands.
  if (scan.nodesCount + valuesCount > limits.jsonNodesCount) return undefined;
  if (bytes.compare(earlier, start, end, at, until) !== 0) return undefined;
  scan.nodesCount += valuesCount;
  scan.at = until;
  return at === start ? before : moved(before, at - start);
};

const scanArray = (scan: Scan, before: JsonNode | undefined): JsonArray | undefined => {
  const start = scan.at++;
  const countBefore = scan.nodesCount - 1;
  const items: JsonNode[] = [];
  const earlier = before?.kind === 'array' ? before.items : undefined;
  skipSpace(scan);
  if (scan.bytes[scan.at] === 0x5d) return { kind: 'array', start, end: ++scan.at, items, valuesCount: 1, memo: undefined };
  for (;;) {
    const item = scanValue(scan, earlier?.[items.length]);
    if (item === undefined) return undefined;
    items.push(item);
    skipSpace(scan);
    const byte = scan.bytes[scan.at];
    if (byte === 0x5d) return { kind: 'array', start, end: ++scan.at, items, valuesCount: scan.nodesCount - countBefore, memo: undefined };
    if (byte !== COMMA) return stop(scan, 'a comma or the end of an array is missing');
    scan.at++;
  }
};

const MANY_MEMBERS = 12;

/** Whether `name` stands among `members`; from many members on, `names` keeps them in a set so that large objects stay linear. */
const isRepeated = (members: readonly JsonMember[], names: Set<string> | undefined, name: string): boolean => {
  if (names !== undefined) return names.has(name);
  for (const member of members) if (member.name === name) return true;
  return false;
};

/** How many members may have been taken out or put in between two that are compared. */
const MEMBERS_APART = 4;

/** The member of that name among `members`, at `index` or not far from it. */
const near = (members: readonly JsonMember[], index: number, name: string): JsonNode | undefined => {
  const same = members[index];
  if (same?.name === name) return same.value;
  for (let at = Math.max(0, index - MEMBERS_APART); at <= index + MEMBERS_APART; at++) {
    const member = members[at];
    if (member?.name === name) return member.value;
  }
  return undefined;
};

const scanObject = (scan: Scan, before: JsonNode | undefined): JsonObject | undefined => {
  const start = scan.at++;
  const countBefore = scan.nodesCount - 1;
  const members: JsonMember[] = [];
  const earlier = before?.kind === 'object' ? before.members : undefined;
  let names: Set<string> | undefined;
  skipSpace(scan);
  if (scan.bytes[scan.at] === 0x7d) return { kind: 'object', start, end: ++scan.at, members, valuesCount: 1, memo: undefined };
  for (;;) {
    if (scan.bytes[scan.at] !== QUOTE) return stop(scan, 'a member name is missing');
    const nameAt = scan.at;
    const name = scanText(scan, true);
    if (name === undefined) return undefined;
    if (isRepeated(members, names, name)) {
      scan.at = nameAt;
      return stop(scan, 'a member name stands twice in one object');
    }
    skipSpace(scan);
    if (scan.bytes[scan.at] !== COLON) return stop(scan, 'a colon is missing');
    scan.at++;
    const value = scanValue(scan, earlier && near(earlier, members.length, name));
    if (value === undefined) return undefined;
    members.push({ name, value });
    if (members.length === MANY_MEMBERS) names = new Set(members.map((member) => member.name));
    else names?.add(name);
    skipSpace(scan);
    const byte = scan.bytes[scan.at];
    if (byte === 0x7d)
      return { kind: 'object', start, end: ++scan.at, members, valuesCount: scan.nodesCount - countBefore, memo: undefined };
    if (byte !== COMMA) return stop(scan, 'a comma or the end of an object is missing');
    scan.at++;
    skipSpace(scan);
  }
};

const scanNested = (scan: Scan, before: JsonNode | undefined): JsonNode | undefined => {
  if (scan.depth >= limits.jsonDepth) return stop(scan, `values are nested more than ${limits.jsonDepth} deep`);
  scan.depth++;
  const comparable = scan.depth <= REUSE_DEPTH ? before : undefined;
  const node = scan.bytes[scan.at] === 0x7b ? scanObject(scan, comparable) : scanArray(scan, comparable);
  scan.depth--;
  return node;
};

/** `before` is the value that stood in the same place of the earlier text. */
const scanValue = (scan: Scan, before: JsonNode | undefined): JsonNode | undefined => {
  skipSpace(scan);
  const reused = before && reuse(scan, before);
  if (reused !== undefined) return reused;
  if (++scan.nodesCount > limits.jsonNodesCount) return stop(scan, `there are more than ${limits.jsonNodesCount} values`);
  switch (scan.bytes[scan.at]) {
    case QUOTE: {
      const start = scan.at;
      const text = scanText(scan, false);
      return text === undefined ? undefined : { kind: 'string', start, end: scan.at, text };
    }
    case 0x7b:
    case 0x5b:
      return scanNested(scan, before);
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

/**
 * Parses `source` as one JSON text. The whole must be UTF-8 without a byte order mark; nothing but white space may follow the value.
 * The result does not depend on `earlier`: values that are byte for byte what stood in the same place of it are only found sooner.
 */
export const parseJson = (source: Uint8Array, earlier?: Parsed): JsonNode | JsonProblem => {
  const bytes = Buffer.isBuffer(source) ? source : Buffer.from(source.buffer, source.byteOffset, source.byteLength);
  if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) return { problem: 'the text begins with a byte order mark', at: 0 };
  if (!isUtf8(bytes)) return { problem: 'the bytes are not UTF-8', at: firstBadByte(bytes) };
  const scan: Scan = { bytes, at: 0, problem: null, backslashAt: -1, depth: 0, nodesCount: 0, earlier: earlier?.bytes ?? bytes };
  const node = scanValue(scan, earlier?.root);
  if (node === undefined) return { problem: scan.problem ?? 'the text is not JSON', at: scan.at };
  skipSpace(scan);
  if (scan.at < bytes.length) return { problem: 'something follows the JSON value', at: scan.at };
  return node;
};

/** The member of that name, or undefined when `node` is no object or has none. */
export const memberOf = (node: JsonNode | undefined, name: string): JsonNode | undefined => {
  if (node?.kind !== 'object') return undefined;
  for (const member of node.members) if (member.name === name) return member.value;
  return undefined;
};

export const isNull = (node: JsonNode): boolean => node.kind === 'literal' && node.value === null;

/** A value that is given; servers write null for one that is not. */
export const given = (node: JsonNode | undefined): JsonNode | undefined => (node !== undefined && isNull(node) ? undefined : node);

/** The text of a string node; undefined for anything else. */
export const textOf = (node: JsonNode | undefined): string | undefined => (node?.kind === 'string' ? node.text : undefined);

/** A count that the provider reports: a whole number from 0 to 2^53-1; null for anything else. */
export const countOf = (node: JsonNode | undefined): number | null => {
  if (node?.kind !== 'number') return null;
  const count = Number(node.source);
  return Number.isSafeInteger(count) && count >= 0 ? count : null;
};

const reserved = /[~/]/;

/** A member name as a reference token (RFC 6901 section 3). */
export const referenceToken = (name: string): string => (reserved.test(name) ? name.replaceAll('~', '~0').replaceAll('/', '~1') : name);

/** `path` extended by one reference token (RFC 6901). */
export const pointer = (path: string, token: string | number): string =>
  `${path}/${typeof token === 'number' ? token : referenceToken(token)}`;

/** `value` as the bytes of a JSON text. */
export const jsonText = (value: unknown): Buffer => Buffer.from(JSON.stringify(value), 'utf8');
