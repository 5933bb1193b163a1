import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createLogTree, type LogTree } from './log-tree.ts';
import { createFrontier, leafHash } from './merkle.ts';
import { decodeBundle, tilePath, tilesOfTree } from './tiles.ts';

const leaf = (index: number): Uint8Array => Buffer.from(`leaf ${index}`);
const grow = (tree: LogTree, to: number): void => {
  for (let index = tree.size(); index < to; index += 1) tree.append(leaf(index), leafHash(leaf(index)));
};
const paths = (tree: LogTree): string[] => tree.edge().tiles.map(({ name }) => tilePath(name));

describe('the edge of a log', () => {
  it('holds exactly the tiles and bundles of the tree, and its root', () => {
    for (const size of [1, 255, 256, 257, 600, 70_000]) {
      const tree = createLogTree('a/model/b/2026q4');
      grow(tree, size);
      assert.deepEqual(paths(tree).toSorted(), [...tilesOfTree(size)].map(tilePath).toSorted());
      const frontier = createFrontier();
      for (let index = 0; index < size; index += 1) frontier.append(leafHash(leaf(index)));
      assert.deepEqual(tree.head().root, frontier.root());
      const bundle = tree.edge().tiles.findLast(({ name }) => name.level === 'entries');
      const width = bundle?.name.width ?? 0;
      const held = decodeBundle(bundle?.bytes ?? new Uint8Array(0), width);
      assert.ok(!('problem' in held));
      assert.deepEqual(
        held.map((one) => Buffer.from(one).toString()),
        Array.from({ length: width }, (_, at) => `leaf ${size - width + at}`),
      );
    }
  });

  it('lists full tiles until they are written, and partial ones only while they are new', () => {
    const tree = createLogTree('a/model/b/2026q4');
    grow(tree, 300);
    const first = tree.edge();
    grow(tree, 310);
    assert.ok(paths(tree).includes('tile/0/000'));
    assert.ok(tree.unwrittenBytes() > 0);
    tree.written(first);
    assert.deepEqual(paths(tree), ['tile/0/001.p/54', 'tile/1/000.p/1', 'tile/entries/001.p/54']);
    tree.written(tree.edge());
    assert.deepEqual([paths(tree), tree.unwrittenBytes()], [[], 0]);
  });

  it('keeps what was filled while an edge was written for the next', () => {
    const tree = createLogTree('a/model/b/2026q4');
    grow(tree, 300);
    const first = tree.edge();
    grow(tree, 513);
    tree.written(first);
    assert.deepEqual(paths(tree), ['tile/0/001', 'tile/entries/001', 'tile/0/002.p/1', 'tile/1/000.p/2', 'tile/entries/002.p/1']);
    assert.equal(tree.unwrittenBytes(), tree.edge().appendedBytes - first.appendedBytes);
  });

  it('answers tiles from memory while the disk may not have them', () => {
    const tree = createLogTree('a/model/b/2026q4');
    grow(tree, 300);
    assert.equal(tree.held({ level: 0, index: 0, width: 256 })?.length, 8_192);
    assert.equal(tree.held({ level: 0, index: 1, width: 20 })?.length, 640);
    assert.equal(tree.held({ level: 0, index: 1, width: 45 }), null);
    tree.written(tree.edge());
    assert.equal(tree.held({ level: 0, index: 0, width: 256 }), null);
  });
});
