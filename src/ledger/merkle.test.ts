import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  consistencyProof,
  consistencyVerifies,
  createFrontier,
  emptyRoot,
  frontierHashes,
  inclusionProof,
  inclusionVerifies,
  leafHash,
  treeRoot,
  type HashSource,
} from './merkle.ts';

// The reference data of Certificate Transparency, as in transparency-dev/merkle `testonly`.
const leaves = ['', '00', '10', '2021', '3031', '40414243', '5051525354555657', '606162636465666768696a6b6c6d6e6f'];
const roots = [
  'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
  'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
];
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const unhex = (text: string): Uint8Array => Buffer.from(text, 'hex');

const treeOf = (count: number): { readonly frontier: ReturnType<typeof createFrontier>; readonly source: HashSource } => {
  const nodes = new Map<string, Uint8Array>();
  const frontier = createFrontier();
  for (const leaf of leaves.slice(0, count))
    frontier.append(leafHash(unhex(leaf)), (level, index, node) => nodes.set(`${level}/${index}`, node));
  return {
    frontier,
    source: (level, index) => {
      const node = nodes.get(`${level}/${index}`);
      assert.ok(node, `node ${level}/${index}`);
      return node;
    },
  };
};

test('the roots of zero to eight leaves are the published ones', () => {
  assert.equal(hex(emptyRoot), roots[0]);
  for (const [count, root] of roots.entries()) {
    const { frontier, source } = treeOf(count);
    assert.equal(hex(frontier.root()), root);
    assert.equal(hex(treeRoot(source, count)), root);
  }
});

test('the published inclusion and consistency proofs are made and verify', () => {
  const { source } = treeOf(8);
  const root = unhex(roots[8] ?? '');
  const inclusion = inclusionProof(source, 0, 8);
  assert.deepEqual(inclusion.map(hex), [
    '96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7',
    '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e',
    '6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4',
  ]);
  assert.ok(inclusionVerifies(leafHash(unhex('')), 0, 8, inclusion, root));
  const consistency = consistencyProof(source, 6, 8);
  assert.deepEqual(consistency.map(hex), [
    '0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a',
    'ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0',
    'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  ]);
  assert.ok(consistencyVerifies(6, 8, unhex(roots[6] ?? ''), root, consistency));
});

test('a frontier goes on from its size and hashes', () => {
  for (let count = 0; count <= 7; count += 1) {
    const { frontier, source } = treeOf(count);
    assert.deepEqual(frontierHashes(source, count).map(hex), frontier.hashes().map(hex));
    const resumed = createFrontier(count, frontier.hashes());
    for (const leaf of leaves.slice(count)) resumed.append(leafHash(unhex(leaf)));
    assert.equal(hex(resumed.root()), roots[8]);
  }
});

test('a frontier refuses hashes that do not make its size', () => {
  assert.throws(() => createFrontier(3, [emptyRoot]), RangeError);
  assert.throws(() => createFrontier(1, [emptyRoot, emptyRoot]), RangeError);
  assert.throws(() => createFrontier(1, [Buffer.alloc(31)]), RangeError);
});

test('nothing is proved about an index outside the tree or a longer older tree', () => {
  const { source } = treeOf(4);
  assert.throws(() => inclusionProof(source, 4, 4), RangeError);
  assert.throws(() => consistencyProof(source, 5, 4), RangeError);
  assert.equal(inclusionVerifies(emptyRoot, 4, 4, [], emptyRoot), false);
  assert.equal(consistencyVerifies(5, 4, emptyRoot, emptyRoot, []), false);
  assert.equal(consistencyVerifies(0, 4, unhex(roots[1] ?? ''), unhex(roots[4] ?? ''), []), false);
});
