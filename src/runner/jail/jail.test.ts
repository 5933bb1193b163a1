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
import { test, type TestContext } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import type { Jail, JailOrder } from './jail.ts';
import { folderIdentity, openJail, stdioWith } from './jail.ts';
import { seccompFilter } from './seccomp.ts';

const orderIn = (folder: string): JailOrder => ({
  workspace: '/',
  cwd: '/work',
  writable: [],
  readable: [],
  hidden: [],
  sockets: [],
  home: { outside: '/outside', inside: '/inside' },
  temporary: '/temporary',
  ownFiles: {},
  folder,
  standing: { cwd: folderIdentity(folder), folders: new Map([['/', folderIdentity('/')]]) },
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
  assert.ok(kept.includes('--unshare-net') && kept[kept.indexOf('--chdir') + 1] === '/work');
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
  const closed = once(gone, 'close');
  await once(gone, 'exit');
  attach(gone);
  await closed;
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

interface Opening {
  readonly jail: Jail;
  readonly child: ChildProcess;
  readonly word: PassThrough;
  readonly status: PassThrough;
  /** What stands for the first process of the jail, with one child that waits in `cwd`. */
  readonly first: ChildProcess;
  readonly firstEnded: Promise<readonly unknown[]>;
}

const endGroup = ({ pid = 0 }: ChildProcess): void => {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended.
  }
};

/** A jail as this process sees it that is opening: nothing was handed over yet. */
const opening = async (t: TestContext, standingIn: 'the folder' | 'another'): Promise<Opening> => {
  const folder = mkdtempSync(join(tmpdir(), 'sealwright-jail-'));
  const jail = openJail(orderIn(folder), ['/bin/agent']);
  const [word, status] = [new PassThrough(), new PassThrough()];
  const child = Object.assign(new EventEmitter(), {
    stdio: [null, null, null, null, word, null, status],
    kill: () => assert.fail('it is not killed'),
    disconnect: () => undefined,
  }) as unknown as ChildProcess;
  jail.attach(child);
  const first = spawn('sh', ['-c', 'sleep 60 & echo ready; wait $!'], {
    cwd: standingIn === 'the folder' ? folder : tmpdir(),
    stdio: ['ignore', 'pipe', 'ignore'],
    detached: true,
  });
  const firstEnded = once(first, 'exit');
  await once(first.stdout, 'data');
  t.after(() => {
    endGroup(first);
    child.emit('exit', 0, null);
    jail.close();
    rmSync(folder, { recursive: true });
  });
  return { jail, child, word, status, first, firstEnded };
};

const reportOf = ({ pid }: ChildProcess): string => `${JSON.stringify({ 'child-pid': pid })}\n`;

test('an agent begins only when its doors were handed over and it is known which process is its jail, and signals reach it then', async (t) => {
  for (const isReportedFirst of [true, false]) {
    const { jail, child, word, status, first, firstEnded } = await opening(t, 'the folder');
    const steps = [() => void status.write(reportOf(first)), () => void child.emit('message', { port: 7420 }, createServer())];
    for (const step of isReportedFirst ? steps : steps.toReversed()) {
      assert.equal(jail.wasOpened(), false);
      step();
      await pause(20);
    }
    assert.deepEqual([jail.wasOpened(), jail.wasElsewhere(), String(word.read())], [true, false, '.']);
    jail.signal(child, 'SIGTERM');
    assert.deepEqual(await firstEnded, [128 + 15, null]);
  }
});

test('G-JAIL-1: an agent does not begin where its jail holds another folder than the one that was asked for', async (t) => {
  const { jail, child, word, status, first } = await opening(t, 'another');
  status.write(reportOf(first));
  child.emit('message', { port: 7420 }, createServer());
  await pause(20);
  assert.deepEqual([jail.wasOpened(), jail.wasElsewhere(), word.destroyed, word.read()], [false, true, true, null]);
});

test('an agent does not begin where nobody knows whether it stands in the folder, nor behind the end of what stands around it', async (t) => {
  const gone = await opening(t, 'the folder');
  endGroup(gone.first);
  await gone.firstEnded;
  gone.status.write(reportOf(gone.first));
  gone.child.emit('message', { port: 7420 }, createServer());
  await pause(20);
  assert.deepEqual([gone.jail.wasOpened(), gone.jail.wasElsewhere(), gone.word.destroyed], [false, true, true]);
  const late = await opening(t, 'the folder');
  late.child.emit('message', { port: 7420 }, createServer());
  late.child.emit('exit', 1, null);
  late.status.write(reportOf(late.first));
  await pause(20);
  assert.deepEqual([late.jail.wasOpened(), late.word.destroyed], [false, true]);
});

test('a jail has ended only when its first process has', { timeout: 20_000 }, async (t) => {
  const { jail, child, status, first } = await opening(t, 'the folder');
  assert.equal(await jail.ended(), true, 'before there is one');
  status.write(reportOf(first));
  child.emit('message', { port: 7420 }, createServer());
  await pause(20);
  child.emit('exit', 0, null);
  let over = false;
  const waited = jail.ended().then((whole) => {
    over = true;
    return whole;
  });
  await pause(100);
  assert.equal(over, false, 'the first process is there still');
  endGroup(first);
  assert.equal(await waited, true);
});
