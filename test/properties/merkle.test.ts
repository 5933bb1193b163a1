import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import {
  consistencyProof,
  consistencyVerifies,
  createFrontier,
  inclusionProof,
  inclusionVerifies,
  leafHash,
  treeRoot,
} from '../../src/ledger/merkle.ts';
import { decodeBundle, encodeBundle, parseTilePath, tilePath } from '../../src/ledger/tiles.ts';
import { casesCount } from '../cases.ts';

const largest = 300;
const nodes = new Map<string, Uint8Array>();
const roots: Uint8Array[] = [];
const frontier = createFrontier();
roots.push(frontier.root());
for (let index = 0; index < largest; index += 1) {
  frontier.append(leafHash(Buffer.from(`leaf ${index}`)), (level, at, node) => nodes.set(`${level}/${at}`, node));
  roots.push(frontier.root());
}
const nodeAt = (level: number, index: number): Uint8Array => nodes.get(`${level}/${index}`) ?? assert.fail(`node ${level}/${index}`);
const rootOf = (size: number): Uint8Array => roots[size] ?? assert.fail(`root ${size}`);
const flip = (bytes: Uint8Array, bit: number): Uint8Array => bytes.map((byte, at) => (at === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte));

/** A size, and an index below it. */
const leafInTree = fc.integer({ min: 1, max: largest }).chain((size) => fc.tuple(fc.constant(size), fc.integer({ min: 0, max: size - 1 })));
const bitOfHash = fc.integer({ min: 0, max: 255 });

test('every leaf of every tree of up to 300 leaves has a proof that verifies', () => {
  for (let size = 1; size <= largest; size += 1) {
    assert.deepEqual(treeRoot(nodeAt, size), rootOf(size));
    for (let index = size % 7; index < size; index += 7) {
      assert.ok(inclusionVerifies(nodeAt(0, index), index, size, inclusionProof(nodeAt, index, size), rootOf(size)), `${index} in ${size}`);
    }
  }
});

test('every tree of up to 300 leaves is provably a prefix of every longer one', () => {
  for (let newer = 0; newer <= largest; newer += 1) {
    for (let older = newer % 5; older <= newer; older += 5) {
      const proof = consistencyProof(nodeAt, older, newer);
      assert.ok(consistencyVerifies(older, newer, rootOf(older), rootOf(newer), proof), `${older} in ${newer}`);
    }
  }
});

test('an inclusion proof fails when any bit of it, of the leaf or of the root flips, or its length or place changes', () => {
  fc.assert(
    fc.property(leafInTree, bitOfHash, fc.nat(), (at, bit, choice) => {
      const [size, index] = at;
      const proof = inclusionProof(nodeAt, index, size);
      const leaf = nodeAt(0, index);
      const root = rootOf(size);
      const chosen = choice % Math.max(1, proof.length);
      assert.equal(inclusionVerifies(flip(leaf, bit), index, size, proof, root), false);
      assert.equal(inclusionVerifies(leaf, index, size, proof, flip(root, bit)), false);
      assert.equal(inclusionVerifies(leaf, index, size, [...proof, root], root), false);
      if (proof.length > 0) {
        const altered = proof.map((hash, place) => (place === chosen ? flip(hash, bit) : hash));
        assert.equal(inclusionVerifies(leaf, index, size, altered, root), false);
        assert.equal(inclusionVerifies(leaf, index, size, proof.slice(0, -1), root), false);
        assert.equal(inclusionVerifies(leaf, (index + 1) % size, size, proof, root), false);
      }
    }),
    { numRuns: casesCount(300) },
  );
});

test('a consistency proof fails when any bit of it or of a root flips, or its length changes', () => {
  fc.assert(
    fc.property(leafInTree, bitOfHash, fc.nat(), (at, bit, choice) => {
      const [newer, below] = at;
      const older = below + 1;
      const proof = consistencyProof(nodeAt, older, newer);
      const [from, to] = [rootOf(older), rootOf(newer)];
      assert.equal(consistencyVerifies(older, newer, flip(from, bit), to, proof), false);
      assert.equal(consistencyVerifies(older, newer, from, flip(to, bit), proof), false);
      assert.equal(consistencyVerifies(older, newer, from, to, [...proof, to]), false);
      if (proof.length > 0) {
        const altered = proof.map((hash, place) => (place === choice % proof.length ? flip(hash, bit) : hash));
        assert.equal(consistencyVerifies(older, newer, from, to, altered), false);
        assert.equal(consistencyVerifies(older, newer, from, to, proof.slice(1)), false);
      }
    }),
    { numRuns: casesCount(300) },
  );
});

test('bundles give back the entries that were put in, and any bytes are read without an exception', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 20 }), (entries) => {
      const decoded = decodeBundle(encodeBundle(entries), entries.length);
      assert.ok(!('problem' in decoded));
      assert.deepEqual(
        decoded.map((entry) => [...entry]),
        entries.map((entry) => [...entry]),
      );
    }),
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.integer({ min: 1, max: 256 }), (bytes, width) => {
      decodeBundle(bytes, width);
    }),
  );
});

test('a tile has one path and a path one tile', () => {
  const level = fc.oneof(fc.integer({ min: 0, max: 63 }), fc.constant('entries' as const));
  fc.assert(
    fc.property(fc.record({ level, index: fc.maxSafeNat(), width: fc.integer({ min: 1, max: 256 }) }), (name) => {
      assert.deepEqual({ ...parseTilePath(tilePath(name)) }, { ...name });
    }),
  );
  fc.assert(
    fc.property(fc.string(), (path) => {
      const name = parseTilePath(path);
      assert.ok(name === null || tilePath(name) === path);
    }),
  );
});
