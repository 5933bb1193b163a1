// Every bug of `test/sim/mutations.ts` is found by the simulation, each in a process of its own. Minutes.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hunt } from '../sim/hunts.ts';
import { seedsMax } from '../sim/mutation.ts';
import { mutations } from '../sim/mutations.ts';

for (const mutation of mutations)
  test(`the simulation finds ${mutation.name} within ${seedsMax} seeds`, async () => {
    const { seed, broken } = await hunt(mutation);
    assert.notEqual(seed, null, `${mutation.rule} was not broken; these were: ${JSON.stringify(broken)}`);
  });
