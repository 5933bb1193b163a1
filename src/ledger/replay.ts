// Reads the journal back: every batch whose trailer verifies goes on top of the published logs or is compared with them.
// Contract: changes nothing on disk. At most one incomplete batch at the very end is left out, and described for the record.
// What cannot be explained by a crash is a problem that names file and offset; nothing throws for any bytes.

import type { Disk } from '../disk/disk.ts';
import { foreignFrame, isBatchProblem, readBatch, sectorBytes, writtenBytes, type BatchEntry } from './batch.ts';
import { segmentFirstLsn } from './journal.ts';
import { createLogTree, type LogTree } from './log-tree.ts';
import { sha256 } from './merkle.ts';
import { parseOrigin } from './origin.ts';
import { isLedgerProblem, readEntries, type LedgerProblem } from './stored-log.ts';
import { tileWidth } from './tiles.ts';

/** What a crash left unfinished at the end of the journal. */
export interface Cut {
  /** Below the ledger folder. */
  readonly file: string;
  readonly offset: number;
  readonly bytes: number;
  /** How many records it was to hold, where that can still be read. None of them was ever acknowledged. */
  readonly entries: number | null;
  readonly sha256: string;
}

export interface ReplayedLog {
  readonly tree: LogTree;
  readonly publishedSize: number;
  /** Leaves that only the journal has. */
  readonly unpublished: Uint8Array[];
}

export interface Replay {
  readonly nextLsn: number;
  /** Every segment that was there. */
  readonly found: readonly string[];
  readonly cut: Cut | null;
  /** The last segment that holds a batch, and how much of it is whole. */
  readonly last: { readonly name: string; readonly bytes: Uint8Array } | null;
  /** Segments without a whole batch. */
  readonly empty: readonly string[];
  /** The LSN with which a segment would begin that is not there, though one behind it is; null where they follow each other. */
  readonly gap: number | null;
  /** For each segment, how large each log must be published before the segment may go. */
  readonly segments: ReadonlyMap<string, ReadonlyMap<string, number>>;
}

interface Segment {
  readonly name: string;
  readonly firstLsn: number;
}

const segmentsIn = async (disk: Disk, folder: string): Promise<readonly Segment[]> =>
  (await disk.list(folder)).flatMap((name) => {
    const firstLsn = segmentFirstLsn(name);
    return firstLsn === null ? [] : [{ name, firstLsn }];
  });

/** Puts one leaf where it belongs, or says why it does not belong there. */
const createPlacer = (disk: Disk, directory: string, deploymentName: string, logs: Map<string, ReplayedLog>) => {
  let bundle: { readonly origin: string; readonly index: number; readonly entries: readonly Uint8Array[] } | null = null;

  const published = async (origin: string, index: number, size: number): Promise<Uint8Array | LedgerProblem | null> => {
    const number = Math.floor(index / tileWidth);
    if (bundle?.origin !== origin || bundle.index !== number) {
      const width = Math.min(tileWidth, size - number * tileWidth);
      const entries = await readEntries(disk, `${directory}/logs/${origin}`, number, width);
      if (isLedgerProblem(entries)) return entries;
      bundle = { origin, index: number, entries };
    }
    return bundle.entries[index % tileWidth] ?? null;
  };

  return async ({ origin, index, leaf, leafHash }: BatchEntry): Promise<LedgerProblem | null> => {
    let log = logs.get(origin);
    if (log === undefined) {
      if (parseOrigin(origin)?.deployment !== deploymentName)
        return { problem: `a frame belongs to ${JSON.stringify(origin)}, which is no log of this deployment` };
      log = { tree: createLogTree(origin), publishedSize: 0, unpublished: [] };
      logs.set(origin, log);
    }
    if (index < log.publishedSize) {
      const entry = await published(origin, index, log.publishedSize);
      if (isLedgerProblem(entry)) return entry;
      return entry !== null && Buffer.compare(entry, leaf) === 0
        ? null
        : {
            problem: `leaf ${index} of ${origin} differs between the journal and what was published in ${directory}/logs/${origin}/tile/entries`,
          };
    }
    if (index !== log.tree.size()) {
      return { problem: `leaf ${index} of ${origin} follows leaf ${log.tree.size() - 1}: part of the journal or of the log is missing` };
    }
    // A copy, so that one leaf does not keep its whole segment in memory.
    const own = Buffer.from(leaf);
    log.tree.append(own, Buffer.from(leafHash));
    log.unpublished.push(own);
    return null;
  };
};

const refusalToCut = (file: string, offset: number, problem: string): LedgerProblem => ({
  problem: `${problem}, and a later batch follows it, so no crash explains this: restore the journal from a copy`,
  file,
  offset,
});

/** Reads all segments in `DIRECTORY/journal` into `logs`, which holds the published ones. */
export const replayJournal = async (
  settings: { readonly directory: string; readonly deploymentName: string },
  logs: Map<string, ReplayedLog>,
  disk: Disk,
): Promise<Replay | LedgerProblem> => {
  const folder = `${settings.directory}/journal`;
  const place = createPlacer(disk, settings.directory, settings.deploymentName, logs);
  const segments = new Map<string, Map<string, number>>();
  const empty: string[] = [];
  let last: Replay['last'] = null;
  let nextLsn = 0;
  let gap: number | null = null;
  let cut: Cut | null = null;
  let cutProblem = '';

  const found = await segmentsIn(disk, folder);
  for (const { name, firstLsn } of found) {
    const file = `${folder}/${name}`;
    const buffer = Buffer.from((await disk.readFile(file)) ?? []);
    if (buffer.length === 0) return { problem: 'this segment is empty, which no crash leaves behind: restore it from a copy', file };
    if (cut !== null) {
      // A segment begins only behind what is durable, so one that promises later records says that what was cut was.
      if (firstLsn > nextLsn || foreignFrame(buffer, 0, null) !== null)
        return refusalToCut(`${settings.directory}/${cut.file}`, cut.offset, cutProblem);
      if (writtenBytes(buffer) > 0)
        return { problem: 'bytes of no batch follow an incomplete one: restore the journal from a copy', file, offset: 0 };
      empty.push(name);
      continue;
    }
    if (firstLsn < nextLsn) return { problem: `this segment repeats LSN ${firstLsn}: restore the journal from a copy`, file, offset: 0 };
    if (last !== null && firstLsn > nextLsn) gap ??= nextLsn;
    nextLsn = firstLsn;
    const written = writtenBytes(buffer);
    const sizes = new Map<string, number>();
    let at = 0;
    while (at < written) {
      const batch = readBatch(buffer, at, nextLsn);
      if (isBatchProblem(batch)) {
        if (foreignFrame(buffer, at, nextLsn) !== null) return refusalToCut(file, at, batch.problem);
        cut = {
          file: `journal/${name}`,
          offset: at,
          bytes: written - at,
          entries: batch.entries,
          sha256: Buffer.from(sha256(buffer.subarray(at, written))).toString('hex'),
        };
        cutProblem = batch.problem;
        break;
      }
      for (const entry of batch.entries) {
        const problem = await place(entry);
        if (problem !== null) return { file, offset: at, ...problem };
        sizes.set(entry.origin, entry.index + 1);
      }
      at += batch.bytes;
      nextLsn += batch.entries.length;
    }
    if (at === 0) empty.push(name);
    else {
      segments.set(name, sizes);
      last = { name, bytes: buffer.subarray(0, Math.ceil(at / sectorBytes) * sectorBytes) };
    }
  }
  return { nextLsn, found: found.map(({ name }) => name), cut, last, empty, gap, segments };
};
