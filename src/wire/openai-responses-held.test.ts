import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limits } from '../core/limits.ts';
import type { StreamPiece } from '../core/wire-format.ts';
import { openaiResponses as format } from './openai-responses.ts';

// What a stream holds back, and the order in which it leaves.

type Event = Readonly<Record<string, unknown>> | string;

const bytesOf = (events: readonly Event[]): Buffer =>
  Buffer.from(
    events
      .map((event) => (typeof event === 'string' ? event : `event: ${String(event['type'])}\ndata: ${JSON.stringify(event)}\n\n`))
      .join(''),
  );

const created = { type: 'response.created', response: { id: 'r', object: 'response', model: 'm', output: [] } };
const message = (id: string) => ({ type: 'message', id, role: 'assistant', content: [{ type: 'output_text', text: 'Hi' }] });
const call = (id: string, more: object = {}) => ({
  type: 'function_call',
  id,
  call_id: `c_${id}`,
  name: 'n',
  arguments: '{"a":1}',
  ...more,
});
const added = (index: number, item: object) => ({ type: 'response.output_item.added', output_index: index, item });
const done = (index: number, item: object) => ({ type: 'response.output_item.done', output_index: index, item });
const delta = (index: number, id: string, text: unknown, kind = 'function_call_arguments') => ({
  type: `response.${kind}.delta`,
  output_index: index,
  item_id: id,
  delta: text,
});
const ended = (output: unknown) => ({ type: 'response.completed', response: { id: 'r', model: 'm', output } });
const keepalive = { type: 'keepalive' };
const error = { type: 'error', error: { type: 'server_error', message: 'x' } };

const pieces = (...events: readonly Event[]): readonly StreamPiece[] => {
  const reader = format.readStream('responses');
  return [...reader.push(bytesOf(events)), ...reader.end()];
};
const bytes = (piece: StreamPiece | undefined): string =>
  piece === undefined || piece.piece === 'unreadable' ? '' : Buffer.from(piece.bytes).toString();
const kinds = (all: readonly StreamPiece[]): readonly string[] => all.map(({ piece }) => piece);

/** What is released when the calls of these numbers are refused. */
const released = (events: readonly Event[], refused: readonly number[] = []): string => {
  const out: Uint8Array[] = [];
  let callsCount = 0;
  const reader = format.readStream('responses');
  const settle = (all: Iterable<StreamPiece>): void => {
    for (const piece of all) {
      if (piece.piece === 'unreadable') assert.fail(piece.problem);
      out.push(piece.piece === 'tool_call' && refused.includes(callsCount++) ? piece.refuse('No.') : piece.bytes);
    }
  };
  settle(reader.push(bytesOf(events)));
  settle(reader.end());
  return Buffer.concat(out).toString();
};

interface Sent {
  readonly type: string;
  readonly sequence_number?: number;
  readonly output_index?: number;
  readonly item: object;
  readonly response: { readonly output: readonly object[] };
}

const eventsIn = (text: string): readonly Sent[] => [...text.matchAll(/^data: (.*)$/gm)].map(([, data]) => JSON.parse(data ?? '') as Sent);

test('G-DECIDE-2: a call of several tools at once leaves only when each of them may be called', () => {
  const uses = ['read', 'erase'].map((name) => ({ recipient_name: `functions.${name}`, parameters: { name } }));
  const bundle = call('f', { name: 'parallel', arguments: JSON.stringify({ tool_uses: uses }) });
  const events = [created, added(0, { ...bundle, arguments: '' }), done(0, bundle), ended([bundle])];
  const calls = pieces(...events).flatMap((piece) => (piece.piece === 'tool_call' ? [piece] : []));
  assert.deepEqual(
    calls.map((piece) => [piece.call.name, piece.call.callId, Buffer.from(piece.call.arguments).toString(), bytes(piece)]),
    [
      ['read', 'c_f_0', '{"name":"read"}', ''],
      ['erase', 'c_f_1', '{"name":"erase"}', ''],
      ['parallel', 'c_f', bundle.arguments, ''],
    ],
  );
  assert.equal(released(events), bytesOf(events).toString());
  for (const refused of [[0], [1], [2], [0, 1, 2]]) {
    const text = released(events, refused);
    assert.ok(!text.includes('function_call'), text);
    const output = eventsIn(text).at(-1)?.response.output;
    assert.deepEqual(output, [eventsIn(text).at(-2)?.item]);
    assert.equal(JSON.stringify(output).split('No.').length, 2, 'our sentence appears once');
  }
});

