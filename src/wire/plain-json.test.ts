import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { readPlainJson } from './plain-json.ts';

const read = (text: string): ReturnType<typeof readPlainJson> => readPlainJson(Buffer.from(text));

test('a JSON text becomes the value that any other parser reads', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const text = JSON.stringify(value);
      const found = read(text);
      assert.ok('value' in found);
      assert.equal(JSON.stringify(found.value), text);
    }),
  );
});

test('names that JavaScript gives a meaning are members like any other', () => {
  const found = read('{"__proto__":{"admin":true},"constructor":1}');
  assert.ok('value' in found);
  const value = found.value as Readonly<Record<string, unknown>>;
  assert.deepEqual(Object.keys(value), ['__proto__', 'constructor']);
  assert.equal(value['admin'], undefined);
  assert.equal(Object.getPrototypeOf(value), null);
});

test('what two parsers could read differently is a problem', () => {
  for (const text of ['{"a":1,"a":2}', '{"a":1} x', '\ufeff{}', '{"a":\u0000}', '']) assert.ok('problem' in read(text), text);
  assert.ok('problem' in readPlainJson(Buffer.from([0x22, 0xff, 0x22])));
});
