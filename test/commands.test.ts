// The table of commands as a whole: every row loads, and what it declares is whole and consistent, because help, completion and the
// reference page are written from it. Also the real process: what it prints, how fast it may be loaded, how it ends.

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

import { commandHelp } from '../src/cli/help.ts';
import { commands } from '../src/main.ts';
import { root } from './project-files.ts';

const all = await Promise.all(commands.map(async (row) => ({ row, command: await row.load() })));
const bin = `${root}bin/sealwright`;

test('every command loads under the name of its row, and no name stands twice', () => {
  assert.ok(all.length >= 16, `only ${all.length} commands seen`);
  for (const { row, command } of all) assert.equal(command.name, row.name);
  assert.equal(new Set(all.map(({ row }) => row.name)).size, all.length);
});

test('no command is also the first word of a group', () => {
  const groups = new Set(all.flatMap(({ row }) => (row.name.includes(' ') ? [row.name.split(' ')[0]] : [])));
  assert.deepEqual(
    all.filter(({ row }) => groups.has(row.name)).map(({ row }) => row.name),
    [],
  );
});

test('summaries are one line without a full stop, and options are described, named in kebab-case and given once', () => {
  for (const { command } of all) {
    assert.match(command.summary, /^[A-Z][^\n]{5,70}[^.\n]$/, command.name);
    const names = command.options.map(({ name }) => name);
    assert.equal(new Set([...names, 'json', 'help']).size, names.length + 2, command.name);
    for (const { name, describe, type, value } of command.options) {
      assert.match(name, /^[a-z][a-z-]+$/, command.name);
      assert.match(describe, /^[A-Z].*[^.]$/s, `${command.name} --${name}`);
      assert.equal(value !== undefined, type === 'text', `${command.name} --${name}`);
    }
  }
});

test('every command has an example, and every example calls a command that exists with options that it has', () => {
  for (const { command } of all) {
    assert.ok(command.examples.length > 0, command.name);
    for (const { line, does } of command.examples) {
      assert.ok(does.length > 5 && !does.endsWith('.'), `${command.name}: ${does}`);
      const called = /\bsealwright ((?:[a-z]+(?:-[a-z]+)* ?){1,2})/.exec(line)?.[1]?.trim() ?? '';
      const found = all.find(({ row }) => called === row.name) ?? all.find(({ row }) => called.split(' ')[0] === row.name);
      assert.ok(found, `${command.name}: ${line}`);
      const own = (line.split(/ -- |\||>/)[0] ?? '').matchAll(/--([a-z-]+)/g);
      for (const [, option] of own) {
        assert.ok(
          ['json', 'help', ...found.command.options.map(({ name }) => name)].includes(option ?? ''),
          `${command.name}: ${line} (--${option})`,
        );
      }
    }
  }
});

test('the help of every command fits a terminal of 80 columns', () => {
  for (const { command } of all)
    for (const line of (commandHelp(command, 80).split('\nExamples:\n')[0] ?? '').split('\n'))
      assert.ok(line.length <= 80, `${command.name}: ${line}`);
});

test('the process answers version and help and ends with the exit code of what it was asked', () => {
  const call = (...argv: readonly string[]) => spawnSync(bin, argv, { encoding: 'utf8', cwd: '/' });
  assert.match(call('version').stdout, /^sealwright \d/);
  const help = call('help');
  assert.equal(help.status, 0);
  for (const { row } of all) assert.ok(help.stdout.includes(row.name));
  assert.equal(call('no-such-command').status, 2);
});

test('a bug in what no command waits for is told as a bug, without a stack trace', () => {
  const bug =
    "const timer = setInterval(() => { if (process.listenerCount('uncaughtException') > 0) throw new TypeError('broken\\n at secret') }, 5).unref();";
  const argv = ['--import', `data:text/javascript,${encodeURIComponent(bug)}`, `${root}src/main.ts`, 'doctor', '--offline'];
  const { status, stderr } = spawnSync(process.execPath, argv, { encoding: 'utf8', cwd: '/' });
  assert.equal(status, 70, stderr);
  assert.match(stderr, /^sealwright: this is a bug in sealwright \d+\.\d+\.\d+: broken\n {2}Please report/);
  assert.equal(stderr.split('\n').length, 3);
});

test('a reader that leaves early changes no exit code, and leaves nothing behind', async (t) => {
  const home = mkdtempSync(join(tmpdir(), 'sealwright-commands-'));
  t.after(() => rmSync(home, { recursive: true, force: true }));
  const env = { PATH: process.env['PATH'], HOME: home, TMPDIR: home };
  const child = spawn(bin, ['demo', '--port', '0', '--network-port', '0', '--admin-port', '0'], {
    env,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  await once(child.stdout, 'data');
  child.stdout.destroy();
  const [code] = (await once(child, 'close')) as [number | null];
  assert.equal(code, 0);
  assert.deepEqual(
    readdirSync(home).filter((name) => name.startsWith('sealwright-demo-')),
    [],
  );
});

test('a reader that leaves early is no error', async () => {
  const child = spawn(bin, ['help', '--json'], { stdio: ['ignore', 'pipe', 'pipe'] });
  let complaint = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (complaint += text));
  child.stdout.destroy();
  await once(child, 'close');
  assert.equal(complaint, '');
});
