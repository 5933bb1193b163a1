import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createFrontier, leafHash, sameHash, treeRoot } from './merkle.ts';
import { decodeBundle, encodeBundle, parseTilePath, tilePath, tileSource, tilesOfTree, tileWidth } from './tiles.ts';

test('paths are those of the specification', () => {
  assert.equal(tilePath({ level: 0, index: 1_234_067, width: 256 }), 'tile/0/x001/x234/067');
  assert.equal(tilePath({ level: 'entries', index: 1_234, width: 7 }), 'tile/entries/x001/234.p/7');
  assert.equal(tilePath({ level: 63, index: 0, width: 255 }), 'tile/63/000.p/255');
});

test('each path leads back to its tile, and no other spelling does', () => {
  for (const path of ['tile/0/x001/x234/067', 'tile/entries/x001/234.p/7', 'tile/63/000.p/255', 'tile/entries/999']) {
    const name = parseTilePath(path);
    assert.ok(name, path);
    assert.equal(tilePath(name), path);
  }
  const wrong = [
    'tile/00/000',
    'tile/64/000',
    'tile/0/0',
    'tile/0/x000/001',
    'tile/0/000.p/0',
    'tile/0/000.p/256',
    'tile/0/000.p/01',
    'tile/0/000/',
    '',
    'checkpoint',
  ];
  for (const path of wrong) assert.equal(parseTilePath(path), null, path);
});

test('a tree of 70,000 leaves has the tiles that the specification counts', () => {
  const tiles = [...tilesOfTree(70_000)];
  const count = (level: number | 'entries', full: boolean): number =>
    tiles.filter((tile) => tile.level === level && (tile.width === tileWidth) === full).length;
  assert.deepEqual(
    [count(0, true), count(0, false), count(1, true), count(1, false), count(2, true), count(2, false)],
    [273, 1, 1, 1, 0, 1],
  );
  assert.deepEqual(
    tiles.filter((tile) => tile.width < tileWidth).map((tile) => tile.width),
    [112, 17, 1, 112],
  );
  assert.deepEqual([...tilesOfTree(256)].map(tilePath), ['tile/0/000', 'tile/1/000.p/1', 'tile/entries/000']);
  assert.deepEqual([...tilesOfTree(0)], []);
});

test('the tiles of a tree give its root back', () => {
  for (const size of [1, 255, 256, 257, 600]) {
    const hashes = new Map<string, Uint8Array>();
    const frontier = createFrontier();
    for (let index = 0; index < size; index += 1) {
      frontier.append(leafHash(Buffer.from(`leaf ${index}`)), (level, at, node) => hashes.set(`${level}/${at}`, node));
    }
    const source = tileSource(size, ({ level, index, width }) =>
      Buffer.concat(
        Array.from({ length: width }, (_, at) => hashes.get(`${Number(level) * 8}/${index * tileWidth + at}`) ?? new Uint8Array(0)),
      ),
    );
    assert.ok(sameHash(treeRoot(source, size), frontier.root()));
  }
});

test('a tile of the wrong size is refused', () => {
  const source = tileSource(2, () => new Uint8Array(63));
  assert.throws(() => source(0, 0), RangeError);
});

test('bundles hold entries of 0 to 65,535 bytes behind big-endian lengths', () => {
  const entries = [Buffer.from('one'), Buffer.alloc(0), Buffer.alloc(65_535, 7)];
  const bundle = encodeBundle(entries);
  assert.deepEqual([...bundle.subarray(0, 5)], [0, 3, 0x6f, 0x6e, 0x65]);
  const decoded = decodeBundle(bundle, 3);
  assert.ok(!('problem' in decoded));
  assert.deepEqual(
    decoded.map((entry) => Buffer.from(entry)),
    entries,
  );
  assert.throws(() => encodeBundle([Buffer.alloc(65_536)]), RangeError);
});

test('a bundle that is cut or too long names the offset where it stops making sense', () => {
  const bundle = encodeBundle([Buffer.from('one'), Buffer.from('two')]);
  assert.deepEqual(decodeBundle(bundle.subarray(0, 9), 2), { problem: 'the bundle ends inside entry 1 of 2', offset: 5 });
  assert.deepEqual(decodeBundle(bundle, 1), { problem: 'bytes follow the last of 1 entries', offset: 5 });
});
