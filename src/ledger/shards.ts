// Which log of a stream takes the next record: the one of the quarter in which the record was made, but never an older one than before.
// Pure, in memory; never fails.

import { streams, type Stream } from '../core/receipt.ts';
import { createLogTree, type Head, type LogTree } from './log-tree.ts';
import { originText } from './origin.ts';

export interface Shards {
  /** The log that takes a record of this quarter, or null when a new one must begin. */
  readonly logFor: (stream: Stream, shard: string) => LogTree | null;
  /** Begins the log of this quarter; `predecessor` is the last head of the stream's log before it, if there was one. */
  readonly begin: (stream: Stream, shard: string) => { readonly log: LogTree; readonly predecessor: Head | null };
  /** All logs that are held in memory. */
  readonly logs: () => readonly LogTree[];
  readonly ofStream: (stream: Stream) => LogTree | null;
  /** Lets go of logs that take no more records, once `done` says that nothing of them waits. */
  readonly forget: (done: (log: LogTree) => boolean) => void;
}

export interface KnownLog {
  readonly stream: Stream;
  readonly shard: string;
  readonly retentionClass: string;
  readonly log: LogTree;
}

interface Current {
  readonly shard: string;
  readonly log: LogTree;
  /** Whether `log` has the configured retention class and so may take records. */
  readonly open: boolean;
}

export const createShards = (
  settings: { readonly deploymentName: string; readonly retentionClass: string },
  known: readonly KnownLog[],
): Shards => {
  const held = new Map<string, LogTree>(known.map(({ log }) => [log.origin, log]));
  const current = new Map<Stream, Current>();
  for (const stream of streams) {
    const open = (one: KnownLog): boolean => one.retentionClass === settings.retentionClass;
    const newest = known
      .filter((one) => one.stream === stream)
      .toSorted((a, b) => (a.shard === b.shard ? Number(open(a)) - Number(open(b)) : a.shard < b.shard ? -1 : 1))
      .at(-1);
    if (newest !== undefined) current.set(stream, { shard: newest.shard, log: newest.log, open: open(newest) });
  }
  return {
    logFor: (stream, shard) => {
      const now = current.get(stream);
      return now?.open === true && shard <= now.shard ? now.log : null;
    },
    begin: (stream, shard) => {
      const before = current.get(stream);
      const later = before === undefined || shard > before.shard ? shard : before.shard;
      const log = createLogTree(
        originText({ deployment: settings.deploymentName, stream, retentionClass: settings.retentionClass, shard: later }),
      );
      held.set(log.origin, log);
      current.set(stream, { shard: later, log, open: true });
      return { log, predecessor: before?.log.head() ?? null };
    },
    logs: () => [...held.values()],
    ofStream: (stream) => current.get(stream)?.log ?? null,
    forget: (done) => {
      const open = new Set([...current.values()].map(({ log }) => log));
      for (const log of held.values()) if (!open.has(log) && done(log)) held.delete(log.origin);
    },
  };
};
