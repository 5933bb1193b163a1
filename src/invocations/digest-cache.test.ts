import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FileFacts } from '../core/file-facts.ts';
import { limits } from '../core/limits.ts';
import { createDigestCache } from './digest-cache.ts';

const path = '/data/private/digests.json';
const nowMs = 1_800_000_000_000;
const facts: FileFacts = {
  device: '2049',
  inode: '18446744073709551615',
  sizeBytes: '118000000',
  modifiedNs: '1700000000000000001',
  changedNs: '1700000000000000002',
};
const fileOf = (inode: number): FileFacts => ({ ...facts, inode: String(inode) });
const a = 'a'.repeat(64);
const b = 'b'.repeat(64);

interface Room {
  /** Bytes of the file; null where there is none. */
  file: Uint8Array | null;
  /** Whoever asks and tells. */
  who: string;
  broken: 'no' | 'reading' | 'writing';
  writes: number;
  /** A cache as it is after a start. */
  readonly open: () => {
    readonly find: (facts: FileFacts) => Promise<string | null>;
    readonly keep: (facts: FileFacts, sha256: string) => Promise<void>;
  };
  readonly text: () => string;
}

const createRoom = (content: string | Uint8Array | null = null): Room => {
  const fail = (): never => {
    throw new Error('EIO');
  };
  const room: Room = {
    file: typeof content === 'string' ? Buffer.from(content) : content,
    who: 'user_1',
    broken: 'no',
    writes: 0,
    open: () => {
      const cache = createDigestCache({
        path,
        disk: {
          sizeOf: async () => room.file?.length ?? null,
          readFile: async () => (room.broken === 'reading' ? fail() : room.file),
          replaceFiles: async ([only]) => {
            if (room.broken === 'writing') fail();
            room.writes += 1;
            assert.equal(only?.path, path);
            room.file = only?.bytes ?? null;
          },
        },
        clock: { wallMs: () => nowMs },
      });
      return { find: (of) => cache.find(room.who, of), keep: (of, sha256) => cache.keep(room.who, of, sha256) };
    },
    text: () => Buffer.from(room.file ?? []).toString(),
  };
  return room;
};

test('a digest that was told is found again, also after a start', async () => {
  const room = createRoom();
  const cache = room.open();
  assert.equal(await cache.find(facts), null);
  await cache.keep(facts, a);
  await cache.keep(facts, a);
  assert.equal(await cache.find(facts), a);
  assert.equal(room.writes, 1);
  assert.equal(await room.open().find(facts), a);
});

test('another invoker does not see an entry, and cannot plant one for somebody else', async () => {
  const room = createRoom();
  const cache = room.open();
  await cache.keep(facts, a);
  room.who = 'user_2';
  assert.equal(await cache.find(facts), null);
  await cache.keep(facts, b);
  assert.equal(await cache.find(facts), b);
  room.who = 'user_1';
  assert.equal(await cache.find(facts), a);
  assert.equal(await room.open().find(facts), a);
});

test('any other fact is another state of the file', async () => {
  const room = createRoom();
  const cache = room.open();
  await cache.keep(facts, a);
  for (const name of ['device', 'inode', 'sizeBytes', 'modifiedNs', 'changedNs'] as const)
    assert.equal(await cache.find({ ...facts, [name]: String(BigInt(facts[name]) - 1n) }), null, name);
  assert.equal(await cache.find(facts), a);
});

test('a file that changed just now, or in the future, is not remembered', async () => {
  const room = createRoom();
  const cache = room.open();
  for (const changedMs of [nowMs - limits.fileSettledMs + 1, nowMs, nowMs + 60_000]) {
    const young = { ...facts, changedNs: `${changedMs}000000` };
    await cache.keep(young, a);
    assert.equal(await cache.find(young), null);
  }
  const old = { ...facts, changedNs: `${nowMs - limits.fileSettledMs}000000` };
  await cache.keep(old, a);
  assert.equal(await cache.find(old), a);
});

test('two digests of one state of a file: neither is believed', async () => {
  const room = createRoom();
  const cache = room.open();
  await cache.keep(facts, a);
  await cache.keep(facts, b);
  assert.equal(await cache.find(facts), null);
  assert.equal(await room.open().find(facts), null);
});

