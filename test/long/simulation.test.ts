// Thousands of seeds of the simulation, every promise watched all along; a quarter of an hour. `npm run sim -- --seed N` replays one.

import assert from 'node:assert/strict';
import { simulate } from '../sim/simulation.ts';
import { inThread } from '../thread.ts';

const test = inThread(import.meta.url);
const first = 201;
const last = 6_200;

test(`every promise holds over seeds ${first} to ${last}`, async () => {
  const broken: string[] = [];
  for (let seed = first; seed <= last; seed += 1)
    for (const violation of (await simulate(seed)).violations) broken.push(`seed ${seed}: ${violation}`);
  assert.deepEqual(broken, []);
});
