import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import type { JailOrder } from './jail.ts';
import { openJail, stdioWith } from './jail.ts';
import { seccompFilter } from './seccomp.ts';

const orderIn = (folder: string): JailOrder => ({
  workspace: '/work',
  cwd: '/work',
  writable: [],
  readable: [],
  hidden: [],
  sockets: [],
  home: { outside: '/outside', inside: '/inside' },
  temporary: '/temporary',
  ownFiles: {},
  folder,
  doors: { model: 'http://127.0.0.1:7420' },
  credential: 'sw_secret',
});

test('what a jail is started with names no credential, hides its own list, and has descriptors for nothing else', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'sealwright-jail-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const { command, wasOpened } = openJail({ ...orderIn(folder), ownFiles: { '/etc/hosts': 'of names' } }, ['/bin/agent', 'words']);
  const { program, args, furtherStdio, handed } = command;
  assert.deepEqual([program, args[0]?.split('/').at(-1)], [join(folder, 'deaf'), 'bwrap']);
  assert.deepEqual(args.slice(1), ['--args', '7', '--', '/run/sealwright/first', '/bin/agent', 'words']);
  const [filter, own, words] = [5, 8, 7].map((fd) => handed.get(fd));
  const kept = String(words).split('\0');
  assert.ok(kept.includes('--unshare-net') && kept.includes('/work'));
  for (const name of ['NODE_CHANNEL_FD', 'NODE_CHANNEL_SERIALIZATION_MODE']) assert.equal(kept[kept.indexOf(name) - 1], '--unsetenv');
  assert.ok(![...args, ...kept].some((word) => word.includes('sw_secret')));
  assert.deepEqual(filter, seccompFilter(process.arch === 'arm64' ? 'arm64' : 'x64'));
  assert.equal(own, 'of names');
  assert.deepEqual(kept.slice(kept.indexOf('--ro-bind-data'), kept.indexOf('--ro-bind-data') + 3), ['--ro-bind-data', '8', '/etc/hosts']);
  assert.deepEqual(readdirSync(folder).toSorted(), ['deaf', 'first'], 'nothing else lies in a file');
  assert.deepEqual(stdioWith('inherit', command), ['inherit', 'inherit', 'inherit', 'ipc', ...furtherStdio.slice(1).map(() => 'pipe')]);
  assert.equal(furtherStdio.length, 6);
  assert.equal(wasOpened(), false);
});

test('what bubblewrap reads is given to it to the end, also where it has ended meanwhile', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'sealwright-jail-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const { command, attach } = openJail({ ...orderIn(folder), ownFiles: { '/etc/hosts': 'of names', '/etc/none': '' } }, ['/bin/agent']);
  const script = 'cat <&7 | tr "\\0" " "; cat <&8; cat <&9; wc -c <&5';
  const reading = spawn('sh', ['-c', script], { stdio: ['ignore', 'pipe', 'ignore', ...command.furtherStdio] });
  attach(reading);
  const said = await text(reading.stdout ?? assert.fail());
  assert.match(said, /^--unshare-user .* NODE_CHANNEL_SERIALIZATION_MODE of names\d+\n$/);
  assert.equal(Number(/\d+$/m.exec(said)?.[0]), command.handed.get(5)?.length);
  const gone = spawn('true', [], { stdio: ['ignore', 'ignore', 'ignore', ...command.furtherStdio] });
  await once(gone, 'exit');
  attach(gone);
  await once(gone, 'close');
});

test('a signal before there is an agent lets the jail come to its own end, and does not kill what is opening it', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'sealwright-jail-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const { attach, signal } = openJail(orderIn(folder), ['/bin/agent']);
  const word = new PassThrough();
  const killed: unknown[] = [];
  const child = Object.assign(new EventEmitter(), {
    stdio: [null, null, null, null, word, null, new PassThrough()],
    kill: (with_: unknown) => killed.push(with_),
  }) as unknown as ChildProcess;
  attach(child);
  signal(child, 'SIGCONT');
  assert.equal(word.destroyed, false);
  signal(child, 'SIGTERM');
  assert.deepEqual([word.destroyed, killed], [true, []]);
  signal(child, 'SIGKILL');
  assert.deepEqual(killed, ['SIGKILL']);
  child.emit('exit', 125, null);
});

test('a signal for an agent that has begun is kept until it is known which process is its jail', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'sealwright-jail-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const { attach, signal, close } = openJail(orderIn(folder), ['/bin/agent']);
  const [word, status] = [new PassThrough(), new PassThrough()];
  const child = Object.assign(new EventEmitter(), {
    stdio: [null, null, null, null, word, null, status],
    kill: () => assert.fail('it is not killed'),
    disconnect: () => undefined,
  }) as unknown as ChildProcess;
  attach(child);
  const server = createServer();
  child.emit('message', { port: 7420 }, server);
  const outside = spawn('sh', ['-c', 'sleep 60 & echo ready; wait $!'], { stdio: ['ignore', 'pipe', 'ignore'] });
  const ended = once(outside, 'exit');
  await once(outside.stdout, 'data');
  signal(child, 'SIGTERM');
  status.write(`${JSON.stringify({ 'child-pid': outside.pid })}\n`);
  assert.deepEqual(await ended, [128 + 15, null]);
  child.emit('exit', 0, null);
  close();
});

test(
  'a jail has ended only when its first process has, also where bubblewrap was gone before its report was read',
  { timeout: 20_000 },
  async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'sealwright-jail-'));
    t.after(() => rmSync(folder, { recursive: true }));
    const { attach, ended, close } = openJail(orderIn(folder), ['/bin/agent']);
    t.after(close);
    const status = new PassThrough();
    const child = Object.assign(new EventEmitter(), {
      stdio: [null, null, null, null, new PassThrough(), null, status],
      kill: () => assert.fail('it is not killed'),
      disconnect: () => undefined,
    }) as unknown as ChildProcess;
    attach(child);
    child.emit('message', { port: 7420 }, createServer());
    child.emit('exit', 0, null);
    let over = false;
    const waited = ended().then((whole) => {
      over = true;
      return whole;
    });
    const first = spawn('sh', ['-c', 'echo ready; exec sleep 60'], { stdio: ['ignore', 'pipe', 'ignore'] });
    await once(first.stdout, 'data');
    assert.equal(over, false, 'what was not said yet is waited for');
    status.end(`${JSON.stringify({ 'child-pid': first.pid })}\n`);
    await once(status, 'close');
    await pause(100);
    assert.equal(over, false, 'the first process is there still');
    first.kill('SIGKILL');
    assert.equal(await waited, true);
  },
);
