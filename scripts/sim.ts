// `npm run sim -- --seed N` replays one simulated run with every step; `--seeds A-B` runs many and prints what breaks; `--mutations` lists the bugs that
// can be planted, and `--mutation NAME` plants one first.
// Ends with 1 when an invariant was broken, 2 when it was called wrongly.

import { parseArgs } from 'node:util';
import { plant, seedsMax } from '../test/sim/mutation.ts';
import { mutations } from '../test/sim/mutations.ts';

const usage = `usage: npm run sim -- --seed N              replays one run, step by step
       npm run sim -- --seeds A-B           runs many and prints what breaks
       npm run sim -- --mutations           lists the bugs that can be planted in the source
       npm run sim -- --mutation NAME [...]  plants the one whose name holds NAME, then runs seeds until one finds it
`;

const say = (line: string): void => void process.stdout.write(`${line}\n`);
const complain = (text: string): never => {
  process.stderr.write(text);
  process.exit(2);
};

// A reader that has seen enough is no error.
process.stdout.on('error', () => process.exit());

const { values } = parseArgs({
  options: { seed: { type: 'string' }, seeds: { type: 'string' }, mutation: { type: 'string' }, mutations: { type: 'boolean' } },
});

if (values.mutations === true) {
  for (const { name, file } of mutations) say(`${name} (src/${file})`);
  process.exit();
}

const wanted = values.mutation;
const found = wanted === undefined ? undefined : mutations.find(({ name }) => name.includes(wanted));
if (wanted !== undefined && found === undefined) complain(`no mutation has ${JSON.stringify(wanted)} in its name\n`);
const range = values.seeds ?? values.seed ?? (found === undefined ? '' : `1-${seedsMax}`);
const [, first, last = first] = /^(\d+)(?:-(\d+))?$/.exec(range) ?? [];
if (first === undefined || last === undefined) complain(usage);

if (found !== undefined) {
  say(`src/${found.file}: ${found.find.trim()}`);
  say(`${' '.repeat(found.file.length + 4)}: ${found.replace.trim()}`);
  plant(found);
}
const { simulate } = await import('../test/sim/simulation.ts');

const told = values.seed === undefined ? undefined : say;
const counts = new Map<string, number>();
let broken = 0;
for (let seed = Number(first); seed <= Number(last); seed += 1) {
  const report = await simulate(seed, told === undefined ? {} : { told });
  for (const [what, count] of report.counts) counts.set(what, (counts.get(what) ?? 0) + count);
  if (report.violations.length > 0) broken += 1;
  for (const violation of report.violations) say(`seed ${seed}: ${violation}`);
  if (told !== undefined) say(`seed ${seed}: ${report.steps} steps, ${report.lives} lives, ${report.virtualMs} ms of virtual time`);
  if (found !== undefined && broken > 0) break;
}
say([...counts].map(([what, count]) => `${what} ${count}`).join(', '));
process.exitCode = broken > 0 ? 1 : 0;
