import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { limits } from '../core/limits.ts';
import type { Repository } from './git-facts.ts';
import { watchGitPrograms } from './git-programs.ts';

test('folders of modules that lead into each other are looked at once, and what lies behind them is still found', (t) => {
  const root = mkdtempSync(join(tmpdir(), 'sealwright-modules-'));
  t.after(() => rmSync(root, { recursive: true }));
  const git = join(root, '.git');
  const module = join(git, 'modules/group/one');
  for (const folder of [git, module]) {
    for (const name of ['objects', 'refs', 'hooks']) mkdirSync(join(folder, name), { recursive: true });
    writeFileSync(join(folder, 'HEAD'), 'ref: refs/heads/main\n');
  }
  for (const name of ['a', 'b', 'c']) symlinkSync('.', join(git, 'modules', name));
  symlinkSync('..', join(git, 'modules/group/up'));
  const repository = { root, gitFolder: git, commonFolder: git, problem: null } as Repository;
  const watch = watchGitPrograms(repository);
  assert.deepEqual(watch.changed(), []);
  writeFileSync(join(module, 'hooks/post-checkout'), '#!/bin/sh\n');
  const changed = watch.changed();
  assert.equal(changed.length, 1);
  assert.match(changed[0] ?? '', /one\/hooks\/post-checkout$/);
});

test('what lies in a folder that stands in the place of hooks by a link is watched, and its names are told to nobody', (t) => {
  const root = mkdtempSync(join(tmpdir(), 'sealwright-hooks-'));
  t.after(() => rmSync(root, { recursive: true }));
  const [git, other] = [join(root, '.git'), join(root, 'of-the-person')];
  for (const folder of [git, other]) mkdirSync(folder);
  writeFileSync(join(other, 'secret-name'), 'x');
  const repository = { root, gitFolder: git, commonFolder: git, problem: null } as Repository;
  const before = watchGitPrograms(repository);
  symlinkSync(other, join(git, 'hooks'));
  assert.deepEqual(before.changed(), ['.git/hooks']);
  const linked = watchGitPrograms(repository);
  assert.deepEqual(linked.changed(), []);
  writeFileSync(join(other, 'post-checkout'), '#!/bin/sh\n');
  assert.deepEqual(linked.changed(), ['.git/hooks']);
});

test('folders of modules that hold nothing but ways to themselves come to an end', (t) => {
  const root = mkdtempSync(join(tmpdir(), 'sealwright-loops-'));
  t.after(() => rmSync(root, { recursive: true }));
  const git = join(root, '.git');
  mkdirSync(join(git, 'modules'), { recursive: true });
  for (const name of ['a', 'b']) symlinkSync('.', join(git, 'modules', name));
  const repository = { root, gitFolder: git, commonFolder: git, problem: null } as Repository;
  assert.deepEqual(watchGitPrograms(repository).changed(), []);
});

test('settings that name more than can be looked at in time are said to be so, and take no longer', (t) => {
  const root = mkdtempSync(join(tmpdir(), 'sealwright-words-'));
  t.after(() => rmSync(root, { recursive: true }));
  const git = join(root, '.git');
  mkdirSync(git);
  const repository = { root, gitFolder: git, commonFolder: git, problem: null } as Repository;
  const watch = watchGitPrograms(repository);
  const lines = Array.from({ length: limits.gitWordsCount }, (_, index) => `x = ./file-${index}\n`);
  const asked = (count: number) => {
    writeFileSync(join(git, 'config'), `[a]\n${lines.slice(0, count).join('')}`);
    const { isNamed, whole } = watch.named();
    return { whole, named: lines.filter((_, index) => isNamed(`file-${index}/deep`)).length };
  };
  assert.deepEqual(asked(lines.length), { whole: true, named: lines.length });
  lines.push('x = ./one-more\n');
  assert.deepEqual(asked(lines.length), { whole: false, named: lines.length - 1 });
});
