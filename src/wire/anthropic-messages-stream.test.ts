import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limits } from '../core/limits.ts';
import type { StreamPiece, StreamReader } from '../core/wire-format.ts';
import { anthropicMessages as format } from './anthropic-messages.ts';

type Event = Readonly<Record<string, unknown>> | string;

const bytesOf = (events: readonly Event[]): Buffer =>
  Buffer.from(
    events
      .map((event) => (typeof event === 'string' ? event : `event: ${String(event['type'])}\ndata: ${JSON.stringify(event)}\n\n`))
      .join(''),
  );

const start = { type: 'message_start', message: { model: 'm', content: [], usage: { input_tokens: 3, output_tokens: 1 } } };
const open = (index: number, block: object) => ({ type: 'content_block_start', index, content_block: block });
const delta = (index: number, part: object) => ({ type: 'content_block_delta', index, delta: part });
const close = (index: number) => ({ type: 'content_block_stop', index });
const text = (index: number) => open(index, { type: 'text', text: '' });
const tool = (index: number, more: object = {}) => open(index, { type: 'tool_use', id: `t${index}`, name: 'n', input: {}, ...more });
const json = (index: number, part: unknown) => delta(index, { type: 'input_json_delta', partial_json: part });
const stop = (reason: string | null) => ({ type: 'message_delta', delta: { stop_reason: reason }, usage: { output_tokens: 9 } });
const last = { type: 'message_stop' };
const ping = { type: 'ping' };

const collect = (reader: StreamReader, events: readonly Event[]): readonly StreamPiece[] => [
  ...reader.push(bytesOf(events)),
  ...reader.end(),
];
const pieces = (...events: readonly Event[]): readonly StreamPiece[] => collect(format.readStream('messages'), events);
const problem = (...events: readonly Event[]): string => {
  const piece = pieces(...events).at(-1);
  return piece?.piece === 'unreadable' ? piece.problem : assert.fail(`was ${piece?.piece}`);
};
const bytes = (piece: StreamPiece | undefined): string =>
  piece === undefined || piece.piece === 'unreadable' ? '' : Buffer.from(piece.bytes).toString();

test('an order of events that clients could read differently is unreadable, and nothing of it is released', () => {
  const cases: readonly (readonly [string, ...Event[]])[] = [
    ['a second message begins', start, start],
    ['message_start has content', { type: 'message_start', message: { content: [{ type: 'text', text: '' }] } }],
    ['a tool_use block stands where none is read', { ...start, message: { content: [tool(0).content_block] } }],
    ['message_start has no message', { type: 'message_start' }],
    ['a block begins where none may', text(0)],
    ['a block begins where none may', start, text(0), text(1)],
    ['a block begins where none may', start, tool(0), text(1)],
    ['a block begins where none may', start, stop('tool_use'), tool(0)],
    ['a block has an index out of order', start, text(1)],
    ['a block has an index out of order', start, text(0), close(0), tool(0)],
    ['a block has an index out of order', start, open('0' as unknown as number, { type: 'text' })],
    ['a block has no type', start, open(0, {})],
    ['a delta belongs to no open block', start, tool(0), json(0, '{}'), close(0), json(0, '{"a":1}')],
    ['a delta belongs to no open block', start, text(0), json(1, '{}')],
    ['a delta has no type', start, text(0), delta(0, {})],
    ['a block ends that is not open', start, close(0)],
    ['a block ends that is not open', start, text(0), close(1)],
    ['an input_json_delta has no partial_json', start, tool(0), json(0, 5)],
    ['the arguments of a tool call are given twice', start, tool(0, { input: { a: 1 } }), json(0, '{"a":2}'), close(0)],
    ['a tool_use block has no name', start, tool(0, { name: '' })],
    ['a tool_use block has no id', start, tool(0, { id: 5 })],
    ['message_delta stands before the message or inside a block', stop('end_turn')],
    ['message_delta stands before the message or inside a block', start, tool(0), stop('tool_use')],
    ['message_stop stands before the message or inside a block', last],
    ['message_stop stands before the message or inside a block', start, tool(0), last],
    ['the message goes on after its end', start, stop('end_turn'), last, tool(0)],
    ['the stream ended inside a tool call', start, tool(0), json(0, '{}')],
    ['the stream ended before its terminal event', start, stop('end_turn')],
    ['the name of an event and the type of its data differ', start, `event: ping\ndata: ${JSON.stringify(tool(0))}\n\n`],
    ['an event has no type', start, 'event: content_block_start\ndata: {}\n\n'],
    ['an event has no type', start, 'data: []\n\n'],
  ];
  for (const [expected, ...events] of cases) assert.equal(problem(...events), expected);
});

