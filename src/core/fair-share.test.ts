import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createFairShare } from './fair-share.ts';

/** Takes one by one until it is refused; answers how much it has then, and why no more. */
const fill = (share: ReturnType<typeof createFairShare>, holder: string) => {
  for (let held = 0; ; held += 1) {
    const against = share.take(holder, 1);
    if (against !== null) return [held, against] as const;
  }
};

test('alone a holder may have half, and what is left serves those who come later, each less than the one before', () => {
  const share = createFairShare(100);
  assert.deepEqual(fill(share, 'first'), [50, 'share']);
  assert.deepEqual(fill(share, 'second'), [25, 'share']);
  assert.deepEqual(fill(share, 'third'), [12, 'share']);
});

test('holders that ask in turn end with the same share, and one place more stays free', () => {
  for (const count of [1, 2, 4, 9]) {
    const share = createFairShare(1_000);
    const held = Array.from({ length: count }, () => 0);
    for (let granted = true; granted;) {
      granted = false;
      for (const holder of held.keys())
        if (share.take(String(holder), 1) === null) {
          held[holder] = (held[holder] ?? 0) + 1;
          granted = true;
        }
    }
    for (const own of held) assert.ok(Math.abs(own - 1_000 / (count + 1)) <= 1, `${own} of ${count}`);
  }
});

test('what has begun can end as long as anything is left', () => {
  const share = createFairShare(100);
  assert.deepEqual(fill(share, 'one'), [50, 'share']);
  assert.deepEqual([share.take('one', 30, 'ending'), share.take('one', 21, 'ending'), share.held()], [null, 'limit', 80]);
});

test('what is given back can be taken again, and what nobody can ever have is refused at the limit', () => {
  const share = createFairShare(100);
  assert.equal(share.take('one', 50), null);
  share.give('one', 50);
  assert.deepEqual([share.held(), share.take('two', 50), share.take('three', 51)], [0, null, 'limit']);
});
