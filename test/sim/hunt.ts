// A process of its own for one mutation: runs seeds until its rule is broken and says at which, or all rules that were broken instead.
// Called with the mutation as JSON. Prints one line of JSON; `seed` is null when the last seed was reached.

import type { Mutation } from './mutation.ts';
import { plant, seedsMax } from './mutation.ts';

const mutation = JSON.parse(process.argv[2] ?? '') as Mutation;
plant(mutation);
const { simulate } = await import('./simulation.ts');

const broken = new Map<string, number>();
let seed: number | null = null;
for (let next = 1; seed === null && next <= seedsMax; next += 1) {
  const { violations } = await simulate(next);
  for (const violation of violations) {
    const rule = violation.slice(0, violation.indexOf(': '));
    if (!broken.has(rule)) broken.set(rule, next);
    if (rule === mutation.rule) seed ??= next;
  }
}
process.stdout.write(`${JSON.stringify({ seed, broken: Object.fromEntries(broken) })}\n`);
