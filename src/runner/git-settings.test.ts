import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
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
    '[filter "a b"] clean = x\n[Filter.OLD]\nclean=x\n[core] x = 1\n [filter "q\\"\\\\"]\n[include]\npath = ../more ; words\n',
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
  assert.deepEqual(keysOf(room(t, lfs.replace('filter-process', '"filter-process; x"')).settings()), overruled('lfs'));
});

test('where the settings cannot be read whole, git is kept from the repository, and the person is told why', (t) => {
  const many = Array.from({ length: limits.gitFiltersCount + 1 }, (_, index) => `[filter "f${index}"]\n`).join('');
  const chain = Object.fromEntries(
    Array.from({ length: limits.gitSettingsFilesCount + 1 }, (_, index) => [`work/i${index}`, `[include]\npath = i${index + 1}\n`]),
  );
  const rooms = [room(t, many), room(t, '[include]\npath = ../i0\n', chain), room(t, '[include]\npath = ~somebody/x\n')];
  // The first is read differently by versions of git; no environment can hold the second; git refuses the third.
  for (const text of ['[include]\npath = a\tb\n', '[filter "a\0"]\n', '[filter "a]\n']) rooms.push(room(t, text));
  rooms.push(room(t, '', { 'work/.git/index': 'DIRC' }));
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

/** Each is read by git as a filter `forged`, or as one whose name ends in it, that runs a program. */
const forms: readonly (readonly [name: string, config: string, filter?: Buffer])[] = [
  ['a name with a dot before what stands in quotes', '[filter.a "forged"]\n\tclean = RUN\n', Buffer.from('a.forged')],
  ['an inclusion that a comment follows at once', '[include]\n\tpath = ../more#words\n'],
  ['an inclusion in quotes that hold the beginning of a comment', '[include]\n\tpath = "../m #;.cfg"\n'],
  ['an inclusion with an escape', '[include]\n\tpath = ../m\\tore\n'],
  ['a name that is not UTF-8', '[filter "\u00ff"]\n\tclean = RUN\n', Buffer.from([0xff])],
  ['a name with a line separator behind a backslash', '[filter "a\\\u00e2\u0080\u00a8"]\n\tclean = RUN\n', Buffer.from('a\u2028')],
];

test('G-AGENT-1: git starts no filter of a repository, whatever form it takes for a name or an inclusion', (t) => {
  for (const [name, config, filter = Buffer.from('forged')] of forms) {
    const { work, settings } = room(t, '');
    rmSync(join(work, '.git'), { recursive: true });
    const git = (env: Readonly<Record<string, string>>, ...argv: readonly string[]) =>
      spawnSync('git', argv, { cwd: work, env: { PATH: process.env['PATH'] ?? '', HOME: work, ...env } });
    git({}, 'init', '--quiet');
    writeFileSync(join(work, 'a'), 'one\n');
    git({}, 'add', 'a');
    writeFileSync(join(work, 'a'), 'two\n');
    writeFileSync(join(work, '.gitattributes'), Buffer.concat([Buffer.from('a filter='), filter, Buffer.from('\n')]));
    const run = 'touch ../ran; cat';
    for (const file of ['more', 'm #;.cfg', 'm\tore']) writeFileSync(join(work, file), `[filter "forged"]\n\tclean = "${run}"\n`);
    writeFileSync(join(work, '.git/config'), Buffer.from(`[core]\n\tbare = false\n${config.replace('RUN', `"${run}"`)}`, 'latin1'));
    git({}, 'status', '--short');
    assert.ok(rmMark(join(work, '../ran')), `${name}: nothing would have run anyway`);
    git(settings().environment, 'status', '--short');
    assert.ok(!rmMark(join(work, '../ran')), name);
  }
});

test('G-AGENT-1: git starts no filter of a repository inside of the repository either, wherever its work tree is said to be', (t) => {
  for (const [place, elsewhere] of [
    ['inner', ''],
    ['deep/inner', ''],
    ['inner', 'other'],
  ] as const) {
    const { work, settings } = room(t, '');
    rmSync(join(work, '.git'), { recursive: true });
    const git = (cwd: string, env: Readonly<Record<string, string>>, ...argv: readonly string[]) =>
      spawnSync('git', ['-c', 'user.name=a', '-c', 'user.email=a@example.org', ...argv], {
        cwd,
        env: { PATH: process.env['PATH'] ?? '', HOME: work, ...env },
      });
    const base = join(work, elsewhere);
    const inner = join(base, place);
    mkdirSync(inner, { recursive: true });
    for (const folder of [work, inner]) git(folder, {}, 'init', '--quiet');
    writeFileSync(join(inner, 'a'), 'one\n');
    git(inner, {}, 'add', 'a');
    git(inner, {}, 'commit', '--quiet', '--message', 'x');
    const head = git(inner, {}, 'rev-parse', 'HEAD').stdout.toString().trim();
    git(work, {}, 'update-index', '--add', '--cacheinfo', `160000,${head},${place}`);
    if (elsewhere !== '') git(work, {}, 'config', 'core.worktree', `../${elsewhere}`);
    git(inner, {}, 'config', 'filter.forged.clean', `touch '${join(work, '../ran')}'; cat`);
    writeFileSync(join(inner, '.gitattributes'), '* filter=forged\n');
    writeFileSync(join(inner, 'a'), 'two\n');
    git(work, {}, 'status', '--short');
    assert.ok(rmMark(join(work, '../ran')), `${place}: nothing would have run anyway`);
    const found = settings();
    assert.deepEqual(found.warnings, []);
    git(work, found.environment, 'status', '--short');
    assert.ok(!rmMark(join(work, '../ran')), place);
  }
});

test('G-AGENT-1: git starts no hook of a repository when it is asked what has changed, and none of its programs to look at a signature', (t) => {
  const { work, settings } = room(t, '');
  rmSync(join(work, '.git'), { recursive: true });
  const git = (env: Readonly<Record<string, string>>, argv: readonly string[], input = '') =>
    spawnSync('git', argv, { cwd: work, env: { PATH: process.env['PATH'] ?? '', HOME: work, ...env }, input, encoding: 'utf8' });
  git({}, ['init', '--quiet']);
  writeFileSync(join(work, 'a'), 'one\n');
  git({}, ['add', 'a']);
  const tree = git({}, ['write-tree']).stdout.trim();
  const person = 'A <a@example.org> 1 +0000';
  const signature = ' -----BEGIN PGP SIGNATURE-----\n \n x\n -----END PGP SIGNATURE-----';
  const text = `tree ${tree}\nauthor ${person}\ncommitter ${person}\ngpgsig${signature}\n\nsubject\n`;
  git({}, ['update-ref', 'HEAD', git({}, ['hash-object', '-t', 'commit', '-w', '--stdin'], text).stdout.trim()]);
  const ran = join(work, '../ran');
  const forged = join(work, 'forged');
  for (const path of [forged, join(work, '.git/hooks/post-index-change')])
    writeFileSync(path, `#!/bin/sh\ntouch '${ran}'\n`, { mode: 0o755 });
  git({}, ['config', 'log.showSignature', 'true']);
  git({}, ['config', 'gpg.program', forged]);
  let second = 1;
  for (const argv of [
    ['status', '--short'],
    ['log', '--oneline', '-n', '5'],
    ['log', '--format=%G?'],
  ]) {
    const ask = (env: Readonly<Record<string, string>>) => {
      utimesSync(join(work, 'a'), second, second++);
      return git(env, argv);
    };
    ask({});
    assert.ok(rmMark(ran), `${argv.join(' ')}: nothing would have run anyway`);
    assert.equal(ask(settings().environment).status, 0);
    assert.ok(!rmMark(ran), argv.join(' '));
  }
});

const rmMark = (path: string): boolean => {
  const { status } = spawnSync('rm', [path]);
  return status === 0;
};
