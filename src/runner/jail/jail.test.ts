import assert from 'node:assert/strict';
import { closeSync, fstatSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
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
  const { command, wasOpened } = openJail(orderIn(folder), ['/bin/agent', 'words']);
  const { program, args, furtherStdio } = command;
  assert.deepEqual([program, args[0]], ['/usr/bin/env', '--ignore-signal=INT,QUIT,TSTP,TERM,HUP,USR1,USR2']);
  assert.deepEqual(args.slice(2, 6), ['--args', '7', '--', '/run/sealwright/first']);
  assert.deepEqual(args.slice(6), [
    '/usr/bin/env',
    '--default-signal=INT,QUIT,TSTP,TERM,HUP,USR1,USR2',
    '--unset=NODE_CHANNEL_FD',
    '--unset=NODE_CHANNEL_SERIALIZATION_MODE',
    '--',
    '/bin/agent',
    'words',
  ]);
  const kept = readFileSync(join(folder, 'arguments'), 'utf8').split('\0');
  assert.ok(kept.includes('--unshare-net') && kept.includes('/work'));
  assert.ok(![...args, ...kept].some((word) => word.includes('sw_secret')));
  assert.ok(readFileSync(join(folder, 'calls.bpf')).equals(seccompFilter(process.arch === 'arm64' ? 'arm64' : 'x64')));
  const stdio = stdioWith('inherit', command);
  assert.deepEqual(Array.isArray(stdio) && stdio.slice(0, 5), ['inherit', 'inherit', 'inherit', 'ipc', 'pipe']);
  for (const fd of furtherStdio)
    if (typeof fd === 'number') {
      assert.ok(fstatSync(fd).isFile());
      closeSync(fd);
    }
  assert.equal(wasOpened(), false);
});
