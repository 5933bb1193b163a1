// Verifies a copy of a ledger folder without Sealwright: one file that imports nothing but Node's own modules and may be copied to an auditor's machine.
// It repeats RFC 6962, C2SP notes and tiles and the journal's framing on purpose: what checks the ledger shares no code with what writes it.
// Any altered bit below a checkpoint is named by file and by the offset of the smallest unit that no longer verifies.
// Never throws and always ends, on any files; what cannot be read is a problem. Memory: a tile a level, one bundle, the leaves in the journal, open decisions.
// Run as a program: node verifier.js LEDGER_FOLDER [--key VKEY]... [--since CHECKPOINT_FILE]... (0 verified, 1 not, 2 usage)

import { createPublicKey, hash, verify as verifySignature, type KeyObject } from 'node:crypto';
import { isUtf8 } from 'node:buffer';
import { lstatSync, readFileSync, readdirSync, realpathSync, statSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { crc32 } from 'node:zlib';

export interface Problem {
  /** Below the ledger folder. */
  readonly file: string;
  /** Of the first byte of the unit that does not verify: an entry (its length included), a hash, a line, a batch; 0 for a whole file. */
  readonly offset: number;
  readonly what: string;
}

export interface VerifiedLog {
  readonly origin: string;
  readonly stream: string;
  readonly class: string;
  readonly shard: string;
  /** Leaves below the checkpoint. */
  readonly size: number;
  /** Base64, as in the checkpoint. */
  readonly root: string;
  /** Leaves in the journal that no checkpoint covers yet. */
  readonly unpublished: number;
}

export interface Verification {
  readonly ok: boolean;
  readonly standing: string;
  readonly logs: readonly VerifiedLog[];
  readonly problems: readonly Problem[];
  /** Problems beyond the first thousand. */
  readonly omitted: number;
}

/** The folder `ledger`, read only. Paths are relative, with `/`. */
export interface LedgerFiles {
  /** Sorted names; a folder's ends in `/`, of what is neither file nor folder in `?`. Empty when absent, null when it cannot be read. */
  readonly list: (path: string) => readonly string[] | null;
  /** Null when absent, or when it cannot be read. */
  readonly read: (path: string) => Uint8Array | null;
}

export interface VerifyOptions {
  /** Verifier keys known from elsewhere; without any, the folder's own copy is used and the answer is unanchored. */
  readonly keys?: readonly string[];
  /** Checkpoints known from elsewhere: the logs must continue them. */
  readonly since?: readonly Uint8Array[];
  /** What problems call each of them, in the same order; `--since` without. */
  readonly sinceNames?: readonly string[];
  readonly onProgress?: (leaves: number, total: number) => void;
  /** What unchanged bytes were found to be, for a caller that verifies the same ones with the same keys again and again. */
  readonly remembered?: Remembered;
}

/** By the object that holds the bytes of a file. */
export interface Remembered {
  readonly bundles: WeakMap<Uint8Array, BundleReading>;
  readonly checkpoints: WeakMap<Uint8Array, Checkpoint>;
}

const recall = <T>(known: WeakMap<Uint8Array, T>, bytes: Uint8Array, find: () => T): T => {
  const found = known.get(bytes) ?? find();
  known.set(bytes, found);
  return found;
};

const tileWidth = 256;
const hashBytes = 32;
const prefixBytes = 2;
const problemsListed = 1_000;
const subsetsTried = 8;
const sizesTried = 300;
const placesTried = 10_000;
/** How many tiles may be missing at the end of a log before nothing is looked for there. */
const gapTiles = 4_096;
/** No file of a log is larger: a bundle of the longest entries. */
const logFileBytes = tileWidth * (prefixBytes + 0xffff);
const segmentBytes = 1024 * 1024 * 1024;
const checkpointBytes = 64 * 1024;

// RFC 6962 section 2.1

/** By way of a string: Node needs four times as long to answer with a buffer. */
const sha256 = (data: Uint8Array): Uint8Array => Buffer.from(hash('sha256', data, 'latin1'), 'latin1');
const leafInput = new Uint8Array(1 + 0xffff);
const leafHash = (entry: Uint8Array): Uint8Array => {
  leafInput.set(entry, 1);
  return sha256(leafInput.subarray(0, 1 + entry.length));
};
const nodeInput = new Uint8Array(1 + 2 * hashBytes).fill(1, 0, 1);
const emptyRoot = sha256(new Uint8Array(0));
const same = (a: Uint8Array | null | undefined, b: Uint8Array | null | undefined): boolean => Boolean(a && b && Buffer.compare(a, b) === 0);

/** Root over a row of hashes, one behind the other; the last one may stand for an incomplete subtree. */
const rowRoot = (row: Uint8Array): Uint8Array => {
  if (row.length === 0) return emptyRoot;
  const work = new Uint8Array(row);
  for (let count = work.length / hashBytes; count > 1; count = Math.ceil(count / 2)) {
    for (let at = 0; at < count; at += 2) {
      const pair = work.subarray(at * hashBytes, (at + 2) * hashBytes);
      if (at + 1 < count) nodeInput.set(pair, 1);
      work.set(at + 1 < count ? sha256(nodeInput) : pair.subarray(0, hashBytes), (at / 2) * hashBytes);
    }
  }
  return work.subarray(0, hashBytes);
};

const hashIn = (row: Uint8Array, at: number): Uint8Array => row.subarray(at * hashBytes, (at + 1) * hashBytes);

// C2SP tlog-tiles

type Level = number | 'entries';
interface Tile {
  readonly level: Level;
  readonly index: number;
  readonly width: number;
}

const tilePath = ({ level, index, width }: Tile): string => {
  let path = String(index % 1_000).padStart(3, '0');
  for (let rest = Math.floor(index / 1_000); rest > 0; rest = Math.floor(rest / 1_000))
    path = `x${String(rest % 1_000).padStart(3, '0')}/${path}`;
  return `tile/${level}/${path}${width === tileWidth ? '' : `.p/${width}`}`;
};

const parseTile = (path: string): Tile | null => {
  const [, level, index, width] = /^tile\/(entries|\d{1,2})\/((?:x\d{3}\/)*\d{3})(?:\.p\/(\d{1,3}))?$/.exec(path) ?? [];
  if (level === undefined || index === undefined) return null;
  const tile: Tile = {
    level: level === 'entries' ? level : Number(level),
    index: Number(index.length === 3 ? index : index.replaceAll(/[x/]/g, '')),
    width: width === undefined ? tileWidth : Number(width),
  };
  return tile.width > 0 && tile.width <= tileWidth && tilePath(tile) === path ? tile : null;
};

/** Hashes (or entries) that the whole tree of `size` leaves has at a level. */
const rowLength = (level: Level, size: number): number => (level === 'entries' ? size : Math.floor(size / tileWidth ** level));

/** The tile of this index as the tree of `size` leaves needs it; width 0 when it needs none. */
const neededTile = (level: Level, index: number, size: number): Tile => ({
  level,
  index,
  width: Math.max(0, Math.min(tileWidth, rowLength(level, size) - index * tileWidth)),
});

// C2SP signed notes and checkpoints

interface Key {
  readonly name: string;
  readonly id: string;
  readonly publicKey: () => KeyObject;
}

const strictBase64 = (text: string): Buffer | null => {
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64') === text ? bytes : null;
};

/** A verifier key; null when it is none, or not one for Ed25519. */
const parseKey = (vkey: string): Key | null => {
  const [, name, id, encoded] = /^([^+\p{White_Space}]+)\+([0-9a-f]{8})\+(\S+)$/u.exec(vkey) ?? [];
  const typed = strictBase64(encoded ?? '');
  if (name === undefined || id === undefined || typed?.length !== 33 || typed[0] !== 1) return null;
  if (Buffer.from(sha256(Buffer.concat([Buffer.from(`${name}\n`), typed]))).toString('hex', 0, 4) !== id) return null;
  const jwk = { kty: 'OKP', crv: 'Ed25519', x: typed.subarray(1).toString('base64url') };
  return { name, id, publicKey: () => createPublicKey({ key: jwk, format: 'jwk' }) };
};

export interface Signature {
  readonly name: string;
  readonly bytes: Buffer;
}

const signedBy = (text: Uint8Array, { name, bytes }: Signature, keys: readonly Key[]): boolean | null => {
  const known = keys.find((key) => key.name === name && key.id === bytes.toString('hex', 0, 4));
  return known === undefined ? null : bytes.length === 68 && verifySignature(null, text, known.publicKey(), bytes.subarray(4));
};

const parseSignature = (line: string): Signature | null => {
  const [, name, encoded] = /^— ([^\p{White_Space}+]+) (\S+)$/u.exec(line) ?? [];
  const bytes = strictBase64(encoded ?? '');
  return name === undefined || bytes === null || bytes.length <= 4 ? null : { name, bytes };
};

export interface Head {
  readonly origin: string;
  readonly size: number;
  readonly root: Uint8Array;
}

const headText = ({ origin, size, root }: Head): string => `${origin}\n${size}\n${Buffer.from(root).toString('base64')}\n`;

/** The head that a checkpoint states, signed or not; null when it is not one in every byte. Extension lines are allowed. */
const parseHead = (text: string): Head | null => {
  const [, origin, size, root] = /^([^\n]+)\n(0|[1-9]\d{0,15})\n([A-Za-z0-9+/]{43}=)\n(?:[^\n]+\n)*$/.exec(text) ?? [];
  const rootBytes = strictBase64(root ?? '');
  if (origin === undefined || size === undefined || rootBytes === null || !Number.isSafeInteger(Number(size))) return null;
  return { origin, size: Number(size), root: rootBytes };
};

export interface Checkpoint {
  readonly head: Head | null;
  /** Whether it is a well-formed note that a known key of its deployment signed, and no known key's signature is bad. */
  readonly signed: boolean;
  /** All signatures that can be found, also in a note that is not well formed. */
  readonly signatures: readonly Signature[];
}

/** A key speaks only for the deployment that it is named after. */
const speaksFor = (origin: string | undefined, name: string): boolean => origin?.split('/')[0] === name;

const readCheckpoint = (bytes: Uint8Array, keys: readonly Key[]): Checkpoint => {
  if (bytes.length > checkpointBytes) return { head: null, signed: false, signatures: [] };
  const whole = Buffer.from(bytes).toString('utf8');
  const signatures = [...whole.matchAll(/(?<![^\p{White_Space}+])[^\p{White_Space}+]+ [A-Za-z0-9+/=]{92}/gu)].flatMap(
    ([line]) => parseSignature(`— ${line}`) ?? [],
  );
  const blank = whole.lastIndexOf('\n\n');
  const text = whole.slice(0, blank + 1);
  const head = parseHead(text);
  // oxlint-disable-next-line no-control-regex -- a note may hold no control character but the newline
  const wellFormed = blank >= 0 && whole.endsWith('\n') && isUtf8(bytes) && !/[\u0000-\u0009\u000b-\u001f]/.test(whole);
  if (!wellFormed) return { head, signed: false, signatures };
  const lines = whole
    .slice(blank + 2, -1)
    .split('\n')
    .map(parseSignature);
  const verdicts = lines.map((line) => (line === null ? false : signedBy(Buffer.from(text), line, keys)));
  const bySpeaker = lines.some((line, at) => verdicts[at] === true && speaksFor(head?.origin, line?.name ?? ''));
  return { head, signed: bySpeaker && !verdicts.includes(false), signatures };
};

/** Offset of the line of a checkpoint that is altered, given the text that it should have. */
const alteredLine = (bytes: Uint8Array, text: string, keys: readonly Key[]): number => {
  const expected = Buffer.from(`${text}\n`);
  let line = 0;
  for (let at = 0; at < expected.length; at += 1) {
    if (bytes[at] !== expected[at]) return line;
    if (expected[at] === 10) line = at + 1;
  }
  for (let start = expected.length; start < bytes.length;) {
    const newline = bytes.indexOf(10, start);
    const end = newline < 0 ? bytes.length : newline;
    const signature = parseSignature(Buffer.from(bytes.subarray(start, end)).toString('utf8'));
    if (newline < 0 || signature === null || signedBy(Buffer.from(text), signature, keys) === false) return start;
    start = end + 1;
  }
  return expected.length;
};

// Records: what of a leaf matters for the ledger as a whole

export type Fact =
  | { readonly at: number; readonly fact: 'problem'; readonly what: string }
  | { readonly at: number; readonly fact: 'decision'; readonly id: string }
  | { readonly at: number; readonly fact: 'outcome'; readonly of: string }
  | { readonly at: number; readonly fact: 'heads'; readonly heads: readonly Head[]; readonly predecessor: boolean };

const sorted = (value: unknown): boolean => {
  if (typeof value !== 'object' || value === null) return true;
  if (Array.isArray(value)) return value.every(sorted);
  let before = '';
  for (const key of Object.keys(value)) {
    if (key < before || !sorted((value as Readonly<Record<string, unknown>>)[key])) return false;
    before = key;
  }
  return true;
};

/** RFC 8785, for the few values that `JSON.stringify` orders differently. */
const canonical = (value: unknown): string => {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const members = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([key, member]) => `${JSON.stringify(key)}:${canonical(member)}`).join(',')}}`;
};

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isCanonical = (value: unknown, text: string): boolean =>
  !/\\ud[89a-f]/.test(text) && ((JSON.stringify(value) === text && sorted(value)) || canonical(value) === text);

const parseLeaf = (entry: Uint8Array): Readonly<Record<string, unknown>> | string => {
  if (!isUtf8(entry)) return 'the entry is not UTF-8';
  const text = Buffer.from(entry.buffer, entry.byteOffset, entry.byteLength).toString('utf8');
  try {
    const value: unknown = JSON.parse(text);
    if (!isCanonical(value, text)) return 'the entry is not in canonical form (RFC 8785)';
    return isObject(value) && typeof value['log_id'] === 'string' ? value : 'the entry has no log_id';
  } catch {
    // Also what is nested deeper than the stack goes.
    return 'the entry is not JSON';
  }
};

const headIn = (value: unknown): Head | null => {
  if (!isObject(value)) return null;
  const { origin, size, root } = value;
  const rootBytes = typeof root === 'string' ? strictBase64(root) : null;
  const possible = typeof origin === 'string' && typeof size === 'number' && Number.isSafeInteger(size) && size >= 0;
  return possible && rootBytes?.length === hashBytes ? { origin, size, root: rootBytes } : null;
};

/** A denial is one decision and has no outcome; what is only observed goes on. */
const goesOn = (decision: unknown): boolean => isObject(decision) && (decision['verdict'] === 'permit' || decision['mode'] === 'observe');

const factsOf = (entry: Uint8Array, at: number): Fact[] => {
  const leaf = parseLeaf(entry);
  if (typeof leaf === 'string') return [{ at, fact: 'problem', what: leaf }];
  const facts: Fact[] = [];
  const { kind, log_id: id, decision_log_id: of } = leaf;
  if (kind === 'decision' && typeof id === 'string' && goesOn(leaf['decision'])) facts.push({ at, fact: 'decision', id });
  if (kind === 'outcome')
    facts.push(typeof of === 'string' ? { at, fact: 'outcome', of } : { at, fact: 'problem', what: 'the outcome names no decision' });
  for (const [member, stated] of [
    ['predecessor', leaf['predecessor'] === undefined ? [] : [leaf['predecessor']]],
    ['checkpoints', kind === 'checkpoint_set' ? (leaf['checkpoints'] ?? []) : []],
  ] as const) {
    const heads = Array.isArray(stated) ? stated.map(headIn) : [null];
    if (heads.every((head) => head !== null)) {
      if (heads.length > 0) facts.push({ at, fact: 'heads', heads, predecessor: member === 'predecessor' });
    } else facts.push({ at, fact: 'problem', what: `the entry states a head of a log in \`${member}\` that is none` });
  }
  return facts;
};