test("an invoker's full share forgets his oldest entry, and nobody else's", async () => {
  const room = createRoom();
  room.who = 'user_2';
  await room.open().keep(facts, b);
  room.who = 'user_1';
  const cache = room.open();
  for (let inode = 0; inode <= limits.digestsCachedCount; inode += 1) await cache.keep(fileOf(inode), a);
  for (const each of [cache, room.open()]) {
    assert.equal(await each.find(fileOf(0)), null);
    assert.equal(await each.find(fileOf(1)), a);
    assert.equal(await each.find(fileOf(limits.digestsCachedCount)), a);
  }
  room.who = 'user_2';
  assert.equal(await cache.find(facts), b);
});

const entry = (invoker: string, inode: number): object => ({
  invoker,
  device: '1',
  inode: String(inode),
  size_bytes: '1',
  modified_ns: '1',
  changed_ns: '1',
  sha256: a,
});
const entryFacts = (inode: number): FileFacts => ({ device: '1', inode: String(inode), sizeBytes: '1', modifiedNs: '1', changedNs: '1' });

test('a full cache forgets the oldest entry of all, and its file stays within its bound', async () => {
  const room = createRoom(JSON.stringify(Array.from({ length: limits.digestsCachedTotalCount }, (_, at) => entry(`user_${at}`, at))));
  const cache = room.open();
  room.who = 'user_0';
  assert.equal(await cache.find(entryFacts(0)), a);
  room.who = 'somebody';
  await cache.keep(facts, a);
  assert.equal(await cache.find(facts), a);
  assert.equal((JSON.parse(room.text()) as unknown[]).length, limits.digestsCachedTotalCount);
  room.who = 'user_0';
  assert.equal(await cache.find(entryFacts(0)), null);
  room.who = 'user_1';
  assert.equal(await cache.find(entryFacts(1)), a);
});

test('the longest entries that there can be, as many as there may be, fit into the file', () => {
  const digits = `-${'9'.repeat(20)}`;
  const sizes = { device: digits, inode: digits, size_bytes: digits, modified_ns: digits, changed_ns: digits };
  const longest = JSON.stringify({ invoker: `user_${'f'.repeat(32)}`, ...sizes, sha256: a });
  assert.ok((longest.length + 1) * limits.digestsCachedTotalCount < limits.digestCacheBytes);
});

test('garbage is ignored, what is sound beside it is not, and the next digest replaces the file', async () => {
  const broken = [
    {},
    null,
    5,
    'x',
    [],
    { ...entry('user_1', 2), sha256: 'x' },
    { ...entry('user_1', 2), inode: 2 },
    { ...entry('x', 2), invoker: 5 },
  ];
  const files: readonly (string | Uint8Array)[] = [
    '',
    'nonsense',
    '{"a":1}',
    'null',
    '[[1,2],3]',
    '['.repeat(100_000),
    Uint8Array.of(0xff, 0xfe),
  ];
  const tooLong = JSON.stringify([entry('user_1', 2)]).padEnd(limits.digestCacheBytes + 1);
  for (const content of [...files, tooLong]) {
    const room = createRoom(content);
    const cache = room.open();
    assert.equal(await cache.find(entryFacts(2)), null);
    await cache.keep(facts, a);
    assert.equal(await room.open().find(facts), a);
  }
  const room = createRoom(JSON.stringify([...broken, entry('user_1', 1)]));
  assert.equal(await room.open().find(entryFacts(1)), a);
  assert.equal(await room.open().find(entryFacts(2)), null);
});

test('a file that cannot be read or written costs only time', async () => {
  const room = createRoom(JSON.stringify([entry('user_1', 1)]));
  room.broken = 'reading';
  assert.equal(await room.open().find(entryFacts(1)), null);
  room.broken = 'writing';
  const cache = room.open();
  await cache.keep(facts, a);
  assert.equal(await cache.find(facts), a);
  assert.equal(await room.open().find(facts), null);
  room.broken = 'no';
  await cache.keep(fileOf(7), a);
  assert.equal(await room.open().find(facts), a);
});

test('digests that are told at the same time are all remembered', async () => {
  const room = createRoom();
  const cache = room.open();
  await Promise.all([1, 2, 3, 4, 5].map((inode) => cache.keep(fileOf(inode), a)));
  const again = room.open();
  for (const inode of [1, 2, 3, 4, 5]) assert.equal(await again.find(fileOf(inode)), a);
});
