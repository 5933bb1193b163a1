import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { costOf, createCostSum, shownCost, type Price } from './price.ts';

const price: Price = { currency: 'USD', inputMicros: 3_000_000, cachedInputMicros: 300_000, outputMicros: 15_000_000 };
const counted = (input: number | null, output: number | null, cached: number | null = null) => ({
  inputTokenCount: input,
  cachedInputTokenCount: cached,
  outputTokenCount: output,
});

test('a cost is the counts times the prices, and cached input has a price of its own', () => {
  assert.deepEqual(costOf(price, counted(41_203, 3_004)), { currency: 'USD', amount: '0.168669' });
  assert.deepEqual(costOf(price, counted(1_000_000, 0, 900_000)), { currency: 'USD', amount: '0.57' });
  assert.deepEqual(costOf({ ...price, cachedInputMicros: null }, counted(1_000_000, 0, 900_000)), { currency: 'USD', amount: '3' });
  assert.deepEqual(costOf(price, counted(10, 0, 900)), { currency: 'USD', amount: '0.000003' });
});

test('without a price, or where something that has one was not counted, there is no cost', () => {
  assert.equal(costOf(null, counted(1, 1)), null);
  assert.equal(costOf(price, counted(null, 3)), null);
  assert.equal(costOf(price, counted(3, null)), null);
  assert.equal(costOf(price, counted(-3, 1)), null);
  assert.equal(costOf(price, counted(0.5, 1)), null);
  assert.deepEqual(costOf({ ...price, outputMicros: 0 }, counted(1_000_000, null)), { currency: 'USD', amount: '3' });
  assert.deepEqual(costOf(price, counted(0, 0)), { currency: 'USD', amount: '0' });
});

test('a sum of many small costs is exact, whatever their order, and currencies stay apart', () => {
  const count = fc.integer({ min: 0, max: 10_000_000 });
  fc.assert(
    fc.property(fc.array(fc.tuple(count, count), { minLength: 1, maxLength: 40 }), (calls) => {
      const sum = createCostSum();
      const whole = calls.reduce(([input, output], [more, further]) => [input + more, output + further], [0, 0]);
      for (const [input, output] of calls) assert.ok(sum.add(costOf(price, counted(input, output)) ?? assert.fail()));
      assert.deepEqual(sum.costs(), [costOf(price, counted(...whole))]);
    }),
  );
  const mixed = createCostSum();
  assert.equal(mixed.costs(), null);
  for (const currency of ['USD', 'EUR', 'USD']) assert.ok(mixed.add({ currency, amount: '0.1' }));
  assert.deepEqual(mixed.costs(), [
    { currency: 'EUR', amount: '0.1' },
    { currency: 'USD', amount: '0.2' },
  ]);
});

test('a cost is exact however large it is, and so is a sum of large ones', () => {
  const count = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
  const micros = fc.integer({ min: 1, max: 1_000_000_000 });
  const unitsOf = (amount: string | undefined): bigint => {
    const [whole = '0', fraction = ''] = (amount ?? '').split('.');
    return BigInt(whole) * 10n ** 12n + BigInt(fraction.padEnd(12, '0'));
  };
  fc.assert(
    fc.property(
      fc.array(fc.oneof(count, fc.nat(5_000_000)), { minLength: 2, maxLength: 6 }),
      micros,
      micros,
      (counts, inputMicros, outputMicros) => {
        const costs = counts.map((each) => costOf({ ...price, inputMicros, outputMicros }, counted(each, counts[0] ?? 0)));
        const exact = counts.map((each) => BigInt(each) * BigInt(inputMicros) + BigInt(counts[0] ?? 0) * BigInt(outputMicros));
        assert.deepEqual(
          costs.map((cost) => unitsOf(cost?.amount)),
          exact,
        );
        const sum = createCostSum();
        const added = costs.map((cost) => cost !== null && sum.add(cost));
        const known = exact.filter((_units, index) => added[index]).reduce((all, units) => all + units, 0n);
        assert.equal(unitsOf(sum.costs()?.[0]?.amount), known);
      },
    ),
  );
});

test('what is no amount is not added', () => {
  const sum = createCostSum();
  for (const amount of ['', '-1', '1e3', '1.', 'NaN', '0.1234567890123', '9'.repeat(19)])
    assert.equal(sum.add({ currency: 'USD', amount }), false);
  assert.equal(sum.add({ currency: '<b>', amount: '1' }), false);
  assert.equal(sum.costs(), null);
});

test('a shown cost has two places, or what a small one needs', () => {
  const shown = (amount: string): string => shownCost({ currency: 'USD', amount });
  assert.deepEqual(['0', '0.168669', '12', '1234567.5', '0.000003', '0.0996', '0.00123456'].map(shown), [
    '0.00 USD',
    '0.17 USD',
    '12.00 USD',
    '1,234,567.50 USD',
    '0.0000030 USD',
    '0.100 USD',
    '0.0012 USD',
  ]);
});