// Bundles

export interface BundleReading {
  /** Offset of each entry's length; null when the lengths do not add up to the bundle. */
  readonly offsets: readonly number[] | null;
  /** Of the entries, one behind the other. */
  readonly hashes: Uint8Array;
  /** What `hashes` hash to. */
  readonly root: Uint8Array;
  readonly facts: readonly Fact[];
}

const lengthAt = (bytes: Uint8Array, offset: number): number => ((bytes[offset] ?? 0) << 8) | (bytes[offset + 1] ?? 0);

const offsetsIn = (bytes: Uint8Array, from: number, count: number): number[] | null => {
  const offsets: number[] = [];
  let offset = from;
  while (offsets.length < count && offset + prefixBytes <= bytes.length) {
    offsets.push(offset);
    offset += prefixBytes + lengthAt(bytes, offset);
  }
  return offsets.length === count && offset === bytes.length ? offsets : null;
};

const readBundle = (bytes: Uint8Array, width: number): BundleReading => {
  const offsets = offsetsIn(bytes, 0, width);
  const hashes = new Uint8Array((offsets?.length ?? 0) * hashBytes);
  const facts: Fact[] = [];
  for (const [at, offset] of (offsets ?? []).entries()) {
    const entry = bytes.subarray(offset + prefixBytes, offset + prefixBytes + lengthAt(bytes, offset));
    hashes.set(leafHash(entry), at * hashBytes);
    facts.push(...factsOf(entry, at));
  }
  return { offsets, hashes, root: rowRoot(hashes), facts };
};

