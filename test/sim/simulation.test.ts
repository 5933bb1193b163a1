// The short simulation: 200 seeds, each with a crash at a disk operation of its choosing, every invariant checked all along.
// A seed that breaks one is printed with the command that replays it step by step.

import assert from 'node:assert/strict';
import { inThread } from '../thread.ts';
import { simulate } from './simulation.ts';

const test = inThread(import.meta.url);
const seedsCount = 200;

/** A run in which nothing happens breaks nothing. */
const happened = `
  answered, failed, cut, crash, sealed, tool call released, tool call refused, kept waiting, sent again, left out
  unidentified, malformed, too_large, model_not_permitted, content_not_permitted, not_inspectable, stopped, overloaded
  deadline_exceeded, record_unavailable, outcome_unrecorded, refused slow, refused full, no memory left, no memory left for an answer
  played back, newest segment taken
  tunnel carried, plain request carried, connection cut, connection stopped, connection host_not_permitted
  connection not_permitted, connection not_inspectable, connection deadline_exceeded, connection outcome_unrecorded
  stop pulled, stop lifted, proved again, signed out`
  .split(/[,\n]/)
  .map((what) => what.trim())
  .filter((what) => what !== '');

test('G-RECORD-1, G-RECORD-2, G-RECORD-3, G-RECORD-4, G-RECORD-7, G-DECIDE-2, G-DENIED-1, G-IDENTITY-1, G-INVOKER-2, G-CREDENTIAL-1, G-STOP-1, G-STOP-2, G-NET-1, G-NET-4, G-NET-6: every promise holds over two hundred seeded runs, each with a crash at a write that the seed picks', async () => {
  const broken: string[] = [];
  const counts = new Map<string, number>();
  for (let seed = 1; seed <= seedsCount; seed += 1) {
    const report = await simulate(seed);
    for (const [what, count] of report.counts) counts.set(what, (counts.get(what) ?? 0) + count);
    if (!report.counts.has('crash')) broken.push(`seed ${seed}: nothing crashed`);
    for (const violation of report.violations) broken.push(`seed ${seed}: ${violation} (replay: npm run sim -- --seed ${seed})`);
  }
  assert.deepEqual(broken, []);
  for (const what of happened) assert.ok((counts.get(what) ?? 0) > 0, `${what} never happened`);
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
