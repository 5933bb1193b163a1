// The decoder of event streams against the algorithm of the standard, and against readers that split lines in ways of their own.
// How the stream is cut changes nothing, and no reader finds JSON in what is handed out that was not handed out as data.

import assert from 'node:assert/strict';
import type { StreamEvent, StreamProblem } from '../../../src/wire/sse.ts';
import { createStreamDecoder, isStreamProblem } from '../../../src/wire/sse.ts';
import { formats } from '../../../src/wire/wire.ts';
import { casesOf } from '../../conformance/cases.ts';
import { jsonInLines } from '../../lax-lines.ts';
import { cutBy, lengthsFor } from '../cuts.ts';
import type { Target } from '../target.ts';

type Units = readonly (StreamEvent | StreamProblem)[];

const MARK = '\u00EF\u00BB\u00BF';
const latin1 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');

const decode = (chunks: readonly Uint8Array[]): Units => {
  const decoder = createStreamDecoder();
  return [...chunks.flatMap((chunk) => decoder.push(chunk)), ...decoder.end()];
};

const comparable = (units: Units): unknown =>
  units.map((unit) =>
    isStreamProblem(unit) ? unit : [unit.name, unit.dataAt, latin1(unit.raw), unit.data === null ? null : latin1(unit.data)],
  );

/** Section 9.2.6 on whole text, line by line; without its dropping of an unfinished last event. */
const standard = (text: string): readonly (readonly [name: string | null, data: string])[] => {
  const events: [string | null, string][] = [];
  let name: string | null = null;
  let data: string[] = [];
  const dispatch = (): void => {
    if (data.length > 0) events.push([name, data.join('\n')]);
    name = null;
    data = [];
  };
  for (const line of text.split(/\r\n|\r|\n/)) {
    const colon = line.indexOf(':');
    const field = colon === -1 ? line : line.slice(0, colon);
    const value = colon === -1 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (line === '') dispatch();
    else if (field === 'data') data.push(value);
    else if (field === 'event') name = value;
  }
  dispatch();
  return events;
};

const isEvent = (unit: StreamEvent | StreamProblem): unit is StreamEvent => !isStreamProblem(unit);

const check = (input: Uint8Array): void => {
  const units = decode([input]);
  for (const lengths of [lengthsFor(input), [1], [1_024]])
    assert.deepEqual(comparable(decode(cutBy(input, lengths))), comparable(units), 'how it is cut changes what is decoded');
  assert.ok(!units.slice(0, -1).some(isStreamProblem), 'something follows a problem');
  const events = units.filter(isEvent);
  const handedOut = Buffer.concat(events.map(({ raw }) => raw));
  const data = events.flatMap(({ name, data: bytes }) => (bytes === null ? [] : [[name, latin1(bytes)] as const]));
  const inOneLine = data.map(([name, text]) => [name, text.replaceAll('\n', ' ')]);
  assert.deepEqual(standard(latin1(handedOut)), inOneLine, 'the standard reads otherwise what is handed out');
  const came = latin1(input);
  const without = came.startsWith(MARK) ? came.slice(MARK.length) : came;
  if (!data.some(([, text]) => text.includes('\n'))) assert.ok(without.startsWith(latin1(handedOut)), 'other bytes than came');
  if (events.length === units.length) assert.deepEqual(standard(without), data, 'the standard reads otherwise what came');
  const known = new Set(events.flatMap(({ data: bytes }) => (bytes === null ? [] : jsonInLines(Buffer.from(bytes).toString().replaceAll('\n', ' ')).map((each) => JSON.stringify(each)))));
  for (const found of jsonInLines(handedOut.toString())) assert.ok(known.has(JSON.stringify(found)), `found in a line alone: ${JSON.stringify(found)}`);
}; // prettier-ignore

export const target: Target = {
  kind: 'events',
  seeds: () => [
    ...formats.flatMap(({ name }) => casesOf(name).filter(({ streamed }) => streamed).slice(0, 6).map(({ upstream }) => upstream)),
    ...['data: 1\n\n', '\uFEFFevent: a\r\ndata:x\r\ndata:y\r\n\r\n', ': c\n\nid: 1\nretry: 2\ndata\n\n', 'data: {"a":\ndata: 1}\n\n'].map((text) => Buffer.from(text)),
  ],
  words: ['data', 'event', 'id', 'retry', 'data: ', 'event: ', '\uFEFF', '\r', '\u0085', '\u2028', '{"a":1}'],
  check,
}; // prettier-ignore
