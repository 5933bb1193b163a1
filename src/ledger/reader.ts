// Reads the records of a ledger folder as it lies there: published bundles, then the journal. Works on a live folder and on a copy.
// It does not verify: that is `verifier.ts`. What cannot be read ends the log it belongs to.
// Synchronous and without a cache; memory is one bundle and the journal's leaves.

import { isBatchProblem, readBatch } from './batch.ts';
import { segmentFirstLsn } from './journal.ts';
import { isNoteProblem, parseCheckpoint, parseNote, type Checkpoint } from './note.ts';
import { parseOrigin } from './origin.ts';
import { decodeBundle, tilePath, tileWidth } from './tiles.ts';
import type { LedgerFiles } from './verifier.ts';

export interface StoredRecord {
  readonly origin: string;
  readonly index: number;
  readonly leaf: Uint8Array;
  /** What the leaf says; empty when it is not a JSON object. */
  readonly members: Readonly<Record<string, unknown>>;
}

export interface ReadableLog {
  readonly origin: string;
  /** Null before the first checkpoint. */
  readonly checkpoint: Checkpoint | null;
  /** The checkpoint file as it is; null before the first. */
  readonly note: Uint8Array | null;
  /** Leaves behind the checkpoint, from the journal. */
  readonly tail: readonly Uint8Array[];
  /** Leaves below the checkpoint and behind it. */
  readonly size: number;
}

export interface Ledger {
  readonly files: LedgerFiles;
  /** In the order of their origins. */
  readonly logs: readonly ReadableLog[];
}

const membersOf = (leaf: Uint8Array): StoredRecord['members'] => {
  try {
    const value: unknown = JSON.parse(Buffer.from(leaf).toString('utf8'));
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {};
  } catch {
    return {};
  }
};

interface JournalLeaf {
  readonly index: number;
  readonly leaf: Uint8Array;
}

/** Leaves of the journal by origin; a segment is read up to its first batch that is not whole. */
const readJournal = (files: LedgerFiles): ReadonlyMap<string, readonly JournalLeaf[]> => {
  const leaves = new Map<string, JournalLeaf[]>();
  for (const name of files.list('journal') ?? []) {
    let lsn = segmentFirstLsn(name);
    const bytes = lsn === null ? null : files.read(`journal/${name}`);
    if (lsn === null || bytes === null) continue;
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let at = 0; at < buffer.length;) {
      const batch = readBatch(buffer, at, lsn);
      if (isBatchProblem(batch)) break;
      for (const { origin, index, leaf } of batch.entries) {
        const ofOrigin = leaves.get(origin) ?? [];
        leaves.set(origin, ofOrigin);
        // A copy, so that the segment's zeros are not kept alive.
        ofOrigin.push({ index, leaf: Uint8Array.from(leaf) });
      }
      at += batch.bytes;
      lsn += batch.entries.length;
    }
  }
  return leaves;
};

const foldersIn = (files: LedgerFiles, path: string): string[] =>
  (files.list(path) ?? []).flatMap((name) => (name.endsWith('/') ? [`${path}/${name.slice(0, -1)}`] : []));

const publishedOrigins = (files: LedgerFiles): string[] => {
  let paths = ['logs'];
  for (let depth = 0; depth < 4; depth += 1) paths = paths.flatMap((path) => foldersIn(files, path));
  return paths.map((path) => path.slice('logs/'.length)).filter((origin) => parseOrigin(origin) !== null);
};

/** Opens a ledger folder as it is now. */
export const openLedger = (files: LedgerFiles): Ledger => {
  // The journal first: what leaves it meanwhile is below the checkpoints that are read then.
  const journal = readJournal(files);
  const origins = [...new Set([...publishedOrigins(files), ...journal.keys()])].toSorted();
  const logs = origins.map((origin): ReadableLog => {
    const note = files.read(`logs/${origin}/checkpoint`);
    const parsed = note === null ? null : parseNote(note);
    const checkpoint = parsed === null || isNoteProblem(parsed) ? null : parseCheckpoint(parsed.text);
    const head = checkpoint === null || isNoteProblem(checkpoint) ? null : checkpoint;
    const published = head?.size ?? 0;
    const tail: Uint8Array[] = [];
    for (const { index, leaf } of journal.get(origin) ?? []) if (index === published + tail.length) tail.push(leaf);
    return { origin, checkpoint: head, note, tail, size: published + tail.length };
  });
  return { files, logs };
};

