import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { deflateSync } from 'node:zlib';
import { writePack } from '../../test/git-pack.ts';
import { limits } from '../core/limits.ts';
import { commitsBetween, findRepository, headCommit } from './git-facts.ts';
import type { Repository } from './git-facts.ts';

const folderFor = (t: TestContext): string => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'sw-')));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
};

const write = (path: string, content: string): void => {
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, content);
};

/** A commit as it is stored, and its id. */
const commitOf = (parents: readonly string[], committed: number, subject = 'x'): { readonly id: string; readonly content: string } => {
  const lines = [
    `tree ${'0'.repeat(40)}`,
    ...parents.map((parent) => `parent ${parent}`),
    `committer A <a@example.org> ${committed} +0000`,
  ];
  const content = `${lines.join('\n')}\n\n${subject}\n`;
  return { id: createHash('sha1').update(`commit ${content.length}\0${content}`).digest('hex'), content };
};

/** Adds a commit to `root`'s loose objects and returns its id. */
const addCommit = (root: string, parents: readonly string[], committed: number, subject = 'x'): string => {
  const { id, content } = commitOf(parents, committed, subject);
  mkdirSync(join(root, '.git/objects', id.slice(0, 2)), { recursive: true });
  writeFileSync(join(root, '.git/objects', id.slice(0, 2), id.slice(2)), deflateSync(`commit ${content.length}\0${content}`));
  return id;
};

const repositoryAt = (t: TestContext, head = 'ref: refs/heads/main\n'): string => {
  const root = join(folderFor(t), 'tree');
  write(join(root, '.git/HEAD'), head);
  return root;
};

const found = (folder: string): Repository => {
  const repository = findRepository(folder);
  assert.ok(repository);
  return repository;
};

const problemAt = (root: string): string | null => headCommit(found(root)).notRead;

const some = 'a'.repeat(40);

test('a repository is found from a folder below its root, and a folder without one has none', (t) => {
  const root = repositoryAt(t, `${some}\n`);
  mkdirSync(join(root, 'a/b'), { recursive: true });
  mkdirSync(join(root, 'a/.git'));
  assert.equal(found(join(root, 'a/b')).root, root);
  assert.equal(findRepository(join(root, '..')), null);
});

test('HEAD is read detached, through a branch, through packed refs, and before the first commit', (t) => {
  assert.deepEqual(headCommit(found(repositoryAt(t, `${some}\n`))), { commit: some, notRead: null });
  const root = repositoryAt(t);
  assert.deepEqual(headCommit(found(root)), { commit: null, notRead: null });
  const packed = 'b'.repeat(40);
  write(
    join(root, '.git/packed-refs'),
    `# pack-refs with: peeled\n${some} refs/heads/other/refs/heads/main\n${packed} refs/heads/main\n^${some}\n`,
  );
  assert.deepEqual(headCommit(found(root)), { commit: packed, notRead: null });
  write(join(root, '.git/refs/heads/main'), `${some}\n`);
  assert.deepEqual(headCommit(found(root)), { commit: some, notRead: null });
  write(join(root, '.git/HEAD'), 'ref: refs/heads/alias\n');
  write(join(root, '.git/refs/heads/alias'), 'ref: refs/heads/main\n');
  assert.deepEqual(headCommit(found(root)), { commit: some, notRead: null });
});

test('a linked working tree has a HEAD of its own and the branches of its repository', (t) => {
  const main = repositoryAt(t);
  const linked = join(main, '../linked');
  const gitFolder = join(main, '.git/worktrees/linked');
  write(join(linked, '.git'), `gitdir: ${gitFolder}\n`);
  write(join(gitFolder, 'HEAD'), 'ref: refs/heads/topic\n');
  write(join(gitFolder, 'commondir'), '../..\n');
  write(join(gitFolder, 'gitdir'), `${join(linked, '.git')}\n`);
  write(join(main, '.git/refs/heads/topic'), `${some}\n`);
  assert.deepEqual(headCommit(found(linked)), { commit: some, notRead: null });
  assert.equal(found(linked).root, linked);
});

test('a submodule is read through the folder that its enclosing repository keeps', (t) => {
  const outer = repositoryAt(t);
  write(join(outer, 'lib/part/.git'), 'gitdir: ../../.git/modules/lib/part\n');
  write(join(outer, '.git/modules/lib/part/HEAD'), `${some}\n`);
  assert.deepEqual(headCommit(found(join(outer, 'lib/part'))), { commit: some, notRead: null });
});

test('a .git file or a commondir that names a folder of somebody else is not followed', (t) => {
  const secret = repositoryAt(t, `${some}\n`);
  const hostile = join(folderFor(t), 'hostile');
  write(join(hostile, '.git'), `gitdir: ${join(secret, '.git')}\n`);
  assert.match(problemAt(hostile) ?? '', /does not belong to it/);
  const other = repositoryAt(t, 'ref: refs/heads/main\n');
  write(join(other, '.git/commondir'), `${join(secret, '.git')}\n`);
  assert.match(problemAt(other) ?? '', /does not belong to/);
  const nowhere = join(folderFor(t), 'nowhere');
  write(join(nowhere, '.git'), 'gitdir: /nonexistent\n');
  assert.match(problemAt(nowhere) ?? '', /names no folder/);
});

test('core.worktree does not move the root', (t) => {
  const root = repositoryAt(t, `${some}\n`);
  write(join(root, '.git/config'), '[core]\n\tworktree = /etc\n');
  assert.equal(found(root).root, root);
});

