// The systemd unit judged by systemd's own tools, and its filter of system calls by what an envelope under traffic really calls.
// Needs Linux, systemd-analyze and strace; without them it fails. No systemd runs it here: that it starts is not tried.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';

import { root } from '../project-files.ts';

const scratch = mkdtempSync(join(tmpdir(), 'sealwright-unit-'));
after(() => rmSync(scratch, { recursive: true, force: true }));

/** On systemd's scale from 0 to 10, where 10 is exposed to everything. */
const exposureMax = 1.5;
const program = '/usr/local/bin/sealwright';
const text = readFileSync(`${root}deploy/systemd/sealwright.service`, 'utf8');

const ran = (command: string, ...argv: readonly string[]) => spawnSync(command, argv, { encoding: 'utf8', timeout: 120_000 });

/** The unit with the program and the page where they are here. */
const unitWith = (name: string, edit: (unit: string) => string = (unit) => unit): string => {
  const path = join(scratch, name);
  writeFileSync(
    path,
    edit(text.replaceAll(program, `${root}bin/sealwright`).replace(/^Documentation=.*$/m, `Documentation=file:${root}docs/operate.md`)),
  );
  return path;
};

test('systemd understands every line of the unit', () => {
  const { status, stderr } = ran('systemd-analyze', 'verify', unitWith('sealwright.service'));
  assert.deepEqual([status, stderr], [0, '']);
  const wrong = ran(
    'systemd-analyze',
    'verify',
    unitWith('wrong.service', (unit) => unit.replace('ProtectSystem=', 'ProtektSystem=')),
  );
  assert.match(wrong.stderr, /ProtektSystem/);
});

test('the unit exposes little, and less than one without its hardening', () => {
  const security = (path: string) =>
    ran('systemd-analyze', 'security', '--offline=true', '--no-pager', `--threshold=${exposureMax * 10}`, path);
  const { status, stdout, stderr } = security(unitWith('sealwright.service'));
  assert.equal(status, 0, `${stderr}${stdout.split('\n').slice(-3).join('\n')}`);
  assert.notEqual(
    security(unitWith('bare.service', (unit) => unit.replace(/^(?:Private|Protect|Restrict|SystemCall)\w+=.*$/gm, ''))).status,
    0,
  );
});

test('the user and the folders of the unit are what systemd reads from the files beside it', () => {
  const users = join(scratch, 'sealwright.conf');
  writeFileSync(users, readFileSync(`${root}deploy/systemd/sealwright.sysusers`));
  const { status, stderr } = ran('systemd-sysusers', '--dry-run', users);
  assert.equal(status, 0, stderr);
  assert.match(stderr, /Would create|Creating|sealwright/i);
  const folders = join(scratch, 'root');
  const made = ran('systemd-tmpfiles', '--create', `--root=${folders}`, `${root}deploy/systemd/sealwright.tmpfiles`);
  assert.doesNotMatch(made.stderr, /Unknown|invalid/i);
});

/** Names in a set of systemd, sets in sets opened. */
const callsIn = (set: string): readonly string[] => {
  const { stdout } = ran('systemd-analyze', 'syscall-filter', '--no-pager', set);
  const names = stdout
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => /^[a-z0-9_@-]+$/.test(line) && line !== set);
  return names.flatMap((name) => (name.startsWith('@') ? callsIn(name) : [name]));
};

/** What is called all the time; to stop at each of them would take long. */
const frequent = [
  'futex',
  'read',
  'write',
  'epoll_wait',
  'epoll_pwait',
  'mmap',
  'munmap',
  'mprotect',
  'madvise',
  'openat',
  'close',
  'statx',
  'pread64',
  'pwrite64',
  'lseek',
  'getpid',
];

test('every system call of an envelope under traffic passes the filter of the unit', () => {
  const allowed = new Set<string>();
  for (const [, deny, sets = ''] of text.matchAll(/^SystemCallFilter=(~?)(.*)$/gm))
    for (const call of sets.split(' ').flatMap(callsIn))
      if (deny === '~') allowed.delete(call);
      else allowed.add(call);
  assert.ok(allowed.size > 100, `only ${allowed.size} calls are allowed`);
  const trace = join(scratch, 'trace');
  const data = join(scratch, 'data');
  const argv = [
    '-f',
    '-qq',
    '--seccomp-bpf',
    '-e',
    `trace=!${frequent.join(',')}`,
    '-e',
    'signal=none',
    '-o',
    trace,
    `${root}bin/sealwright`,
    'demo',
    '--once',
    '--data',
    data,
  ];
  const { status, stderr } = ran('strace', ...argv, '--port', '0', '--network-port', '0', '--admin-port', '0');
  assert.equal(status, 0, stderr);
  const called = new Set([...readFileSync(trace, 'utf8').matchAll(/^\d+ +([a-z0-9_]+)\(/gm)].map(([, name]) => name ?? ''));
  for (const name of frequent) assert.ok(allowed.has(name), name);
  assert.ok(called.size > 30, `only ${called.size} calls seen`);
  assert.deepEqual(
    [...called].filter((name) => !allowed.has(name)),
    [],
  );
});
