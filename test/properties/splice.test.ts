import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import type { Splice } from '../../src/core/slot.ts';
import { applySplices } from '../../src/core/slot.ts';
import type { StreamPiece } from '../../src/core/wire-format.ts';
import { formats } from '../../src/wire/wire.ts';
import { casesCount } from '../cases.ts';
import { casesOf, requestOf } from '../conformance/cases.ts';

/** Characters that an encoder, a decoder or an escape may get wrong, a lone surrogate among them. */
const tricky = fc.constantFrom(
  'a',
  '"',
  '\\',
  '/',
  '\n',
  '\u0000',
  '\u001f',
  '\u007f',
  'ü',
  '\u2028',
  '\uFEFF',
  '🌦',
  '\ud800',
  '\udfff',
  '{',
  ':',
);

/** Bytes and ranges of them that do not overlap, each with what replaces it. */
const edits = fc
  .tuple(fc.uint8Array({ maxLength: 100 }), fc.array(fc.tuple(fc.nat(), fc.uint8Array({ maxLength: 5 })), { maxLength: 8 }))
  .map(([bytes, wanted]) => {
    const places = wanted.flatMap(([place]) => [place % (bytes.length + 1), (place * 7) % (bytes.length + 1)]).toSorted((a, b) => a - b);
    const splices = wanted.map(([, replacement], index): Splice => ({
      start: places[2 * index] ?? 0,
      end: places[2 * index + 1] ?? 0,
      replacement,
    }));
    return { bytes, splices };
  });

test('splices replace their ranges and leave all else in its place, in whichever order they come', () => {
  fc.assert(
    fc.property(edits, ({ bytes, splices }) => {
      const expected: number[] = [];
      let at = 0;
      for (const { start, end, replacement } of splices) {
        expected.push(...bytes.subarray(at, start), ...replacement);
        at = end;
      }
      expected.push(...bytes.subarray(at));
      assert.deepEqual([...applySplices(bytes, splices)], expected);
      const distinct = new Set(splices.map(({ start }) => start)).size === splices.length;
      if (distinct) assert.deepEqual([...applySplices(bytes, splices.toReversed())], expected);
    }),
    { numRuns: casesCount(1_000) },
  );
});

for (const format of formats) {
  const cases = casesOf(format.name);
  const streams = cases.filter(({ streamed }) => streamed);
  const anyCase = fc.constantFrom(...cases);
  const places = fc.array(fc.nat(), { maxLength: 10 });

  test(`${format.name}: a text that is spliced into a slot is read back from it, and every other slot stays`, () => {
    fc.assert(
      fc.property(anyCase, fc.nat(), fc.string({ unit: tricky }), (each, wanted, text) => {
        const { request } = each;
        const before = format.read(requestOf(each, request));
        assert.ok(!('malformed' in before));
        const index = wanted % before.slots.length;
        const { start, end, path } = before.slots[index] ?? assert.fail();
        // Texts that the format itself reads, such as the name of a tool, are not free.
        if (path.includes('/tools/')) return;
        const after = format.read(requestOf(each, applySplices(request, [{ start, end, replacement: Buffer.from(JSON.stringify(text)) }])));
        assert.ok(!('malformed' in after), path);
        assert.deepEqual(
          after.slots.map((slot) => slot.text),
          before.slots.map((slot, at) => (at === index ? text : slot.text)),
        );
      }),
      { numRuns: casesCount(300) },
    );
  });

  // Embeddings do not come as streams.
  if (streams.length > 0)
    test(`${format.name}: pieces are the upstream's bytes for any cuts, and a damaged stream never throws`, () => {
      fc.assert(
        fc.property(
          fc.constantFrom(...streams),
          places,
          fc.option(fc.tuple(fc.nat(), fc.nat(255))),
          ({ upstream, released, expected }, cuts, damage) => {
            const bytes = Buffer.from(upstream);
            if (damage !== null) bytes[damage[0] % bytes.length] = damage[1];
            const reader = format.readStream(expected.request.operation);
            const pieces: StreamPiece[] = [];
            const ends = [...cuts.map((cut) => cut % bytes.length), bytes.length].toSorted((a, b) => a - b);
            for (const [index, end] of ends.entries()) pieces.push(...reader.push(bytes.subarray(index === 0 ? 0 : ends[index - 1], end)));
            pieces.push(...reader.end());
            const joined = Buffer.concat(pieces.map((piece) => (piece.piece === 'unreadable' ? Buffer.alloc(0) : piece.bytes)));
            if (damage === null) assert.deepEqual(joined, Buffer.from(released));
            assert.ok(pieces.slice(0, -1).every(({ piece }) => piece !== 'unreadable'));
          },
        ),
        { numRuns: casesCount(500) },
      );
    });

  test(`${format.name}: no bytes make a reader throw`, () => {
    fc.assert(
      fc.property(anyCase, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }), (each, damage) => {
        const { request, upstream, expected, status } = each;
        const damaged = (source: Uint8Array): Buffer => {
          const bytes = Buffer.from(source);
          for (const [at, byte] of damage) bytes[at % bytes.length] = byte;
          return bytes;
        };
        assert.ok(format.read(requestOf(each, damaged(request))));
        assert.ok(format.readWhole(damaged(upstream), { operation: expected.request.operation, status }));
      }),
      { numRuns: casesCount(500) },
    );
  });
}
