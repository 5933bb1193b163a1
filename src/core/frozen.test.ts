import assert from 'node:assert/strict';
import { test } from 'node:test';
import { frozen } from './frozen.ts';

test('a frozen copy says the same and cannot be changed at any depth', () => {
  const original = { list: [{ name: 'a' }], none: undefined, nothing: null };
  const copy = frozen(original);
  original.list[0] = { name: 'changed' };
  assert.equal(JSON.stringify(copy), '{"list":[{"name":"a"}],"nothing":null}');
  assert.throws(() => Object.assign(copy.list[0] ?? {}, { name: 'b' }), TypeError);
  assert.throws(() => Object.assign(copy, { other: 1 }), TypeError);
});

test('a frozen copy has no members but its own', () => {
  const copy: { readonly [name: string]: unknown } = frozen({ a: {} });
  assert.equal(copy['constructor'], undefined);
  assert.equal('toString' in copy, false);
});