test('G-BYTES-1: calls that are open side by side are judged in the order in which they began, and leave with what came between in that of the wire', () => {
  const [a, b, m] = [call('a'), call('b'), message('m')];
  const events = [added(0, a), added(1, b), added(2, m), done(2, m), delta(1, 'b', '{"a":1}'), done(1, b)];
  const reader = format.readStream('responses');
  assert.deepEqual(kinds([...reader.push(bytesOf(events))]), []);
  const all = [...reader.push(bytesOf([done(0, a)]))];
  assert.deepEqual(
    all.map((piece) => (piece.piece === 'tool_call' ? piece.call.callId : bytes(piece))),
    ['c_a', 'c_b', bytesOf([...events, done(0, a)]).toString()],
  );
});

test('G-BYTES-1: nothing passes a call that is held, whatever it belongs to', () => {
  const m = message('m');
  const events = [added(0, m), added(1, call('a')), delta(0, 'm', 'Hi', 'output_text'), done(0, m), keepalive, done(1, call('a'))];
  assert.equal(released(events), bytesOf(events).toString());
  const reader = format.readStream('responses');
  void [...reader.push(bytesOf(events.slice(0, 2)))];
  assert.deepEqual(kinds([...reader.push(bytesOf(events.slice(2, 5)))]), []);
});

test('G-DECIDE-2: of calls that are open side by side each is refused by itself, whole and where it ended, and what is left keeps its place', () => {
  const m = message('m');
  const counted = [
    added(0, m),
    added(1, call('a')),
    added(2, call('b')),
    delta(0, 'm', 'Hi', 'output_text'),
    done(2, call('b')),
    done(1, call('a')),
  ].map((event, sequence_number) => ({ ...event, sequence_number }));
  const seen = (...refused: readonly number[]): readonly string[] =>
    eventsIn(released(counted, refused)).map(({ type, output_index, sequence_number }) => `${type} ${output_index} ${sequence_number}`);
  const [begins, a, b, grows, endB, endA] = seen();
  const parts = [
    'output_item.added',
    'content_part.added',
    'output_text.delta',
    'output_text.done',
    'content_part.done',
    'output_item.done',
  ];
  const standIn = (index: number, number: number): readonly string[] => parts.map((type) => `response.${type} ${index} ${number}`);
  assert.deepEqual(seen(0), [begins, b, grows, endB, ...standIn(1, 5)]);
  assert.deepEqual(seen(1), [begins, a, grows, ...standIn(2, 4), endA]);
  assert.deepEqual(seen(0, 1), [begins, grows, ...standIn(2, 4), ...standIn(1, 5)]);
  assert.ok(!released(counted, [0, 1]).includes('function_call'));
});

test('what breaks off at the very end is not released: nothing of ours behind it could be read', () => {
  const grows = delta(0, 'm', 'Hi', 'output_text');
  for (const begun of [
    ': hello',
    ': hello\n',
    'event: keepalive\n',
    bytesOf([grows]).subarray(0, -1).toString(),
    'data: {"type":"keepalive"}',
  ]) {
    const events = [created, added(0, message('m')), begun];
    const reader = format.readStream('responses');
    const all = [...reader.push(bytesOf(events)), ...reader.end()];
    assert.deepEqual(kinds(all), ['pass'], begun);
    assert.equal(bytes(all[0]), bytesOf(events.slice(0, 2)).toString());
  }
  const last = bytesOf([ended([])])
    .subarray(0, -1)
    .toString();
  assert.deepEqual(kinds(pieces(created, last)), ['pass', 'ending']);
  const cut = bytesOf([done(0, call('f'))])
    .subarray(0, -1)
    .toString();
  assert.deepEqual(kinds(pieces(created, cut)), ['pass'], 'nor is a call judged that no client could read');
  assert.deepEqual(kinds(pieces(created, added(0, call('f')), cut)), ['pass', 'unreadable']);
});

test('what is no longer held does not count: an answer may bring any number of events in calls, one call after the other', () => {
  const eventsCount = 1_000;
  const rounds = Math.ceil(limits.heldBlockBytes / limits.heldEventBytes / eventsCount) + 2;
  const reader = format.readStream('responses');
  for (let index = 0; index < rounds; index++) {
    const empty = call(`f${index}`, { arguments: '' });
    const parts = Array.from({ length: eventsCount }, () => delta(index, `f${index}`, ''));
    const all = [...reader.push(bytesOf([added(index, empty), ...parts, done(index, empty)]))];
    assert.deepEqual(kinds(all), ['tool_call'], String(index));
  }
});

test('an error lets go what came behind the call that it broke off', () => {
  const m = message('m');
  const all = pieces(created, added(0, call('f')), added(1, m), done(1, m), error);
  assert.deepEqual(kinds(all), ['pass', 'pass', 'ending']);
  assert.equal(bytes(all[1]), bytesOf([added(1, m), done(1, m)]).toString());
});
