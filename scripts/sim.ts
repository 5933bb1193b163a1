// `npm run sim -- --seed N` replays one simulated run with every step; `--seeds A-B` runs many and prints what breaks.
// Ends with 1 when an invariant was broken, 2 when it was called wrongly.

import { parseArgs } from 'node:util';
import { simulate, type Report } from '../test/sim/simulation.ts';

const say = (line: string): void => void process.stdout.write(`${line}\n`);

const { values } = parseArgs({ options: { seed: { type: 'string' }, seeds: { type: 'string' } } });
const [, first, last = first] = /^(\d+)(?:-(\d+))?$/.exec(values.seeds ?? values.seed ?? '') ?? [];

if (first === undefined || last === undefined) {
  process.stderr.write('usage: npm run sim -- --seed N | --seeds A-B\n');
  process.exit(2);
}

// A reader that has seen enough is no error.
process.stdout.on('error', () => process.exit());

const told = values.seed === undefined ? undefined : say;
const counts = new Map<string, number>();
let broken = 0;
for (let seed = Number(first); seed <= Number(last); seed += 1) {
  const report: Report = await simulate(seed, told === undefined ? {} : { told });
  for (const [what, count] of report.counts) counts.set(what, (counts.get(what) ?? 0) + count);
  if (report.violations.length > 0) broken += 1;
  for (const violation of report.violations) say(`seed ${seed}: ${violation}`);
  if (told !== undefined) say(`seed ${seed}: ${report.steps} steps, ${report.lives} lives, ${report.virtualMs} ms of virtual time`);
}
say([...counts].map(([what, count]) => `${what} ${count}`).join(', '));
process.exitCode = broken > 0 ? 1 : 0;
