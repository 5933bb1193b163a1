import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { startAgent } from './agent-process.ts';
import type { AgentExit } from './agent-process.ts';

const start = { cwd: '/', env: { PATH: '/usr/bin:/bin' }, stdio: 'ignore', onResume: () => undefined } as const;

/** Runs `script`, which makes the file `$0` when it is ready, and stops it then. */
const stopped = async (t: TestContext, script: string, stopMs: number): Promise<AgentExit> => {
  const folder = mkdtempSync(join(tmpdir(), 'sw-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const ready = join(folder, 'ready');
  const agent = startAgent({ ...start, stopMs, executable: '/bin/sh', args: ['-c', script, ready] });
  while (!existsSync(ready)) await pause(5);
  agent.stop();
  const exit = await agent.exited;
  agent.release();
  return exit;
};

test('an agent that ignores SIGTERM is killed', async (t) => {
  const script = `trap '' TERM; : > "$0"; while :; do sleep 0.05; done`;
  assert.deepEqual(await stopped(t, script, 50), { exitCode: null, signal: 'SIGKILL' });
});

test('an agent that is suspended sees that it is to end', async (t) => {
  assert.deepEqual(await stopped(t, ': > "$0"; kill -STOP $; exec sleep 60', 60_000), { exitCode: null, signal: 'SIGTERM' });
});

test('arguments that the system refuses are told, not thrown', async () => {
  const agent = startAgent({ ...start, stopMs: 50, executable: '/bin/true', args: ['x'.repeat(16 * 1024 * 1024)] });
  const exit = await agent.exited;
  agent.release();
  assert.ok('notStarted' in exit && exit.notStarted === 126 && exit.problem.includes('E2BIG'));
});

test('the listeners for signals go when they are released', async () => {
  const count = (): number => process.listenerCount('SIGTERM') + process.listenerCount('SIGINT') + process.listenerCount('SIGCONT');
  const before = count();
  const agent = startAgent({ ...start, stopMs: 50, executable: '/bin/true', args: [] });
  assert.equal(count(), before + 3);
  assert.deepEqual(await agent.exited, { exitCode: 0, signal: null });
  agent.release();
  assert.equal(count(), before);
});
