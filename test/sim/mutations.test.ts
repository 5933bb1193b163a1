// Bugs of one line planted in the source: each row of the table still fits the source, and a few of them are found at each run.
// `npm run test:long` finds them all; `npm run sim -- --mutation NAME` hunts for one.

import assert from 'node:assert/strict';
import { stripTypeScriptTypes } from 'node:module';
import { test } from 'node:test';
import { hunt } from './hunts.ts';
import { mutated } from './mutation.ts';
import { mutations } from './mutations.ts';

test('each mutation changes one line that stands in its file exactly once, and what comes of it is still a program', () => {
  for (const mutation of mutations) {
    assert.ok(!mutation.find.trim().includes('\n'), mutation.name);
    assert.doesNotThrow(() => stripTypeScriptTypes(mutated(mutation)), mutation.name);
  }
});

test('no two mutations have one name', () => {
  assert.equal(new Set(mutations.map(({ name }) => name)).size, mutations.length);
});

/** Those that are found within a few seeds: the hunt itself is tested here, and all of them in the long tests. */
const atEachRun = [
  'a credential in a record',
  'a credential that outlives its invocation',
  'a journal that is not synced',
  'a stop that its author lifts',
];

for (const name of atEachRun)
  test(`the simulation finds ${name}`, async () => {
    const mutation = mutations.find((each) => each.name === name);
    assert.ok(mutation !== undefined);
    const { seed, broken } = await hunt(mutation);
    assert.notEqual(seed, null, `not found; broken were ${JSON.stringify(broken)}`);
  });
