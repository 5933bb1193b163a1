// What a start finds: the published logs, the journal on top of them, what was open, and whether any of it contradicts what was known before.
// Contract: repairs nothing but the unfinished end of the journal; a note of it makes that repair repeatable, so a crash during recovery loses nothing.
// Beside that it removes the temporary files that an earlier start left in the journal: they may hold records that no log holds.
// Refuses with a problem that names the file wherever going on could hide a loss.

import { temporaryEnding, type Disk } from '../disk/disk.ts';
import { newestNames, newestText, segmentName } from './journal.ts';
import type { Head } from './log-tree.ts';
import { createLogTree } from './log-tree.ts';
import { sameHash } from './merkle.ts';
import { fromBase64, isNoteProblem, openNote, parseCheckpoint, parseVkey, type NoteVerifier } from './note.ts';
import { createOpenWork, openWorkDigest, type OpenWork, type RecordMembers } from './open-work.ts';
import { parseOrigin } from './origin.ts';
import { replayJournal, type Cut, type Replay, type ReplayedLog } from './replay.ts';
import { newestFile } from './settings.ts';
import {
  isLedgerProblem,
  readEdgeState,
  readEntries,
  readHead,
  removeOutgrown,
  rootAt,
  tileReader,
  type LedgerProblem,
} from './stored-log.ts';
import { tileWidth } from './tiles.ts';

export interface RecoverySettings {
  readonly directory: string;
  readonly deploymentName: string;
  /** Signed notes. */
  readonly knownCheckpoints: readonly string[];
  readonly headsFile: string;
  readonly openWorkFile: string;
  readonly vkey: string;
}

export interface Recovered {
  readonly logs: ReadonlyMap<string, ReplayedLog>;
  readonly heads: readonly Head[];
  readonly replay: Replay;
  /** What was cut and is not recorded yet. */
  readonly cuts: readonly Cut[];
  readonly openWork: OpenWork;
}

export const cutNoteName = 'cut.json';

/** Origins below `logs/`, oldest quarter first. */
export const originsIn = async (disk: Disk, directory: string): Promise<readonly string[]> => {
  let paths = [''];
  for (let depth = 0; depth < 4; depth += 1) {
    const below = await Promise.all(
      paths.map(async (path) => (await disk.list(`${directory}/logs${path}`)).map((name) => `${path}/${name}`)),
    );
    paths = below.flat();
  }
  const shardOfPath = (path: string): string => path.slice(-6);
  return paths
    .map((path) => path.slice(1))
    .filter((path) => parseOrigin(path) !== null)
    .toSorted((a, b) => (shardOfPath(a) < shardOfPath(b) ? -1 : shardOfPath(a) > shardOfPath(b) ? 1 : 0));
};

const readLogs = async (
  disk: Disk,
  directory: string,
  verifier: NoteVerifier,
): Promise<{ readonly logs: Map<string, ReplayedLog>; readonly heads: readonly Head[] } | LedgerProblem> => {
  const logs = new Map<string, ReplayedLog>();
  const heads: Head[] = [];
  for (const origin of await originsIn(disk, directory)) {
    const folder = `${directory}/logs/${origin}`;
    const head = await readHead(disk, folder, origin, verifier);
    if (isLedgerProblem(head)) return head;
    if (head === null) continue;
    const state = await readEdgeState(disk, folder, head);
    if (isLedgerProblem(state)) return state;
    heads.push(head);
    logs.set(origin, { tree: createLogTree(origin, state), publishedSize: head.size, unpublished: [] });
  }
  return { logs, heads };
};

const parseJson = (bytes: Uint8Array | null): unknown => {
  try {
    return bytes === null ? null : JSON.parse(Buffer.from(bytes).toString());
  } catch {
    return null;
  }
};

const isMembers = (value: unknown): value is RecordMembers => typeof value === 'object' && value !== null && !Array.isArray(value);

const storedHead = (value: unknown): Head | null => {
  if (!isMembers(value)) return null;
  const { origin, size, root } = value;
  const bytes = typeof root === 'string' ? fromBase64(root) : null;
  return typeof origin === 'string' && typeof size === 'number' && bytes !== null ? { origin, size, root: bytes } : null;
};

/** Whether the tree of `head.origin` has grown out of `head`. */
const continues = async (
  disk: Disk,
  directory: string,
  logs: ReadonlyMap<string, ReplayedLog>,
  head: Head,
): Promise<'yes' | 'smaller' | 'different'> => {
  const tree = logs.get(head.origin)?.tree;
  if (head.size === 0) return 'yes';
  if (tree === undefined || tree.size() < head.size) return 'smaller';
  const onDisk = tileReader(disk, `${directory}/logs/${head.origin}`);
  const root = await rootAt(head.size, async (name) => tree.held(name)?.subarray(0, name.width * 32) ?? (await onDisk(name)));
  return root !== null && sameHash(root, head.root) ? 'yes' : 'different';
};