/** The entries of an altered bundle that do not have the hashes they should, by position; the others are found again behind an altered length. */
const alteredEntries = (
  bytes: Uint8Array,
  hashes: Uint8Array,
): { readonly at: number; readonly offset: number; readonly what: string }[] => {
  const count = hashes.length / hashBytes;
  const altered: { at: number; offset: number; what: string }[] = [];
  const fits = (offset: number, length: number, at: number): boolean =>
    offset + prefixBytes + length <= bytes.length &&
    same(leafHash(bytes.subarray(offset + prefixBytes, offset + prefixBytes + length)), hashIn(hashes, at));
  let offset = 0;
  let tries = 0;
  for (let at = 0; at < count; at += 1) {
    const length = lengthAt(bytes, offset);
    const next = offset + prefixBytes + length;
    if (offset + prefixBytes <= bytes.length && fits(offset, length, at)) {
      offset = next;
      continue;
    }
    const trueLength = Array.from({ length: 16 }, (_, bit) => length ^ (1 << bit)).find((other) => fits(offset, other, at));
    if (trueLength !== undefined) {
      altered.push({ at, offset, what: 'the length of this entry is altered' });
      offset += prefixBytes + trueLength;
      continue;
    }
    altered.push({ at, offset, what: 'this entry does not have the hash that the tree has for it' });
    const rest = count - at - 1;
    const goesOn = offsetsIn(bytes, next, rest) !== null || (rest > 0 && fits(next, lengthAt(bytes, next), at + 1));
    const found = goesOn
      ? next
      : findEntry(bytes, offset + 1, (from) => (tries += 1) <= placesTried && fits(from, lengthAt(bytes, from), at + 1));
    if (found === null) {
      if (rest > 0) altered.push({ at: at + 1, offset, what: `the ${rest} entries behind this one cannot be found` });
      return altered;
    }
    offset = found;
  }
  if (offset < bytes.length) altered.push({ at: count, offset, what: 'bytes follow the last entry' });
  return altered;
};

const findEntry = (bytes: Uint8Array, from: number, fits: (offset: number) => boolean): number | null => {
  for (let brace = bytes.indexOf(0x7b, from); brace >= 0; brace = bytes.indexOf(0x7b, brace + 1)) {
    const offset = brace - prefixBytes;
    if (offset >= from && bytes[brace + lengthAt(bytes, offset) - 1] === 0x7d && fits(offset)) return offset;
  }
  return null;
};

// Names of logs: DEPLOYMENT/STREAM/CLASS/YYYYqN, which is also where they lie below `logs`

const isSegment = /^seg-[0-9a-f]{16}\.wal$/;
const isOrigin = /^[a-z0-9][a-z0-9.-]*\/(?:agent|model|control)\/[a-z0-9][a-z0-9.-]*\/\d{4}q[1-4]$/;

// The journal: batches of leaves that are durable but perhaps not yet below a checkpoint

const sectorBytes = 512;
const batchHeaderBytes = 40;
const leafHeadBytes = 64;
const trailerBytes = 52;
const batchMark = Buffer.from('\u0000\u0001SealBatch\u0002\u0003\u0000\u001F\n', 'latin1');
const leafMark = Buffer.from('\u0000\u0001Leaf\u001F\u0002', 'latin1');
const commitMark = Buffer.from('\u0000\u0004SealCommit\u0005\u0000\u001F\n', 'latin1');

interface JournalLeaf {
  readonly origin: string;
  readonly file: string;
  /** Of the batch. */
  readonly offset: number;
  readonly index: number;
  readonly leaf: Uint8Array;
  readonly hash: Uint8Array;
}

const hasMark = (bytes: Buffer, mark: Buffer, at: number): boolean =>
  at + mark.length <= bytes.length && bytes.compare(mark, 0, mark.length, at, at + mark.length) === 0;

/** LSN of the first leaf of the batch whose header stands at `at`; null when none does. */
const batchLsn = (bytes: Buffer, at: number): number | null =>
  hasMark(bytes, batchMark, at) &&
  at + batchHeaderBytes <= bytes.length &&
  crc32(bytes.subarray(at, at + 36)) === bytes.readUInt32BE(at + 36)
    ? Number(bytes.readBigUInt64BE(at + 28))
    : null;

interface JournalBatch {
  readonly leaves: readonly JournalLeaf[];
  /** Where the next one begins. */
  readonly end: number;
}

/** The whole batch at `at`, or null when its trailer, a frame or a leaf does not verify. */
const readBatch = (file: string, bytes: Buffer, at: number): JournalBatch | null => {
  const [count, headsBytes, leavesBytes] = [bytes.readUInt32BE(at + 16), bytes.readUInt32BE(at + 20), bytes.readUInt32BE(at + 24)];
  const heads = bytes.subarray(at, at + batchHeaderBytes + headsBytes);
  const trailer = at + batchHeaderBytes + headsBytes + leavesBytes;
  const end = trailer + trailerBytes;
  if (end > bytes.length || !hasMark(bytes, commitMark, trailer) || !same(sha256(heads), bytes.subarray(end - hashBytes, end))) return null;
  const leaves: JournalLeaf[] = [];
  let head = batchHeaderBytes;
  let body = at + heads.length;
  while (leaves.length < count) {
    if (!hasMark(heads, leafMark, head) || head + leafHeadBytes > heads.length) return null;
    const [leafBytes, originBytes] = [heads.readUInt16BE(head + 24), heads.readUInt8(head + 26)];
    const leaf = Uint8Array.from(bytes.subarray(body, body + leafBytes));
    const origin = heads.toString('utf8', head + leafHeadBytes, head + leafHeadBytes + originBytes);
    const found = { origin, file, offset: at, index: Number(heads.readBigUInt64BE(head + 16)), leaf, hash: leafHash(leaf) };
    if (!isOrigin.test(origin) || !same(found.hash, heads.subarray(head + 32, head + leafHeadBytes))) return null;
    leaves.push(found);
    head += leafHeadBytes + originBytes;
    body += leafBytes;
  }
  return { leaves, end: at + Math.ceil((end - at) / sectorBytes) * sectorBytes };
};

type Report = (file: string, offset: number, what: string) => void;

/** The folder, where a problem is reported for each part that cannot be read. */
type OpenFiles = Omit<LedgerFiles, 'list'> & { readonly list: (path: string) => readonly string[] };

const reporting = (files: LedgerFiles, report: Report): OpenFiles => {
  const unreadable = new Set<string>();
  const list = (path: string): readonly string[] => {
    const names = files.list(path);
    if (names === null && !unreadable.has(path)) report(path, 0, 'this folder cannot be read');
    if (names === null) unreadable.add(path);
    return names ?? [];
  };
  return { list, read: files.read };
};

const hasBatchBehind = (bytes: Buffer, from: number): boolean => {
  for (let at = bytes.indexOf(batchMark, from); at >= 0; at = bytes.indexOf(batchMark, at + 1))
    if (batchLsn(bytes, at) !== null) return true;
  return false;
};

