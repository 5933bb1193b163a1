// Five hundred streams at once, as models send them: 64 events, 20 ms apart; so many begin in a second that 512 are open at any time, evenly, as agents
// do that know nothing of each other. Whether one stalls, what stands before its first event, and what memory that takes, sample by sample.

import type { ContenderName } from '../contenders/field.ts';
import { withField } from '../contenders/field.ts';
import { type Contender, residentBytes } from '../contenders/contender.ts';
import { manners } from '../load/exchange.ts';
import { type Cell, type CellResult, measureCell, measureOnce } from '../rounds.ts';
import { round } from '../statistics.ts';
import type { Question } from './question.ts';
import { warmUp, wholeCell } from './throughput.ts';

export interface MemorySample {
  readonly second: number;
  readonly megabytes: number;
}

export interface StreamsAnswer {
  readonly atOnce: number;
  readonly cell: CellResult;
  /** Of the same load for longer. */
  readonly memory: { readonly seconds: number; readonly samples: Readonly<Record<string, readonly MemorySample[]>> };
}

const atOnce = 512;
const { events, everyMs } = manners.paced;
const streamSeconds = ((events - 1) * everyMs) / 1_000;
const MB = 1_000_000;

const cell: Cell = {
  ...wholeCell,
  manner: 'paced',
  streaming: true,
  // A few more than are open at once, so that none waits for a connection.
  clients: atOnce + 128,
  perSecond: Math.round(atOnce / streamSeconds),
};

const names: readonly ContenderName[] = ['direct', 'undici proxy', 'envelope'];

/** Takes a sample each second while something runs. */
export const sampling = async (contender: Contender, work: () => Promise<unknown>): Promise<readonly MemorySample[]> => {
  const beginMs = performance.now();
  const samples: MemorySample[] = [];
  const take = (): void => {
    const bytes = residentBytes(contender);
    if (bytes !== null) samples.push({ second: round((performance.now() - beginMs) / 1_000, 1), megabytes: round(bytes / MB, 1) });
  };
  take();
  const timer = setInterval(take, 1_000);
  try {
    await work();
  } finally {
    clearInterval(timer);
  }
  take();
  return samples;
};

export const streams: Question = {
  name: 'streams',
  ask: ({ quick, say }) =>
    withField(names, async (field): Promise<StreamsAnswer> => {
      await warmUp(field, quick);
      say(`${atOnce} streams at once`);
      const settings = quick ? { rounds: 1, durationMs: 1_500, warmUpRounds: 0 } : { rounds: 4, durationMs: 5_000, warmUpRounds: 1 };
      const measured = await measureCell(field.load, field.contenders, cell, settings);
      const seconds = quick ? 3 : 45;
      const samples: Record<string, readonly MemorySample[]> = {};
      for (const contender of field.of(['undici proxy', 'envelope'])) {
        say(`memory of ${contender.name}, ${seconds} s`);
        samples[contender.name] = await sampling(contender, () => measureOnce(field.load, contender, cell, seconds * 1_000));
      }
      return { atOnce, cell: measured, memory: { seconds, samples } };
    }),
};
