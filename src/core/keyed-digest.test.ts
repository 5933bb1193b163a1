import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { createKeyedHasher, keyedHash } from './keyed-digest.ts';

test('keyed digests are those of RFC 4231', () => {
  // Test cases 1, 2 and 6: https://www.rfc-editor.org/rfc/rfc4231#section-4
  const cases = [
    [Buffer.alloc(20, 0x0b), 'Hi There', 'b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7'],
    [Buffer.from('Jefe'), 'what do ya want for nothing?', '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843'],
    [
      Buffer.alloc(131, 0xaa),
      'Test Using Larger Than Block-Size Key - Hash Key First',
      '60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54',
    ],
  ] as const;
  for (const [key, text, digest] of cases) assert.equal(keyedHash(key, Buffer.from(text)), digest);
});

test('whatever the key, the bytes and the parts they come in, the digest is that of the library', () => {
  const sizes = fc.oneof(fc.integer({ min: 0, max: 200 }), ...[1_000, 4_090, 16_300].map((min) => fc.integer({ min, max: min + 200 })));
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 80 }), fc.array(sizes, { maxLength: 12 }), fc.nat(255), (key, parts, fill) => {
      const hasher = createKeyedHasher(key);
      const bytes = parts.map((size, index) => Buffer.alloc(size, fill + index));
      for (const part of bytes) hasher.update(part);
      const whole = Buffer.concat(bytes);
      const expected = createHmac('sha256', key).update(whole).digest('hex');
      assert.deepEqual([hasher.digest(), keyedHash(key, whole), keyedHash(key, whole)], [expected, expected, expected]);
    }),
  );
});