/** What says which segment is the newest, twice, of which one may be from before; empty where nothing says it. */
const newestSegments = (files: OpenFiles): readonly string[] => {
  const said = Buffer.from(files.read('newest-segment')?.subarray(0, checkpointBytes) ?? []).toString('latin1');
  const names = said.split('\n').slice(0, 2);
  return names.length === 2 && names.every((name) => isSegment.test(name)) ? names : [];
};

interface Journal {
  /** By origin, in order. */
  readonly leaves: ReadonlyMap<string, readonly JournalLeaf[]>;
  /** Where it goes on with a later record than the one that was due. */
  readonly gaps: readonly Problem[];
  /** LSN that the next leaf would have: as many leaves as there must be. */
  readonly end: number;
}

/** All leaves of the journal. Only the last batch may be incomplete: a crash leaves it so. */
const readJournal = (files: OpenFiles, report: Report): Journal => {
  const leaves = new Map<string, JournalLeaf[]>();
  const gaps: Problem[] = [];
  const newest = newestSegments(files);
  const names = files.list('journal').filter((name) => isSegment.test(name));
  // Where it grew meanwhile, or was copied, the one that is named may have gone since; then a later one is there.
  if (newest[0] !== undefined && !newest.some((name) => names.some((other) => other >= name)))
    report(
      `journal/${newest[0]}`,
      0,
      'this segment is missing, which held the newest records; if the folder was copied while the envelope ran, copy it again',
    );
  let lsn: number | null = null;
  for (const name of names) {
    const path = `journal/${name}`;
    const read = files.read(path);
    if (read === null) {
      // It may have gone since the names were read, but what is still there must be readable.
      if (files.list('journal').includes(name)) report(path, 0, 'this segment cannot be read');
      continue;
    }
    const bytes = Buffer.from(read.buffer, read.byteOffset, read.byteLength);
    const first = Number.parseInt(name.slice(4, 20), 16);
    if (lsn !== null && first !== lsn) {
      const what = `the journal goes on with record ${first} instead of ${lsn}`;
      if (first < lsn) report(path, 0, what);
      else gaps.push({ file: path, offset: 0, what });
    }
    lsn = first;
    let at = 0;
    while (at < bytes.length) {
      const batch = batchLsn(bytes, at) === lsn ? readBatch(path, bytes, at) : null;
      if (batch === null) break;
      for (const leaf of batch.leaves) {
        const all = leaves.get(leaf.origin) ?? [];
        leaves.set(leaf.origin, all);
        all.push(leaf);
      }
      lsn += batch.leaves.length;
      at = batch.end;
    }
    // Where the next segment begins with the record that is due, this one simply ended here; where nothing is written, what follows is a gap.
    const successor = names[names.indexOf(name) + 1];
    const follows = successor !== undefined && Number.parseInt(successor.slice(4, 20), 16) === lsn;
    const ended = follows || (!hasBatchBehind(bytes, at + 1) && (successor === undefined || (bytes[at] ?? 0) === 0));
    if (!ended) report(path, at, 'this batch does not verify, and later ones follow it');
  }
  return { leaves, gaps, end: lsn ?? 0 };
};

// What lies in a log's folder, without holding the names of all full tiles

interface Survey {
  /** By level: how many full tiles there are, and the highest index among them. */
  readonly full: Map<Level, { count: number; last: number }>;
  readonly partial: Tile[];
}

const surveyLog = (files: OpenFiles, folder: string, report: Report): Survey => {
  const survey: Survey = { full: new Map(), partial: [] };
  const visit = (path: string): void => {
    for (const name of files.list(path === '' ? folder : `${folder}/${path}`)) {
      const inner = path === '' ? name : `${path}/${name}`;
      if (name.endsWith('/')) {
        visit(inner.slice(0, -1));
        continue;
      }
      const tile = parseTile(inner);
      if (tile === null) {
        // A crash while a tile was written leaves its temporary file, which nobody reads.
        if (inner !== 'checkpoint' && (!inner.endsWith('.tmp') || name.endsWith('?')))
          report(`${folder}/${inner}`, 0, 'this file does not belong here');
      } else if (tile.width < tileWidth) survey.partial.push(tile);
      else {
        const full = survey.full.get(tile.level) ?? { count: 0, last: -1 };
        survey.full.set(tile.level, { count: full.count + 1, last: Math.max(full.last, tile.index) });
      }
    }
  };
  visit('');
  return survey;
};

// One log

/** The decisions of one stream and class that wait for their outcome, from shard to shard. */
interface Chain {
  readonly open: Set<string>;
  /** False once something is missing or altered: then nothing is said about outcomes without decisions. */
  whole: boolean;
}

interface Row {
  readonly tile: Tile;
  /** The hashes in the tile. */
  readonly stored: Uint8Array | null;
  /** The hashes of what lies below it. */
  readonly computed: Uint8Array | null;
}

type Blame = 'tile' | 'below' | 'unsure';
interface Verdict {
  readonly chosen: readonly Uint8Array[];
  readonly blamed: readonly { readonly row: number; readonly at: number; readonly blame: Blame }[];
  /** What the chosen rows lead to. */
  readonly root: Uint8Array;
}

/** Positions from `from` to before `to` at which two rows have different hashes. */
const differences = (a: Uint8Array, b: Uint8Array, from: number, to: number): number[] => {
  if (same(a.subarray(from * hashBytes, to * hashBytes), b.subarray(from * hashBytes, to * hashBytes))) return [];
  if (to - from === 1) return [from];
  const middle = (from + to) >> 1;
  return [...differences(a, b, from, middle), ...differences(a, b, middle, to)];
};

/** Where stored hashes and what lies below them differ, finds out which is altered: the choice that leads to `above` is the true one. */
const judge = (rows: readonly Row[], rootOf: (chosen: readonly Uint8Array[]) => Uint8Array, above: Uint8Array | null): Verdict | null => {
  const base = rows.map((row) => row.computed ?? row.stored);
  if (!base.every((row) => row !== null)) return null;
  const differing = rows.flatMap(({ stored, computed, tile }, row) =>
    stored === null || computed === null ? [] : differences(stored, computed, 0, tile.width).map((at) => ({ row, at })),
  );
  const verdict = (useStored: (number: number) => boolean, blame: (number: number) => Blame): Verdict => {
    const chosen = [...base];
    for (const [number, { row, at }] of differing.entries()) {
      const stored = rows[row]?.stored;
      if (!stored || !useStored(number)) continue;
      if (chosen[row] === base[row]) chosen[row] = Uint8Array.from(base[row] ?? []);
      chosen[row]?.set(hashIn(stored, at), at * hashBytes);
    }
    return { chosen, blamed: differing.map((place, number) => ({ ...place, blame: blame(number) })), root: rootOf(chosen) };
  };
  const computed = verdict(
    () => false,
    () => 'tile',
  );
  if (differing.length === 0 || same(computed.root, above)) return computed;
  const stored = verdict(
    () => true,
    () => 'below',
  );
  if (same(stored.root, above)) return stored;
  for (let mask = 1; differing.length <= subsetsTried && mask < 2 ** differing.length - 1; mask += 1) {
    const isStored = (number: number): boolean => ((mask >> number) & 1) === 1;
    const mixed = verdict(isStored, (number) => (isStored(number) ? 'below' : 'tile'));
    if (same(mixed.root, above)) return mixed;
  }
  return { ...computed, blamed: computed.blamed.map((place) => ({ ...place, blame: 'unsure' })) };
};

interface LogInput {
  readonly files: OpenFiles;
  readonly folder: string;
  readonly survey: Survey;
  readonly report: Report;
  readonly chain: Chain;
  readonly remembered: Remembered;
  readonly onLeaves: (count: number) => void;
  readonly onHeads: (file: string, offset: number, heads: readonly Head[], predecessor: boolean) => void;
}