test('an event of a known type that is not JSON is unreadable, with what is wrong and where', () => {
  assert.match(
    problem(start, 'event: content_block_start\ndata: {"type"\n\n'),
    /^an event is not readable: a colon is missing \(at byte 7\)$/,
  );
  assert.match(problem(start, 'event: ping\ndata: {"type":"ping","type":"ping"}\n\n'), /twice/);
  assert.match(problem(start, 'data: [DONE]\n\n'), /^an event is not readable/);
  assert.match(problem(start, 'event: content_block_delta\ndata: {"ty'), /^an event is not readable/);
});

const evil = '"content_block":{"type":"tool_use","id":"t","name":"n","input":{}}';

test('data that cannot be read strictly is unreadable under every event name', () => {
  const twice = `{"type":"ping","type":"content_block_start","index":0,${evil}}`;
  const deep = `{"z":${'['.repeat(limits.jsonDepth)}${']'.repeat(limits.jsonDepth)},"type":"content_block_start","index":0,${evil}}`;
  for (const name of ['event: x\n', 'event: ping\n', 'event: \n', 'event\n', '']) {
    for (const data of [twice, deep, '{"type"', '\uFEFF{"type":"x"}', 'x', ' ', '"\\']) {
      assert.match(problem(start, `${name}data: ${data}\n\n`), /^an event is not readable/, `${name}${data.slice(0, 40)}`);
    }
    const latin1 = Buffer.concat([bytesOf([start]), Buffer.from(`${name}data: {"type":"x","y":"\xff"}\n\n`, 'latin1')]);
    const last = [...format.readStream('messages').push(latin1)].at(-1);
    assert.ok(last?.piece === 'unreadable' && last.problem.includes('not UTF-8'));
  }
});

test('an event goes by one name: data without a type, and data under no name or another one, are unreadable', () => {
  assert.equal(problem(start, 'event: x\ndata: {"value":1}\n\n'), 'an event has no type');
  assert.equal(problem(start, 'event: x\ndata: {"type":["content_block_start"]}\n\n'), 'an event has no type');
  for (const name of ['', 'event\n', 'event: x\n', 'event: ping\n', 'event: Content_block_start\n']) {
    const unit = `${name}data: ${JSON.stringify(tool(0))}\n\n`;
    assert.equal(problem(start, unit), 'the name of an event and the type of its data differ');
  }
});

test('a body of one line of JSON that is sent as an event stream is unreadable, and none of it is released', () => {
  const body = `{"type":"message","content":[{"type":"tool_use","id":"t","name":"n","input":{}}]}`;
  for (const text of [body, `${body}\n`, `${body}\n\n`]) assert.equal(problem(text), 'a line is no field of an event stream');
  assert.equal(pieces(`${body}\n\n`).length, 1);
});

test('a call that stands where none is read is unreadable, at any depth and in events of any type', () => {
  const call = { type: 'tool_use', id: 't', name: 'n', input: {} };
  const hidden = /^a \w*tool_use block stands where none is read$/;
  assert.match(problem(start, { type: 'x', content_block: call }), hidden);
  assert.match(problem(start, { ...ping, deep: [{ deeper: [call] }] }), hidden);
  assert.match(problem({ ...start, message: { content: [], container: { call } } }), hidden);
  assert.match(problem(start, open(0, { type: 'hologram', content: [call] })), hidden);
  assert.match(problem(start, open(0, { type: 'mcp_tool_result', content: [{ ...call, type: 'mcp_tool_use' }] })), hidden);
  assert.match(problem(start, open(0, { ...call, caller: call })), hidden);
  assert.match(problem(start, text(0), delta(0, call)), hidden);
  assert.match(problem(start, text(0), delta(0, { type: 'citations_delta', citation: call })), hidden);
  assert.match(problem(start, { ...stop('tool_use'), delta: { stop_reason: 'tool_use', content: [call] } }), hidden);
  assert.match(problem(start, stop('tool_use'), { ...last, message: { content: [call] } }), hidden);
  assert.match(problem(start, stop('tool_use'), last, { type: 'x', call }), hidden);
  const [, piece] = pieces(start, open(0, { ...call, input: { type: 'tool_use', Type: 'tool_use' } }), close(0));
  assert.equal(piece?.piece, 'tool_call', 'what the arguments say is no call');
});

