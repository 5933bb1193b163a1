import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import type { StreamEvent, StreamProblem } from '../../src/wire/sse.ts';
import { createStreamDecoder, isStreamProblem } from '../../src/wire/sse.ts';
import { casesCount } from '../cases.ts';

const decode = (chunks: readonly Uint8Array[]): readonly (StreamEvent | StreamProblem)[] => {
  const decoder = createStreamDecoder();
  return [...chunks.flatMap((chunk) => decoder.push(chunk)), ...decoder.end()];
};

const comparable = (units: readonly (StreamEvent | StreamProblem)[]) =>
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

const data = fc
  .tuple(fc.constantFrom('data:', 'data: '), fc.constantFrom('1', '{"a":1}', ' x', '"ü🌦\u2028data: "', ''))
  .map((parts) => parts.join(''));
const plain = fc.constantFrom('event: a', 'event:b', 'event', ': c', ':', 'id: 1', 'retry: 1', 'data');
const odd = fc.constantFrom(
  ' ',
  'x',
  ' data: 1',
  'data : {}',
  '{"a":2}',
  '\uFEFFdata: {}',
  ':\u0085data: {}',
  'id: data: {}',
  ': a\rdata: {}',
);
const lines = fc.oneof(
  { weight: 20, arbitrary: fc.tuple(data).map(([line]) => [line]) },
  { weight: 20, arbitrary: fc.tuple(plain, data).map((both) => both.toReversed()) },
  { weight: 5, arbitrary: fc.array(fc.oneof(plain, data), { maxLength: 4 }) },
  { weight: 1, arbitrary: fc.array(fc.oneof(plain, data, odd), { maxLength: 4 }) },
);
const lineEnd = fc.oneof(
  { weight: 40, arbitrary: fc.constantFrom('\n', '\r\n') },
  { weight: 1, arbitrary: fc.constantFrom('\r', '\r\r\n') },
);
const block = fc
  .tuple(lines, fc.array(lineEnd, { minLength: 5, maxLength: 5 }))
  .map(([all, ends]) => [...all, ''].map((each, index) => `${each}${ends[index]}`).join(''));
const stream = fc.array(block, { maxLength: 6 }).map((blocks) => Buffer.from(blocks.join('')));
const places = fc.array(fc.nat(), { maxLength: 12 });

test('what is decoded does not depend on how the stream was cut', () => {
  fc.assert(
    fc.property(stream, places, (bytes, cuts) => assert.deepEqual(comparable(decode(cutAt(bytes, cuts))), comparable(decode([bytes])))),
    { numRuns: casesCount(2_000) },
  );
  fc.assert(
    fc.property(stream, (bytes) =>
      assert.deepEqual(comparable(decode(Array.from(bytes, (byte) => Uint8Array.of(byte)))), comparable(decode([bytes]))),
    ),
    { numRuns: casesCount(500) },
  );
});

/** Data that stood in several lines is read with its line feeds and released with blanks in their places. */
const inSeveralLines = (unit: StreamEvent | StreamProblem): boolean => 'data' in unit && unit.data?.includes(0x0a) === true;
const inOneLine = <Event extends { readonly data: string }>(events: readonly Event[]) =>
  events.map((event) => ({ ...event, data: event.data.replaceAll('\n', ' ') }));

const withoutMark = (bytes: Buffer): Buffer => (bytes.subarray(0, 3).equals(Buffer.from('\uFEFF')) ? bytes.subarray(3) : bytes);

test('the raw bytes of all units are the stream, unless it could not be read or its data stood in several lines', () => {
  fc.assert(
    fc.property(stream, places, (bytes, cuts) => {
      const units = decode(cutAt(bytes, cuts));
      const raw = Buffer.concat(units.filter((unit): unit is StreamEvent => !isStreamProblem(unit)).map((unit) => unit.raw));
      if (units.some(isStreamProblem) && !units.some(inSeveralLines)) assert.deepEqual(raw, withoutMark(bytes).subarray(0, raw.length));
      else if (!units.some(isStreamProblem) && !units.some(inSeveralLines)) assert.deepEqual(raw, withoutMark(bytes));
    }),
    { numRuns: casesCount(2_000) },
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
  for (const line of text.split(/\r\n|\r|\n/)) {
    const [, field = '', value = ''] = /^([^:]*)(?:: ?(.*))?$/su.exec(line) ?? [];
    if (line === '') dispatch();
    else if (field === 'data') data.push(value);
    else if (field === 'event') name = value;
  }
  dispatch();
  return events;
};

const dataOf = (units: readonly (StreamEvent | StreamProblem)[]) =>
  units.flatMap((unit) =>
    isStreamProblem(unit) || unit.data === null ? [] : [{ name: unit.name, data: Buffer.from(unit.data).toString() }],
  );

const released = (units: readonly (StreamEvent | StreamProblem)[]): string =>
  Buffer.concat(units.flatMap((unit) => (isStreamProblem(unit) ? [] : [unit.raw]))).toString();

test('agrees with the algorithm of the standard on all that it hands out', () => {
  let eventsCount = 0;
  fc.assert(
    fc.property(stream, places, (bytes, cuts) => {
      const units = decode(cutAt(bytes, cuts));
      eventsCount += dataOf(units).length;
      assert.deepEqual(inOneLine(dataOf(units)), naive(released(units)));
      if (!units.some(isStreamProblem)) assert.deepEqual(dataOf(units), naive(withoutMark(bytes).toString()));
    }),
    { numRuns: casesCount(2_000) },
  );
  assert.ok(eventsCount > 1_000, `only ${eventsCount} events were compared`);
});

test('no reader that is laxer than the standard finds an object in what is handed out that was not handed out as data', () => {
  const readers: readonly ((text: string) => readonly string[])[] = [
    (text) => text.split(/\n/),
    (text) => text.split(/\r\n|[\n\r]/).map((each) => each.trim()),
    (text) => text.split(/\r\n|[\n\r\v\f\u0085\u2028\u2029]/),
    (text) => text.split(/[\n\r]/).map((each) => each.slice(Math.max(0, each.indexOf('data:')))),
  ];
  const isObject = (text: string): boolean => {
    try {
      return typeof JSON.parse(text) === 'object';
    } catch {
      return false;
    }
  };
  fc.assert(
    fc.property(stream, places, (bytes, cuts) => {
      const units = decode(cutAt(bytes, cuts));
      const known = new Set(inOneLine(dataOf(units)).map((event) => event.data.trim()));
      for (const linesOf of readers) {
        for (const text of linesOf(released(units)).map((each) => each.replace(/^data\s*:/i, '').trim())) {
          assert.ok(!isObject(text) || known.has(text), text);
        }
      }
    }),
    { numRuns: casesCount(2_000) },
  );
});

test('never throws on any bytes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), places, (bytes, cuts) => assert.ok(Array.isArray(decode(cutAt(bytes, cuts))))),
    { numRuns: casesCount(500) },
  );
});