/** Applies what the records say, in the order of the log; entries that are altered say nothing. */
const tellFacts = (
  input: Pick<LogInput, 'chain' | 'report' | 'onHeads'>,
  file: string,
  facts: readonly Fact[],
  offsetOf: (at: number) => number,
  altered: ReadonlySet<number>,
): void => {
  const { chain, report } = input;
  for (const fact of facts) {
    if (altered.has(fact.at)) continue;
    if (fact.fact === 'problem') report(file, offsetOf(fact.at), fact.what);
    else if (fact.fact === 'decision') chain.open.add(fact.id);
    else if (fact.fact === 'outcome') {
      if (!chain.open.delete(fact.of) && chain.whole)
        report(file, offsetOf(fact.at), 'this outcome names no earlier decision that still waits for one');
    } else input.onHeads(file, offsetOf(fact.at), fact.heads, fact.predecessor);
  }
};

/** The bytes of a tile, or of a wider version of it: the specification lets a partial tile go once there is a fuller one. */
const readTile = (
  { files, folder, survey }: Pick<LogInput, 'files' | 'folder' | 'survey'>,
  tile: Tile,
): { readonly path: string; readonly bytes: Uint8Array | null } => {
  const path = `${folder}/${tilePath(tile)}`;
  const exact = files.read(path);
  if (exact !== null || tile.width === tileWidth) return { path, bytes: exact };
  const wider = survey.partial.filter((other) => other.level === tile.level && other.index === tile.index && other.width > tile.width);
  for (const version of [...wider, { ...tile, width: tileWidth }]) {
    const widerPath = `${folder}/${tilePath(version)}`;
    const bytes = files.read(widerPath);
    const end = bytes === null || tile.level !== 'entries' ? tile.width * hashBytes : entriesEnd(bytes, tile.width);
    if (bytes !== null) return { path: widerPath, bytes: bytes.subarray(0, end) };
  }
  return { path, bytes: null };
};

const entriesEnd = (bytes: Uint8Array, count: number): number => {
  let offset = 0;
  for (let at = 0; at < count; at += 1) offset += prefixBytes + lengthAt(bytes, offset);
  return Math.min(offset, bytes.length);
};

const readHashes = (input: LogInput, tile: Tile): Uint8Array | null => {
  const { path, bytes } = readTile(input, tile);
  if (bytes !== null && bytes.length === tile.width * hashBytes) return bytes;
  if (bytes === null) input.report(path, 0, 'this tile is missing or cannot be read');
  else
    input.report(
      path,
      Math.min(bytes.length, tile.width * hashBytes),
      `this tile has ${bytes.length} bytes instead of ${tile.width * hashBytes}`,
    );
  return null;
};

interface Bundle {
  readonly path: string;
  readonly bytes: Uint8Array;
  readonly reading: BundleReading;
}

const loadBundle = (input: LogInput, index: number, width: number): Bundle | null => {
  const { path, bytes } = readTile(input, { level: 'entries', index, width });
  input.onLeaves(width);
  if (bytes === null) {
    input.report(path, 0, 'this bundle is missing or cannot be read');
    input.chain.whole = false;
    return null;
  }
  return { path, bytes, reading: recall(input.remembered.bundles, bytes, () => readBundle(bytes, width)) };
};

/** Reports what a verdict blames, tells the facts of the entries that are unaltered, and answers the verdict's root. */
const conclude = (input: LogInput, rows: readonly Row[], verdict: Verdict, bundle: Bundle | null): void => {
  for (const { row, at, blame } of verdict.blamed) {
    const tile = rows[row]?.tile;
    if (tile === undefined || (blame === 'below' && tile.level === 0)) continue;
    if (blame === 'below') {
      const child = { level: Number(tile.level) - 1, index: tile.index * tileWidth + at, width: tileWidth };
      input.report(`${input.folder}/${tilePath(child)}`, 0, 'this tile, with all below it, is not the one that the tree has here');
    } else {
      const what =
        blame === 'tile' ? 'this hash is altered' : 'this hash and what lies below it disagree, and neither leads to what is above';
      input.report(`${input.folder}/${tilePath(tile)}`, at * hashBytes, what);
    }
  }
  const leaves = rows.findIndex((row) => row.tile.level === 0);
  const hashes = verdict.chosen[leaves];
  if (bundle === null || hashes === undefined) return;
  const below = verdict.blamed.some(({ row, blame }) => row === leaves && blame === 'below');
  const altered = bundle.reading.offsets === null || below ? alteredEntries(bundle.bytes, hashes) : [];
  for (const { offset, what } of altered) input.report(bundle.path, offset, what);
  if (altered.length > 0) input.chain.whole = false;
  const { offsets, facts } = bundle.reading;
  if (offsets !== null) tellFacts(input, bundle.path, facts, (at) => offsets[at] ?? 0, new Set(altered.map(({ at }) => at)));
};

const computedBy = (bundle: Bundle | null): Uint8Array | null =>
  bundle === null || bundle.reading.offsets === null ? null : bundle.reading.hashes;

/** Root over the rows of partial tiles, highest level first; the root of what a bundle holds is known already. */
const edgeRoot = (rows: readonly Uint8Array[], bundle: Bundle | null): Uint8Array => {
  const root = rows.reduceRight<Uint8Array | null>((lower, row) => {
    if (lower === null) return row === bundle?.reading.hashes ? bundle.reading.root : rowRoot(row);
    return rowRoot(Buffer.concat([row, lower]));
  }, null);
  return root ?? emptyRoot;
};

/** Verifies these tiles, highest level first, and all below them against `above`; answers the root they have, null when that cannot be known. */
const settle = (input: LogInput, tiles: readonly Tile[], above: Uint8Array | null): Uint8Array | null => {
  const rows: Row[] = [];
  let bundle: Bundle | null = null;
  for (const tile of tiles) {
    const stored = readHashes(input, tile);
    if (tile.level === 0) bundle = loadBundle(input, tile.index, tile.width);
    rows.push({ tile, stored, computed: tile.level === 0 ? computedBy(bundle) : settleBelow(input, tile, stored) });
  }
  const verdict = judge(rows, (chosen) => edgeRoot(chosen, bundle), above);
  if (verdict === null) return null;
  conclude(input, rows, verdict, bundle);
  return verdict.root;
};

const settleBelow = (input: LogInput, tile: Tile, stored: Uint8Array | null): Uint8Array | null => {
  const roots = Array.from({ length: tile.width }, (_, at) => {
    const above = stored === null ? null : hashIn(stored, at);
    return settle(input, [{ level: Number(tile.level) - 1, index: tile.index * tileWidth + at, width: tileWidth }], above) ?? above;
  });
  return roots.every((root) => root !== null) ? Buffer.concat(roots) : null;
};

/** The partial tiles of the tree of `size` leaves, highest level first. */
const edgeTiles = (size: number): Tile[] => {
  const tiles: Tile[] = [];
  for (let level = 0; rowLength(level, size) > 0; level += 1) {
    tiles.unshift(neededTile(level, Math.floor(rowLength(level, size) / tileWidth), size));
  }
  return tiles.filter((tile) => tile.width > 0);
};

// What lies beside the tiles of the checkpoint: older partial tiles, and newer ones that no checkpoint covers yet

/** Hashes and entries behind the checkpoint, as the journal has them. */
interface Tail {
  readonly size: number;
  readonly leaves: readonly JournalLeaf[];
}

/** The bytes that a tile beyond the checkpoint must have; null when the journal does not reach that far. */
const bytesAhead = (input: LogInput, tile: Tile, size: number, tail: Tail): Uint8Array | null => {
  const end = tile.index * tileWidth + tile.width;
  if (end > rowLength(tile.level, size + tail.leaves.length)) return null;
  const known = neededTile(tile.level, tile.index, size);
  const stored = known.width === 0 ? new Uint8Array(0) : readTile(input, known).bytes;
  if (stored === null) return null;
  if (tile.level === 'entries' || tile.level === 0) {
    const fresh = tail.leaves.slice(tile.index * tileWidth + known.width - size, end - size);
    const parts = fresh.flatMap(({ leaf, hash }) =>
      tile.level === 0 ? [hash] : [Uint8Array.of(leaf.length >> 8, leaf.length & 0xff), leaf],
    );
    return Buffer.concat([stored, ...parts]);
  }
  const below = tile.level - 1;
  const fresh = Array.from({ length: tile.width - known.width }, (_, at) => {
    const child = { level: below, index: tile.index * tileWidth + known.width + at, width: tileWidth };
    const bytes = bytesAhead(input, child, size, tail);
    return bytes === null ? null : rowRoot(bytes);
  });
  return fresh.every((one) => one !== null) ? Buffer.concat([stored, ...fresh]) : null;
};

