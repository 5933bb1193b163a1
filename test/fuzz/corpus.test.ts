// Every input that is kept, tried once more: what led further once, and what once broke something. Without counters, so that this takes seconds.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { casesOf, corpusOf, keptTargets } from './inputs.ts';
import { bytesMaxOf } from './target.ts';
import { targets } from './targets.ts';

const corpusBytesMax = 1_500_000;

test('every kept input belongs to a target, and together they stay small', () => {
  const names = Object.keys(targets);
  assert.ok(names.length > 30, `only ${names.length} targets`);
  assert.deepEqual(
    keptTargets().filter((name) => !names.includes(name)),
    [],
  );
  const bytes = names.flatMap((name) => corpusOf(name).map((input) => input.bytes.length)).reduce((sum, length) => sum + length, 0);
  assert.ok(bytes > 0 && bytes < corpusBytesMax, `${bytes} bytes of inputs`);
});

for (const [name, load] of Object.entries(targets)) {
  test(`no kept input breaks what ${name} promises`, async () => {
    const { target } = await load();
    const kept = [...corpusOf(name), ...casesOf(name)];
    const seeds = target.seeds();
    assert.ok(seeds.length > 0, 'there is nothing to begin with');
    for (const input of [...kept, ...seeds.slice(0, 3).map((bytes, at) => ({ name: `seed ${at}`, bytes }))]) {
      if (input.bytes.length > bytesMaxOf(target)) continue;
      try {
        await target.check(Buffer.from(input.bytes));
      } catch (error) {
        assert.fail(`${name}/${input.name}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
      }
    }
    await target.end?.();
  });
}
