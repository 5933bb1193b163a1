import assert from 'node:assert/strict';
import { test } from 'node:test';

import { createTestIo } from '../../test/command-io.ts';
import { createProgress } from './progress.ts';

const onTerminal = () => {
  const io = createTestIo({ isTerminal: { stdin: false, stdout: false, stderr: true } });
  const pass = (ms: number): void => void io.clock.after(ms, () => undefined);
  return { io, pass };
};

test('progress shows on a terminal and is erased at the end', () => {
  const { io, pass } = onTerminal();
  const progress = createProgress(io, 'verifying', 'records');
  pass(200);
  progress.update(50, 200);
  pass(200);
  progress.update(60);
  progress.end();
  progress.end();
  assert.equal(io.written().stderr, '\r\u001B[Kverifying: 50 of 200 records (25%)\r\u001B[Kverifying: 60 records\r\u001B[K');
});

test('progress is written at most ten times a second and never for short work', () => {
  const { io, pass } = onTerminal();
  const progress = createProgress(io, 'verifying', 'records');
  for (let ms = 0; ms < 99; ms++) {
    progress.update(ms, 100);
    pass(1);
  }
  progress.end();
  assert.equal(io.written().stderr, '');
});

test('without a terminal nothing is written', () => {
  const io = createTestIo();
  const progress = createProgress(io, 'verifying', 'records');
  io.clock.after(1_000, () => undefined);
  progress.update(1, 2);
  progress.end();
  assert.deepEqual(io.written(), { stdout: '', stderr: '' });
});
