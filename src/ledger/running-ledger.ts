// The ledger while it runs: joins the commit loop, the journal, the publisher and what is open into one recorder.
// Contract and failures as in `ledger.ts`, which opens it.

import type { Clock } from '../core/clock.ts';
import { limits } from '../core/limits.ts';
import { isRefusal, type Receipt, type RecordBody, type RecordRefusal, type Recorder } from '../core/receipt.ts';
import type { Disk, Lock } from '../disk/disk.ts';
import { createCommitLoop, endings, type CommitLoop, type CommitMeasures, type DurableEntry } from './commit-loop.ts';
import { createHeadBinding } from './head-binding.ts';
import { createJournal, lockLost } from './journal.ts';
import type { NoteSigner } from './note.ts';
import { closingFor, openWorkDigest, outcomeFor, owesOutcome, type OpenWork, type RecordMembers } from './open-work.ts';
import { parseOrigin } from './origin.ts';
import { createPublisher, inText, type PublishedHead, type Publisher, type PublishingMeasures } from './publisher.ts';
import { createRecordWriter, type RecordWriter } from './record-writer.ts';
import type { Recovered } from './recovery.ts';
import type { Cut } from './replay.ts';
import { headsFile, newestFile, openWorkFile, type LedgerDeps, type LedgerSettings } from './settings.ts';
import { createShards, type Shards } from './shards.ts';
import type { LedgerProblem } from './stored-log.ts';

export interface Standing {
  /** `stalled`: what was given to the disk has not become durable within `limits.commitMs`. */
  readonly state: 'open' | 'full' | 'stalled' | 'sealed';
  /** A sentence for people; also set while only publishing is in trouble. */
  readonly problem: string | null;
}

export interface Ledger extends Recorder {
  readonly standing: () => Standing;
  readonly measures: () => CommitMeasures & PublishingMeasures;
  /** Tries the disk, where nothing is under way; `standing` says soon after what came of it. */
  readonly tryDisk: () => void;
  /** The newest published heads. */
  readonly heads: () => readonly PublishedHead[];
  /** Publishes now what is durable. False when that failed; it is tried again by itself. */
  readonly publish: () => Promise<boolean>;
  /** Takes no more records, publishes everything, signs the last checkpoints. */
  readonly close: () => Promise<void>;
  /** Verifier key of all its logs. */
  readonly vkey: string;
  /** What was found at the start. The decisions have their `unknown` outcome already; the invocations are for the caller to judge. */
  readonly found: {
    readonly cuts: readonly Cut[];
    readonly openDecisions: readonly RecordMembers[];
    readonly openInvocations: readonly RecordMembers[];
    readonly stops: readonly RecordMembers[];
  };
}

export interface Opening {
  readonly settings: LedgerSettings;
  readonly deps: LedgerDeps;
  readonly lock: Lock;
  readonly signer: NoteSigner;
  readonly recovered: Recovered;
}

const notCarriedOut = 'the decision became durable too late: the crossing was refused and not carried out';
const notOpened = 'the opening became durable too late: the invocation was refused and never began';
const noSpace = 'there is no space for the next journal segment: free space on the disk that holds the ledger';
const stalled = `nothing became durable for ${limits.commitMs / 1_000} seconds: check the disk that holds the ledger`;
const backlog = 'the logs cannot be published, and no more records are taken until they are';

const shardsOf = (settings: LedgerSettings, { logs }: Recovered): Shards =>
  createShards(
    settings,
    [...logs].flatMap(([origin, { tree }]) => {
      const parts = parseOrigin(origin);
      return parts === null ? [] : [{ ...parts, log: tree }];
    }),
  );

/** The record that ends what a caller was told had not begun; null for records that begin nothing. */
const disowning = (body: RecordBody, writer: RecordWriter): RecordBody | null => {
  if (owesOutcome(body)) return outcomeFor(body, { success: false, message: notCarriedOut }, writer.stamp());
  return body.kind === 'opened' ? closingFor(body, notOpened, writer.stamp()) : null;
};

/** Writes what is open beside the heads under which it is open: a cache, believed at the next start only if the heads still hold. */
const createWorkCache = (
  path: string,
  deps: { readonly disk: Disk; readonly clock: Clock; readonly openWork: OpenWork; readonly heads: () => Iterable<PublishedHead> },
) => {
  let lastMs = deps.clock.monotonicMs();
  const save = async (): Promise<void> => {
    lastMs = deps.clock.monotonicMs();
    const records = [...deps.openWork.decisions(), ...deps.openWork.invocations(), ...deps.openWork.stops(), ...deps.openWork.statement()];
    const heads = [...deps.heads()];
    const bytes = Buffer.from(JSON.stringify({ sha256: openWorkDigest(heads, records), heads, records }));
    // A cache that cannot be written costs only time at the next start.
    await deps.disk.replaceFiles([{ path, bytes }]).catch(() => undefined);
  };
  const isOld = (): boolean => deps.clock.monotonicMs() - lastMs >= limits.checkpointSetEveryMs;
  return { save, saveWhenOld: (): Promise<void> => (isOld() ? save() : Promise.resolve()) };
};

/** The heads of all logs as they are in memory, published or not. */
const allHeads = (publisher: Publisher, shards: Shards): Iterable<PublishedHead> => {
  const heads = new Map(publisher.heads().map((head) => [head.origin, head]));
  for (const log of shards.logs()) heads.set(log.origin, inText(log.head()));
  return heads.values();
};