/** Offset of the hash or entry that holds byte `at` of a tile or bundle. */
const unitAt = (level: Level, bytes: Uint8Array, at: number): number => {
  if (level !== 'entries') return at - (at % hashBytes);
  let offset = 0;
  for (let next = 0; next <= at && next < bytes.length; next += prefixBytes + lengthAt(bytes, next)) offset = next;
  return offset;
};

const checkBeside = (input: LogInput, tile: Tile, size: number, tail: Tail): void => {
  const path = `${input.folder}/${tilePath(tile)}`;
  const needed = neededTile(tile.level, tile.index, size);
  if (needed.width === tile.width) return;
  const reference = needed.width > tile.width ? readTile(input, needed).bytes : bytesAhead(input, tile, size, tail);
  const bytes = input.files.read(path);
  if (bytes === null || (reference === null && needed.width > tile.width)) return;
  if (reference === null) {
    input.report(
      path,
      0,
      'this file holds leaves that neither the checkpoint nor the journal has; if the folder was copied while the envelope ran, copy it again',
    );
    return;
  }
  const end =
    needed.width < tile.width ? reference.length : tile.level === 'entries' ? entriesEnd(reference, tile.width) : tile.width * hashBytes;
  const expected = reference.subarray(0, end);
  if (same(expected, bytes)) return;
  const differs = expected.findIndex((byte, at) => byte !== bytes[at]);
  const unit = unitAt(tile.level, expected, differs >= 0 ? differs : Math.max(0, expected.length - 1));
  input.report(
    path,
    unit,
    needed.width > tile.width ? 'this older tile disagrees with the one that replaced it' : 'this newer tile disagrees with the journal',
  );
};

const checkAllBeside = (input: LogInput, size: number, tail: Tail): void => {
  for (const [level, { count, last }] of input.survey.full) {
    // Every tile below the checkpoint is there, so these are all that lie ahead; a crash leaves few gaps between them.
    const next = Math.floor(rowLength(level, size) / tileWidth);
    const end = count > next ? Math.min(last, count + gapTiles) : -1;
    for (let index = next; index <= end; index += 1) checkBeside(input, { level, index, width: tileWidth }, size, tail);
    if (last > end && last >= next)
      input.report(`${input.folder}/${tilePath({ level, index: last, width: tileWidth })}`, 0, 'this file does not belong here');
  }
  for (const tile of input.survey.partial) checkBeside(input, tile, size, tail);
};

// Heads that are known from elsewhere in the ledger, or from outside

/** Hashes of the leaves below the checkpoint, best asked for in their order; null where the tile is missing. */
const leafHashes = (log: Pick<LogInput, 'files' | 'folder' | 'survey'>, size: number): ((index: number) => Uint8Array | null) => {
  let tile: { readonly index: number; readonly bytes: Uint8Array | null } = { index: -1, bytes: null };
  return (index) => {
    const at = Math.floor(index / tileWidth);
    if (tile.index !== at) tile = { index: at, bytes: readTile(log, neededTile(0, at, size)).bytes };
    const start = (index % tileWidth) * hashBytes;
    return tile.bytes === null || tile.bytes.length < start + hashBytes ? null : tile.bytes.subarray(start, start + hashBytes);
  };
};

interface Log extends LogInput {
  readonly origin: string;
  readonly size: number;
  readonly root: Uint8Array;
  readonly tail: Tail;
}

/** What is wrong with a log, given a head that it is known to have had; null when it continues that head. */
const disagreement = (log: Log, head: Head): string | null => {
  const length = log.size + log.tail.leaves.length;
  if (head.size > length) return `${head.origin} had ${head.size} leaves and now has ${length}`;
  return same(statedRoot(log, head.size, log.tail), head.root)
    ? null
    : `${head.origin} does not continue the tree of ${head.size} leaves that it had`;
};

// The ledger

/** What lies in the folder of each log, by origin. */
const findLogs = (files: OpenFiles, report: Report): Map<string, Survey> => {
  const found = new Map<string, Survey>();
  const visit = (path: string, depth: number): void => {
    for (const name of files.list(path)) {
      const inner = `${path}/${name.replace(/\/$/, '')}`;
      const origin = inner.slice('logs/'.length);
      if (!name.endsWith('/')) report(inner, 0, 'this file does not belong here');
      else if (depth < 4) visit(inner, depth + 1);
      else if (isOrigin.test(origin)) found.set(origin, surveyLog(files, inner, report));
      else report(inner, 0, 'this folder does not have the name of a log');
    }
  };
  visit('logs', 1);
  return found;
};

/** Names of the logs, without what lies in them. */
const originsIn = (files: OpenFiles): string[] => {
  let paths = ['logs'];
  for (let depth = 0; depth < 4; depth += 1)
    paths = paths.flatMap((path) => files.list(path).flatMap((name) => (name.endsWith('/') ? [`${path}/${name.slice(0, -1)}`] : [])));
  return paths.map((path) => path.slice('logs/'.length)).filter((origin) => isOrigin.test(origin));
};

const checkTop = (files: OpenFiles, report: Report): void => {
  for (const name of files.list('')) {
    if (!/^(?:logs\/|journal\/|blobs\/|lock|(?:key\.vkey|format|newest-segment)(?:\.tmp)?)$/.test(name))
      report(name.replace(/[/?]$/, ''), 0, 'this file does not belong here');
  }
  for (const name of files.list('journal')) {
    if (!isSegment.test(name.replace(/\.tmp$/, '')) && !/^(?:next\.wal|next\.tmp|cut\.json(?:\.tmp)?)$/.test(name))
      report(`journal/${name}`, 0, 'this file does not belong here');
  }
};

/** Lists that are too long for a record are named by their SHA-256; one that is being written has no name of its own yet. */
const checkBlobs = (files: OpenFiles, report: Report): void => {
  for (const name of files.list('blobs').filter((one) => !one.endsWith('.tmp'))) {
    const bytes = files.read(`blobs/${name}`);
    if (bytes === null || Buffer.from(sha256(bytes)).toString('hex') !== name)
      report(
        `blobs/${name.replace(/[/?]$/, '')}`,
        0,
        bytes === null ? 'this file cannot be read' : 'this file is not the one that its name says',
      );
  }
};

/** The verifier keys to use: those given, or else the folder's own copy. */
const keysFor = (files: OpenFiles, given: readonly string[], report: Report): Key[] => {
  const own = files.read('key.vkey');
  const text = Buffer.from(own?.subarray(0, checkpointBytes) ?? []).toString('utf8');
  const ownKey = parseKey(text.replace(/\n$/, ''));
  if (own !== null && (ownKey === null || !text.endsWith('\n'))) report('key.vkey', 0, 'this is not a verifier key');
  if (given.length === 0 && own === null && files.list('logs').length > 0)
    report('key.vkey', 0, 'the verifier key is missing; give one with --key');
  return given.length > 0 ? given.flatMap((vkey) => parseKey(vkey) ?? []) : ownKey === null ? [] : [ownKey];
};

/** Root of the first `size` leaves as the tiles at their edge state it, or behind the checkpoint the journal; null when something is missing. */
const statedRoot = (input: LogInput, size: number, tail: Tail | null): Uint8Array | null => {
  const rows = edgeTiles(size).map((tile) => {
    const bytes = tail === null || size <= tail.size ? readTile(input, tile).bytes : bytesAhead(input, tile, tail.size, tail);
    return bytes?.length === tile.width * hashBytes ? bytes : null;
  });
  return rows.every((row) => row !== null) ? edgeRoot(rows, null) : null;
};

/** No tree that is larger is looked for: most of its tiles would be missing. */
const largestSize = ({ full }: Survey): number =>
  (Math.max(full.get(0)?.count ?? 0, full.get('entries')?.count ?? 0) + gapTiles) * tileWidth;

