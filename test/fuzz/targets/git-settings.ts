// Settings of a repository that nobody trusts: whatever they say, every program that git would find there as a filter is overruled, or git is kept away.
// The judge of what git finds is git itself. Input: the file `.git/config`, and from a line `---` on a file of the work tree called `more words`.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gitSettingsFor } from '../../../src/runner/git-settings.ts';
import { emptyRepository } from '../repository.ts';
import type { Target } from '../target.ts';

const root = emptyRepository('settings');
const gitFolder = join(root, '.git');
const repository = { root, problem: null, gitFolder, commonFolder: gitFolder };

const separator = Buffer.from('\n---\n');

/** What git finds with what it includes: names and values, as bytes. Null where it refuses them, and then does nothing at all. */
const foundByGit = (): readonly (readonly [name: string, value: string])[] | null => {
  const { status, stdout } = spawnSync('git', ['config', '--null', '--get-regexp', '^filter\\.'], {
    cwd: root,
    env: { PATH: process.env['PATH'] ?? '', HOME: '/nowhere', GIT_CONFIG_NOSYSTEM: '1' },
  });
  if (status === 1) return [];
  if (status !== 0) return null;
  const settings = stdout.toString('latin1').split('\0').slice(0, -1);
  return settings.map((each) => [each.split('\n', 1)[0] ?? '', each.slice(each.indexOf('\n') + 1)]);
};

/** Such as what `git lfs install` writes; it runs the person's own program. */
const isLfs = (name: string, value: string): boolean =>
  name.startsWith('filter.lfs.') && /^git-lfs (?:clean -- %f|smudge(?: --skip)? -- %f|filter-process(?: --skip)?)$/.test(value);

const check = (input: Uint8Array): void => {
  const cut = Buffer.from(input).indexOf(separator);
  writeFileSync(join(gitFolder, 'config'), cut === -1 ? input : input.subarray(0, cut + 1));
  writeFileSync(join(root, 'more words'), cut === -1 ? '' : input.subarray(cut + separator.length));
  const { environment, warnings } = gitSettingsFor(repository, '/nowhere');
  const count = Number(environment['GIT_CONFIG_COUNT']);
  const overruled = new Map(
    Array.from({ length: count }, (_, at) => [environment[`GIT_CONFIG_KEY_${at}`] ?? '', environment[`GIT_CONFIG_VALUE_${at}`] ?? '']),
  );
  assert.equal(overruled.size, count);
  assert.equal(overruled.get('core.fsmonitor'), 'false');
  for (const value of Object.values(environment)) assert.ok(!value.includes('\0'), 'no environment can hold this');
  if (environment['GIT_DIR'] === '/dev/null') return assert.ok(warnings.length > 0);
  // Git takes a tenth of the time of all others together, and has nothing to say where there is no filter.
  if (!/filter/i.test(Buffer.from(input).toString('latin1'))) return;
  for (const [name, value] of foundByGit() ?? []) {
    if (!/^filter\..*\.(?:clean|smudge|process)$/s.test(name) || isLfs(name, value)) continue;
    assert.equal(overruled.get(Buffer.from(name, 'latin1').toString()), '', `not overruled: ${name}`);
    assert.ok(Buffer.from(Buffer.from(name, 'latin1').toString()).toString('latin1') === name, 'overruled under a name of other bytes');
  }
};

const seeds = [
  '[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tfsmonitor = evil\n[remote "origin"]\n\turl = git@example.com:a/b.git\n',
  '[filter "evil"]\n\tclean = evil -- %f\n\tsmudge = evil\n\trequired = true\n',
  '[filter "a \\"b\\" \\\\ c"]\nclean="x" # y\n[filter.old]\nprocess = z\n',
  '[filter "lfs"]\n\tclean = git-lfs clean -- %f\n\tsmudge = git-lfs smudge -- %f\n\tprocess = git-lfs filter-process\n',
  '[include]\n\tpath = ../more words\n---\n[filter "x"]\nclean = y\n',
  '[include]\n\tpath = "../more words" ; x\n---\n[filter "x"]\nprocess = y\n',
  '[include]\n\tpath = other\n[includeIf "gitdir:x"]\n\tpath = ~/x\n',
  '[FILTER "x"] clean = y\n[filter "x\\\ny"]\nclean = 1\n',
  '\uFEFF[filter "x"]\n\tclean\n',
];

export const target: Target = {
  kind: 'lines',
  bytesMax: 1_024,
  seeds: () => seeds.map((text) => Buffer.from(text)),
  words: [
    '\n---\n',
    'path = ../more words',
    '[filter "',
    '"]',
    '[filter.',
    ']',
    'clean = x',
    'smudge=y',
    'process = z',
    '\\\n',
    '\\"',
    '\\\\',
    '"',
    '#',
    ';',
    '\0',
    '\u00A0',
    '[include]',
    '\r\n',
  ],
  check,
};
