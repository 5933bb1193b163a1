// Batches of the journal: a batch that is read is written anew as the same bytes, so that none of them can be another.
// Whatever one byte of it is instead, it is not read as that batch.

import assert from 'node:assert/strict';
import {
  batchBytes,
  encodeBatch,
  entryBytes,
  foreignFrame,
  isBatchProblem,
  readBatch,
  sectorBytes,
  writtenBytes,
} from '../../../src/ledger/batch.ts';
import { segmentFirstLsn, segmentName } from '../../../src/ledger/journal.ts';
import { leafHash } from '../../../src/ledger/merkle.ts';
import { choiceFor } from '../cuts.ts';
import type { Target } from '../target.ts';

const lsns = [0, 1, 7, 2 ** 40];

const batchOf = (firstLsn: number, ...texts: readonly string[]): Uint8Array =>
  encodeBatch(
    firstLsn,
    texts.map((text, index) => {
      const leaf = Buffer.from(`{"log_id":"${text}"}`);
      return { origin: 'local/model/standard/2026q4', index: firstLsn + index, leaf, leafHash: leafHash(leaf) };
    }),
  );

const checkBatch = (buffer: Buffer, at: number, firstLsn: number): void => {
  const batch = readBatch(buffer, at, firstLsn);
  if (isBatchProblem(batch)) return assert.ok(batch.problem.length > 0);
  assert.equal(batch.bytes % sectorBytes, 0);
  assert.ok(at + batch.bytes <= buffer.length);
  assert.deepEqual(Buffer.from(encodeBatch(firstLsn, batch.entries)), buffer.subarray(at, at + batch.bytes), 'the same batch has other bytes');
  assert.equal(batch.bytes, batchBytes(batch.entries.reduce((sum, { origin, leaf }) => sum + entryBytes(origin, leaf.length), 0)));
  assert.equal(foreignFrame(buffer.subarray(0, at + batch.bytes), at, firstLsn), null, 'a batch has frames of another');
  // Whatever one byte of it is instead, it is not this batch.
  const { place, choice } = choiceFor(buffer);
  const changed = Buffer.from(buffer);
  const target = at + (place % batch.bytes);
  changed[target] = (changed[target] ?? 0) ^ (1 + (choice % 255));
  return assert.ok(isBatchProblem(readBatch(changed, at, firstLsn)), 'another byte makes no difference');
}; // prettier-ignore

const check = (input: Uint8Array): void => {
  const buffer = Buffer.from(input);
  for (const lsn of lsns) {
    checkBatch(buffer, 0, lsn);
    if (buffer.length > sectorBytes) checkBatch(buffer, sectorBytes, lsn);
    const foreign = foreignFrame(buffer, 0, lsn);
    assert.ok(foreign === null || (foreign >= 0 && foreign < buffer.length));
  }
  assert.equal(writtenBytes(buffer), buffer.toString('latin1').replace(/\0+$/, '').length);
  const name = buffer.toString('latin1');
  const lsn = segmentFirstLsn(name);
  if (lsn !== null && Number.isSafeInteger(lsn)) assert.equal(segmentName(lsn), name);
};

export const target: Target = {
  kind: 'bytes',
  bytesMax: 4_096,
  seeds: () => [
    batchOf(0, 'a'),
    batchOf(1, 'a', 'b', 'c'),
    batchOf(7),
    Buffer.concat([batchOf(0, 'a'), batchOf(1, 'b')]),
    Buffer.concat([batchOf(7, 'x'.repeat(600)), Buffer.alloc(sectorBytes)]),
    Buffer.from(segmentName(255)),
  ],
  words: ['SealBatch', 'SealCommit', 'Leaf', 'seg-', '.wal'],
  check,
};
