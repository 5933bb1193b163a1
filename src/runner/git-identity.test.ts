import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { gitIdentity } from './git-identity.ts';

test('a person commits in a jail under the name and address that git finds outside', (t) => {
  const home = mkdtempSync(join(tmpdir(), 'sw-'));
  t.after(() => rmSync(home, { recursive: true, force: true }));
  /** What git itself reads. */
  const read = (file: string, member: string): string =>
    spawnSync('git', ['config', '--file', file, `user.${member}`], { encoding: 'latin1', env: { PATH: process.env['PATH'] } }).stdout;
  const inside = join(home, 'inside');
  for (const text of [
    '[user]\n\tname = A Person\n\temail = a@example.org\n[core]\n\tpager = touch ran\n',
    '[user]\n\tname = robot[bot]\n\temail = 1+robot[bot]@example.org\n',
    '  [User]\n\tName = "A \\"B\\" C\\\\" ; said so\n\temail = first@example.org\n[alias]\n\tx = !touch ran\n[user]\n\temail = last@example.org\n',
    '[user]\n\tname = Zoë Ångström\n',
  ]) {
    const outside = join(home, '.gitconfig');
    writeFileSync(outside, text);
    writeFileSync(inside, gitIdentity(home), 'latin1');
    for (const member of ['name', 'email']) assert.equal(read(inside, member), read(outside, member), text);
    assert.doesNotMatch(gitIdentity(home), /touch|core|alias/);
  }
  rmSync(join(home, '.gitconfig'));
  assert.equal(gitIdentity(home), '');
  mkdirSync(join(home, '.config/git'), { recursive: true });
  writeFileSync(join(home, '.config/git/config'), '[user]\n\tname = A\n');
  assert.equal(gitIdentity(home), '[user]\n\tname = "A"\n');
});
