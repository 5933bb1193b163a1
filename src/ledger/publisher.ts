// Publishes the logs: bundles and tiles first, then the signed checkpoint, then the journal segments that are no longer needed go.
// Contract: no checkpoint is signed unless every tile under it was durable in the same round. Commits never wait for it.
// A round that fails changes nothing that was published; it shows in `problem` and is tried again.

import type { Clock } from '../core/clock.ts';
import { limits } from '../core/limits.ts';
import { diskErrorName, isDiskFull, type Disk } from '../disk/disk.ts';
import type { Edge, Head, LogTree } from './log-tree.ts';
import { checkpointText, signNote, type NoteSigner } from './note.ts';
import { tilePath, tileWidth } from './tiles.ts';

export interface PublishedHead {
  readonly origin: string;
  readonly size: number;
  /** Base64. */
  readonly root: string;
}

export interface PublishingMeasures {
  readonly unpublishedBytes: number;
  /** Since a checkpoint was published; null before the first. */
  readonly checkpointAgeMs: number | null;
}

export interface Publisher {
  /** Something new is durable in the journal. */
  readonly notify: () => void;
  /** Publishes everything now. False when that failed. */
  readonly publish: () => Promise<boolean>;
  readonly heads: () => readonly PublishedHead[];
  readonly problem: () => string | null;
  /** Entries of this segment end before `sizes` of the logs. */
  readonly trackSegment: (name: string, origin: string, size: number) => void;
  readonly unpublishedBytes: () => number;
  readonly measures: () => PublishingMeasures;
  readonly stop: () => Promise<void>;
}

export interface PublisherDeps {
  readonly disk: Disk;
  readonly clock: Clock;
  readonly signer: NoteSigner;
  readonly logs: () => readonly LogTree[];
  readonly forgetLogs: (done: (log: LogTree) => boolean) => void;
  readonly currentSegment: () => string | null;
  /** Asked before each round; what must not be published any more is left to whoever writes the ledger now. */
  readonly mayPublish: () => boolean;
  /** Called after a round that published something, with the heads of all logs. */
  readonly published: (heads: readonly PublishedHead[]) => void;
}

export const inText = ({ origin, size, root }: Head): PublishedHead => ({ origin, size, root: Buffer.from(root).toString('base64') });

/** Folders of partial tiles that this edge's full tiles make unnecessary. */
const outgrown = (folder: string, edge: Edge): string[] =>
  edge.tiles.filter(({ name }) => name.width === tileWidth).map(({ name }) => `${folder}/${tilePath(name)}.p`);

export const createPublisher = (
  settings: {
    readonly directory: string;
    readonly headsFile: string;
    readonly known: readonly PublishedHead[];
    readonly segments: ReadonlyMap<string, ReadonlyMap<string, number>>;
  },
  { disk, clock, signer, logs, forgetLogs, currentSegment, mayPublish, published }: PublisherDeps,
): Publisher => {
  const heads = new Map(settings.known.map((head) => [head.origin, head]));
  const segments = new Map([...settings.segments].map(([name, sizes]) => [name, new Map(sizes)]));
  let problem: string | null = null;
  let lastMs = -Infinity;
  let checkpointMs: number | null = null;
  let stopTimer: (() => void) | null = null;
  let round: Promise<boolean> = Promise.resolve(true);
  let stopped = false;

  const folderOf = (origin: string): string => `${settings.directory}/logs/${origin}`;
  const sizeOf = (origin: string): number => heads.get(origin)?.size ?? 0;

  const removeOld = async (edges: readonly { readonly log: LogTree; readonly edge: Edge }[]): Promise<void> => {
    for (const { log, edge } of edges) for (const path of outgrown(folderOf(log.origin), edge)) await disk.remove(path);
    // Until there is a new one the last is kept: a ledger without a journal is one of which somebody took it.
    if (currentSegment() === null) return;
    for (const [name, sizes] of segments) {
      const needed = name === currentSegment() || [...sizes].some(([origin, size]) => sizeOf(origin) < size);
      // Oldest first, so that what a crash leaves behind is the newest part of the journal.
      if (needed) break;
      await disk.remove(`${settings.directory}/journal/${name}`);
      segments.delete(name);
    }
  };

  const publishEdges = async (): Promise<void> => {
    const edges = logs()
      .filter((log) => log.size() > sizeOf(log.origin))
      .map((log) => ({ log, edge: log.edge() }));
    if (edges.length > 0) {
      await disk.replaceFiles(
        edges.flatMap(({ log, edge }) =>
          edge.tiles.map(({ name, bytes }) => ({ path: `${folderOf(log.origin)}/${tilePath(name)}`, bytes })),
        ),
      );
      // Remembered before it is shown: a head that anyone could have seen is never forgotten.
      const next = new Map([...heads, ...edges.map(({ edge }) => [edge.head.origin, inText(edge.head)] as const)]);
      await disk.replaceFiles([{ path: settings.headsFile, bytes: Buffer.from(`${JSON.stringify([...next.values()], null, 1)}\n`) }]);
      await disk.replaceFiles(
        edges.map(({ log, edge }) => ({
          path: `${folderOf(log.origin)}/checkpoint`,
          bytes: Buffer.from(signNote(checkpointText(edge.head), [signer])),
        })),
      );
      for (const { log, edge } of edges) {
        log.written(edge);
        heads.set(log.origin, inText(edge.head));
      }
      checkpointMs = clock.monotonicMs();
      forgetLogs((log) => log.size() === sizeOf(log.origin));
    }
    if (edges.length > 0) published([...heads.values()]);
    await removeOld(edges);
  };

  const attempt = async (): Promise<boolean> => {
    lastMs = clock.monotonicMs();
    if (!mayPublish()) return false;
    try {
      await publishEdges();
      problem = null;
      return true;
    } catch (error) {
      problem = isDiskFull(error)
        ? 'there is no space to publish the logs: free space on the disk that holds the ledger'
        : `the logs could not be published (${diskErrorName(error)}): check the disk that holds the ledger`;
      return false;
    }
  };

  const publish = (): Promise<boolean> => {
    round = round.then(attempt);
    return round;
  };

  const unpublishedBytes = (): number => logs().reduce((bytes, log) => bytes + log.unwrittenBytes(), 0);

  const schedule = (): void => {
    if (stopTimer !== null || stopped) return;
    stopTimer = clock.after(Math.max(0, lastMs + limits.checkpointEveryMs - clock.monotonicMs()), () => {
      void publish().then(() => {
        stopTimer = null;
        if (problem !== null || logs().some((log) => log.size() > sizeOf(log.origin))) schedule();
      });
    });
  };

  return {
    notify: schedule,
    publish,
    heads: () => [...heads.values()],
    problem: () => problem,
    trackSegment: (name, origin, size) => {
      const sizes = segments.get(name) ?? new Map<string, number>();
      segments.set(name, sizes.set(origin, size));
    },
    unpublishedBytes,
    measures: () => ({
      unpublishedBytes: unpublishedBytes(),
      checkpointAgeMs: checkpointMs === null ? null : clock.monotonicMs() - checkpointMs,
    }),
    stop: async () => {
      stopped = true;
      stopTimer?.();
      await round;
    },
  };
};
