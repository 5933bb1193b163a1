import assert from 'node:assert/strict';
import { linkSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { limits } from '../core/limits.ts';
import { findRepository } from './git-facts.ts';
import { reportChanges, viewRepository } from './repository-report.ts';

const treeFor = (t: TestContext): string => {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'sw-')));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  return root;
};

const shaOfNothing = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

test('files are watched although the commits of a repository cannot be read, and the reason is told once', (t) => {
  const root = treeFor(t);
  symlinkSync('/nonexistent', join(root, '.git'));
  const view = viewRepository(findRepository(root));
  writeFileSync(join(root, 'made'), '');
  assert.deepEqual(reportChanges(view, null), {
    git: { commit_before: null, commit_after: null, commits_made: [] },
    files_changed: [{ path: 'made', change: 'added', sha256: shaOfNothing }],
    host_programs: [],
    truncated: {},
    not_read: [{ what: 'head', why: '.git is a symbolic link' }],
  });
});

test('a repository that the agent broke is reported as not read, not as unchanged', (t) => {
  const root = treeFor(t);
  const before = 'a'.repeat(40);
  mkdirSync(join(root, '.git'));
  writeFileSync(join(root, '.git/HEAD'), `${before}\n`);
  const view = viewRepository(findRepository(root));
  writeFileSync(join(root, '.git/HEAD'), 'nonsense\n');
  assert.deepEqual(reportChanges(view, null)['not_read'], [{ what: 'head', why: 'HEAD names neither a branch nor a commit' }]);
  writeFileSync(join(root, '.git/HEAD'), `${'b'.repeat(40)}\n`);
  assert.deepEqual(reportChanges(view, null)['not_read'], [
    { what: 'commits', why: `there are more than ${limits.commitsListedCount}, or their history is not all here` },
  ]);
});

test('a list that was cut says how many are missing', (t) => {
  const root = treeFor(t);
  mkdirSync(join(root, '.git'));
  writeFileSync(join(root, '.git/HEAD'), 'ref: refs/heads/main\n');
  const view = viewRepository(findRepository(root));
  writeFileSync(join(root, '0'), '');
  for (let n = 1; n < limits.filesListedCount + 2; n++) linkSync(join(root, '0'), join(root, String(n)));
  assert.deepEqual(reportChanges(view, null)['truncated'], { files_changed: 2 });
});

test('what the envelope writes into its own data, where that lies in the repository, is nobody else’s change and has no digest', (t) => {
  const root = treeFor(t);
  for (const folder of ['.git', 'data/private', 'data-of-others']) mkdirSync(join(root, folder), { recursive: true });
  writeFileSync(join(root, '.git/HEAD'), 'ref: refs/heads/main\n');
  writeFileSync(join(root, 'data/private/subjects'), 'before');
  const view = viewRepository(findRepository(root));
  for (const path of ['data/private/subjects', 'data/private/key', 'data/package.json', 'data-of-others/x', 'y'])
    writeFileSync(join(root, path), '');
  const { files_changed: files, host_programs: programs } = reportChanges(view, join(root, 'data'));
  assert.deepEqual((files as readonly { readonly path: string }[]).map(({ path }) => path).toSorted(), ['data-of-others/x', 'y']);
  assert.deepEqual(programs, []);
});
