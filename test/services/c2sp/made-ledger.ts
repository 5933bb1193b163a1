// A ledger on a real disk for others to judge: two quarters, full and partial tiles of three levels, the largest record, restarts and one kill.
// Answers where it lies and every checkpoint that was published on the way. Throws where the ledger refuses a record.

import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { uuidv7 } from '../../../src/core/identifier.ts';
import { limits } from '../../../src/core/limits.ts';
import { isRefusal, type RecordBody, type Stream } from '../../../src/core/receipt.ts';
import { createDisk } from '../../../src/disk/disk.ts';
import { isLedgerProblem, openLedger, type Ledger } from '../../../src/ledger/ledger.ts';
import { faultSettings } from '../../fault/settings.ts';

const random = { bytes: (count: number) => new Uint8Array(randomBytes(count)) };
const writerFile = new URL('../../fault/writer.ts', import.meta.url).pathname;

const clockFrom = (startMs: number) => ({
  wallMs: () => startMs + Math.floor(performance.now()),
  monotonicMs: () => performance.now(),
  after: (delayMs: number, run: () => void) => {
    const timer = setTimeout(run, delayMs);
    return () => clearTimeout(timer);
  },
});

// Long past, so that the writer that is killed, which has the real clock, begins logs of its own.
const firstQuarter = clockFrom(Date.UTC(2024, 1, 1));
const secondQuarter = clockFrom(Date.UTC(2024, 4, 1));

export interface MadeLedger {
  readonly folder: string;
  /** Files with the checkpoints as they were published, oldest first. */
  readonly checkpoints: readonly string[];
}

/** What one start of the ledger can do. */
interface Session {
  /** Appends to a stream's log until it has `size` leaves, publishes, and keeps the checkpoint. */
  readonly growTo: (stream: Stream, size: number) => Promise<void>;
  /** Appends the record that is as large as a leaf may be. */
  readonly appendLargest: (stream: Stream) => Promise<void>;
}

type Append = (stream: Stream, text: string) => ReturnType<Ledger['append']>;

const appendLargest = async (append: Append, stream: Stream): Promise<void> => {
  for (let length = limits.leafBytes; ; length -= 1) {
    const answer = await append(stream, 'x'.repeat(length));
    if (!isRefusal(answer)) return;
    if (answer.refused !== 'too_large') throw new Error(answer.problem);
  }
};

/** Opens the ledger, lets `work` happen and closes it; `keep` receives the checkpoint that a publication showed. */
const session = async (
  folder: string,
  clock: typeof firstQuarter,
  keep: (checkpoint: Buffer) => void,
  work: (session: Session) => Promise<void>,
) => {
  const settings = faultSettings(folder);
  const ledger = await openLedger(settings, { disk: createDisk(), clock, random });
  if (isLedgerProblem(ledger)) throw new Error(ledger.problem);
  const append: Append = (stream, text) => {
    const body: RecordBody = {
      log_id: uuidv7(clock, random),
      timestamp: new Date(clock.wallMs()).toISOString(),
      stream,
      kind: 'finding',
      text,
    };
    return ledger.append(body);
  };
  const growTo = async (stream: Stream, size: number): Promise<void> => {
    let origin = '';
    for (let reached = 0; reached < size;) {
      const count = origin === '' ? 1 : Math.min(limits.batchEntriesCount, size - reached);
      const answers = await Promise.all(Array.from({ length: count }, (_, at) => append(stream, 'é—'.repeat(at % 40))));
      for (const answer of answers) {
        if (isRefusal(answer)) throw new Error(answer.problem);
        origin = answer.origin;
        reached = Math.max(reached, answer.index + 1);
      }
    }
    if (!(await ledger.publish())) throw new Error(ledger.standing().problem ?? 'not published');
    keep(readFileSync(`${settings.directory}/logs/${origin}/checkpoint`));
  };
  await work({ growTo, appendLargest: (stream) => appendLargest(append, stream) });
  await ledger.close();
};

/** Starts a process that appends, and kills it once it was told of `count` durable records. */
const killedAfter = (folder: string, count: number): Promise<void> =>
  new Promise((resolve, reject) => {
    const writer = spawn(process.execPath, [writerFile, folder], { stdio: ['ignore', 'pipe', 'inherit'] });
    let lines = 0;
    writer.stdout.on('data', (bytes: Buffer) => {
      lines += bytes.toString().split('\n').length - 1;
      if (lines >= count) writer.kill('SIGKILL');
    });
    writer.on('close', (code, signal) => (signal === 'SIGKILL' ? resolve() : reject(new Error(`the writer ended with ${code}`))));
  });

export const makeLedger = async (folder: string): Promise<MadeLedger> => {
  const checkpoints: string[] = [];
  const keep = (checkpoint: Buffer): void => {
    const file = join(folder, `checkpoint-${checkpoints.length}`);
    writeFileSync(file, checkpoint);
    checkpoints.push(file);
  };
  await session(folder, firstQuarter, keep, async ({ growTo }) => {
    for (const size of [1, 2, 3, 255]) await growTo('agent', size);
  });
  await session(folder, firstQuarter, keep, ({ growTo }) => growTo('agent', 256));
  await session(folder, secondQuarter, keep, async ({ growTo, appendLargest }) => {
    for (const size of [2, 254]) await growTo('agent', size);
    await appendLargest('agent');
    for (const size of [256, 257, 700]) await growTo('agent', size);
  });
  await session(folder, secondQuarter, keep, async ({ growTo }) => {
    for (const size of [701, 3_000]) await growTo('agent', size);
    for (const size of [300, 65_535, 65_536, 65_537]) await growTo('model', size);
  });
  await killedAfter(folder, 500);
  await session(folder, secondQuarter, keep, async ({ growTo }) => {
    await growTo('control', 300);
  });
  return { folder: faultSettings(folder).directory, checkpoints };
};
