import assert from 'node:assert/strict';
import { test } from 'node:test';
import { applySplices } from './slot.ts';

const bytes = (text: string): Uint8Array => Buffer.from(text);
const splice = (start: number, end: number, text: string) => ({ start, end, replacement: bytes(text) });

test('splices replace their ranges in any order and leave the rest as it was', () => {
  const spliced = applySplices(bytes('abcdefgh'), [splice(5, 6, 'FFF'), splice(1, 3, ''), splice(8, 8, '!')]);
  assert.equal(Buffer.from(spliced).toString(), 'adeFFFgh!');
});

test('without splices the same bytes come back, not a copy', () => {
  const original = bytes('abc');
  assert.equal(applySplices(original, []), original);
});

test('splices that overlap or lie outside are a bug', () => {
  assert.throws(() => applySplices(bytes('abc'), [splice(0, 2, 'x'), splice(1, 3, 'y')]));
  assert.throws(() => applySplices(bytes('abc'), [splice(2, 4, 'x')]));
  assert.throws(() => applySplices(bytes('abc'), [splice(2, 1, 'x')]));
});
