import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import type { StreamEvent, StreamProblem } from '../../src/wire/sse.ts';
import { createStreamDecoder, isStreamProblem } from '../../src/wire/sse.ts';

const decode = (chunks: readonly Uint8Array[]): readonly (StreamEvent | StreamProblem)[] => {
  const decoder = createStreamDecoder();
  return [...chunks.flatMap((chunk) => decoder.push(chunk)), ...decoder.end()];
};

const plain = (units: readonly (StreamEvent | StreamProblem)[]) =>
  units.map((unit) =>
    isStreamProblem(unit)
      ? unit
      : { ...unit, raw: Buffer.from(unit.raw).toString('hex'), data: unit.data === null ? null : Buffer.from(unit.data).toString('hex') },
  );

/** `bytes` cut at the given places. */
const cutAt = (bytes: Uint8Array, places: readonly number[]): readonly Uint8Array[] => {
  const ends = [...places.map((place) => place % (bytes.length + 1)), bytes.length].toSorted((a, b) => a - b);
  return ends.map((end, index) => bytes.subarray(index === 0 ? 0 : ends[index - 1], end));
};

const fragment = fc.constantFrom(
  'data:',
  'data: ',
  'event: ',
  'event',
  ':',
  ' ',
  '\n',
  '\r',
  '\r\n',
  '\n\n',
  'x',
  'ü🌦',
  '{"a":1}',
  '\uFEFF',
  'id: 1',
  '\u0000',
);
const stream = fc
  .tuple(fc.boolean(), fc.array(fragment, { maxLength: 40 }))
  .map(([marked, fragments]) => Buffer.from(`${marked ? '\uFEFF' : ''}${fragments.join('')}`));
const places = fc.array(fc.nat(), { maxLength: 12 });

test('what is decoded does not depend on how the stream was cut', () => {
  fc.assert(
    fc.property(stream, places, (bytes, cuts) => assert.deepEqual(plain(decode(cutAt(bytes, cuts))), plain(decode([bytes])))),
    { numRuns: 2_000 },
  );
  fc.assert(
    fc.property(stream, (bytes) =>
      assert.deepEqual(plain(decode(Array.from(bytes, (byte) => Uint8Array.of(byte)))), plain(decode([bytes]))),
    ),
    { numRuns: 500 },
  );
});

test('the raw bytes of all units are the stream, unless it could not be read', () => {
  fc.assert(
    fc.property(stream, places, (bytes, cuts) => {
      const units = decode(cutAt(bytes, cuts));
      const raw = Buffer.concat(units.filter((unit): unit is StreamEvent => !isStreamProblem(unit)).map((unit) => unit.raw));
      if (units.some(isStreamProblem)) assert.deepEqual(raw, bytes.subarray(0, raw.length));
      else assert.deepEqual(raw, bytes);
    }),
    { numRuns: 2_000 },
  );
});

/** The standard's algorithm on whole text, line by line; without its dropping of an unfinished last event. */
const naive = (text: string): readonly { readonly name: string | null; readonly data: string }[] => {
  const events: { name: string | null; data: string }[] = [];
  let name: string | null = null;
  let data: string[] = [];
  const dispatch = (): void => {
    if (data.length > 0) events.push({ name, data: data.join('\n') });
    name = null;
    data = [];
  };
  for (const line of text.replace(/^\uFEFF/, '').split(/\r\n|\r|\n/)) {
    const [, field = '', value = ''] = /^([^:]*)(?:: ?(.*))?$/su.exec(line) ?? [];
    if (line === '') dispatch();
    else if (field === 'data') data.push(value);
    else if (field === 'event') name = value;
  }
  dispatch();
  return events;
};

test('agrees with the algorithm of the standard on events that carry data', () => {
  fc.assert(
    fc.property(stream, places, (bytes, cuts) => {
      const units = decode(cutAt(bytes, cuts));
      if (units.some(isStreamProblem)) return;
      const events = units
        .filter((unit): unit is StreamEvent => !isStreamProblem(unit))
        .flatMap(({ name, data }) => (data === null ? [] : [{ name, data: Buffer.from(data).toString() }]));
      assert.deepEqual(events, naive(bytes.toString()));
    }),
    { numRuns: 2_000 },
  );
});

test('never throws on any bytes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), places, (bytes, cuts) => assert.ok(Array.isArray(decode(cutAt(bytes, cuts))))),
    { numRuns: 500 },
  );
});