const standingOf = (loop: CommitLoop, { problem }: Publisher, isBacklogged: boolean): Standing => {
  const sealed = loop.sealedBecause();
  if (sealed !== null) return { state: 'sealed', problem: sealed };
  if (loop.measures().oldestWaitMs > limits.commitMs) return { state: 'stalled', problem: stalled };
  if (loop.isFull()) return { state: 'full', problem: noSpace };
  return isBacklogged ? { state: 'full', problem: problem() ?? backlog } : { state: 'open', problem: problem() };
};

const foundBy = ({ cuts, openWork }: Recovered): Ledger['found'] => ({
  cuts,
  openDecisions: openWork.decisions(),
  openInvocations: openWork.invocations(),
  stops: openWork.stops(),
});

/** Starts writing on top of what was recovered. Gives the ledger once it has a segment to write to. */
export const startLedger = async ({ settings, deps, lock, signer, recovered }: Opening): Promise<Ledger | LedgerProblem> => {
  const { disk, clock } = deps;
  const { replay, openWork } = recovered;
  const found = foundBy(recovered);
  const writer = createRecordWriter(settings, deps);
  const shards = shardsOf(settings, recovered);
  let closing: Promise<void> | null = null;

  const submit = async (body: RecordBody, patient = false): Promise<Receipt | RecordRefusal> => {
    const submission = writer.submission(body);
    return 'refused' in submission ? submission : await loop.submit(patient ? { ...submission, patient } : submission);
  };
  const journal = createJournal(
    { folder: `${settings.directory}/journal`, segmentBytes: settings.segmentBytes, newestFile: newestFile(settings) },
    { disk, clock, lost: (problem) => loop.seal(problem), isLocked: lock.isHeld },
  );
  const publisher = createPublisher(
    { directory: settings.directory, headsFile: headsFile(settings), known: recovered.heads.map(inText), segments: replay.segments },
    {
      disk,
      clock,
      signer,
      logs: shards.logs,
      forgetLogs: shards.forget,
      currentSegment: journal.current,
      mayPublish: () => {
        if (!lock.isHeld()) loop.seal(lockLost);
        return lock.isHeld();
      },
      published: () => {
        if (closing !== null) return;
        binding.moved();
        void workCache.saveWhenOld();
      },
    },
  );
  const isBacklogged = (): boolean => publisher.unpublishedBytes() > limits.unpublishedBytes;
  const workCache = createWorkCache(openWorkFile(settings), { disk, clock, openWork, heads: () => allHeads(publisher, shards) });
  const binding = createHeadBinding({
    clock,
    stated: openWork.statement()[0]?.['checkpoints'],
    heads: () => {
      const origins = [shards.ofStream('agent')?.origin, shards.ofStream('model')?.origin];
      return publisher.heads().filter(({ origin }) => origins.includes(origin));
    },
    state: async (checkpoints) => !isRefusal(await submit(writer.own('control', 'checkpoint_set', { checkpoints }))),
  });

  const committed = (entries: readonly DurableEntry[], segment: string): void => {
    const sizes = new Map<string, number>();
    for (const { body, log, index, disowned } of entries) {
      openWork.observe(body);
      sizes.set(log.origin, index + 1);
      const ending = disowned ? disowning(body, writer) : null;
      if (ending !== null) void submit(ending, true);
    }
    for (const [origin, size] of sizes) publisher.trackSegment(segment, origin, size);
    publisher.notify();
  };
  const loop: CommitLoop = createCommitLoop(
    {
      // Every leaf has an LSN of its own, so their number is the next one wherever all segments are gone.
      firstLsn: Math.max(
        replay.nextLsn,
        shards.logs().reduce((count, log) => count + log.size(), 0),
      ),
      reserveBytes: Math.min(limits.outcomeReserveBytes, settings.segmentBytes / 4),
    },
    {
      journal,
      clock,
      shards,
      endOfTurn: deps.endOfTurn ?? (() => Promise.resolve()),
      committed,
      took: deps.took,
      reference: (stream, predecessor) => {
        const submission = writer.submission(writer.own(stream, 'checkpoint_set', { predecessor: inText(predecessor) }));
        if ('refused' in submission) throw new TypeError('a reference to a predecessor is always a record');
        return submission;
      },
    },
  );

  const finish = async (): Promise<void> => {
    binding.stop();
    await loop.idle();
    await publisher.publish();
    await binding.bind();
    await loop.idle();
    const sound = loop.sealedBecause() === null;
    // What a failed write left in the current segment is for the next start to judge, so that segment stays.
    if (!sound) await publisher.stop();
    await journal.close();
    if (sound) {
      await publisher.publish();
      await publisher.stop();
      await workCache.save();
    }
    loop.stop();
    lock.release();
  };

  await journal.prepared();
  if (journal.next() === 'full') {
    await journal.close();
    return { problem: loop.sealedBecause() ?? noSpace, file: `${settings.directory}/journal` };
  }
  if (replay.segments.size > 0) publisher.notify();
  return {
    append: (body) => {
      if (closing !== null) return Promise.resolve({ refused: 'sealed', problem: 'the ledger is closing' });
      if (isBacklogged() && !endings.has(body.kind)) return Promise.resolve({ refused: 'full', problem: publisher.problem() ?? backlog });
      return submit(body);
    },
    standing: () => standingOf(loop, publisher, isBacklogged()),
    measures: () => ({ ...loop.measures(), ...publisher.measures() }),
    tryDisk: loop.tryDisk,
    heads: publisher.heads,
    publish: publisher.publish,
    close: () => (closing ??= finish()),
    vkey: signer.vkey,
    found,
  };
};
