import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { makeFolder } from './make-folder.ts';

test('a folder is made with those around it, and one that can take no other is refused at once', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'sw-'));
  t.after(() => rmSync(folder, { recursive: true }));
  makeFolder(join(folder, 'a/b'));
  makeFolder(join(folder, 'a/b'));
  assert.equal(statSync(join(folder, 'a')).mode & 0o777, 0o700);
  writeFileSync(join(folder, 'file'), '');
  assert.throws(() => makeFolder(join(folder, 'file/c')), /ENOTDIR|EEXIST/);
  if (existsSync('/proc/self')) assert.throws(() => makeFolder('/proc/nope/policies'), /ENOENT|EPERM|EACCES/);
});
