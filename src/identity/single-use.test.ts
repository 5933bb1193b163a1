import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limits } from '../core/limits.ts';
import { createSingleUse } from './single-use.ts';

test('what is used once is remembered by issuer and name until it ends, and each has a bounded memory of its own', () => {
  const firstUse = createSingleUse();
  for (let count = 0; count < limits.assertionsRememberedCount; count += 1) assert.equal(firstUse('a', `${count}`, 5_000, 0), 'first');
  assert.equal(firstUse('a', '0', 5_000, 0), 'again');
  assert.equal(firstUse('a', 'more', 9_000, 0), 'full');
  assert.equal(firstUse('a', 'more', 9_000, 4_999), 'full');
  assert.equal(firstUse('b', '0', 9_000, 4_999), 'first');
  assert.equal(firstUse('b', '0', 9_000, 6_000), 'again');
  assert.equal(firstUse('a', '0', 9_000, 6_000), 'first');
});

test('names that join to the same text are told apart', () => {
  const firstUse = createSingleUse();
  assert.equal(firstUse('a', 'b:c', 1, 0), 'first');
  assert.equal(firstUse('a:b', 'c', 1, 0), 'first');
  assert.equal(firstUse('a","b', 'c', 1, 0), 'first');
});