const rolledBack = async (
  disk: Disk,
  directory: string,
  logs: ReadonlyMap<string, ReplayedLog>,
  head: Head,
  source: string,
): Promise<LedgerProblem | null> => {
  const answer = await continues(disk, directory, logs, head);
  if (answer === 'yes') return null;
  const file = `${directory}/logs/${head.origin}/checkpoint`;
  return answer === 'smaller'
    ? { problem: `${source} has seen ${head.size} records of ${head.origin}, this ledger has fewer: restore the newer ledger`, file }
    : { problem: `${source} has seen another history of ${head.origin} than this ledger holds: restore the right ledger`, file };
};

const checkKnown = async (
  settings: RecoverySettings,
  { logs, heads: published }: Pick<Recovered, 'logs' | 'heads'>,
  verifier: NoteVerifier,
  disk: Disk,
): Promise<LedgerProblem | null> => {
  const stored = await disk.readFile(settings.headsFile);
  // It is durable before the first checkpoint is shown. Who holds checkpoints elsewhere needs it no more.
  if (stored === null && published.length > 0 && settings.knownCheckpoints.length === 0)
    return {
      problem:
        'the private copy of the newest heads is missing: restore it from a backup, or name checkpoints that you hold elsewhere (`ledger.known_checkpoints`)',
      file: settings.headsFile,
    };
  const heads = parseJson(stored);
  if (stored !== null && !Array.isArray(heads))
    return { problem: 'the file of the newest heads is damaged: restore it from a backup', file: settings.headsFile };
  for (const value of Array.isArray(heads) ? heads : []) {
    const head = storedHead(value);
    if (head === null) return { problem: 'the file of the newest heads is damaged: restore it from a backup', file: settings.headsFile };
    const problem = await rolledBack(disk, settings.directory, logs, head, 'the private copy of the newest heads');
    if (problem !== null) return problem;
  }
  for (const [number, known] of settings.knownCheckpoints.entries()) {
    const note = openNote(Buffer.from(known), [verifier]);
    const head = isNoteProblem(note) ? note : parseCheckpoint(note.text);
    if (isNoteProblem(head)) return { problem: `known checkpoint ${number + 1} cannot be used: ${head.problem}` };
    const problem = await rolledBack(disk, settings.directory, logs, head, `known checkpoint ${number + 1}`);
    if (problem !== null) return problem;
  }
  return null;
};

/** A start that believes a cache only where the tree under it is the same. */
const cachedWork = async (
  settings: RecoverySettings,
  logs: ReadonlyMap<string, ReplayedLog>,
  disk: Disk,
): Promise<{ readonly records: readonly RecordMembers[]; readonly sizes: ReadonlyMap<string, number> }> => {
  const nothing = { records: [], sizes: new Map<string, number>() };
  const cache = parseJson(await disk.readFile(settings.openWorkFile));
  if (!isMembers(cache) || !Array.isArray(cache['heads']) || !Array.isArray(cache['records'])) return nothing;
  if (cache['sha256'] !== openWorkDigest(cache['heads'], cache['records'])) return nothing;
  const sizes = new Map<string, number>();
  for (const value of cache['heads']) {
    const head = storedHead(value);
    if (head === null || (await continues(disk, settings.directory, logs, head)) !== 'yes') return nothing;
    sizes.set(head.origin, head.size);
  }
  return { records: cache['records'].filter(isMembers), sizes };
};

const foldRecords = async (
  settings: RecoverySettings,
  logs: ReadonlyMap<string, ReplayedLog>,
  disk: Disk,
): Promise<OpenWork | LedgerProblem> => {
  const cached = await cachedWork(settings, logs, disk);
  const work = createOpenWork(cached.records);
  const observe = (leaf: Uint8Array): void => {
    const record = parseJson(leaf);
    if (isMembers(record)) work.observe(record);
  };
  // By name, so that the quarters of a stream come in their order, as do the decisions that are found open.
  for (const [origin, { publishedSize, unpublished }] of [...logs].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    const from = cached.sizes.get(origin) ?? 0;
    for (let index = Math.floor(from / tileWidth); index * tileWidth < publishedSize; index += 1) {
      const start = index * tileWidth;
      const entries = await readEntries(disk, `${settings.directory}/logs/${origin}`, index, Math.min(tileWidth, publishedSize - start));
      if (isLedgerProblem(entries)) return entries;
      entries.slice(Math.max(0, from - start)).forEach(observe);
    }
    unpublished.slice(Math.max(0, from - publishedSize)).forEach(observe);
  }
  work.settle();
  return work;
};