test('a name or a type that differs from a known one only by letter case is unreadable', () => {
  const block = { type: 'text', text: '' };
  const members = [
    { ...text(0), Content_block: tool(0).content_block },
    open(0, { ...block, Type: 'tool_use', name: 'n', id: 't' }),
    open(0, { type: 'tool_use', id: 't', name: 'allowed', NAME: 'n', input: {} }),
    open(0, { type: 'tool_use', id: 't', name: 'n', Input: { a: 1 } }),
    open(0, { type: 'tool_u\u017Fe', id: 't', name: 'n' }),
    open(0, { type: 'Tool_use', id: 't', name: 'n' }),
    { type: 'Content_block_start', index: 0, content_block: block },
    { type: 'x', Index: 0 },
  ];
  for (const event of members) assert.match(problem(start, event), /differs from a known one only by letter case$/, JSON.stringify(event));
  const held = [start, tool(0)];
  assert.match(problem(...held, { ...json(0, '{}'), Delta: {} }), /by letter case$/);
  assert.match(problem(...held, delta(0, { type: 'input_json_delta', partial_json: '', Partial_json: '{"a":1}' })), /by letter case$/);
  assert.match(problem(start, { ...stop('end_turn'), delta: { stop_reason: 'end_turn', Stop_reason: 'tool_use' } }), /by letter case$/);
});

test('a delta that does not fit its block is unreadable', () => {
  assert.equal(problem(start, text(0), json(0, '{}')), 'a delta does not fit its block');
  assert.equal(problem(start, open(0, { type: 'new_tool_use', id: 't', name: 'n' }), json(0, '{}')), 'a delta does not fit its block');
  assert.equal(problem(start, tool(0), delta(0, { type: 'arguments_delta', text: '{}' })), 'a delta does not fit its block');
});

test('a listing of tools may have members of any name in their schemas', () => {
  const listing = { type: 'mcp_tool_listing', tools: [{ name: 'n', input_schema: { properties: { Type: {}, ID: {}, Name: {} } } }] };
  assert.deepEqual(
    pieces(start, open(0, listing), close(0)).map(({ piece }) => piece),
    ['pass'],
  );
});

test('after what cannot be read nothing more is released', () => {
  const reader = format.readStream('messages');
  assert.deepEqual(
    [...reader.push(bytesOf([start, close(5), text(0)]))].map(({ piece }) => piece),
    ['pass', 'unreadable'],
  );
  assert.deepEqual([...reader.push(bytesOf([text(0), last]))], []);
  assert.deepEqual([...reader.end()], []);
});

test('a block that is held and grows past its limit is unreadable', () => {
  const part = json(0, 'x'.repeat(limits.heldBlockBytes / 4));
  assert.match(problem(start, tool(0), part, part, part, part), /^a part that is held back is larger than \d+ bytes$/);
});

test('more tool calls than the limit are unreadable', () => {
  const calls = Array.from({ length: limits.toolCallsPerAnswerCount + 1 }, (_, index) => [tool(index), close(index)]).flat();
  assert.match(problem(start, ...calls), /^there are more than \d+ tool calls$/);
});

test('arguments come from the deltas, from the block start, or are an empty object', () => {
  const argumentsOf = (...events: readonly Event[]): string => {
    const call = pieces(start, ...events).find(({ piece }) => piece === 'tool_call');
    return call?.piece === 'tool_call' ? Buffer.from(call.call.arguments).toString() : assert.fail('no call');
  };
  assert.equal(argumentsOf(tool(0), json(0, '{"a":'), ping, json(0, '"ü"}'), close(0)), '{"a":"ü"}');
  assert.equal(argumentsOf(tool(0, { input: { a: 1 } }), json(0, ''), close(0)), '{"a":1}');
  assert.equal(argumentsOf(tool(0), close(0)), '{}');
  assert.equal(argumentsOf(open(0, { type: 'tool_use', id: 't', name: 'n' }), close(0)), '{}');
});

test('a stop reason of null does not begin the ending, and counts of later events replace earlier ones', () => {
  const reader = format.readStream('messages');
  const seen = collect(reader, [start, stop(null), text(0), close(0), stop('end_turn'), ping, last]);
  assert.deepEqual(
    seen.map(({ piece }) => piece),
    ['pass', 'ending'],
  );
  assert.equal(bytes(seen.at(-1)), bytesOf([stop('end_turn'), ping, last]).toString());
  assert.deepEqual([reader.facts().inputTokenCount, reader.facts().outputTokenCount], [3, 9]);
});

