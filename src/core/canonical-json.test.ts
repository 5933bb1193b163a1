import assert from 'node:assert/strict';
import { test } from 'node:test';
import { canonicalJson, writtenAlike } from './canonical-json.ts';

test('the example of RFC 8785 section 3.2.2 comes out as the RFC prints it', () => {
  const input: unknown = JSON.parse(
    '{"numbers":[333333333.33333329,1E30,4.50,2e-3,0.000000000000000000000000001],"string":"\\u20ac$\\u000F\\u000aA\'\\u0042\\u0022\\u005c\\\\\\"\\/","literals":[null,true,false]}',
  );
  assert.equal(
    canonicalJson(input),
    '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
  );
});

test('keys sort by UTF-16 code units, as RFC 8785 section 3.2.3 shows', () => {
  const sorted = canonicalJson({ '€': 1, '\r': 2, '\ufb33': 3, '1': 4, '😀': 5, '\u0080': 6, ö: 7 });
  assert.deepEqual(
    [...sorted.matchAll(/:(\d)/g)].map(([, place]) => Number(place)),
    [2, 4, 6, 7, 1, 5, 3],
  );
});

test('undefined members are left out, and what JSON cannot say throws', () => {
  assert.equal(canonicalJson({ a: undefined, b: [] }), '{"b":[]}');
  for (const bad of [[undefined], Number.NaN, Number.POSITIVE_INFINITY, '\ud800', { a: '\udc00' }, 1n, () => 1])
    assert.throws(() => canonicalJson(bad));
  assert.equal(canonicalJson(-0), '0');
});

test('an object that is said not to change is written as any other, each time, also inside another', () => {
  const value = { b: [1, { z: null, a: 'x' }], a: true };
  const alike = writtenAlike({ ...value });
  for (let count = 0; count < 3; count += 1) {
    assert.equal(canonicalJson(alike), canonicalJson(value));
    assert.equal(canonicalJson({ y: alike, x: [alike] }), canonicalJson({ y: value, x: [value] }));
  }
  const unwritable = writtenAlike({ a: '\ud800' });
  for (let count = 0; count < 2; count += 1) assert.throws(() => canonicalJson(unwritable), TypeError);
});

test('a text is quoted as `JSON.stringify` quotes it, whatever character stands in it, and however long it is', () => {
  for (let code = 0; code < 0x300; code += 1)
    for (const text of [
      String.fromCharCode(code),
      `before ${String.fromCharCode(code)} behind`,
      `${'x'.repeat(200)}${String.fromCharCode(code)}`,
    ])
      assert.equal(canonicalJson(text), JSON.stringify(text), `character ${code}`);
  assert.equal(canonicalJson('plain\n'), '"plain\\n"');
});
