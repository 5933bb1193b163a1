import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileRightsProblem, folderRightsProblem } from './file-rights.ts';

const me = 1000;
const mine = (mode: number) => ({ mode, uid: me });

test('a file that only its owner can write is trusted, whether the owner reads it or the system administrator wrote it', () => {
  assert.equal(fileRightsProblem('/f', mine(0o100644), me), null);
  assert.equal(fileRightsProblem('/f', { mode: 0o100600, uid: 0 }, me), null);
});

test('a file that others can write is not, and the problem holds the command that mends it', () => {
  assert.equal(fileRightsProblem('/f', mine(0o664), me), '/f can be changed by its group. Run: chmod g-w /f');
  assert.equal(fileRightsProblem('/f', mine(0o602), me), '/f can be changed by others. Run: chmod o-w /f');
  assert.equal(fileRightsProblem('/f', mine(0o666), me), '/f can be changed by its group and others. Run: chmod g-w,o-w /f');
});

test('a file or folder of another user is not trusted, also by the system administrator', () => {
  assert.match(fileRightsProblem('/f', mine(0o600), 2000) ?? '', /belongs to another user.* chown 2000 \/f$/);
  assert.match(folderRightsProblem('/a d', mine(0o700), 0) ?? '', /belongs to another user.* chown 0 '\/a d'$/);
});

test('a folder in which others can replace files is not trusted, unless it is sticky', () => {
  assert.match(folderRightsProblem('/d', mine(0o40775), me) ?? '', /chmod g-w \/d$/);
  assert.match(folderRightsProblem('/d', mine(0o40777), me) ?? '', /chmod g-w,o-w \/d$/);
  assert.equal(folderRightsProblem('/d', mine(0o41777), me), null);
  assert.equal(folderRightsProblem('/d', mine(0o40755), me), null);
});

test('where the platform has no users nothing is said', () => {
  assert.equal(fileRightsProblem('/f', mine(0o666), null), null);
  assert.equal(folderRightsProblem('/d', mine(0o777), null), null);
});
