// What the stages of a crossing cost one by one, and the ledger alone: `node bench/stages.ts [--json] [--rounds N] [--records N]`.
// Method: in this process, over a real ledger on disk. Reading, and identifying and deciding, of a request of 1 KB whose text was there before: in
// processor time, the garbage that they make included. Records: 64 writers that each write the two records of a crossing, one crossing after the other;
// counted in a second of the clock, and in processor time of all threads. At the end the ledger that came of it is verified as `audit verify` does.

import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { openFolder, verifyLedger } from '../src/ledger/verifier.ts';
import { round } from './statistics.ts';
import { openStagesWorld, type StagesWorld } from './stages-world.ts';

const writers = 64;
const calls = 3_000;
const crossingsPerRound = 6_000;

const cpuUs = (): number => {
  const { user, system } = process.cpuUsage();
  return user + system;
};

const usOf = (work: () => void): number => {
  const begin = cpuUs();
  for (let call = 0; call < calls; call += 1) work();
  return round((cpuUs() - begin) / calls, 2);
};

export interface StagesResult {
  readonly node: string;
  readonly cpu: string;
  /** Microseconds of processor time of one request, a figure a round. */
  readonly readUs: readonly number[];
  readonly decideUs: readonly number[];
  readonly records: { readonly perSecond: readonly number[]; readonly cpuUs: readonly number[]; readonly writers: number };
  readonly verify: { readonly leaves: number; readonly perSecond: readonly number[]; readonly perCpuSecond: readonly number[] };
}

/** Durable records in a second, and the processor time of each. */
const recordRound = async (world: StagesWorld): Promise<{ readonly perSecond: number; readonly cpuUs: number }> => {
  // What records are made of is there before: what is timed begins where a decision is handed on.
  const decided = world.decide(world.read(world.identify()));
  const [beginMs, begin] = [performance.now(), cpuUs()];
  let left = crossingsPerRound;
  const write = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      await world.record(decided);
    }
  };
  await Promise.all(Array.from({ length: writers }, write));
  const records = 2 * crossingsPerRound;
  return { perSecond: Math.round((records / (performance.now() - beginMs)) * 1_000), cpuUs: round((cpuUs() - begin) / records, 2) };
};

const verifyRound = (folder: string): { readonly leaves: number; readonly perSecond: number; readonly perCpuSecond: number } => {
  const [beginMs, begin] = [performance.now(), cpuUs()];
  const { ok, logs, problems } = verifyLedger(openFolder(folder));
  if (!ok) throw new Error(JSON.stringify(problems));
  const leaves = logs.reduce((sum, { size }) => sum + size, 0);
  const [ms, us] = [performance.now() - beginMs, cpuUs() - begin];
  return { leaves, perSecond: Math.round((leaves / ms) * 1_000), perCpuSecond: Math.round((leaves / us) * 1_000_000) };
};

const measure = async (rounds: number): Promise<StagesResult> => {
  const world = await openStagesWorld();
  try {
    const [readUs, decideUs, records]: [number[], number[], { readonly perSecond: number; readonly cpuUs: number }[]] = [[], [], []];
    const identified = world.identify();
    const read = world.read(identified);
    for (let number = -Math.ceil(rounds / 2); number < rounds; number += 1) {
      const reading = usOf(() => world.readAnswer(world.read(identified)));
      const deciding = usOf(() => world.decide(world.identifiedAnew(read)));
      const recording = await recordRound(world);
      if (number < 0) continue;
      readUs.push(reading);
      decideUs.push(deciding);
      records.push(recording);
    }
    await world.closeLedger();
    const verified = Array.from({ length: Math.min(rounds, 5) + 1 }, () => verifyRound(world.ledgerFolder)).slice(1);
    return {
      node: process.version,
      cpu: cpus()[0]?.model ?? 'unknown',
      readUs,
      decideUs,
      records: { perSecond: records.map(({ perSecond }) => perSecond), cpuUs: records.map((each) => each.cpuUs), writers },
      verify: {
        leaves: verified[0]?.leaves ?? 0,
        perSecond: verified.map(({ perSecond }) => perSecond),
        perCpuSecond: verified.map(({ perCpuSecond }) => perCpuSecond),
      },
    };
  } finally {
    world.remove();
  }
};

const { values } = parseArgs({ options: { json: { type: 'boolean', default: false }, rounds: { type: 'string', default: '7' } } });
const result = await measure(Math.max(1, Number.parseInt(values.rounds, 10) || 1));
process.stdout.write(`${JSON.stringify(result, null, values.json ? 2 : 0)}\n`);
