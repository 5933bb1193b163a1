// Group commit without a timer: while one batch is being made durable, the records that arrive queue up and make the next one.
// Contract: each record is answered exactly once. A receipt means durable; after a refusal the caller must not act. Never rejects.
// What is not durable within `limits.commitMs`, while the process was there to hear of it, is refused `slow`; if it becomes durable nevertheless, it is handed on as disowned.
// Fails for good on the first error of the journal (`sealed`): what the disk holds is then unknown, and only a restart reads it again.

import type { Clock } from '../core/clock.ts';
import { limits } from '../core/limits.ts';
import type { Receipt, RecordBody, RecordKind, RecordRefusal, Stream } from '../core/receipt.ts';
import { batchBytes, encodeBatch, entryBytes, type BatchEntry } from './batch.ts';
import { JournalLost, type Journal } from './journal.ts';
import type { Head, LogTree } from './log-tree.ts';
import type { Shards } from './shards.ts';

export interface Submission {
  readonly body: RecordBody;
  readonly shard: string;
  readonly leaf: Uint8Array;
  readonly leafHash: Uint8Array;
  /** A record of the ledger's own that corrects another: it waits however long it takes. */
  readonly patient?: boolean;
}

export interface DurableEntry {
  readonly body: RecordBody;
  readonly log: LogTree;
  readonly index: number;
  /** The caller was already told `slow`, and so did not act. */
  readonly disowned: boolean;
}

export interface CommitLoop {
  readonly submit: (submission: Submission) => Promise<Receipt | RecordRefusal>;
  /** Null while records are taken. */
  readonly sealedBecause: () => string | null;
  readonly isFull: () => boolean;
  readonly seal: (problem: string) => void;
  /** Tries whether the disk still takes what is written; that it does not shows as if a batch had failed. */
  readonly tryDisk: () => void;
  readonly measures: () => CommitMeasures;
  /** Resolves when nothing is queued or under way. */
  readonly idle: () => Promise<void>;
  readonly stop: () => void;
}

export interface CommitMeasures {
  /** Since the start. */
  readonly recordsCount: number;
  readonly batchesCount: number;
  readonly queuedCount: number;
  /** Of what waits for the disk, how long the oldest has; 0 where nothing does. */
  readonly oldestWaitMs: number;
}

interface Waiting extends Submission {
  /** Later than it came by what the process was held up since: that long nobody could hear of the disk. */
  sinceMs: number;
  readonly answer: (result: Receipt | RecordRefusal) => void;
  answered: boolean;
}

interface Placed {
  readonly waiting: Waiting;
  readonly log: LogTree;
  readonly index: number;
}

const isHurried = (waiting: Waiting): boolean => !waiting.answered && waiting.patient !== true;

/** Kinds that end something: they may use the reserve of a full disk. */
export const endings: ReadonlySet<RecordKind> = new Set(['outcome', 'closed', 'recovery']);

const refusals = {
  backpressure: 'too many records wait to become durable: try again',
  full: 'there is no space for more records: free space on the disk that holds the ledger',
  slow: 'the record did not become durable in time: check the disk that holds the ledger',
} as const;

const refusal = (refused: RecordRefusal['refused'], problem: string): RecordRefusal => ({ refused, problem });

export interface CommitDeps {
  readonly journal: Journal;
  readonly clock: Clock;
  readonly shards: Shards;
  /** Resolves when what came together has been dealt with. */
  readonly endOfTurn: () => Promise<void>;
  /** The first record of a log that has a predecessor. */
  readonly reference: (stream: Stream, predecessor: Head) => Submission;
  /** Called for each batch that is durable, its leaves already in their logs. */
  readonly committed: (entries: readonly DurableEntry[], segment: string) => void;
  /** Told how long each batch took to become durable. */
  readonly took?: ((ms: number) => void) | undefined;
}

