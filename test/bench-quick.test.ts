// One question of the benchmarks from end to end, as `npm run bench -- --quick` asks it: whole processes, a real ledger, short rounds.
// Peers that are not installed are left out and named; no figure is judged here.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { answerOf } from '../bench/page/answers.ts';
import { readResults } from '../bench/results.ts';
import { root } from './project-files.ts';

const bench = (args: readonly string[]): Promise<{ readonly code: number | null; readonly said: string }> =>
  new Promise((resolve) => {
    const child = spawn(process.execPath, [`${root}bench/bench.ts`, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    let said = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => void (said += chunk.toString()));
    child.on('close', (code) => resolve({ code, said }));
  });

test('a quick run of the throughput question keeps every round of each contender, without an error', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'sealwright-bench-test-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const out = join(folder, 'results.json');
  const { code, said } = await bench(['--quick', '--only', 'throughput', '--out', out]);
  assert.equal(code, 0, said);
  const results = readResults(out);
  const answer = answerOf(results, 'throughput');
  const cells = answer?.cells ?? [];
  assert.deepEqual(
    cells.map(({ cell }) => cell.streaming),
    [false, true],
  );
  for (const { sides, firstErrors } of cells) {
    assert.deepEqual(firstErrors, {});
    for (const side of ['undici proxy', 'envelope', ...Object.keys(sides)]) {
      const rounds = sides[side] ?? [];
      assert.equal(rounds.length, 2, side);
      assert.ok(
        rounds.every(({ requests, perSecond, p99Ms, p50Ms }) => requests > 0 && perSecond > 0 && p99Ms >= p50Ms && p50Ms > 0),
        side,
      );
    }
  }
  const there = [...Object.keys(cells[0]?.sides ?? {}), ...Object.keys(answer?.missing ?? {})].toSorted();
  assert.deepEqual(there, ['Portkey', 'Portkey, with a guardrail', 'envelope', 'nginx', 'nginx, with a log', 'undici proxy']);
  assert.equal(results.questions['throughput']?.quick, true);
});

test('a question that there is not is said, and nothing is asked', async () => {
  const { code, said } = await bench(['--only', 'nothing']);
  assert.equal(code, 2);
  assert.match(said, /There is no nothing\. There are: throughput, latency, /);
});
