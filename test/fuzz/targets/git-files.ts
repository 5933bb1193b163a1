// The files of a repository that nobody trusts: HEAD, branches and packed branches, against git itself; what is read is an id that stands there.
// Input: the files HEAD, packed-refs and refs/heads/main, parted by lines `---`.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findRepository, headCommit } from '../../../src/runner/git-facts.ts';
import { emptyRepository } from '../repository.ts';
import type { Target } from '../target.ts';

const root = emptyRepository('files');
const gitFolder = join(root, '.git');
const id = 'a'.repeat(40);

const foundByGit = (): string | null => {
  const { status, stdout } = spawnSync('git', ['rev-parse', '--verify', '--quiet', 'HEAD'], {
    cwd: root,
    env: { PATH: process.env['PATH'] ?? '', HOME: '/nowhere', GIT_CONFIG_NOSYSTEM: '1' },
    encoding: 'utf8',
  });
  return status === 0 ? stdout.trim() : null;
};

const check = (input: Uint8Array): void => {
  const [head = '', packed = '', main = ''] = Buffer.from(input).toString('latin1').split('---\n', 3);
  writeFileSync(join(gitFolder, 'HEAD'), head, 'latin1');
  writeFileSync(join(gitFolder, 'packed-refs'), packed, 'latin1');
  writeFileSync(join(gitFolder, 'refs/heads/main'), main, 'latin1');
  const repository = findRepository(root) ?? assert.fail('the repository is not found');
  assert.equal(repository.problem, null);
  const { commit, notRead } = headCommit(repository);
  if (commit === null) return;
  assert.equal(notRead, null);
  assert.match(commit, /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/);
  assert.ok(Buffer.from(input).includes(commit), 'an id is read that does not stand there');
  const theirs = foundByGit();
  if (theirs !== null) assert.equal(commit, theirs, 'git reads another id');
};

export const target: Target = {
  kind: 'lines',
  bytesMax: 1_024,
  seeds: () =>
    [
      `ref: refs/heads/main\n---\n---\n${id}\n`,
      `ref: refs/heads/main\n---\n# pack-refs with: peeled fully-peeled sorted \n${id} refs/heads/main\n${'b'.repeat(40)} refs/tags/v1\n^${'c'.repeat(40)}\n---\n`,
      `${'d'.repeat(40)}\n---\n---\n`,
      `ref: refs/heads/main\n---\n---\nref: refs/heads/other\n`,
    ].map((text) => Buffer.from(text)),
  words: ['ref: ', 'refs/heads/', 'refs/heads/main', '---\n', id, '../', '\0', '^', '# pack-refs with: '],
  check,
};