export const createCommitLoop = (
  settings: { readonly firstLsn: number; readonly reserveBytes: number },
  { journal, clock, shards, endOfTurn, reference, committed, took }: CommitDeps,
): CommitLoop => {
  let queue: Waiting[] = [];
  let underWay: readonly Placed[] = [];
  let nextLsn = settings.firstLsn;
  let sealed: string | null = null;
  let running: Promise<void> | null = null;
  let stopWatch: (() => void) | null = null;
  let triedMs: number | null = null;
  let [recordsCount, batchesCount] = [0, 0];

  const answer = (waiting: Waiting, result: Receipt | RecordRefusal): void => {
    if (waiting.answered) return;
    waiting.answered = true;
    waiting.answer(result);
  };

  const seal = (problem: string): void => {
    sealed ??= problem;
    const all = [...underWay.map(({ waiting }) => waiting), ...queue];
    queue = [];
    for (const waiting of all) answer(waiting, refusal('sealed', sealed));
  };

  // One timer for the oldest record, not one for each.
  const watch = (): void => {
    if (stopWatch !== null) return;
    const oldest = [...underWay.map(({ waiting }) => waiting), ...queue].find(isHurried);
    if (oldest === undefined) return;
    const leftMs = Math.max(0, oldest.sinceMs + limits.commitMs - clock.monotonicMs());
    const dueMs = clock.monotonicMs() + Math.min(leftMs, limits.commitLookMs);
    stopWatch = clock.after(dueMs - clock.monotonicMs(), () => {
      stopWatch = null;
      const nowMs = clock.monotonicMs();
      const late = nowMs - limits.commitMs;
      for (const waiting of [...underWay.map((placed) => placed.waiting), ...queue]) {
        waiting.sinceMs = Math.min(nowMs, waiting.sinceMs + Math.max(0, nowMs - dueMs));
        if (isHurried(waiting) && waiting.sinceMs <= late) answer(waiting, refusal('slow', refusals.slow));
      }
      // What was refused before it was written is simply never written.
      queue = queue.filter((waiting) => !waiting.answered);
      watch();
    });
  };

  const isFull = (): boolean => journal.next() === 'full' && journal.roomBytes() - settings.reserveBytes < batchBytes(limits.leafBytes);

  const room = (waiting: Waiting): number =>
    journal.roomBytes() - (journal.next() === 'ready' || endings.has(waiting.body.kind) ? 0 : settings.reserveBytes);

  /** Takes from the queue what fits in one batch. Empty when the head of the queue needs the next segment, or nothing waits. */
  const take = (): Placed[] => {
    const placed: Placed[] = [];
    const counts = new Map<LogTree, number>();
    let bytes = 0;
    let taken = 0;
    const place = (waiting: Waiting, log: LogTree): void => {
      const before = counts.get(log) ?? 0;
      counts.set(log, before + 1);
      placed.push({ waiting, log, index: log.size() + before });
      bytes += entryBytes(log.origin, waiting.leaf.length);
    };
    for (; taken < queue.length && placed.length < limits.batchEntriesCount; taken += 1) {
      const waiting = queue[taken];
      if (waiting === undefined || waiting.answered) continue;
      const { stream } = waiting.body;
      const log = shards.logFor(stream, waiting.shard);
      // A new shard names the last head of the one before, so that one must be at rest.
      if (log === null && placed.length > 0) break;
      const needed = batchBytes(bytes + entryBytes(log?.origin ?? '', waiting.leaf.length) + (log === null ? limits.leafBytes : 0));
      if (placed.length > 0 && needed > limits.batchBytes) break;
      if (needed > room(waiting)) {
        if (journal.next() !== 'full') break;
        answer(waiting, refusal('full', refusals.full));
        continue;
      }
      if (log !== null) {
        place(waiting, log);
        continue;
      }
      const begun = shards.begin(stream, waiting.shard);
      if (begun.predecessor !== null) place(silent(reference(stream, begun.predecessor)), begun.log);
      place(waiting, begun.log);
    }
    queue = queue.slice(taken);
    return placed;
  };

  /** Nobody waits for it, so that those who wait for what stands behind it are looked after. */
  const silent = (submission: Submission): Waiting => ({
    ...submission,
    patient: true,
    sinceMs: clock.monotonicMs(),
    answer: () => undefined,
    answered: false,
  });

  const commit = async (placed: readonly Placed[]): Promise<void> => {
    const entries: BatchEntry[] = placed.map(({ waiting, log, index }) => ({
      origin: log.origin,
      index,
      leaf: waiting.leaf,
      leafHash: waiting.leafHash,
    }));
    underWay = placed;
    const startMs = clock.monotonicMs();
    await journal.write(encodeBatch(nextLsn, entries));
    took?.(clock.monotonicMs() - startMs);
    // Refused while it was written: durable perhaps, but for the next start to find. Here it never happened, so that all parts agree on that.
    if (sealed !== null) return;
    nextLsn += entries.length;
    recordsCount += entries.length;
    batchesCount += 1;
    for (const { waiting, log } of placed) log.append(waiting.leaf, waiting.leafHash);
    underWay = [];
    committed(
      placed.map(({ waiting, log, index }) => ({ body: waiting.body, log, index, disowned: waiting.answered })),
      journal.current() ?? '',
    );
    for (const { waiting, log, index } of placed) answer(waiting, { logId: waiting.body.log_id, origin: log.origin, index });
  };

  const hasWork = (): boolean => queue.length > 0 && sealed === null;

  const isTrying = (): boolean => triedMs !== null && sealed === null;

  const run = async (): Promise<void> => {
    try {
      while (hasWork() || isTrying()) {
        if (isTrying()) {
          await journal.tryDisk();
          triedMs = null;
          continue;
        }
        // Records that are submitted in the same turn share a batch: each one costs two visits to another thread.
        await endOfTurn();
        const placed = take();
        if (placed.length > 0) await commit(placed);
        else if (queue.length > 0 && journal.next() === 'ready') await journal.roll(nextLsn);
        else if (queue.length > 0) await journal.prepared();
      }
    } catch (error) {
      seal(error instanceof JournalLost ? error.message : 'an error inside the ledger stopped it: report it, then restart');
    } finally {
      running = null;
      triedMs = null;
      underWay = [];
    }
  };

  return {
    submit: (submission) => {
      if (sealed !== null) return Promise.resolve(refusal('sealed', sealed));
      const ending = endings.has(submission.body.kind);
      // What has begun must be able to end: endings still find a place where beginnings are turned away.
      if (submission.patient !== true && queue.length >= limits.queuedEntriesCount * (ending ? 2 : 1))
        return Promise.resolve(refusal('backpressure', refusals.backpressure));
      if (isFull() && !ending) return Promise.resolve(refusal('full', refusals.full));
      return new Promise((resolve) => {
        queue.push({ ...submission, sinceMs: clock.monotonicMs(), answer: resolve, answered: false });
        running ??= run();
        watch();
      });
    },
    sealedBecause: () => sealed,
    isFull,
    seal,
    tryDisk: () => {
      if (sealed !== null || running !== null) return;
      triedMs = clock.monotonicMs();
      running = run();
    },
    measures: () => {
      const first = underWay[0]?.waiting ?? queue.find(isHurried);
      const sinceMs = triedMs ?? first?.sinceMs;
      return {
        recordsCount,
        batchesCount,
        queuedCount: queue.length + underWay.length,
        oldestWaitMs: sinceMs === undefined || sealed !== null ? 0 : clock.monotonicMs() - sinceMs,
      };
    },
    idle: async () => {
      for (let round = running; round !== null; round = running) await round;
    },
    stop: () => {
      stopWatch?.();
      stopWatch = null;
    },
  };
};
