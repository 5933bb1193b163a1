import assert from 'node:assert/strict';
import { test } from 'node:test';
import { missingForJail, systemProgram } from './missing.ts';

test('another system and another machine are told what to do, and that the choice without a jail is theirs', () => {
  assert.match(missingForJail('darwin', 'arm64') ?? '', /needs Linux.*container.*--containment advisory/);
  assert.match(missingForJail('win32', 'x64') ?? '', /needs Linux/);
  assert.match(missingForJail('linux', 'riscv64') ?? '', /riscv64/);
});

test('a program of the system is found by its name alone, and nothing else is', () => {
  assert.match(systemProgram('env') ?? '', /^\/(?:usr\/)?bin\/env$/);
  assert.equal(systemProgram('no-such-program'), null);
});
