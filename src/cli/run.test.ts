import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { runCli } from './cli.ts';
import type { CommandIo } from './command.ts';
import { run } from './run.ts';

interface Said {
  readonly exit: number;
  readonly stdout: string;
  readonly stderr: string;
}

const say = async (t: TestContext, ...argv: string[]): Promise<Said> => {
  const folder = mkdtempSync(join(tmpdir(), 'sw-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  let stdout = '';
  let stderr = '';
  const io: CommandIo = {
    stdout: { write: (text) => (stdout += text) },
    stderr: { write: (text) => (stderr += text) },
    isTerminal: { stdin: false, stdout: false, stderr: false },
    columns: null,
    environment: { PATH: '/usr/bin:/bin', HOME: folder, XDG_RUNTIME_DIR: join(folder, 'run') },
    cwd: folder,
    platform: process.platform,
    version: '0.0.0',
    packageFolder: folder,
    clock: { wallMs: Date.now, monotonicMs: () => performance.now(), after: () => () => undefined },
    random: { bytes: (count) => new Uint8Array(count) },
    onInterrupt: () => () => undefined,
  };
  const exit = await runCli([{ name: 'run', load: async () => run }], ['run', ...argv], io);
  return { exit, stdout, stderr };
};

test('run without a command, with a name that is none, or with a long task is a usage error', async (t) => {
  for (const argv of [
    [],
    ['--'],
    ['--agent', 'a b', '--', 'true'],
    ['--role', '', '--', 'true'],
    ['--task', 'x'.repeat(501), '--', 'true'],
  ]) {
    const { exit, stdout, stderr } = await say(t, ...argv);
    assert.deepEqual([exit, stdout], [2, ''], argv.join(' '));
    assert.match(stderr, /^sealwright: /);
  }
});

test('run without an envelope ends with 3 and says how to start one', async (t) => {
  const control = ['--control', '/nonexistent/control.sock'];
  const { exit, stdout, stderr } = await say(t, ...control, '--', 'true');
  assert.deepEqual([exit, stdout], [3, '']);
  assert.match(stderr, /sealwright up/);
  const machine = await say(t, '--json', ...control, '--', 'true');
  const { code, next } = (JSON.parse(machine.stderr) as { error: { code: string; next: string } }).error;
  assert.equal(code, 'unreachable');
  assert.match(next, /^Start one with `sealwright up`/);
});

test('run names a control plane that can never be one with its own exit code, and says what to do', async (t) => {
  for (const none of ['http://127.0.0.1:1', '/etc/passwd']) {
    const { exit, stderr } = await say(t, '--json', '--control', none, '--', 'true');
    assert.equal(exit, 125);
    assert.match((JSON.parse(stderr) as { error: { next: string } }).error.next, /^Name .*--control/, none);
  }
});

test('run of a program that is not there ends with 127, and its options are not ours', async (t) => {
  const { exit, stderr } = await say(t, '--', 'absent-program', '--json', '--help');
  assert.equal(exit, 127);
  assert.match(stderr, /absent-program/);
});

test('control characters of a name do not reach the terminal as such, nor what would reorder it', async (t) => {
  const { stderr } = await say(t, '--', 'absent\u001B[31m\u202E/x');
  assert.match(stderr, /absent/);
  for (const character of ['\u001B', '\u202E']) assert.ok(!stderr.includes(character));
});
