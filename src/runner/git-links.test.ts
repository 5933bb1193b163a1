import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { linksIn } from './git-links.ts';

const commit = 'c'.repeat(40);
const blob = 'e69de29bb2d1d6434b8b29ae775ad8c2e48c5391';
const entries = ['100644 a', '160000 a/link', '100644 a/link.x', `160000 b/${'long/'.repeat(30)}link`, '100755 b/x', '160000 zü'];

const indexOf = (t: { readonly after: (end: () => void) => void }, ...argv: readonly string[]): Buffer => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'sw-')));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const git = (input: string, ...words: readonly string[]) => spawnSync('git', words, { cwd: folder, input });
  git('', 'init', '--quiet');
  git('', 'hash-object', '-w', '--stdin');
  const lines = entries.map((each) => `${each.replace(' ', ` ${each.startsWith('160000') ? commit : blob}\t`)}\n`);
  assert.equal(git(lines.join(''), 'update-index', '--index-info').status, 0);
  assert.equal(git('', ...argv).status, 0);
  return readFileSync(join(folder, '.git/index'));
};

const expected = entries.filter((each) => each.startsWith('160000')).map((each) => each.slice(7));
const names = (links: readonly Buffer[] | null): readonly string[] | null => links?.map((link) => link.toString()) ?? null;

test('the repositories inside of another are found in its index, in every version that git writes', (t) => {
  for (const version of ['2', '4']) assert.deepEqual(names(linksIn(indexOf(t, 'update-index', '--index-version', version), 20)), expected);
  assert.deepEqual(names(linksIn(indexOf(t, 'update-index', '--skip-worktree', 'b/x'), 20)), expected, 'version 3');
});

test('an index that is split, cut or of another kind is not read, and no bytes make reading throw', (t) => {
  const index = indexOf(t, 'update-index', '--index-version', '2');
  assert.equal(linksIn(indexOf(t, 'update-index', '--split-index'), 20), null);
  for (const at of [0, 5, 11, 40, 70, 130, 300]) assert.equal(linksIn(index.subarray(0, at), 20), null, String(at));
  assert.notDeepEqual(names(linksIn(index, 32)), expected);
  for (let at = 0; at < index.length; at += 1) {
    const changed = Buffer.from(index);
    changed[at] = (changed[at] ?? 0) ^ 0x15;
    linksIn(changed, 20);
  }
});
