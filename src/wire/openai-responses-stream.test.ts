import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limits } from '../core/limits.ts';
import type { StreamPiece, StreamReader } from '../core/wire-format.ts';
import { openaiResponses as format } from './openai-responses.ts';

type Event = Readonly<Record<string, unknown>> | string;

const bytesOf = (events: readonly Event[]): Buffer =>
  Buffer.from(
    events
      .map((event) => (typeof event === 'string' ? event : `event: ${String(event['type'])}\ndata: ${JSON.stringify(event)}\n\n`))
      .join(''),
  );

const created = { type: 'response.created', response: { id: 'r', object: 'response', model: 'm', output: [] } };
const message = (id: string, text = 'Hi') => ({ type: 'message', id, role: 'assistant', content: [{ type: 'output_text', text }] });
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
const filled = (index: number, id: string, text: unknown) => ({
  type: 'response.function_call_arguments.done',
  output_index: index,
  item_id: id,
  arguments: text,
});
const ended = (output: unknown, status = 'completed') => ({ type: `response.${status}`, response: { id: 'r', model: 'm', output } });
const keepalive = { type: 'keepalive' };
const error = { type: 'error', error: { type: 'server_error', message: 'x' } };

const collect = (reader: StreamReader, events: readonly Event[]): readonly StreamPiece[] => [
  ...reader.push(bytesOf(events)),
  ...reader.end(),
];
const pieces = (...events: readonly Event[]): readonly StreamPiece[] => collect(format.readStream('responses'), events);
const problem = (...events: readonly Event[]): string => {
  const piece = pieces(...events).at(-1);
  return piece?.piece === 'unreadable' ? piece.problem : assert.fail(`was ${piece?.piece}`);
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

interface Response {
  readonly id: string;
  readonly status: string;
  readonly error: object;
  readonly output: readonly { readonly type: string; readonly status: string; readonly content: unknown }[];
}

interface Sent {
  readonly type: string;
  readonly sequence_number?: number;
  readonly output_index?: number;
  readonly item: { readonly id: string; readonly content: readonly { readonly text: string }[] };
  readonly response: Response;
}

const eventsIn = (text: string | Uint8Array | null): readonly Sent[] =>
  [
    ...Buffer.from(text ?? '')
      .toString()
      .matchAll(/^data: (.*)$/gm),
  ].map(([, data]) => JSON.parse(data ?? '') as Sent);

const lastOf = (text: string | Uint8Array): Sent => eventsIn(text).at(-1) ?? assert.fail('holds no event');

test('an order of events that clients could read differently is unreadable, and nothing of it is released', () => {
  const named = added(0, call('f', { arguments: '' }));
  const cases: readonly (readonly [string, ...Event[]])[] = [
    ['the response begins a second time', created, created],
    ['the response begins a second time', added(0, message('m')), created],
    ['response.created has output', { ...created, response: { output: [message('m')] } }],
    ['an item that calls a tool stands where none is read', { ...created, response: { output: [call('f')] } }],
    ['response.in_progress has output', { type: 'response.in_progress', response: { output: {} } }],
    ['response.created has no response', { type: 'response.created' }],
    ['an item has no type', added(0, {})],
    ['an item has no type', { type: 'response.output_item.done' }],
    ['an item has an index out of order', added(1, message('m')), added(0, call('f'))],
    ['an item has an index out of order', added(0, message('m')), added(0, call('f'))],
    ['an item has an index out of order', { ...added(0, call('f')), output_index: '0' }],
    ['an item has an index out of order', { ...added(0, call('f')), output_index: -1 }],
    ['two items have the same id', added(0, message('x')), added(1, { ...call('f'), id: 'x' })],
    ['a tool call has neither an index nor an id', { type: 'response.output_item.added', item: { ...call('f'), id: null } }],
    ['an event names two items', added(0, message('m')), added(1, call('f')), delta(0, 'f', '{')],
    ['an event names two items', named, done(0, call('g'))],
    ['an event names two items', named, done(1, call('f'))],
    ['an item ends that has ended, or as another one than it began', named, done(0, call('f')), done(0, call('f'))],
    ['an item ends that has ended, or as another one than it began', added(0, message('m')), done(0, call('m'))],
    ['an item ends that has ended, or as another one than it began', added(0, { type: 'web_search_call', id: 'w' }), done(0, call('w'))],
    ['arguments belong to no tool call that is open', created, delta(0, 'f', '{')],
    ['arguments belong to no tool call that is open', named, done(0, call('f')), delta(0, 'f', '{')],
    ['arguments belong to no tool call that is open', added(0, message('m')), delta(0, 'm', '{')],
    ['arguments belong to no tool call that is open', named, delta(0, 'f', '{', 'custom_tool_call_input')],
    ['an event that brings arguments brings none', named, delta(0, 'f', 5)],
    ['an event that brings arguments brings none', named, filled(0, 'f', null)],
    ['an event is about a tool call that has ended', named, done(0, call('f')), { type: 'response.x', output_index: 0 }],
    ['a tool call ends as another one than it began', named, delta(0, 'f', '{"b":2}'), done(0, call('f'))],
    ['a tool call ends as another one than it began', named, filled(0, 'f', '{"b":2}'), done(0, call('f'))],
    ['a tool call ends as another one than it began', named, done(0, call('f', { name: 'other' }))],
    ['a tool call ends as another one than it began', named, done(0, call('f', { call_id: 'other' }))],
    ['a tool call ends as another one than it began', added(0, call('f', { namespace: 'a' })), done(0, call('f'))],
    ['a tool call ends as another one than it began', added(0, call('f', { arguments: '{"b"' })), done(0, call('f'))],
    ['a tool call ends as another one than it began', added(0, call('f', { arguments: {} })), done(0, call('f'))],
    ['a function_call item has no name', done(0, call('f', { name: '' }))],
    ['a function_call item has no name', done(0, call('f', { namespace: 5 }))],
    ['a function_call item has no id', done(0, call('f', { call_id: 5 }))],
    ['a function_call item has no arguments that are text', done(0, call('f', { arguments: {} }))],
    ['the answer ends inside a tool call', named, ended([])],
    ['the stream ended inside a tool call', named, delta(0, 'f', '{')],
    ['the last event holds a tool call that the stream did not', created, ended([call('f')])],
    ['the last event holds a tool call that the stream did not', done(0, call('f')), ended([call('f'), call('f')])],
    ['the last event holds a tool call that the stream did not', done(0, call('f')), ended([call('f', { arguments: '{}' })])],
    ['the last event holds a tool call that the stream did not', done(0, call('f')), ended([call('f', { name: 'other' })])],
    ['the output is not an array', ended({})],
    ['response.completed has no response', { type: 'response.completed' }],
    ['the answer ends as another one than it began', created, { ...ended([]), response: { id: 's', output: [] } }],
    ['the answer goes on after its end', created, ended([]), keepalive],
    ['the answer goes on after an error', created, error, added(0, message('m'))],
    ['the answer goes on after an error', created, error, ended([])],
    ['an event has no type', { response: {} }],
    ['the name of an event and the type of its data differ', `event: keepalive\ndata: ${JSON.stringify(done(0, call('f')))}\n\n`],
    ['a member name differs from a known one only by letter case', { ...done(0, message('m')), Item: call('f') }],
    ['a type differs from a known one only by letter case', done(0, { ...call('f'), type: 'Function_call' })],
    ['a type differs from a known one only by letter case', { type: 'Response.output_item.done', item: message('m') }],
    ['an item that calls a tool stands where none is read', done(0, { ...message('m'), content: [call('f')] })],
    ['an item that calls a tool stands where none is read', { type: 'response.x', item: call('f') }],
    ['an item that calls a tool stands where none is read', { type: 'response.output_item.updated', output_index: 0, item: call('f') }],
    ['a call of several tools at once has arguments that cannot be read', done(0, call('f', { name: 'parallel', arguments: '{' }))],
  ];
  for (const [expected, ...events] of cases) assert.equal(problem(...events), expected, JSON.stringify(events));
  assert.match(problem('data: [DONE]\n\n'), /^an event is not readable/);
  assert.match(problem('data: {"type":"response.created","type":"x"}\n\n'), /^an event is not readable/);
});

test('a call is held from its beginning until its item is done, and judged with what the item says', () => {
  const events = [created, added(0, call('f', { arguments: '' })), delta(0, 'f', '{"a"'), delta(0, 'f', ':1}'), filled(0, 'f', '{"a":1}')];
  const reader = format.readStream('responses');
  assert.deepEqual(kinds([...reader.push(bytesOf(events))]), ['pass']);
  const [piece] = reader.push(bytesOf([done(0, call('f'))]));
  assert.ok(piece?.piece === 'tool_call');
  const { name, callId, arguments: input, hosted, notInspected } = piece.call;
  assert.deepEqual([name, callId, Buffer.from(input).toString(), hosted, notInspected], ['n', 'c_f', '{"a":1}', false, []]);
  assert.equal(bytes(piece), bytesOf([...events.slice(1), done(0, call('f'))]).toString());
});

test('names are canonical: a server of the client is server/tool, another namespace is its own, functions is none', () => {
  for (const [namespace, name] of [
    ['mcp__tracker', 'tracker/n'],
    ['clock', 'clock/n'],
    ['functions', 'n'],
    ['', 'n'],
    [null, 'n'],
    ['mcp__', 'mcp__/n'],
  ]) {
    const piece = pieces(done(0, call('f', { namespace }))).find((each) => each.piece === 'tool_call');
    assert.equal(piece?.call.name, name);
  }
});

test('a program as the input of a call is noted as such', () => {
  const [piece] = pieces(done(0, { type: 'custom_tool_call', id: 'f', call_id: 'c', name: 'exec', input: 'text(1)' }));
  assert.ok(piece?.piece === 'tool_call');
  assert.deepEqual(piece.call.notInspected, [{ what: 'program', why: 'free-form input' }]);
  assert.equal(Buffer.from(piece.call.arguments).toString(), 'text(1)');
});

test('an item of a type that nobody knows and that ends like a call is held for one', () => {
  const item = { type: 'telescope_call', id: 't', aim: 'moon' };
  const piece = pieces(added(0, item), { type: 'response.telescope_call.turning', output_index: 0 }, done(0, item)).at(-1);
  assert.ok(piece?.piece === 'tool_call');
  assert.deepEqual(
    [piece.call.name, piece.call.callId, piece.call.notInspected],
    ['telescope', 't', [{ what: 'tool_call', why: 'unknown type telescope_call' }]],
  );
});

test('what the provider runs is seen as it comes and reported when it is done; refusing it changes nothing', () => {
  const item = { type: 'web_search_call', id: 'w', action: { type: 'search', query: 'x' } };
  const searching = { type: 'response.web_search_call.searching', output_index: 0, item_id: 'w' };
  const all = pieces(added(0, item), searching, done(0, item));
  assert.deepEqual(kinds(all), ['pass', 'tool_call']);
  const [, piece] = all;
  assert.ok(piece?.piece === 'tool_call' && piece.call.hosted);
  assert.equal(Buffer.from(piece.refuse('No.')).toString(), bytes(piece));
});

test('a refused call is a message in its place, under its numbers, in every event and in the last one', () => {
  const counted = (event: object, number: number): Event => ({ ...event, sequence_number: number });
  const events = [
    counted(created, 0),
    counted(added(0, call('f', { arguments: '' })), 1),
    counted(filled(0, 'f', '{"a":1}'), 2),
    counted(done(0, call('f')), 3),
    counted(ended([call('f')]), 4),
  ];
  const [, ...rest] = eventsIn(released(events, [0]));
  assert.deepEqual(
    rest.slice(0, -1).map(({ type, sequence_number, output_index }) => [type, sequence_number, output_index]),
    [
      ['response.output_item.added', 1, 0],
      ['response.content_part.added', 2, 0],
      ['response.output_text.delta', 3, 0],
      ['response.output_text.done', 3, 0],
      ['response.content_part.done', 3, 0],
      ['response.output_item.done', 3, 0],
    ],
  );
  const item = rest.at(-2)?.item ?? assert.fail();
  assert.deepEqual(lastOf(released(events, [0])).response.output, [item]);
  assert.match(item.id, /^msg_[0-9a-f]{48}$/);
  assert.equal(item.content[0]?.text, 'No.');
  assert.equal(released(events), bytesOf(events).toString());
});

test('a call that a server only finishes is refused by one event, and one without index or number gets none', () => {
  const only = { type: 'response.output_item.done', item: call('f') };
  const [event, ...none] = eventsIn(released([only], [0]));
  assert.deepEqual([Object.keys(event ?? {}), none], [['type', 'item'], []]);
});

test('the last event may repeat nothing, less, in another order, or under new ids, which it then loses', () => {
  const calls = [done(0, call('f')), done(1, call('g', { arguments: '{}' }))];
  const output = (repeated: unknown, refused: readonly number[] = []) =>
    lastOf(released([...calls, ended(repeated)], refused)).response.output;
  for (const same of [[], null, [call('f')], [call('g', { arguments: '{}' }), call('f')]]) assert.deepEqual(output(same), same);
  const renamed = [call('x', { arguments: '{}' }), call('y')];
  assert.deepEqual(output(renamed), [call('g', { arguments: '{}' }), call('f')]);
  const { call_id: unsaid, ...shell } = { type: 'shell_call', id: 's', call_id: 'c', action: { commands: ['ls'] } };
  assert.deepEqual(lastOf(released([done(0, { ...shell, call_id: unsaid }), ended([shell])])).response.output, [
    { ...shell, call_id: 'c' },
  ]);
  assert.deepEqual(lastOf(released([done(0, { ...shell, call_id: unsaid }), ended([{ ...shell, call_id: null }])])).response.output, [
    { ...shell, call_id: 'c' },
  ]);
  const [first, second] = output(renamed, [0]);
  assert.deepEqual([first?.type, second?.type], ['function_call', 'message']);
});

test('a call that broke off is left out of the stream and says nothing in the last event', () => {
  for (const status of ['incomplete', 'failed']) {
    const text = released([
      created,
      added(0, call('f', { arguments: '' })),
      delta(0, 'f', '{"a'),
      ended([call('f', { arguments: '{"a' })], status),
    ]);
    assert.ok(!text.includes('function_call'), text);
    const { output } = lastOf(text).response;
    assert.deepEqual([output[0]?.content, output[0]?.status], [[], 'incomplete']);
  }
  // A message that stands for a refused call and one that says nothing are two items, as many as there are.
  const item = call('f');
  const { output } = lastOf(released([done(0, item), ended([item, item, item], 'incomplete')], [0])).response;
  assert.equal(new Set(output.map((each) => (each as { id?: string }).id)).size, 3);
});

test('an error holds what follows until the failed response or the end of the stream, and drops a call that is open', () => {
  const failed = { type: 'response.failed', response: { id: 'r', error: { code: 'server_error', message: 'x' } } };
  for (const [events, count] of [
    [[created, added(0, call('f')), error, keepalive, failed], 2],
    [[created, added(0, call('f')), error], 2],
    [[created, added(0, call('f')), error, 'data: [DONE]\n\n'], 2],
  ] as const) {
    const reader = format.readStream('responses');
    const all = collect(reader, events);
    const last = all.at(-1);
    assert.ok(last?.piece === 'ending' && last.failed && all.length === count, JSON.stringify(kinds(all)));
    assert.equal(bytes(last), bytesOf(events.slice(2)).toString());
    assert.equal(reader.facts().errorType, 'server_error');
  }
});

test('an answer that is cut has no ending, and one inside a call is unreadable', () => {
  assert.deepEqual(kinds(pieces(created, added(0, message('m')))), ['pass']);
  assert.deepEqual(kinds(pieces(created, added(0, call('f')))), ['pass', 'unreadable']);
});

test('names of events may be missing, and a comment or an event for waiting may stand anywhere', () => {
  const plain = (event: object): string => `data: ${JSON.stringify(event)}\n\n`;
  const all = pieces(
    ': hello\n\n',
    plain(created),
    ': x\n\n',
    keepalive,
    plain(added(0, call('f'))),
    ': y\n\n',
    keepalive,
    plain(done(0, call('f'))),
  );
  assert.deepEqual(kinds(all), ['pass', 'tool_call', 'pass']);
});

test('what is held back is bounded, and so are calls and items', () => {
  const large = 'x'.repeat(1_000_000);
  const parts = Array.from({ length: Math.ceil(limits.heldBlockBytes / large.length) + 1 }, () => delta(0, 'f', large));
  assert.match(problem(added(0, call('f', { arguments: '' })), ...parts), /larger than/);
  const behind = Array.from({ length: Math.ceil(limits.heldBlockBytes / large.length) + 1 }, () => delta(1, 'm', large, 'output_text'));
  assert.match(problem(added(0, call('f')), added(1, message('m')), ...behind), /larger than/);
  const comments = Array.from({ length: Math.ceil(limits.heldBlockBytes / large.length) + 1 }, () => `: ${large}\n\n`);
  assert.match(problem(error, ...comments), /larger than/);
  const calls = Array.from({ length: limits.toolCallsPerAnswerCount + 1 }, (_, index) => done(index, call(`f${index}`)));
  assert.match(problem(...calls), /tool calls$/);
  const items = Array.from({ length: limits.outputItemsCount + 1 }, (_, index) => done(index, message(`m${index}`)));
  assert.match(problem(...items), /items$/);
});

test('facts come from the response, its items and its events', () => {
  const reader = format.readStream('responses');
  const usage = { input_tokens: 7, input_tokens_details: { cached_tokens: 6 }, output_tokens: 9 };
  collect(reader, [
    created,
    done(0, { type: 'reasoning', id: 'x', summary: [], encrypted_content: 'g' }),
    done(1, { type: 'hologram', id: 'h' }),
    { type: 'response.hologram' },
    { ...ended([]), response: { id: 'r', model: 'm-2', output: [], usage } },
  ]);
  assert.deepEqual(reader.facts(), {
    modelReported: 'm-2',
    upstreamRequestId: null,
    inputTokenCount: 7,
    cachedInputTokenCount: 6,
    outputTokenCount: 9,
    errorType: null,
    notInspected: [
      { what: 'reasoning', why: 'encrypted' },
      { what: 'output_item', why: 'unknown type hologram' },
      { what: 'stream_event', why: 'unknown type response.hologram' },
    ],
  });
});

test('a failed response is known by its code, by which Codex decides what to do, whatever else it says', () => {
  const failed = (error: object) => ({ type: 'response.failed', response: { id: 'r', error } });
  for (const [code, absorbed] of [
    ['context_length_exceeded', false],
    ['server_error', true],
  ] as const) {
    const reader = format.readStream('responses');
    const all = collect(reader, [created, failed({ type: 'invalid_request_error', code, message: 'x' })]);
    assert.deepEqual(kinds(all), ['pass', 'ending']);
    assert.equal(reader.facts().errorType, code);
    assert.equal(format.absorbsInStream(code, 'codex'), absorbed);
  }
});

test('Codex gets a failed response of the same id with the code that it shows and does not repeat; others get an error event', () => {
  const denial = { code: 'stopped', sentence: 'Stopped.', recordId: null } as const;
  const reader = format.readStream('responses');
  void [...reader.push(bytesOf([{ ...created, sequence_number: 4 }]))];
  const { type, sequence_number, response } = lastOf(reader.renderDenial(denial, 'codex'));
  assert.deepEqual([type, sequence_number, response.id, response.status], ['response.failed', 5, 'r', 'failed']);
  assert.deepEqual(response.error, { code: 'invalid_prompt', message: 'Stopped.' });
  for (const client of ['sdk', 'claude-code', 'gemini-cli'] as const) {
    const event = lastOf(reader.renderDenial(denial, client));
    const nested = { message: 'Stopped.', type: 'permission_error', param: null, code: 'stopped' };
    assert.deepEqual(event, { type: 'error', sequence_number: 5, error: nested });
  }
});

test('an event for waiting is there for Codex from the start, and for others once the response has begun', () => {
  const reader = format.readStream('responses');
  assert.equal(reader.keepAlive('sdk'), null);
  assert.deepEqual(eventsIn(reader.keepAlive('codex')), [{ type: 'keepalive', sequence_number: 0 }]);
  void [...reader.push(bytesOf([{ ...created, sequence_number: 0 }]))];
  assert.deepEqual(eventsIn(reader.keepAlive('sdk')), [{ type: 'keepalive', sequence_number: 0 }]);
});
