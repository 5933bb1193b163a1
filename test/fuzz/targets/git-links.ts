// The index of a repository that nobody trusts: every repository inside of it that git finds there is found, or nothing is read of the index.
// The judge of what git finds is git itself. Input: the file `.git/index`.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { linksIn } from '../../../src/runner/git-links.ts';
import { emptyRepository } from '../repository.ts';
import type { Target } from '../target.ts';

const root = emptyRepository('links');
const index = join(root, '.git/index');
const git = (input: string, ...argv: readonly string[]) =>
  spawnSync('git', argv, { cwd: root, input, env: { PATH: process.env['PATH'] ?? '', HOME: '/nowhere', GIT_CONFIG_NOSYSTEM: '1' } });

/** As bytes; null where git refuses the index. A path of no bytes it writes as `./`. */
const foundByGit = (): readonly string[] | null => {
  const { status, stdout } = git('', 'ls-files', '--stage', '-z');
  if (status !== 0) return null;
  const entries = stdout.toString('latin1').split('\0').slice(0, -1);
  return entries.filter((each) => each.startsWith('16')).map((each) => each.slice(each.indexOf('\t') + 1).replace(/^\.\/$/, ''));
};

const check = (input: Uint8Array): void => {
  const links = linksIn(Buffer.from(input), 20);
  if (links === null) return;
  writeFileSync(index, input);
  const found = links.map((link) => link.toString('latin1'));
  for (const path of foundByGit() ?? []) assert.ok(found.includes(path), `not found: ${path}`);
};

const made = (version: string, ...entries: readonly string[]): Buffer => {
  writeFileSync(index, '');
  git('', 'read-tree', '--empty');
  const lines = entries.map((each) => `${each.replace(' ', ` ${'c'.repeat(40)}\t`)}\n`).join('');
  git(lines, 'update-index', '--index-info');
  git('', 'update-index', '--index-version', version);
  return readFileSync(index);
};

export const target: Target = {
  kind: 'bytes',
  bytesMax: 2_048,
  seeds: () => {
    const several = ['100644 a', '160000 a/link', '160000 b', '100755 b.x'];
    return [made('2', '160000 a'), made('2', ...several), made('4', ...several)];
  },
  words: ['DIRC', 'TREE', 'link', 'sdir', '\0', '\u0000\u0000\u00e0\u0000'],
  check,
};