/** Sizes of the tree that the leaf tiles in the folder can belong to, the largest first. */
const possibleSizes = (survey: Survey): number[] => {
  const { full, partial } = survey;
  const widths = partial.filter(({ level }) => level === 0 || level === 'entries').map(({ index, width }) => index * tileWidth + width);
  const whole = Math.max(full.get(0)?.last ?? -1, full.get('entries')?.last ?? -1) + 1;
  const sizes = [...new Set([whole * tileWidth, ...widths])].filter((size) => size <= largestSize(survey));
  return sizes.toSorted((a, b) => b - a);
};

/** The head that was really signed, where the text of a checkpoint is altered: tried are the trees that the tiles can be. */
const signedHead = (input: LogInput, origin: string, checkpoint: Checkpoint, keys: readonly Key[]): Head | null => {
  for (const size of [checkpoint.head?.size ?? 0, ...possibleSizes(input.survey)].slice(0, sizesTried)) {
    const root = size > largestSize(input.survey) ? null : statedRoot(input, size, null);
    if (root === null) continue;
    const text = Buffer.from(headText({ origin, size, root }));
    const signs = (one: Signature): boolean => speaksFor(origin, one.name) && signedBy(text, one, keys) === true;
    if (checkpoint.signatures.some(signs)) return { origin, size, root };
  }
  return null;
};

/** Verifies what is below a log's checkpoint and the checkpoint itself; answers its true head as far as that can be known. */
const settleLog = (input: LogInput, origin: string, bytes: Uint8Array | null, keys: readonly Key[], journalFrom: number | null): Head => {
  const path = `${input.folder}/checkpoint`;
  if (bytes === null) {
    if (journalFrom !== 0) input.report(path, 0, 'the checkpoint is missing or cannot be read');
    return { origin, size: 0, root: emptyRoot };
  }
  const checkpoint = recall(input.remembered.checkpoints, bytes, () => readCheckpoint(bytes, keys));
  const trusted = checkpoint.signed && checkpoint.head?.origin === origin;
  const head = trusted ? checkpoint.head : signedHead(input, origin, checkpoint, keys);
  // A size that nobody signed is believed only as far as there are files.
  const [reach = 0] = possibleSizes(input.survey);
  const size = head?.size ?? Math.min(checkpoint.head?.size ?? reach, reach);
  if (size > largestSize(input.survey)) {
    input.report(path, 0, `the checkpoint signs ${size} leaves, and most of their tiles are missing`);
    return { origin, size: 0, root: emptyRoot };
  }
  const root = settle(input, edgeTiles(size), head?.root ?? checkpoint.head?.root ?? null);
  if (head !== null && root !== null && !same(root, head.root)) {
    const top = edgeTiles(size)[0];
    input.report(
      top === undefined ? path : `${input.folder}/${tilePath(top)}`,
      0,
      'the tree does not have the root that the checkpoint signs',
    );
  }
  const settled = { origin, size, root: head?.root ?? root ?? emptyRoot };
  if (trusted) return settled;
  const line = alteredLine(bytes, headText(settled), keys);
  const isText = line < Buffer.byteLength(headText(settled));
  if (keys.length > 0 || isText)
    input.report(path, line, isText ? 'this line is not the one that was signed' : 'this signature does not verify');
  return settled;
};

const tailOf = (files: Pick<LogInput, 'report' | 'folder' | 'survey' | 'files'>, head: Head, journal: readonly JournalLeaf[]): Tail => {
  const leaves: JournalLeaf[] = [];
  let before: number | null = null;
  const published = leafHashes(files, head.size);
  for (const one of journal) {
    if (before === null ? one.index > head.size : one.index !== before + 1) {
      files.report(
        one.file,
        one.offset,
        `leaf ${one.index} of ${head.origin} does not continue the ${before === null ? head.size : before + 1} leaves before it`,
      );
    }
    before = one.index;
    if (one.index >= head.size) {
      if (one.index === head.size + leaves.length) leaves.push(one);
      continue;
    }
    const known = published(one.index);
    if (known !== null && !same(known, one.hash)) {
      files.report(one.file, one.offset, `leaf ${one.index} of ${head.origin} is not the one that was published`);
    }
  }
  return { size: head.size, leaves };
};

/** All that is known while a ledger is verified. */
interface Work {
  readonly files: OpenFiles;
  readonly report: Report;
  readonly problemCount: () => number;
  readonly keys: readonly Key[];
  readonly journal: ReadonlyMap<string, readonly JournalLeaf[]>;
  readonly surveys: ReadonlyMap<string, Survey>;
  readonly notes: ReadonlyMap<string, Uint8Array | null>;
  readonly origins: readonly string[];
  readonly remembered: Remembered;
  readonly onLeaves: (count: number) => void;
  readonly chains: Map<string, Chain>;
  readonly logs: Map<string, Log>;
  /** Logs with a problem: what is known of them from elsewhere says nothing new. */
  readonly altered: Set<string>;
  /** Heads that the last checkpoint set states of logs that are not in the folder. */
  missing: { readonly file: string; readonly offset: number; readonly head: Head }[];
  /** Whether a log goes on from one that is not in the folder. */
  isPart: boolean;
}

const chainOf = (origin: string): string => origin.slice(0, origin.lastIndexOf('/'));

const isSameStream = (a: string, b: string): boolean => a.split('/', 2).join() === b.split('/', 2).join();

const verifyLog = (work: Work, origin: string): void => {
  const chainName = chainOf(origin);
  // What began under another retention class may end in this one.
  const chain = work.chains.get(chainName) ?? {
    open: new Set(),
    whole: !work.origins.some((other) => isSameStream(other, origin) && chainOf(other) !== chainName),
  };
  work.chains.set(chainName, chain);
  const survey = work.surveys.get(origin);
  const input: LogInput = {
    files: work.files,
    folder: `logs/${origin}`,
    survey: survey ?? { full: new Map(), partial: [] },
    report: (file, offset, what) => {
      work.altered.add(origin);
      work.report(file, offset, what);
    },
    chain,
    remembered: work.remembered,
    onLeaves: work.onLeaves,
    onHeads: (file, offset, heads, predecessor) => {
      // Shards that were not copied may hold the decisions of this one's first outcomes.
      if (predecessor && heads.some((head) => !work.origins.includes(head.origin))) work.isPart = true;
      if (predecessor && heads.some((head) => !work.logs.has(head.origin))) chain.whole = false;
      if (!predecessor) work.missing = heads.filter((head) => !work.origins.includes(head.origin)).map((head) => ({ file, offset, head }));
      for (const head of heads) {
        const log = work.logs.get(head.origin);
        const wrong = log === undefined || work.altered.has(head.origin) ? null : disagreement(log, head);
        if (wrong !== null) work.report(file, offset, wrong);
      }
    },
  };
  const before = work.problemCount();
  const leaves = work.journal.get(origin) ?? [];
  const head =
    survey === undefined && (work.notes.get(origin) ?? null) === null
      ? { origin, size: 0, root: emptyRoot }
      : settleLog(input, origin, work.notes.get(origin) ?? null, work.keys, leaves[0]?.index ?? null);
  // Where leaves are altered, whatever is compared with them disagrees as well, and that says nothing new.
  const sound = work.problemCount() === before;
  const tail = sound ? tailOf(input, head, leaves) : { size: head.size, leaves: [] };
  if (sound) {
    checkAllBeside(input, head.size, tail);
    for (const { file, offset, leaf } of tail.leaves) tellFacts(input, file, factsOf(leaf, 0), () => offset, new Set());
  }
  work.logs.set(origin, { ...input, origin, size: head.size, root: head.root, tail });
};

/** Control records state heads of the other logs, so control logs come last; shards of one stream in the order of time. */
const inOrder = (origins: readonly string[]): string[] => {
  const rank = (origin: string): string => `${origin.split('/')[1] === 'control' ? 1 : 0}${origin}`;
  return origins.toSorted((a, b) => (rank(a) < rank(b) ? -1 : 1));
};

const entriesIn = ({ full, partial }: Survey): number =>
  (full.get('entries')?.count ?? 0) * tileWidth +
  partial.reduce((widest, { level, width }) => (level === 'entries' ? Math.max(widest, width) : widest), 0);

