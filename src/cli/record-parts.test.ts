import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { madeUpRun } from '../../test/made-up-run.ts';
import { isReference, shareMembers, shareOfTwo, whole } from './record-parts.ts';

const text = (value: unknown): string =>
  JSON.stringify(value, (_, member: unknown) =>
    typeof member === 'object' && member !== null && !Array.isArray(member)
      ? Object.fromEntries(Object.entries(member).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : member,
  );
const restored = (records: readonly Record<string, unknown>[]): readonly string[] => {
  const shared = shareMembers(records, (record) => record['alone'] === true);
  return shared.parts.map((part) => text(whole(shared, part)));
};

test('what was taken apart can be put together again, whatever records hold', () => {
  const name = fc.constantFrom('a', 'b', 'stream', 'kind', 'alone', '__proto__', 'constructor');
  const value = fc.oneof(
    fc.constantFrom(null, true, 1, 'x'.repeat(120), {}, [], { a: 1 }, { a: { b: 1, c: 2 } }, { a: { b: 1, d: 2 } }),
    fc.jsonValue({ maxDepth: 3 }),
  );
  const record = fc.dictionary(name, value, { maxKeys: 5 });
  fc.assert(
    fc.property(fc.array(fc.oneof(record, fc.constant({ stream: 's', kind: 'k', a: { a: 1, b: 2 } })), { maxLength: 14 }), (records) => {
      assert.deepEqual(restored(records), records.map(text));
    }),
    { numRuns: 500 },
  );
});

test('records of a run lose nothing and say little twice', () => {
  const records = madeUpRun({ modelRequests: 40, toolsEach: 2, deniedEvery: 9, startMs: 0 });
  assert.deepEqual(restored(records), records.map(text));
  const { parts, classes, values } = shareMembers(records, () => false);
  const left = parts.map(({ own }) => JSON.stringify([...own])).join('').length;
  assert.ok(left * 3 < JSON.stringify(records).length, `${left} characters are left`);
  assert.ok(classes.length < 8 && values.length < 24 && values.length > 0);
  assert.ok(parts.some(({ own }) => [...own.values()].some(isReference)));
});

test('two parts and what they have in common are what they were', () => {
  const part = fc.dictionary(
    fc.constantFrom('a', 'b', 'c'),
    fc.oneof(fc.constantFrom({ a: 1 }, { a: 1, b: 2 }, {}, 1), fc.jsonValue({ maxDepth: 2 })),
  );
  fc.assert(
    fc.property(part, part, (one, other) => {
      const shared = shareOfTwo(new Map(Object.entries(one)), new Map(Object.entries(other)));
      const again = (own: ReadonlyMap<string, unknown>): string =>
        text(whole({ classes: [Object.fromEntries(shared.both)], values: [] }, { of: 0, own }));
      assert.deepEqual([again(shared.one), again(shared.other)], [text(one), text(other)]);
    }),
  );
});

test('what is nested too deep to be written again stays where it is', () => {
  const deep = JSON.parse(`${'['.repeat(30_000)}${']'.repeat(30_000)}`) as unknown;
  const records = Array.from({ length: 5 }, () => ({ stream: 's', kind: 'k', deep }));
  const { parts } = shareMembers(records, () => false);
  assert.equal(parts.length, 5);
});
