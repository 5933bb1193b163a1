// The fuzzer finds what it is there to find: each bug of the table, put into the source while it is loaded, within what a build gives it.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { test } from 'node:test';
import { root } from '../project-files.ts';
import { plantedBugs } from './planted.ts';
import { runSession } from './session.ts';

const executionsMax = 20_000;
/** As long as an input may take before it counts as one that never ends. */
const inputMs = 5_000;

test('every planted bug changes one place of the source', () => {
  for (const { name, file, right, wrong } of plantedBugs) {
    const source = readFileSync(`${root}${file}`, 'utf8');
    assert.equal(source.split(right).length, 2, name);
    assert.notEqual(source.replace(right, wrong), source);
  }
  assert.equal(new Set(plantedBugs.map(({ name }) => name)).size, plantedBugs.length);
});

test('every planted bug is found within the inputs that a build tries, from one seed', async () => {
  const orders = plantedBugs.map(({ name, target }) => ({
    target,
    planted: name,
    seed: 1,
    ms: Infinity,
    executionsMax,
    quick: true,
    keep: false,
  }));
  const missed = new Set(plantedBugs.map(({ name }) => name));
  const reports = await runSession({ orders, threadsCount: availableParallelism(), inputMs });
  for (const { planted, failures } of reports) if (failures.length > 0) missed.delete(planted ?? '');
  assert.deepEqual([...missed], []);
});

test('without a planted bug the same search finds nothing, and two searches from one seed are the same', async () => {
  const order = { target: 'destination', planted: null, seed: 1, ms: Infinity, executionsMax: 3_000, quick: true, keep: false };
  const reports = await runSession({ orders: [order, order], threadsCount: 2 });
  const [first, second] = reports;
  assert.deepEqual(first, second);
  assert.deepEqual(first?.failures, []);
  assert.ok((first?.inputsCount ?? 0) > 20, 'inputs that lead further are kept');
});
