import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { linkSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { deflateSync } from 'node:zlib';
import { type PackEntry, writePack } from '../../test/git-pack.ts';
import { limits } from '../core/limits.ts';
import { MalformedRepository, openCommitStore } from './git-objects.ts';

const objectsFor = (t: TestContext): string => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'sw-')));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  mkdirSync(join(folder, 'pack'));
  return folder;
};

const commit = (parents: readonly string[], committed: number, subject = 'x'): Buffer =>
  Buffer.from(
    `tree ${'0'.repeat(40)}\n${parents.map((parent) => `parent ${parent}\n`).join('')}author A <a@example.org> 1 +0000\ncommitter A <a@example.org> ${committed} +0100\n\n${subject}\n`,
  );

const idOf = (content: Buffer, type = 'commit', algorithm = 'sha1'): string =>
  createHash(algorithm).update(`${type} ${content.length}\0`).update(content).digest('hex');

const writeLoose = (objects: string, id: string, object: Buffer): void => {
  mkdirSync(join(objects, id.slice(0, 2)), { recursive: true });
  writeFileSync(join(objects, id.slice(0, 2), id.slice(2)), deflateSync(object));
};

const loose = (content: Buffer, type = 'commit'): Buffer => Buffer.concat([Buffer.from(`${type} ${content.length}\0`), content]);

/** gitformat-pack, "Deltified representation": the negative offset of an OBJ_OFS_DELTA. */
const offsetBytes = (distance: number): Buffer => {
  const bytes = [distance & 127];
  for (let rest = distance >>> 7; rest > 0; rest >>>= 7) bytes.unshift(128 | (--rest & 127));
  return Buffer.from(bytes);
};

const deltaSize = (size: number): number[] => (size < 128 ? [size] : [128 | (size & 127), ...deltaSize(size >>> 7)]);

/** A delta that copies the first `keep` bytes of the base and then inserts `tail`. */
const delta = (base: Buffer, keep: number, tail: Buffer): Buffer =>
  Buffer.concat([
    Buffer.from([...deltaSize(base.length), ...deltaSize(keep + tail.length), 0b1011_0000, keep & 255, keep >> 8, tail.length]),
    tail,
  ]);

const first = commit([], 10);
const second = commit([idOf(first)], 20, 'a longer subject '.repeat(20));
const third = commit([idOf(second)], 30, `${'a longer subject '.repeat(20)} and more`);
/** Shares everything with `second` up to its subject's end. */
const fourth = Buffer.concat([second, Buffer.from('fourth\n')]);
const fifth = Buffer.concat([fourth, Buffer.from('fifth\n')]);

test('a loose commit is read with its parents and time', (t) => {
  const objects = objectsFor(t);
  writeLoose(objects, idOf(second), loose(second));
  const store = openCommitStore(objects, 20);
  assert.deepEqual(store.find(idOf(second)), { parents: [idOf(first)], committed: 20 });
  assert.equal(store.find(idOf(third)), null);
});

test('commits of a SHA-256 repository are read too', (t) => {
  const objects = objectsFor(t);
  const root = commit([], 5);
  const child = commit([idOf(root, 'commit', 'sha256')], 6);
  writeLoose(objects, idOf(child, 'commit', 'sha256'), loose(child));
  assert.deepEqual(openCommitStore(objects, 32).find(idOf(child, 'commit', 'sha256')), {
    parents: [idOf(root, 'commit', 'sha256')],
    committed: 6,
  });
});

test('packed commits are read, whole, as deltas by offset and by name, in one pack or across two', (t) => {
  const objects = objectsFor(t);
  const entries: PackEntry[] = [
    { id: idOf(first), type: 1, content: first },
    { id: idOf(second), type: 1, content: second },
    {
      id: idOf(fourth),
      type: 6,
      content: delta(second, second.length, Buffer.from('fourth\n')),
      between: (at, offsets) => offsetBytes(at - (offsets.get(idOf(second)) ?? 0)),
    },
  ];
  writePack(objects, 'pack-a', entries);
  writePack(objects, 'pack-b', [
    {
      id: idOf(fifth),
      type: 7,
      content: delta(fourth, fourth.length, Buffer.from('fifth\n')),
      between: () => Buffer.from(idOf(fourth), 'hex'),
    },
  ]);
  const store = openCommitStore(objects, 20);
  t.after(() => store.close());
  for (const content of [first, second, fourth, fifth]) {
    assert.notEqual(store.find(idOf(content)), null);
  }
  assert.deepEqual(store.find(idOf(fifth)), { parents: [idOf(first)], committed: 20 });
  assert.equal(store.find(idOf(third)), null);
});

