// The short simulation: 200 seeds, each with a crash at a disk operation of its choosing, every invariant checked all along.
// A seed that breaks one is printed with the command that replays it step by step.

import assert from 'node:assert/strict';
import { inThread } from '../thread.ts';
import { simulate } from './simulation.ts';

const test = inThread(import.meta.url);
const seedsCount = 200;

test('G-RECORD-1, G-RECORD-2, G-RECORD-3, G-RECORD-4, G-DECIDE-2: every promise holds over two hundred seeded runs, each with a crash at a write that the seed picks', async () => {
  const broken: string[] = [];
  const counts = new Map<string, number>();
  for (let seed = 1; seed <= seedsCount; seed += 1) {
    const report = await simulate(seed);
    for (const [what, count] of report.counts) counts.set(what, (counts.get(what) ?? 0) + count);
    if (!report.counts.has('crash')) broken.push(`seed ${seed}: nothing crashed`);
    for (const violation of report.violations) broken.push(`seed ${seed}: ${violation} (replay: npm run sim -- --seed ${seed})`);
  }
  assert.deepEqual(broken, []);
  // A run in which nothing happens breaks nothing.
  const happened = ['answered', 'failed', 'cut', 'crash', 'sealed', 'tool call released', 'tool call refused', 'model_not_permitted'];
  for (const what of [
    ...happened,
    'unidentified',
    'malformed',
    'deadline_exceeded',
    'record_unavailable',
    'outcome_unrecorded',
    'refused slow',
    'refused full',
    'not_inspectable',
  ])
    assert.ok((counts.get(what) ?? 0) > 0, `${what} never happened`);
});

test('a seed gives the same history each time', async () => {
  const history = async (): Promise<readonly string[]> => {
    const lines: string[] = [];
    await simulate(11, { told: (line) => void lines.push(line) });
    return lines;
  };
  const first = await history();
  assert.ok(first.length > 100);
  assert.deepEqual(await history(), first);
});
