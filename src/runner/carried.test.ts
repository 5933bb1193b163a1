import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { layFiles } from '../../test/fake-agents.ts';
import { limits } from '../core/limits.ts';
import { claudeCode } from './agents/claude-code.ts';
import { codex } from './agents/codex.ts';
import { readCarried } from './carried.ts';

const room = (t: TestContext, files: Readonly<Record<string, string>> = {}) => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'sw-')));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  for (const each of ['home', 'work/deep/er']) mkdirSync(join(folder, each), { recursive: true });
  layFiles(folder, files);
  const at = { userHome: join(folder, 'home'), workspace: join(folder, 'work'), cwd: join(folder, 'work') };
  return { folder, at };
};

const everything = ['instructions', 'memory', 'mcp_servers'] as const;

test('instructions come from the root of the workspace down to where the agent works, and from nowhere else', (t) => {
  const { at } = room(t, {
    'CLAUDE.md': 'of the parent',
    'work/CLAUDE.md': 'of the root',
    'work/CLAUDE.local.md': 'of the root, local',
    'work/deep/.claude/CLAUDE.md': 'further in',
    'work/deep/er/CLAUDE.md': 'too deep',
    'work/other/CLAUDE.md': 'beside',
  });
  const { carried, problems } = readCarried(claudeCode, everything, { ...at, cwd: join(at.workspace, 'deep') });
  assert.deepEqual(
    carried.instructions.map(({ label, text }) => [label, text]),
    [
      ['CLAUDE.md', 'of the root'],
      ['CLAUDE.local.md', 'of the root, local'],
      ['deep/.claude/CLAUDE.md', 'further in'],
    ],
  );
  assert.deepEqual(problems, []);
});

test('only what the config lets in comes in', (t) => {
  const { at } = room(t, { 'home/.claude/CLAUDE.md': 'memory', 'home/.claude.json': '{}', 'work/CLAUDE.md': 'instructions' });
  const got = (carry: Parameters<typeof readCarried>[1]) => {
    const { instructions, memory, mcpServers } = readCarried(claudeCode, carry, at).carried;
    return [instructions.length, memory?.label ?? null, mcpServers?.label ?? null];
  };
  assert.deepEqual(got([]), [0, null, null]);
  assert.deepEqual(got(['instructions']), [1, null, null]);
  assert.deepEqual(got(['memory']), [0, '~/.claude/CLAUDE.md', null]);
  assert.deepEqual(got(['mcp_servers']), [0, null, '~/.claude.json']);
  assert.equal(readCarried(codex, everything, at).carried.mcpServers, null);
});

test('G-AGENT-1: instructions that are a link, a pipe, a folder or too long are left out, and the person is told', (t) => {
  const { folder, at } = room(t, { secret: 'a secret' });
  const path = join(at.workspace, 'CLAUDE.md');
  const made: readonly (readonly [() => unknown, RegExp])[] = [
    [() => symlinkSync(join(folder, 'secret'), path), /a symbolic link/],
    [() => spawnSync('mkfifo', [path]), /not a regular file/],
    [() => mkdirSync(path), /not a regular file/],
    [() => writeFileSync(path, 'x'.repeat(limits.carriedFileBytes + 1)), /more than \d+ bytes/],
  ];
  for (const [make, why] of made) {
    make();
    const { carried, problems } = readCarried(claudeCode, everything, at);
    assert.deepEqual(carried.instructions, []);
    assert.equal(problems.length, 1);
    assert.match(problems[0] ?? '', /^CLAUDE\.md is not carried in: /);
    assert.match(problems[0] ?? '', why);
    rmSync(path, { recursive: true });
  }
});

test('a file that is reached through a linked folder is left out as well', (t) => {
  const { folder, at } = room(t, { 'elsewhere/CLAUDE.md': 'a secret' });
  symlinkSync(join(folder, 'elsewhere'), join(at.workspace, '.claude'));
  const { carried, problems } = readCarried(claudeCode, everything, at);
  assert.deepEqual([carried.instructions.length, problems.length], [0, 1]);
  assert.match(problems[0] ?? '', /^\.claude\/CLAUDE\.md is not carried in: reached through a symbolic link/);
});

test('a file of exactly the bound comes in whole', (t) => {
  const { at } = room(t, { 'work/CLAUDE.md': 'x'.repeat(limits.carriedFileBytes) });
  assert.equal(readCarried(claudeCode, everything, at).carried.instructions[0]?.text.length, limits.carriedFileBytes);
});

test('folders deeper than the bound are those next to where the agent works', (t) => {
  const { at } = room(t, { 'work/CLAUDE.md': 'of the root' });
  const parts = Array.from({ length: limits.carriedFoldersCount }, (_, index) => `d${index}`);
  const cwd = join(at.workspace, ...parts);
  layFiles(cwd, { 'CLAUDE.md': 'innermost' });
  assert.deepEqual(
    readCarried(claudeCode, everything, { ...at, cwd }).carried.instructions.map(({ text }) => text),
    ['innermost'],
  );
});
