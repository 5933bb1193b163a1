import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { layFiles } from '../../test/fake-agents.ts';
import { limits } from '../core/limits.ts';
import { findRepository } from './git-facts.ts';
import { gitSettingsFor } from './git-settings.ts';

const room = (t: TestContext, config: string, files: Readonly<Record<string, string>> = {}) => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'sw-')));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  layFiles(folder, { 'work/.git/HEAD': 'ref: refs/heads/main\n', 'work/.git/config': config, ...files });
  const work = join(folder, 'work');
  return { folder, work, settings: () => gitSettingsFor(findRepository(work), join(folder, 'home')) };
};

const keysOf = ({ environment }: ReturnType<typeof gitSettingsFor>): readonly string[] =>
  Object.entries(environment).flatMap(([name, value]) => (name.startsWith('GIT_CONFIG_KEY_') ? [value] : []));

const overruled = (...names: readonly string[]): readonly string[] => [
  'core.fsmonitor',
  'safe.bareRepository',
  ...names.flatMap((name) => ['clean', 'smudge', 'process', 'required'].map((key) => `filter.${name}.${key}`)),
];

test('G-AGENT-1: filters of a repository are overruled, however they are written and wherever they are included from', (t) => {
  const { settings } = room(
    t,
    '[filter "a b"] clean = x\n[Filter.OLD]\nclean=x\n[core] x = 1 [filter "q\\"\\\\"]\n[include]\npath = ../more ; words\n',
    {
      'work/more': '[includeIf "gitdir:/nowhere"]\n\tpath = "~/fi\\\nle"\n[filter "more"]\n',
      'home/file': '[filter "of home"]\n[include] path = file\n',
      'work/.git/config.worktree': '[filter "of the worktree"]\n',
    },
  );
  const found = settings();
  assert.deepEqual(found.warnings, []);
  assert.deepEqual(new Set(keysOf(found)), new Set(overruled('a b', 'old', 'q"\\', 'more', 'of home', 'of the worktree')));
});

test('without a repository, and in one that names nothing, only what always holds is set', (t) => {
  assert.deepEqual(keysOf(gitSettingsFor(null, '/')), overruled());
  assert.deepEqual(keysOf(room(t, '[core]\n\tbare = false\n').settings()), overruled());
});

test('the filter of Git LFS stays as it writes it itself, and only then', (t) => {
  const lfs =
    '[filter "lfs"]\n\tclean = git-lfs clean -- %f\n\tsmudge = git-lfs smudge -- %f\n\tprocess = git-lfs filter-process\n\trequired = true\n';
  assert.deepEqual(keysOf(room(t, lfs).settings()), overruled());
  assert.deepEqual(keysOf(room(t, lfs.replace('filter-process', 'filter-process; x')).settings()), overruled('lfs'));
});

test('where the settings cannot be read whole, git is kept from the repository, and the person is told why', (t) => {
  const many = Array.from({ length: limits.gitFiltersCount + 1 }, (_, index) => `[filter "f${index}"]\n`).join('');
  const chain = Object.fromEntries(
    Array.from({ length: limits.gitSettingsFilesCount + 1 }, (_, index) => [`work/i${index}`, `[include]\npath = i${index + 1}\n`]),
  );
  const rooms = [room(t, many), room(t, '[include]\npath = ../i0\n', chain), room(t, '[include]\npath = ~somebody/x\n')];
  const pipe = room(t, '[include]\npath = ../pipe\n');
  spawnSync('mkfifo', [join(pipe.work, 'pipe')]);
  const linked = room(t, '');
  mkdirSync(join(linked.work, 'inner'));
  symlinkSync(join(linked.work, '.git'), join(linked.work, 'inner/.git'));
  const outcomes = [...rooms, pipe].map(({ settings }) => settings());
  outcomes.push(gitSettingsFor(findRepository(join(linked.work, 'inner')), '/'));
  for (const { environment, warnings } of outcomes) {
    assert.equal(environment['GIT_DIR'], '/dev/null');
    assert.equal(warnings.length, 1);
    assert.match(warnings[0] ?? '', /^git is kept from this repository, because its settings cannot be read whole: .+\.$/);
  }
});

test('git itself starts nothing of such a repository when it is asked what has changed', (t) => {
  const { work, settings } = room(t, '');
  rmSync(join(work, '.git'), { recursive: true });
  const git = (env: Readonly<Record<string, string>>, ...argv: readonly string[]) =>
    spawnSync('git', argv, { cwd: work, env: { PATH: process.env['PATH'] ?? '', HOME: work, ...env }, encoding: 'utf8' });
  git({}, 'init', '--quiet');
  writeFileSync(join(work, 'a'), 'one\n');
  git({}, 'add', 'a');
  writeFileSync(join(work, '.gitattributes'), '* filter=forged\n');
  writeFileSync(join(work, 'a'), 'two\n');
  for (const [key, name] of [
    ['core.fsmonitor', 'monitor'],
    ['filter.forged.clean', 'clean'],
  ] as const)
    git({}, 'config', key, `touch ../${name}`);
  const ran = () => ['monitor', 'clean'].filter((name) => rmMark(join(work, '..', name)));
  git({}, 'status', '--short');
  assert.deepEqual(ran(), ['monitor', 'clean'], 'nothing would have run anyway');
  const { status, stdout } = git(settings().environment, 'status', '--short');
  assert.equal(status, 0);
  assert.match(stdout, /^AM a$/m);
  assert.deepEqual(ran(), []);
});

const rmMark = (path: string): boolean => {
  const { status } = spawnSync('rm', [path]);
  return status === 0;
};