test('links and FIFOs in place of repository files are a reason, neither followed nor waited for', (t) => {
  const secret = repositoryAt(t, `${some}\n`);
  const linked = join(folderFor(t), 'linked');
  mkdirSync(linked);
  symlinkSync(join(secret, '.git'), join(linked, '.git'));
  assert.match(problemAt(linked) ?? '', /symbolic link/);

  const linkedHead = repositoryAt(t);
  rmSync(join(linkedHead, '.git/HEAD'));
  symlinkSync(join(secret, '.git/HEAD'), join(linkedHead, '.git/HEAD'));
  assert.match(problemAt(linkedHead) ?? '', /symbolic link/);

  const linkedRefs = repositoryAt(t);
  write(join(secret, '.git/refs/heads/main'), `${some}\n`);
  symlinkSync(join(secret, '.git/refs'), join(linkedRefs, '.git/refs'));
  assert.match(problemAt(linkedRefs) ?? '', /symbolic link/);

  const fifoHead = repositoryAt(t);
  rmSync(join(fifoHead, '.git/HEAD'));
  execFileSync('mkfifo', [join(fifoHead, '.git/HEAD')]);
  assert.match(problemAt(fifoHead) ?? '', /not a regular file/);

  const fifo = join(folderFor(t), 'fifo');
  mkdirSync(fifo);
  execFileSync('mkfifo', [join(fifo, '.git')]);
  assert.match(problemAt(fifo) ?? '', /neither a folder nor a file/);
});

test('a HEAD that names a path, a circle, nothing or a file of any size is a reason', (t) => {
  const cases = [
    'ref: refs/heads/../../../secret\n',
    'ref: /etc/passwd\n',
    'ref: config\n',
    'abc\n',
    '',
    'ref: refs/heads/a\nref: refs/heads/b\n',
  ];
  for (const head of cases) assert.ok(problemAt(repositoryAt(t, head)), JSON.stringify(head));
  const circle = repositoryAt(t);
  write(join(circle, '.git/refs/heads/main'), 'ref: refs/heads/main\n');
  assert.match(problemAt(circle) ?? '', /chain/);
  const huge = repositoryAt(t, '');
  truncateSync(join(huge, '.git/HEAD'), limits.gitTextBytes + 1);
  assert.match(problemAt(huge) ?? '', /more than/);
  const folder = repositoryAt(t);
  mkdirSync(join(folder, '.git/refs/heads/main'), { recursive: true });
  assert.match(problemAt(folder) ?? '', /not a regular file/);
});

test('a repository with reftable is not read, and says so', (t) => {
  const root = repositoryAt(t, 'ref: refs/heads/.invalid\n');
  mkdirSync(join(root, '.git/reftable'));
  assert.match(problemAt(root) ?? '', /reftable/);
});

test('the commits made are those that the later HEAD has and the earlier has not', (t) => {
  const root = repositoryAt(t);
  const a = addCommit(root, [], 10);
  const b = addCommit(root, [a], 20);
  const c = addCommit(root, [b], 30);
  const amended = addCommit(root, [a], 40);
  const old = addCommit(root, [a], 15, 'side');
  const merge = addCommit(root, [c, old], 50);
  const made = (before: string | null, after: string | null): readonly string[] => {
    const { commits, complete, notRead } = commitsBetween(found(root), before, after);
    assert.deepEqual({ complete, notRead }, { complete: true, notRead: null });
    return commits;
  };
  assert.deepEqual(made(a, c), [c, b]);
  assert.deepEqual(made(null, b), [b, a]);
  assert.deepEqual(made(b, amended), [amended]);
  assert.deepEqual(made(c, a), []);
  assert.deepEqual(made(c, c), []);
  assert.deepEqual(made(c, merge), [merge, old]);
  assert.deepEqual(made(a, null), []);
});

test('commits of the same second are told apart', (t) => {
  const root = repositoryAt(t);
  const chain = [addCommit(root, [], 10)];
  for (let n = 0; n < 20; n++) chain.push(addCommit(root, [chain.at(-1) ?? ''], 10, String(n)));
  const made = commitsBetween(found(root), chain[15] ?? '', chain[20] ?? '');
  assert.deepEqual(made.commits, chain.slice(16).toReversed());
  assert.deepEqual(commitsBetween(found(root), chain[20] ?? '', chain[15] ?? '').commits, []);
});

test('more commits than the bound, or a history that is not all here, is not called complete', (t) => {
  const root = repositoryAt(t);
  const chain = [commitOf([], 1)];
  for (let n = 0; n < limits.commitsListedCount + 1; n++) chain.push(commitOf([chain[n]?.id ?? ''], n + 2));
  mkdirSync(join(root, '.git/objects/pack'), { recursive: true });
  // In one pack: a thousand files of their own take most of a second.
  writePack(
    join(root, '.git/objects'),
    'pack-a',
    chain.map(({ id, content }) => ({ id, type: 1, content: Buffer.from(content) })),
  );
  const start = chain[0]?.id ?? '';
  const many = commitsBetween(found(root), start, chain.at(-1)?.id ?? '');
  assert.equal(many.commits.length, limits.commitsListedCount);
  assert.equal(many.complete, false);
  const lonely = addCommit(root, [some], 9_999);
  assert.deepEqual(commitsBetween(found(root), start, lonely), { commits: [lonely], complete: false, notRead: null });
});

test('a shared clone lists its new commits although the earlier history lies elsewhere', (t) => {
  const root = repositoryAt(t);
  const made = addCommit(root, [some], 10);
  assert.deepEqual(commitsBetween(found(root), some, made), { commits: [made], complete: true, notRead: null });
});

test('a broken object is a reason and no commits', (t) => {
  const root = repositoryAt(t);
  write(join(root, '.git/objects', some.slice(0, 2), some.slice(2)), 'nonsense');
  const { commits, notRead } = commitsBetween(found(root), null, some);
  assert.deepEqual(commits, []);
  assert.match(notRead ?? '', /decompress/);
});
