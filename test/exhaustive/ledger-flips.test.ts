// Every single bit of what a checkpoint covers, flipped one at a time: the verifier must name the smallest unit that no longer holds.
// Takes many seconds; one bit of each byte of the hash tiles is also tried beside the verifier.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  againAndAgain,
  bundles,
  bytesAt,
  entryOffsets,
  flipEach,
  hashTiles,
  leaves,
  logFolder,
  places,
  sound,
  type Folder,
} from '../sound-ledger.ts';

const everyBit = [0, 1, 2, 3, 4, 5, 6, 7];

test('G-LEDGER-1: flipping any bit of a hash tile names the tile and the hash', () => {
  assert.deepEqual(
    hashTiles.map((path) => path.slice(logFolder.length)),
    ['/tile/0/000', '/tile/0/001', '/tile/0/002.p/88', '/tile/1/000.p/2'],
  );
  let flips = 0;
  for (const path of hashTiles) flips += flipEach(path, everyBit, (at) => at - (at % 32));
  assert.equal(flips, (600 + 2) * 32 * 8);
});

test('G-LEDGER-1: flipping any bit of the checkpoint names the altered line', () => {
  const path = `${logFolder}/checkpoint`;
  const text = bytesAt(sound, path).toString('latin1');
  const lineOf = (at: number): number => text.lastIndexOf('\n', at - 1) + 1;
  assert.equal(flipEach(path, everyBit, lineOf), text.length * 8);
});

test('G-LEDGER-1: flipping one bit of every byte of a bundle names the entry', () => {
  for (const path of bundles.slice(-1)) {
    const offsets = entryOffsets(bytesAt(sound, path));
    flipEach(path, [0], (at) => offsets.findLast((offset) => offset <= at) ?? 0);
  }
});

test('flipping any bit of an entry or its length names the entry, also when all other entries of the log are altered in the same place', () => {
  const longest = Math.max(...leaves.map((leaf) => leaf.length)) + 2;
  const verifyWith = againAndAgain();
  let flips = 0;
  for (let place = 0; place < longest * 8; place += 1) {
    const changes: Folder = new Map();
    const expected: string[] = [];
    for (const path of bundles) {
      const bytes = bytesAt(sound, path);
      for (const [entry, offset] of entryOffsets(bytes).entries()) {
        const end = entryOffsetsEnd(path, entry);
        const at = offset + (place >> 3);
        if (at >= end) continue;
        bytes[at] = (bytes[at] ?? 0) ^ (1 << (place & 7));
        expected.push(`${path}@${offset}`);
        changes.set(path, bytes);
      }
    }
    const verification = verifyWith(changes);
    assert.equal(verification.ok, false);
    assert.deepEqual(places(verification).toSorted(), expected.toSorted(), `bit ${place}`);
    flips += expected.length;
  }
  assert.equal(
    flips,
    leaves.reduce((bits, leaf) => bits + (leaf.length + 2) * 8, 0),
  );
});

const ends = new Map(bundles.map((path) => [path, [...entryOffsets(bytesAt(sound, path)).slice(1), bytesAt(sound, path).length]]));
const entryOffsetsEnd = (path: string, entry: number): number => ends.get(path)?.[entry] ?? 0;
