// How long a request takes: added to a direct connection by one client at a time, and under load that comes at fixed rates whatever became of what came
// before. In the same run the time of one commit on the disk that holds the ledger, since a crossing waits for one before it leaves and one at the end.

import { type ContenderName, withField } from '../contenders/field.ts';
import { commitTimes, type CommitTimes } from '../machine.ts';
import { type CellResult, measureCell } from '../rounds.ts';
import type { Question } from './question.ts';
import { warmUp, wholeCell } from './throughput.ts';

export interface LatencyAnswer {
  readonly missing: Readonly<Record<string, string>>;
  readonly commits: CommitTimes;
  /** One client at a time. */
  readonly alone: CellResult;
  /** Open loops, by rising rate. */
  readonly rates: readonly CellResult[];
}

const alone: readonly ContenderName[] = ['direct', 'undici proxy', 'envelope', 'nginx'];
const underLoad: readonly ContenderName[] = ['undici proxy', 'envelope', 'nginx', 'Portkey'];
const rates = [100, 500, 1_000, 2_000, 4_000] as const;
/** Connections that an open loop may use; more waiting than these is waiting of the contender's making. */
const openClients = 512;

export const latency: Question = {
  name: 'latency',
  ask: ({ quick, say }) =>
    withField([...new Set([...alone, ...underLoad])], async (field): Promise<LatencyAnswer> => {
      await warmUp(field, quick);
      const before = await commitTimes(quick ? 50 : 400);
      say('one client');
      const one = { ...wholeCell, clients: 1 };
      const settings = quick ? { rounds: 2, durationMs: 200, warmUpRounds: 0 } : { rounds: 9, durationMs: 1_000, warmUpRounds: 1 };
      const byOne = await measureCell(field.load, field.of(alone), one, settings);
      const after = await commitTimes(quick ? 50 : 400);
      // The faster: what is taken off for commits must not be what the machine did besides.
      const commits = after.twoP50Ms < before.twoP50Ms ? after : before;
      const byRate: CellResult[] = [];
      for (const perSecond of quick ? [100, 500] : rates) {
        say(`open loop, ${perSecond} a second`);
        const cell = { ...wholeCell, clients: openClients, perSecond };
        const open = quick ? { rounds: 1, durationMs: 300, warmUpRounds: 0 } : { rounds: 3, durationMs: 2_000, warmUpRounds: 0 };
        byRate.push(await measureCell(field.load, field.of(underLoad), cell, open));
      }
      return { missing: field.missing, commits, alone: byOne, rates: byRate };
    }),
};
