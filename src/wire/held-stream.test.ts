import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { StreamPiece } from '../core/wire-format.ts';
import type { Framing, HeldStream } from './held-stream.ts';
import { createHeldStream } from './held-stream.ts';

/** A format of words: `hold` begins a part that is held, `let` releases it, `end` ends; all others pass. Events that begin with `:` are recognised. */
const createWords = () => {
  const asked: string[] = [];
  let seen = 0;
  let held: Uint8Array[] | null = null;
  const framing: Framing<number> = {
    passing: (bytes) => {
      asked.push(bytes.toString());
      const [recognised = ''] = held === null ? (/^(?::\w*\n\n)+/.exec(bytes.toString()) ?? []) : [];
      return recognised.length;
    },
    step: ({ raw, data }) => {
      const word = Buffer.from(data ?? []).toString();
      seen += 1;
      if (word === 'hold') held = [];
      if (held === null) return word === 'end' ? { piece: 'ending', bytes: raw, failed: false } : 'pass';
      held.push(raw);
      if (word !== 'let') return 'held';
      const bytes = Buffer.concat(held);
      held = null;
      return { piece: 'ending', bytes, failed: false };
    },
    atEnd: () => null,
    seen: () => seen,
  };
  return { stream: createHeldStream(framing), asked };
};

const textOf = (piece: StreamPiece | undefined): string =>
  piece === undefined || piece.piece === 'unreadable' ? '' : Buffer.from(piece.bytes).toString();
const words = (...all: readonly string[]): Buffer => Buffer.from(all.map((word) => `data: ${word}\n\n`).join(''));

test('what passes in one chunk is one piece, recognised or read', () => {
  const { stream } = createWords();
  const chunk = Buffer.concat([words('a'), Buffer.from(':x\n\n:y\n\n'), words('b'), Buffer.from(':z\n\n')]);
  const pieces = [...stream.push(chunk)];
  assert.deepEqual(pieces.map(textOf), [chunk.toString()]);
});

test('what is held is never recognised, and keeps its place between what passes', () => {
  const { stream } = createWords();
  const pieces = [...stream.push(Buffer.concat([Buffer.from(':a\n\n'), words('hold'), Buffer.from(':b\n\n'), words('let', 'c')]))];
  assert.deepEqual(pieces.map(textOf), [':a\n\n', 'data: hold\n\n:b\n\ndata: let\n\n', 'data: c\n\n']);
});

/** Each piece, and what had been shown when it came. */
const taken = (stream: HeldStream<number>, chunk: Uint8Array): readonly (readonly [string, number])[] => {
  const all: [string, number][] = [];
  for (const piece of stream.push(chunk)) all.push([textOf(piece), stream.shown()]);
  return all;
};

test('an event that began in an earlier chunk is one piece with what follows, as long as they are short', () => {
  const { stream } = createWords();
  assert.deepEqual(taken(stream, Buffer.from('data: a')), []);
  const next = Buffer.concat([Buffer.from('bc\n\n'), words('d', 'e'), Buffer.from(':x\n\ndata: f')]);
  assert.deepEqual(taken(stream, next), [['data: abc\n\ndata: d\n\ndata: e\n\n:x\n\n', 0]]);
  assert.equal(stream.shown(), 3);
  assert.deepEqual([...stream.end()].map(textOf), ['data: f']);
  assert.equal(stream.shown(), 4);
});

test('a long chunk is not moved: an event that began before it is a piece of its own, and counts as shown by itself', () => {
  const { stream } = createWords();
  const long = 'x'.repeat(5_000);
  taken(stream, Buffer.from('data: a'));
  assert.deepEqual(taken(stream, Buffer.concat([Buffer.from('bc\n\n'), words(long, 'e')])), [
    ['data: abc\n\n', 0],
    [words(long, 'e').toString(), 1],
  ]);
  assert.equal(stream.shown(), 3);
});

test('bytes of two chunks are never taken for neighbours because they stand at neighbouring places of their own memory', () => {
  const { stream } = createWords();
  const long = 'x'.repeat(100_000);
  const begun = Buffer.from(`data: ${long}`);
  taken(stream, begun);
  // The joined event has a memory of its own, from 0; what follows it in the chunk stands where that event ends.
  const memory = Buffer.alloc(begun.length + 1_000, 'z');
  const chunk = Buffer.concat([Buffer.from('\n\n'), words('behind')]);
  chunk.copy(memory, begun.length);
  const pieces = taken(stream, memory.subarray(begun.length, begun.length + chunk.length));
  assert.deepEqual(
    pieces.map(([text]) => text),
    [words(long).toString(), words('behind').toString()],
  );
});

test('bytes are asked about when an event begins and when it is whole, not with each chunk', () => {
  const { stream, asked } = createWords();
  for (const byte of ':abc\n\n:d') assert.ok([...stream.push(Buffer.from(byte))].length <= 1);
  assert.deepEqual(asked, [':', ':abc\n\n', ':']);
});

test('pieces that nobody asked for come with those of the next chunk', () => {
  const { stream } = createWords();
  assert.deepEqual([...stream.push(Buffer.from('data: a'))], []);
  void stream.push(Buffer.concat([Buffer.from('b\n\n'), words('c'), Buffer.from('data: d')]));
  assert.equal([...stream.push(Buffer.from('e\n\n'))].map(textOf).join(''), words('ab', 'c', 'de').toString());
});