const summaryOf = ({ origin, size, root, tail }: Log): VerifiedLog => {
  const [, stream = '', retentionClass = '', shard = ''] = origin.split('/');
  const text = Buffer.from(root).toString('base64');
  return { origin, stream, class: retentionClass, shard, size, root: text, unpublished: tail.leaves.length };
};

/** Names in a folder are anyone's words, and may not control a terminal. */
const plain = (text: string): string => text.replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, '\uFFFD');

/** Verifies a ledger folder. Never throws, whatever the files hold. */
export const verifyLedger = (folder: LedgerFiles, options: VerifyOptions = {}): Verification => {
  const { keys: given = [], since = [], sinceNames = [], onProgress } = options;
  const problems: Problem[] = [];
  let omitted = 0;
  const report: Report = (file, offset, what) => {
    if (problems.length < problemsListed) problems.push({ file: plain(file), offset, what: plain(what) });
    else omitted += 1;
  };
  const files = reporting(folder, report);
  // Names first, then the journal, then checkpoints, those of the control logs first: so a folder that grows meanwhile agrees with itself.
  checkTop(files, report);
  checkBlobs(files, report);
  const surveys = findLogs(files, report);
  const journal = readJournal(files, report);
  // Once more: what a log that has begun since held in the journal may have left it by then.
  const origins = inOrder([...new Set([...surveys.keys(), ...journal.leaves.keys(), ...originsIn(files)])]);
  // A ledger that was just made has none; to say that nothing was signed with a given key would be no answer.
  if (origins.length === 0 && (given.length > 0 || files.read('format') === null)) report('logs', 0, 'there is no log here');
  const notes = new Map(origins.toReversed().map((origin) => [origin, files.read(`logs/${origin}/checkpoint`)]));
  const total = [...surveys.values()].reduce((leaves, survey) => leaves + entriesIn(survey), 0);
  let done = 0;
  const work: Work = {
    files,
    report,
    problemCount: () => problems.length + omitted,
    keys: keysFor(files, given, report),
    journal: journal.leaves,
    surveys,
    notes,
    origins,
    remembered: options.remembered ?? { bundles: new WeakMap(), checkpoints: new WeakMap() },
    onLeaves: (count) => onProgress?.((done += count), total),
    chains: new Map(),
    logs: new Map(),
    altered: new Set(),
    missing: [],
    isPart: false,
  };
  for (const origin of origins) verifyLog(work, origin);
  for (const { file, offset, head } of work.missing)
    report(file, offset, `${head.origin} had ${head.size} leaves and is not in this folder`);
  if (work.problemCount() === 0) checkCount(journal, work, report);
  if (work.problemCount() === 0 && given.length > 0) checkSigned(work.logs, report);
  for (const [index, bytes] of since.entries())
    checkSince({ name: sinceNames[index] ?? '--since', bytes }, given.length > 0 ? work.keys : [], work.logs, work.altered, report);
  const ok = problems.length === 0;
  const logs = [...work.logs.values()].map(summaryOf);
  return { ok, standing: standingOf(options, ok, logs), logs, problems, omitted };
};

/** Every leaf has an LSN of its own: where there are fewer leaves than that, some are nowhere. A gap is none where the logs have what it held. */
const checkCount = ({ gaps, end }: Journal, { logs, isPart }: Work, report: Report): void => {
  const leaves = [...logs.values()].reduce((count, { size, tail }) => count + size + tail.leaves.length, 0);
  if (isPart ? gaps.length === 0 : leaves >= end) return;
  for (const { file, offset, what } of gaps) report(file, offset, what);
  if (gaps.length === 0)
    report('journal', 0, `the journal counts ${end} leaves, and ${end - leaves} of them are neither here nor in a log`);
};

/** Who gives a key asks what it signed: a log without a checkpoint could be anybody's. */
const checkSigned = (logs: ReadonlyMap<string, Log>, report: Report): void => {
  for (const { origin, size, tail } of logs.values())
    if (size === 0 && tail.leaves.length > 0)
      report(
        `logs/${origin}/checkpoint`,
        0,
        `no key signs the ${tail.leaves.length} leaves of this log; one that began in the last second before a crash or a copy is signed when the envelope goes on`,
      );
};

const standingOf = ({ keys = [], since = [] }: VerifyOptions, ok: boolean, logs: readonly VerifiedLog[]): string => {
  if (!ok) return 'not verified';
  const anchors = [
    ...(keys.length > 0 && logs.some(({ size }) => size > 0) ? ['verified with the given key'] : []),
    ...(since.length > 0 ? ['continues the given checkpoint'] : []),
  ];
  return anchors.length > 0 ? anchors.join(', ') : 'consistent, unanchored';
};

/** A checkpoint known from elsewhere: its log must be here and continue it. */
const checkSince = (
  { name, bytes }: { readonly name: string; readonly bytes: Uint8Array },
  keys: readonly Key[],
  logs: ReadonlyMap<string, Log>,
  altered: ReadonlySet<string>,
  report: Report,
): void => {
  const { head, signed } = readCheckpoint(bytes, keys);
  if (head === null) return report(name, 0, 'this is not a checkpoint');
  if (keys.length > 0 && !signed) return report(name, 0, 'the given key did not sign this checkpoint');
  const log = logs.get(head.origin);
  if (log === undefined) return report(`logs/${head.origin}`, 0, `this log had ${head.size} leaves and is not in this folder`);
  if (altered.has(head.origin)) return;
  const wrong = disagreement(log, head);
  if (wrong !== null) report(`logs/${head.origin}/checkpoint`, 0, wrong);
};

const readOrNull = (path: string, bytesMax: number): Uint8Array | null => {
  try {
    // Neither a link out of the folder, nor a pipe that never ends, nor what memory does not hold.
    const status = lstatSync(path);
    return status.isFile() && status.size <= bytesMax ? readFileSync(path) : null;
  } catch {
    return null;
  }
};

/** A ledger folder on this machine. */
export const openFolder = (folder: string): LedgerFiles => ({
  list: (path) => {
    try {
      const entries = readdirSync(`${folder}/${path}`, { withFileTypes: true });
      return entries.map((entry) => `${entry.name}${entry.isFile() ? '' : entry.isDirectory() ? '/' : '?'}`).toSorted();
    } catch (error) {
      return error instanceof Error && 'code' in error && error.code === 'ENOENT' ? [] : null;
    }
  },
  read: (path) => readOrNull(`${folder}/${path}`, path.startsWith('journal/') ? segmentBytes : logFileBytes),
});

const usage = 'usage: node verifier.js LEDGER_FOLDER [--key VKEY]... [--since CHECKPOINT_FILE]...\n';

const argumentsOf = (argv: readonly string[]): { readonly folder: string; readonly options: VerifyOptions } => {
  const many = { type: 'string', multiple: true } as const;
  const { values, positionals } = parseArgs({ args: [...argv], allowPositionals: true, options: { key: many, since: many } });
  const [folder, ...more] = positionals;
  if (folder === undefined || more.length > 0) throw new TypeError('name one folder');
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true) throw new TypeError(`${folder} is not a folder`);
  const { key: keys = [], since: paths = [] } = values;
  for (const key of keys) if (parseKey(key) === null) throw new TypeError(`--key: ${key} is not a verifier key`);
  const since = paths.map((path) => readOrNull(path, checkpointBytes) ?? path);
  for (const read of since) if (typeof read === 'string') throw new TypeError(`--since: ${read} is not a file that can be read`);
  return { folder, options: { keys, since: since.filter((read) => typeof read !== 'string'), sinceNames: paths } };
};

/** The program: prints the answer as JSON and ends with 0 when it verifies, 1 when it does not, 2 when it was called wrongly. */
const main = (argv: readonly string[]): number => {
  let call: ReturnType<typeof argumentsOf>;
  try {
    call = argumentsOf(argv);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : ''}\n${usage}`);
    return 2;
  }
  const verification = verifyLedger(openFolder(call.folder), call.options);
  process.stdout.write(`${JSON.stringify(verification, null, 1)}\n`);
  return verification.ok ? 0 : 1;
};

const isProgram = (): boolean => {
  try {
    return import.meta.url === pathToFileURL(realpathSync(process.argv[1] ?? '')).href;
  } catch {
    return false;
  }
};

if (isProgram()) process.exitCode = main(process.argv.slice(2));