test('an offset from the table of large offsets is followed', (t) => {
  const objects = objectsFor(t);
  writePack(objects, 'pack-a', [{ id: idOf(second), type: 1, content: second }], true);
  const store = openCommitStore(objects, 20);
  t.after(() => store.close());
  assert.deepEqual(store.find(idOf(second)), { parents: [idOf(first)], committed: 20 });
});

test('a delta that is far from its base is followed', (t) => {
  const objects = objectsFor(t);
  const filler = commit([], 1, Array.from({ length: 3_000 }, (_, n) => createHash('sha1').update(String(n)).digest('hex')).join(''));
  writePack(objects, 'pack-a', [
    { id: idOf(second), type: 1, content: second },
    { id: idOf(filler), type: 1, content: filler },
    {
      id: idOf(fourth),
      type: 6,
      content: delta(second, second.length, Buffer.from('fourth\n')),
      between: (at, offsets) => offsetBytes(at - (offsets.get(idOf(second)) ?? 0)),
    },
  ]);
  const store = openCommitStore(objects, 20);
  t.after(() => store.close());
  assert.notEqual(store.find(idOf(fourth)), null);
  assert.notEqual(store.find(idOf(filler)), null);
});

const malformedFor = (objects: string, id: string): string => {
  let problem = '';
  assert.throws(
    () => {
      const store = openCommitStore(objects, 20);
      try {
        store.find(id);
      } finally {
        store.close();
      }
    },
    (error) => {
      problem = error instanceof Error ? error.message : '';
      return error instanceof MalformedRepository;
    },
  );
  return problem;
};

test('an object that is not what its name says is malformed', (t) => {
  const objects = objectsFor(t);
  writeLoose(objects, idOf(first), loose(second));
  assert.match(malformedFor(objects, idOf(first)), /not what its name says/);
});

test('a tree, a lying size, bytes that are not compressed and a bomb are malformed', (t) => {
  const objects = objectsFor(t);
  const id = idOf(first);
  writeLoose(objects, id, loose(first, 'tree'));
  assert.match(malformedFor(objects, id), /something else/);
  writeLoose(objects, id, Buffer.concat([Buffer.from('commit 7\0'), first]));
  assert.match(malformedFor(objects, id), /something else/);
  writeLoose(objects, id, Buffer.alloc(limits.gitCommitBytes + 1));
  assert.match(malformedFor(objects, id), /decompress/);
  writeFileSync(join(objects, id.slice(0, 2), id.slice(2)), first);
  assert.match(malformedFor(objects, id), /decompress/);
});

test('many objects that are small on disk and large in memory run out of what may be read', (t) => {
  const objects = objectsFor(t);
  const large = commit([], 1, ' '.repeat(limits.gitCommitBytes - 1_024));
  writeLoose(objects, idOf(large), loose(large));
  const store = openCommitStore(objects, 20);
  const largeOnes = (limits.gitReadsCount * 4_096) / large.length;
  assert.throws(() => {
    for (let count = 0; count < largeOnes; count += 1) store.find(idOf(large));
  }, MalformedRepository);
  store.close();
});

test('a link in place of an object, or of a folder of objects, is not followed', (t) => {
  const elsewhere = objectsFor(t);
  const objects = objectsFor(t);
  const id = idOf(first);
  writeLoose(elsewhere, id, loose(first));
  symlinkSync(join(elsewhere, id.slice(0, 2)), join(objects, id.slice(0, 2)));
  assert.match(malformedFor(objects, id), /symbolic link/);
  writePack(elsewhere, 'pack-a', [{ id: idOf(second), type: 1, content: second }]);
  rmSync(join(objects, 'pack'), { recursive: true });
  symlinkSync(join(elsewhere, 'pack'), join(objects, 'pack'));
  assert.equal(openCommitStore(objects, 20).find(idOf(second)), null);
});