/** The bundle that holds entry `index` of a log, or a fuller one that replaced it; its entries as far as the checkpoint goes. */
const readEntries = ({ files }: Ledger, log: ReadableLog, bundle: number): readonly Uint8Array[] => {
  const width = Math.min(tileWidth, (log.checkpoint?.size ?? 0) - bundle * tileWidth);
  for (const actual of new Set([width, tileWidth])) {
    const bytes = files.read(`logs/${log.origin}/${tilePath({ level: 'entries', index: bundle, width: actual })}`);
    const entries = bytes === null ? [] : decodeBundle(bytes, actual);
    if (!('problem' in entries) && entries.length >= width) return entries.slice(0, width);
  }
  return [];
};

/** The records of a log from `from` on, in order; ends early where a bundle is missing or damaged. */
export function* recordsOf(ledger: Ledger, log: ReadableLog, from = 0): Generator<StoredRecord, undefined> {
  const published = log.checkpoint?.size ?? 0;
  const record = (index: number, leaf: Uint8Array): StoredRecord => ({ origin: log.origin, index, leaf, members: membersOf(leaf) });
  for (let bundle = Math.floor(from / tileWidth); bundle * tileWidth < published; bundle += 1) {
    const entries = readEntries(ledger, log, bundle);
    for (const [at, leaf] of entries.entries()) if (bundle * tileWidth + at >= from) yield record(bundle * tileWidth + at, leaf);
    if (entries.length < Math.min(tileWidth, published - bundle * tileWidth)) return undefined;
  }
  for (const [at, leaf] of log.tail.entries()) if (published + at >= from) yield record(published + at, leaf);
  return undefined;
}

/** One record by its place; null when it is not there. */
export const recordAt = (ledger: Ledger, origin: string, index: number): StoredRecord | null => {
  const log = ledger.logs.find((one) => one.origin === origin);
  if (log === undefined || index < 0 || index >= log.size) return null;
  const { value } = recordsOf(ledger, log, index).next();
  return value?.index === index ? value : null;
};

export interface Place {
  readonly origin: string;
  readonly index: number;
}

/** Records by their places, in the order of these; those that are not there are left out. Each bundle is read once, and one is held at a time. */
export const recordsAt = (ledger: Ledger, places: readonly Place[]): readonly StoredRecord[] => {
  const logs = new Map(ledger.logs.map((log) => [log.origin, log]));
  const found: (StoredRecord | undefined)[] = Array.from({ length: places.length });
  const ordered = places
    .map((place, at) => ({ ...place, at }))
    .toSorted((a, b) => (a.origin === b.origin ? a.index - b.index : a.origin < b.origin ? -1 : 1));
  let held = { of: '', entries: [] as readonly Uint8Array[] };
  for (const { origin, index, at } of ordered) {
    const log = logs.get(origin);
    if (log === undefined || index < 0 || index >= log.size) continue;
    const published = log.checkpoint?.size ?? 0;
    const bundle = Math.floor(index / tileWidth);
    const of = `${bundle} ${origin}`;
    if (index < published && held.of !== of) held = { of, entries: readEntries(ledger, log, bundle) };
    const leaf = index < published ? held.entries[index % tileWidth] : log.tail[index - published];
    if (leaf !== undefined) found[at] = { origin, index, leaf, members: membersOf(leaf) };
  }
  return found.filter((record) => record !== undefined);
};

/** Missing bundles after which a log is given up. */
const holesMax = 1_000;

/** One record by its `log_id`; null when no log has it. Looks through the newest logs first. */
export const recordById = (ledger: Ledger, logId: string): StoredRecord | null => {
  const needle = Buffer.from(JSON.stringify(logId));
  for (const log of ledger.logs.toSorted((a, b) => (shardName(a) < shardName(b) ? 1 : -1))) {
    const published = log.checkpoint?.size ?? 0;
    let holes = 0;
    for (let bundle = Math.ceil(published / tileWidth) - 1; bundle >= 0; bundle -= 1) {
      const entries = readEntries(ledger, log, bundle);
      // A forged checkpoint can claim any number of bundles that are not there; saying so is for the verifier.
      if (entries.length === 0 && ++holes > holesMax) break;
      for (const [at, leaf] of entries.entries()) {
        // Most leaves do not hold the id anywhere, and finding that out costs less than parsing them.
        if (!Buffer.from(leaf.buffer, leaf.byteOffset, leaf.byteLength).includes(needle)) continue;
        const members = membersOf(leaf);
        if (members['log_id'] === logId) return { origin: log.origin, index: bundle * tileWidth + at, leaf, members };
      }
    }
    for (const [at, leaf] of log.tail.entries()) {
      const members = membersOf(leaf);
      if (members['log_id'] === logId) return { origin: log.origin, index: published + at, leaf, members };
    }
  }
  return null;
};

const shardName = ({ origin }: ReadableLog): string => origin.slice(origin.lastIndexOf('/') + 1);