test('the stop reason follows only when a call was refused and none is left for the agent', () => {
  const hosted = open(0, { type: 'server_tool_use', id: 's', name: 'web_search', input: {} });
  const stopReason = (refused: readonly string[], ...events: readonly Event[]): string | undefined => {
    let ending = '';
    for (const piece of format.readStream('messages').push(bytesOf([start, ...events, stop('tool_use'), last]))) {
      if (piece.piece === 'tool_call' && refused.includes(piece.call.callId)) piece.refuse('No.');
      if (piece.piece === 'ending') ending = bytes(piece);
    }
    return /"stop_reason":"(\w+)"/.exec(ending)?.[1];
  };
  assert.equal(stopReason([]), 'tool_use');
  assert.equal(stopReason([], tool(0), close(0)), 'tool_use');
  assert.equal(stopReason(['t0'], tool(0), close(0)), 'end_turn');
  assert.equal(stopReason(['t0'], tool(0), close(0), tool(1), close(1)), 'tool_use');
  assert.equal(stopReason(['t1'], hosted, close(0), tool(1), close(1)), 'end_turn');
});

test('pings and comments behind the end pass', () => {
  const seen = pieces(start, stop('end_turn'), last, ping, ': bye\n\n');
  assert.deepEqual(
    seen.map(({ piece }) => piece),
    ['pass', 'ending', 'pass'],
  );
});

test('an error keeps the stop reason that was held before it, and fails', () => {
  const error = { type: 'error', error: { type: 'api_error', message: 'x' } };
  const ending = pieces(start, stop('end_turn'), error).at(-1);
  assert.ok(ending?.piece === 'ending' && ending.failed);
  assert.equal(bytes(ending), bytesOf([stop('end_turn'), error]).toString());
});

const denial = { code: 'outcome_unrecorded', sentence: 'No.', recordId: null } as const;
const types = (rendered: Uint8Array): readonly string[] =>
  [
    ...Buffer.from(rendered)
      .toString()
      .matchAll(/^event: (.*)$/gm),
  ].map(([, name]) => name ?? '');

test('an SDK gets an error event, wherever the stream stands', () => {
  const reader = format.readStream('messages');
  assert.deepEqual(types(reader.renderDenial(denial, 'sdk')), ['error']);
  for (const piece of reader.push(bytesOf([start, text(0)]))) assert.ok(piece);
  const rendered = Buffer.from(reader.renderDenial(denial, 'sdk')).toString();
  assert.equal(rendered, 'event: error\ndata: {"type":"error","error":{"type":"api_error","message":"No."}}\n\n');
});

test('Claude Code gets an orderly end that fits what it has seen', () => {
  const reader = format.readStream('messages');
  const end = () => types(reader.renderDenial(denial, 'claude-code'));
  const orderly = ['content_block_start', 'content_block_delta', 'content_block_stop', 'message_delta', 'message_stop'];
  const release = (...events: readonly Event[]): void => {
    for (const piece of reader.push(bytesOf(events))) assert.ok(piece);
  };
  assert.deepEqual(end(), ['message_start', ...orderly]);
  release(start);
  assert.deepEqual(end(), orderly);
  release(text(0));
  assert.deepEqual(end(), ['content_block_stop', ...orderly]);
  assert.match(Buffer.from(reader.renderDenial(denial, 'claude-code')).toString(), /"index":1,"delta":\{"type":"text_delta","text":"No\."/);
  release(close(0));
  assert.deepEqual(end(), orderly);
  release(tool(1));
  assert.deepEqual(end(), orderly, 'a call that is held was not seen');
});

test('a piece at which the consumer stops was not released', () => {
  const at = (wanted: StreamPiece['piece']): string => {
    const reader = format.readStream('messages');
    for (const { piece } of reader.push(bytesOf([start, text(0), close(0), tool(1), close(1), stop('tool_use'), last]))) {
      if (piece === wanted) return Buffer.from(reader.renderDenial(denial, 'claude-code')).toString();
    }
    return assert.fail('did not come');
  };
  assert.match(at('pass'), /^event: message_start/);
  assert.match(at('tool_call'), /^event: content_block_start\ndata: \{"type":"content_block_start","index":1,/);
  assert.match(at('ending'), /^event: content_block_start\ndata: \{"type":"content_block_start","index":2,/);
});