test('deltas that go in a circle, reach outside or do not fill their object are malformed', (t) => {
  const objects = objectsFor(t);
  const a = idOf(second);
  const b = idOf(third);
  const named = (id: string) => (): Buffer => Buffer.from(id, 'hex');
  const circle = delta(second, second.length, Buffer.from('x'));
  writePack(objects, 'pack-a', [
    { id: a, type: 7, content: circle, between: named(b) },
    { id: b, type: 7, content: circle, between: named(a) },
  ]);
  assert.match(malformedFor(objects, a), /more than \d+ deltas/);
  writePack(objects, 'pack-a', [{ id: a, type: 6, content: circle, between: () => offsetBytes(5_000) }]);
  assert.match(malformedFor(objects, a), /outside its pack/);
  writePack(objects, 'pack-a', [{ id: a, type: 7, content: circle, between: named(b) }]);
  assert.match(malformedFor(objects, a), /base of a delta is missing/);
  const withBase = (content: Buffer): void =>
    writePack(objects, 'pack-a', [
      { id: idOf(first), type: 1, content: first },
      { id: a, type: 7, content, between: named(idOf(first)) },
    ]);
  withBase(delta(first, first.length + 1, Buffer.from('x')));
  assert.match(malformedFor(objects, a), /outside its base/);
  withBase(Buffer.from([...deltaSize(first.length), 9, 1, 65]));
  assert.match(malformedFor(objects, a), /does not fill/);
  withBase(Buffer.from([...deltaSize(first.length), 1, 0]));
  assert.match(malformedFor(objects, a), /reserved/);
  withBase(Buffer.from([...deltaSize(first.length), 1]));
  assert.match(malformedFor(objects, a), /does not fill/);
  withBase(Buffer.from([255, 255, 255, 255, 255, 255, 255]));
  assert.match(malformedFor(objects, a), /larger than any commit/);
});

test('an index of another version, or cut at any point, is malformed or lacks the commit, and never more', (t) => {
  const objects = objectsFor(t);
  const { index, pack } = { index: join(objects, 'pack', 'pack-a.idx'), pack: join(objects, 'pack', 'pack-a.pack') };
  writeFileSync(index, Buffer.alloc(2_000));
  writeFileSync(pack, 'PACK');
  assert.match(malformedFor(objects, idOf(first)), /version 2/);
  writePack(objects, 'pack-a', [{ id: idOf(first), type: 1, content: first }]);
  writeFileSync(index, Buffer.alloc(900));
  assert.match(malformedFor(objects, idOf(first)), /ends too early/);
  writePack(objects, 'pack-a', [{ id: idOf(first), type: 1, content: first }]);
  writeFileSync(pack, Buffer.from('PACK\0\0\0\x02\0\0\0\x01\x90'));
  assert.match(malformedFor(objects, idOf(first)), /ends inside an entry/);
});

test('more packs than the bound are not opened', (t) => {
  const objects = objectsFor(t);
  const pack = (n: number): string => join(objects, 'pack', `${n}.idx`);
  writeFileSync(pack(0), '');
  for (let n = 1; n <= limits.gitPacksCount; n++) linkSync(pack(0), pack(n));
  assert.match(malformedFor(objects, idOf(first)), /packs/);
});

test('no flipped bit of a pack or its index gives anything but the commit, nothing, or a reason', (t) => {
  const objects = objectsFor(t);
  const small = commit([], 1);
  const child = Buffer.concat([small, Buffer.from('child\n')]);
  writePack(objects, 'pack-a', [
    { id: idOf(small), type: 1, content: small },
    {
      id: idOf(child),
      type: 6,
      content: delta(small, small.length, Buffer.from('child\n')),
      between: (at, offsets) => offsetBytes(at - (offsets.get(idOf(small)) ?? 0)),
    },
  ]);
  const outcomes = new Set<string>();
  for (const name of ['pack-a.idx', 'pack-a.pack']) {
    const path = join(objects, 'pack', name);
    const whole = readFileSync(path);
    // The table of counts is a thousand bytes, most of them alike.
    for (let at = 0; at < whole.length; at += name.endsWith('.idx') && at < 1_032 ? 9 : 1) {
      const flipped = Buffer.from(whole);
      flipped[at] = (flipped[at] ?? 0) ^ (1 << (at % 8));
      writeFileSync(path, flipped);
      try {
        const store = openCommitStore(objects, 20);
        const found = store.find(idOf(child));
        store.close();
        if (found !== null) assert.deepEqual(found, { parents: [], committed: 1 });
        outcomes.add(found === null ? 'nothing' : 'commit');
      } catch (error) {
        if (!(error instanceof MalformedRepository)) throw error;
        outcomes.add('reason');
      }
    }
    writeFileSync(path, whole);
  }
  assert.deepEqual([...outcomes].toSorted(), ['commit', 'nothing', 'reason']);
});
