import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  batchBytes,
  encodeBatch,
  entryBytes,
  foreignFrame,
  isBatchProblem,
  readBatch,
  sectorBytes,
  writtenBytes,
  type BatchEntry,
} from './batch.ts';
import { leafHash } from './merkle.ts';

const entry = (text: string, index: number): BatchEntry => {
  const leaf = Buffer.from(text);
  return { origin: 'local/model/standard/2026q4', index, leaf, leafHash: leafHash(leaf) };
};
const entries = [entry('{"a":1}', 0), entry(`{"b":"${'x'.repeat(700)}"}`, 1), entry('{}', 2 ** 40)];
const batch = Buffer.from(encodeBatch(7, entries));

describe('a batch', () => {
  it('reads back as it was written and ends at a sector', () => {
    const read = readBatch(Buffer.concat([Buffer.alloc(sectorBytes), batch]), sectorBytes, 7);
    assert.ok(!isBatchProblem(read));
    assert.deepEqual(
      read.entries.map(({ origin, index, leaf }) => [origin, index, leaf.toString()]),
      entries.map(({ origin, index, leaf }) => [origin, index, leaf.toString()]),
    );
    assert.equal(read.bytes, batch.length);
    assert.equal(batch.length % sectorBytes, 0);
    assert.equal(batch.length, batchBytes(entries.reduce((bytes, { origin, leaf }) => bytes + entryBytes(origin, leaf.length), 0)));
  });

  it('does not verify with any bit flipped, its padding included', () => {
    for (let at = 0; at < batch.length; at += 1) {
      const damaged = Buffer.from(batch);
      damaged[at] = (damaged[at] ?? 0) ^ (1 << (at % 8));
      assert.ok(isBatchProblem(readBatch(damaged, 0, 7)), `byte ${at}`);
    }
  });

  it('does not verify when cut at any place', () => {
    for (let end = 0; end < batch.length; end += 13) assert.ok(isBatchProblem(readBatch(batch.subarray(0, end), 0, 7)), `${end} bytes`);
  });

  it('is not read in the place of another', () => {
    const read = readBatch(batch, 0, 8);
    assert.ok(isBatchProblem(read));
    assert.equal(read.entries, 3);
  });
});

describe('a frame of another batch', () => {
  it('is found by its header or by any of its frames', () => {
    assert.equal(foreignFrame(batch, 0, 7), null);
    assert.equal(foreignFrame(batch, 0, 6), 0);
    const headless = Buffer.from(batch).fill(0, 0, 40);
    assert.equal(foreignFrame(headless, 0, 6), 40);
    assert.equal(foreignFrame(headless, 41, 6), 40 + 64 + 27);
  });

  it('cannot be forged by what a record says', () => {
    const forged = entry(JSON.stringify({ text: batch.toString('latin1') }), 0);
    assert.equal(foreignFrame(Buffer.from(encodeBatch(9, [forged])), 0, 9), null);
  });
});

it('the written part of a segment ends behind its last byte that is not zero', () => {
  const buffer = Buffer.alloc(300_000);
  assert.equal(writtenBytes(buffer), 0);
  for (const at of [0, 1, 65_535, 65_536, 234_463, 299_999]) {
    buffer.fill(0);
    buffer[at] = 1;
    assert.equal(writtenBytes(buffer), at + 1);
  }
});