const isCut = (value: unknown): value is Cut =>
  isMembers(value) && typeof value['file'] === 'string' && typeof value['offset'] === 'number' && typeof value['sha256'] === 'string';

/** What was cut and is not recorded yet: by this start, and by earlier ones that did not come that far. */
const unrecordedCuts = async (note: string, cut: Cut | null, disk: Disk): Promise<readonly Cut[]> => {
  const noted = parseJson(await disk.readFile(note));
  const earlier = Array.isArray(noted) ? noted.filter(isCut) : [];
  const known =
    cut === null || earlier.some(({ file, offset, sha256 }) => file === cut.file && offset === cut.offset && sha256 === cut.sha256);
  return known ? earlier : [...earlier, cut];
};

/** Notes what is cut, then makes what is kept durable again: a sync that failed before may have left it only in memory. */
const repairEnd = async (directory: string, replay: Replay, disk: Disk): Promise<readonly Cut[]> => {
  const journal = `${directory}/journal`;
  const note = `${journal}/${cutNoteName}`;
  const cuts = await unrecordedCuts(note, replay.cut, disk);
  for (const name of await disk.list(journal)) if (name.endsWith(temporaryEnding)) await disk.remove(`${journal}/${name}`);
  if (replay.cut !== null) await disk.replaceFiles([{ path: note, bytes: Buffer.from(JSON.stringify(cuts)) }]);
  if (replay.last !== null) await disk.replaceFiles([{ path: `${journal}/${replay.last.name}`, bytes: replay.last.bytes }]);
  await disk.replaceFiles([{ path: newestFile({ directory }), bytes: newestText(replay.last?.name ?? null) }]);
  for (const name of replay.empty) await disk.remove(`${journal}/${name}`);
  await disk.syncFolder(journal);
  return cuts;
};

/** What is missing of the journal as far as it can be known; null where nothing is. */
const missingPart = async (
  settings: RecoverySettings,
  { logs, replay }: Pick<Recovered, 'logs' | 'replay'>,
  disk: Disk,
): Promise<LedgerProblem | null> => {
  const journal = `${settings.directory}/journal`;
  const noted = await disk.readFile(newestFile(settings));
  // It is there before anything is recorded, and always of one length.
  if (noted?.length !== newestText(null).length && replay.found.length + logs.size > 0)
    return {
      problem: 'what names the newest segment of the journal is missing or damaged: restore it from a copy',
      file: newestFile(settings),
    };
  const newest = newestNames(noted);
  // A copy that was made meanwhile may name one that went when it was published. Nothing is written to the next one before that is named.
  const isThere = newest.some((name) => replay.found.includes(name) || (replay.last !== null && replay.last.name > name));
  if (newest.length > 0 && !isThere)
    return {
      problem: 'this segment of the journal is missing, which held the newest records: restore it from a copy',
      file: `${journal}/${newest[0]}`,
    };
  // Every leaf has an LSN of its own, so where there are fewer leaves than that, some of them are nowhere.
  const missing = replay.nextLsn - [...logs.values()].reduce((count, { tree }) => count + tree.size(), 0);
  return missing <= 0
    ? null
    : {
        problem: `part of the journal is missing, with ${missing} records that no log holds: restore it from a copy`,
        file: replay.gap === null ? journal : `${journal}/${segmentName(replay.gap)}`,
      };
};

/** Reads and checks everything below `directory`. */
export const recover = async (settings: RecoverySettings, disk: Disk): Promise<Recovered | LedgerProblem> => {
  const verifier = parseVkey(settings.vkey);
  if (isNoteProblem(verifier)) return verifier;
  const stored = await readLogs(disk, settings.directory, verifier);
  if (isLedgerProblem(stored)) return stored;
  const replay = await replayJournal(settings, stored.logs, disk);
  if (isLedgerProblem(replay)) return replay;
  const missing = await missingPart(settings, { logs: stored.logs, replay }, disk);
  if (missing !== null) return missing;
  const problem = await checkKnown(settings, stored, verifier, disk);
  if (problem !== null) return problem;
  const openWork = await foldRecords(settings, stored.logs, disk);
  if (isLedgerProblem(openWork)) return openWork;
  // Only now, when nothing speaks against going on, is anything changed.
  const cuts = await repairEnd(settings.directory, replay, disk);
  for (const { origin, size } of stored.heads) {
    const folder = `${settings.directory}/logs/${origin}`;
    // The tiles were durable before the checkpoint was shown, but a process that was killed may not have made its name durable.
    await disk.syncFolder(folder);
    await removeOutgrown(disk, folder, size);
  }
  return { ...stored, replay, openWork, cuts };
};
