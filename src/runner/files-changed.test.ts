import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  linkSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { limits } from '../core/limits.ts';
import { compareTrees, snapshotTree } from './files-changed.ts';

const treeFor = (t: TestContext, files: Readonly<Record<string, string>>): string => {
  const root = join(realpathSync(mkdtempSync(join(tmpdir(), 'sw-'))), 'tree');
  t.after(() => rmSync(join(root, '..'), { recursive: true, force: true }));
  mkdirSync(root);
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(join(root, path, '..'), { recursive: true });
    writeFileSync(join(root, path), content);
  }
  return root;
};

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

test('added, modified and deleted files are told with digests, and .git is left out', (t) => {
  const root = treeFor(t, { 'a.txt': 'a', 'deep/er/b.txt': 'b', 'c.txt': 'c', '.git/index': '1', 'sub/.git/index': '1' });
  const before = snapshotTree(root);
  writeFileSync(join(root, 'a.txt'), 'A');
  unlinkSync(join(root, 'c.txt'));
  writeFileSync(join(root, 'deep/new é.txt'), 'n');
  writeFileSync(join(root, '.git/index'), '22');
  writeFileSync(join(root, 'sub/.git/index'), '22');
  const { files, truncated } = compareTrees(root, before, snapshotTree(root));
  assert.deepEqual(files, [
    { path: 'a.txt', change: 'modified', sha256: sha256('A') },
    { path: 'deep/new é.txt', change: 'added', sha256: sha256('n') },
    { path: 'c.txt', change: 'deleted', sha256: null },
  ]);
  assert.equal(truncated, 0);
});

test('a file that is replaced by one of the same size is told', (t) => {
  const root = treeFor(t, { 'a.txt': 'a' });
  const before = snapshotTree(root);
  writeFileSync(join(root, '../new'), 'b');
  renameSync(join(root, '../new'), join(root, 'a.txt'));
  assert.deepEqual(compareTrees(root, before, snapshotTree(root)).files, [{ path: 'a.txt', change: 'modified', sha256: sha256('b') }]);
});

test('links are not followed and FIFOs not opened: they have no digest', (t) => {
  const root = treeFor(t, { 'a.txt': 'a' });
  writeFileSync(join(root, '../secret'), 's');
  mkdirSync(join(root, '../outside'));
  writeFileSync(join(root, '../outside/x'), 'x');
  const before = snapshotTree(root);
  symlinkSync('../secret', join(root, 'b-link'));
  symlinkSync('../outside', join(root, 'c-folder'));
  execFileSync('mkfifo', [join(root, 'd-fifo')]);
  unlinkSync(join(root, 'a.txt'));
  symlinkSync('../secret', join(root, 'a.txt'));
  assert.deepEqual(compareTrees(root, before, snapshotTree(root)).files, [
    { path: 'a.txt', change: 'modified', sha256: null },
    { path: 'b-link', change: 'added', sha256: null },
    { path: 'c-folder', change: 'added', sha256: null },
    { path: 'd-fifo', change: 'added', sha256: null },
  ]);
});

test('a folder that becomes a link between look and digest is not read through', (t) => {
  const root = treeFor(t, { 'folder/x': '1' });
  const before = snapshotTree(root);
  writeFileSync(join(root, 'folder/x'), '2');
  const after = snapshotTree(root);
  mkdirSync(join(root, '../outside'));
  writeFileSync(join(root, '../outside/x'), 'secret');
  rmSync(join(root, 'folder'), { recursive: true });
  symlinkSync('../outside', join(root, 'folder'));
  assert.deepEqual(compareTrees(root, before, after).files, [{ path: 'folder/x', change: 'modified', sha256: null }]);
});

test('a tree past the bound is watched in part, and absence from a partial look is no change', (t) => {
  const root = treeFor(t, { a: '1', b: '1', c: '1', d: '1' });
  const partial = snapshotTree(root, 3);
  assert.equal(partial.complete, false);
  assert.equal(partial.files.size, 3);
  const whole = snapshotTree(root, 100);
  assert.equal(whole.complete, true);
  assert.deepEqual(compareTrees(root, partial, whole).files, []);
  assert.deepEqual(compareTrees(root, whole, partial).files, []);
});

test('empty folders count towards the bound', (t) => {
  const root = treeFor(t, {});
  for (let n = 0; n < 10; n++) mkdirSync(join(root, `${n}/x`), { recursive: true });
  assert.equal(snapshotTree(root, 15).complete, false);
  assert.equal(snapshotTree(root, 20).complete, true);
});

test('a list past its bound says how many it left out', (t) => {
  const root = treeFor(t, {});
  const before = snapshotTree(root);
  // Names of one file: thousands of files of their own take seconds to make.
  writeFileSync(join(root, '0'), '');
  for (let n = 1; n < limits.filesListedCount + 5; n++) linkSync(join(root, '0'), join(root, String(n)));
  const many = compareTrees(root, before, snapshotTree(root));
  assert.equal(many.files.length, limits.filesListedCount);
  assert.equal(many.truncated, 5);
});

test('long names end the list before the record would be too large', (t) => {
  const root = treeFor(t, {});
  const before = snapshotTree(root);
  const folder = join(root, 'd'.repeat(200), 'e'.repeat(200));
  mkdirSync(folder, { recursive: true });
  for (let n = 0; n < 100; n++) writeFileSync(join(folder, `${n}${'f'.repeat(200)}`), '');
  const { files, truncated } = compareTrees(root, before, snapshotTree(root));
  assert.equal(files.length + truncated, 100);
  assert.ok(files.reduce((sum, file) => sum + file.path.length, 0) <= limits.filesListedBytes);
});

test('a file past the bound of bytes read has no digest', (t) => {
  const root = treeFor(t, {});
  const before = snapshotTree(root);
  writeFileSync(join(root, 'huge'), '');
  truncateSync(join(root, 'huge'), limits.fileHashedBytes + 1);
  writeFileSync(join(root, 'small'), 's');
  assert.deepEqual(compareTrees(root, before, snapshotTree(root)).files, [
    { path: 'huge', change: 'added', sha256: null },
    { path: 'small', change: 'added', sha256: sha256('s') },
  ]);
});

test('a name that is not UTF-8 is watched where the file system takes one', (t) => {
  const root = treeFor(t, {});
  const before = snapshotTree(root);
  const expected = [{ path: '\uFFFDa', change: 'added', sha256: sha256('x') }];
  try {
    writeFileSync(Buffer.concat([Buffer.from(`${root}/`), Buffer.from([0xff, 0x61])]), 'x');
  } catch {
    expected.pop();
  }
  assert.deepEqual(compareTrees(root, before, snapshotTree(root)).files, expected);
});
