import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';

import { createTestIo } from '../../test/command-io.ts';
import { runCli } from './cli.ts';
import type { Command, CommandRow } from './command.ts';
import { createCompletion } from './completion.ts';

const row = (name: string, option: string, more: Partial<Command> = {}): CommandRow => ({
  name,
  load: async () => ({
    ...more,
    name,
    summary: `Does '${name}': well`,
    positionals: [],
    options: [{ name: option, type: 'text', describe: "What it's for" }],
    examples: [],
    run: async () => 0,
  }),
});
const rows: CommandRow[] = [row('audit show', 'data'), row('audit search', 'model'), row('run', 'agent')];
rows.push({ name: 'completion', load: async () => createCompletion(rows) });

const scriptFor = async (shell: string): Promise<string> => {
  const io = createTestIo();
  assert.equal(await runCli(rows, ['completion', shell], io), 0);
  return io.written().stdout;
};

/** What bash itself offers after `words`, the last of which is being typed. */
const offered = (script: string, words: readonly string[]): readonly string[] => {
  const list = words.map((word) => `'${word}'`).join(' ');
  const program = `${script}\nCOMP_WORDS=(${list}); COMP_CWORD=${words.length - 1}; _sealwright; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout, stderr } = spawnSync('bash', ['--norc', '-c', program], { encoding: 'utf8', cwd: '/' });
  assert.equal(stderr, '');
  return stdout.trim().split('\n');
};

test('bash is offered commands, the second word of a group, and options', async (t) => {
  const script = await scriptFor('bash');
  if (spawnSync('bash', ['--version']).error) return t.diagnostic('no bash here: only generated');
  assert.deepEqual(offered(script, ['sealwright', '']), ['audit', 'run', 'completion']);
  assert.deepEqual(offered(script, ['sealwright', 'au']), ['audit']);
  assert.deepEqual(offered(script, ['sealwright', 'audit', 's']), ['show', 'search']);
  assert.deepEqual(offered(script, ['sealwright', 'audit', 'search', '--']), ['--model', '--json', '--help']);
  assert.deepEqual(offered(script, ['sealwright', 'run', 'x', '--a']), ['--agent']);
});

test('a command whose name another one begins with is not taken for it, and behind `--` nothing of ours is offered', async (t) => {
  const more = [row('stop', 'all'), row('stops list', 'control'), row('start', 'fast', { takesCommand: true })];
  const io = createTestIo();
  await runCli([{ name: 'completion', load: async () => createCompletion(more) }], ['completion', 'bash'], io);
  if (spawnSync('bash', ['--version']).error) return t.diagnostic('no bash here: only generated');
  const script = io.written().stdout;
  assert.deepEqual(offered(script, ['sealwright', 'stops', '']), ['list']);
  assert.deepEqual(offered(script, ['sealwright', 'stops', 'list', '--c']), ['--control']);
  assert.deepEqual(offered(script, ['sealwright', 'stop', '--a']), ['--all']);
  assert.deepEqual(offered(script, ['sealwright', 'start', '--f']), ['--fast']);
  assert.deepEqual(offered(script, ['sealwright', 'start', '--', 'ls', '--f']), ['']);
});

test('zsh offers the same', async (t) => {
  const script = await scriptFor('zsh');
  if (spawnSync('zsh', ['--version']).error) return t.diagnostic('no zsh here: only generated');
  const offeredBy = (words: readonly string[]): string => {
    const typed = words.map((word) => `'${word}'`).join(' ');
    const given = `words=(${typed}); CURRENT=${words.length}; PREFIX='${words.at(-1)}'; _sealwright`;
    const program = `_describe() { print -r -- \${next%%:*} }; _files() { print files }; words=(sealwright ''); CURRENT=2; ${script}\n${given}`;
    const { stdout, stderr } = spawnSync('zsh', ['-f', '-c', program], { encoding: 'utf8' });
    assert.equal(stderr, '');
    return stdout.trim().split('\n').at(-1) ?? '';
  };
  assert.equal(offeredBy(['sealwright', '']), 'audit run completion');
  assert.equal(offeredBy(['sealwright', 'audit', '']), 'show search');
  assert.equal(offeredBy(['sealwright', 'audit', 'search', '--']), '--model --json --help');
  assert.equal(offeredBy(['sealwright', 'run', 'x']), 'files');
});

test('zsh and fish scripts name every command and option, and quote what people wrote', async () => {
  const zsh = await scriptFor('zsh');
  const fish = await scriptFor('fish');
  for (const script of [zsh, fish]) {
    for (const word of ['audit', 'show', 'search', 'run', 'completion', 'model', 'agent', 'json'])
      assert.match(script, new RegExp(`\\b${word}\\b`));
    assert.ok(script.includes("What it'\\''s for"));
  }
  assert.match(zsh, /^#compdef sealwright\n/);
});

test('an unknown shell is a usage error that names the known ones', async () => {
  const io = createTestIo();
  assert.equal(await runCli(rows, ['completion', 'tcsh'], io), 2);
  assert.match(io.written().stderr, /bash, zsh or fish/);
});
