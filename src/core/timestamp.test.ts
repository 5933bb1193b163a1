import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { timestampOf } from './timestamp.ts';

test('a time is written as `Date` writes it, whichever was written before', () => {
  const farthestMs = 8.64e15;
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: -5_000, max: 5_000 }), { minLength: 2 }),
      fc.integer({ min: -1e13, max: 1e13 }),
      (steps, base) => {
        for (const step of steps) assert.equal(timestampOf(base + step), new Date(base + step).toISOString());
      },
    ),
  );
  for (const ms of [0, 999, 1_000, -1, -1_000, 1.5, -1.5, 1_700_000_000_999.9, farthestMs, -farthestMs])
    assert.equal(timestampOf(ms), new Date(ms).toISOString(), String(ms));
  for (const none of [Number.NaN, Infinity, farthestMs + 1]) assert.throws(() => timestampOf(none), RangeError);
  assert.equal(timestampOf(1_000), '1970-01-01T00:00:01.000Z');
});
