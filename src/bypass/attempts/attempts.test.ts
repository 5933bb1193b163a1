import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Variant } from '../attempt.ts';
import { groups, marks, paths } from '../attempt.ts';
import { kit } from './attempts.ts';

const ways = kit.flatMap((attempt) => attempt.ways.map((way) => ({ attempt, way })));
const variants: readonly (readonly [id: string, variant: Variant])[] = ways.flatMap(({ attempt, way }) =>
  'variants' in way ? way.variants.map((variant) => [attempt.id, variant] as const) : [],
);

test('every number of the list has an attempt, in order, and no id is given twice', () => {
  const numbers = kit.map(({ id }) => Number.parseInt(id, 10));
  assert.deepEqual(
    [...new Set(numbers)],
    Array.from({ length: 90 }, (_, index) => index + 1),
  );
  assert.equal(new Set(kit.map(({ id }) => id)).size, kit.length);
  assert.deepEqual([...new Set(kit.map(({ group }) => group))], groups);
});

test('each way of an attempt is marked, has something to try or names what is missing, and no path is marked twice alike', () => {
  assert.ok(variants.length > 300, `only ${variants.length} variants`);
  for (const { attempt, way } of ways) {
    assert.ok(marks.includes(way.expected) && way.paths.length > 0 && way.paths.every((path) => paths.includes(path)), attempt.id);
    if ('variants' in way) {
      assert.ok(way.variants.length > 0, attempt.id);
      assert.equal(new Set(way.variants.map(({ name }) => name)).size, way.variants.length, attempt.id);
    }
  }
});

test('a limit is declared only where no guard can know: what is encrypted, what its owner says, what agreed parties read into it', () => {
  const declared = ways.filter(({ way }) => way.expected === 'declared limit').map(({ attempt }) => attempt.id);
  assert.deepEqual([...new Set(declared)], ['30b', '32', '37', '39', '78', '79', '82']);
  for (const { way } of ways) if (way.expected === 'declared limit') assert.ok(way.why.length > 20);
});

test('what is tried is bytes or a script, bounded, and the same for the same mark', () => {
  const text = (part: string | Uint8Array): string => Buffer.from(part as string, 'latin1').toString('latin1');
  for (const [id, { name, does }] of variants) {
    const [one, again] = [does('k0'), does('k0')];
    if ('program' in one) {
      assert.deepEqual(one, again);
      assert.ok(one.text.length < 4_000, `${id} ${name}`);
      continue;
    }
    const length = one.parts.reduce((sum, part) => sum + part.length, 0);
    assert.ok(one.parts.length > 0 && length > 0 && length < 2 * 1_048_576, `${id} ${name}`);
    assert.deepEqual(one.parts.map(text), 'parts' in again ? again.parts.map(text) : []);
    assert.ok(
      one.parts.every((part) => typeof part !== 'string' || !/[^\0-\xff]/.test(part)),
      `${id} ${name}: one byte per character`,
    );
  }
});
