import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bundles, bytesAt, entryOffsets, flipEach, leaves, sound } from '../sound-ledger.ts';

test('flipping any single bit of any bundle of a 600-leaf log names the entry', () => {
  let flips = 0;
  for (const path of bundles) {
    const offsets = entryOffsets(bytesAt(sound, path));
    flips += flipEach(path, [0, 1, 2, 3, 4, 5, 6, 7], (at) => offsets.findLast((offset) => offset <= at) ?? 0);
  }
  assert.equal(
    flips,
    leaves.reduce((bits, leaf) => bits + (leaf.length + 2) * 8, 0),
  );
});
