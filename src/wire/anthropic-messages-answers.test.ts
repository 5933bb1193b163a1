import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limits } from '../core/limits.ts';
import { applySplices } from '../core/slot.ts';
import type { WholeAnswer } from '../core/wire-format.ts';
import { readWhole } from './anthropic-messages-answers.ts';

const call = { type: 'tool_use', id: 't', name: 'n', input: { a: 1 } };
const hostedCall = { ...call, type: 'server_tool_use' };
const message = (content: unknown, stopReason = 'tool_use') => ({ type: 'message', model: 'm', content, stop_reason: stopReason });
const read = (text: string) => readWhole(Buffer.from(text), { operation: 'messages', status: 200 });

const whole = (body: unknown): WholeAnswer => {
  const answer = read(JSON.stringify(body));
  return 'malformed' in answer ? assert.fail(answer.malformed) : answer;
};
const refused = (body: unknown, ...indexes: readonly number[]) => {
  const { refuse } = whole(body);
  const spliced = applySplices(Buffer.from(JSON.stringify(body)), refuse(new Map(indexes.map((index) => [index, 'No.']))));
  return JSON.parse(Buffer.from(spliced).toString()) as { content: readonly { type: string }[]; stop_reason: string };
};

test('an answer in which a call cannot be found for certain is malformed', () => {
  const cases: readonly (readonly [unknown, string])[] = [
    ['text', 'the answer is not an object'],
    [[call], 'the answer is not an object'],
    [message('text'), '/content is not an array'],
    [message({ 0: call }), '/content is not an array'],
    [message([{ text: 'x' }]), '/content/0/type is not a string'],
    [message(['x']), '/content/0/type is not a string'],
    [message([{ ...call, name: 5 }]), 'a tool_use block has no name'],
    [message([{ ...call, id: '' }]), 'a tool_use block has no id'],
    [message([{ ...call, type: 'mcp_tool_use' }]), 'the server_name of a mcp_tool_use block is not a name'],
    [message([{ ...call, toolset_name: 5 }]), 'the toolset_name of a tool_use block is not a name'],
    [message([{ ...call, toolset_name: '' }]), 'the toolset_name of a tool_use block is not a name'],
  ];
  for (const [body, problem] of cases) assert.deepEqual(read(JSON.stringify(body)), { malformed: problem });
  const two = `{"content":[],"content":[${JSON.stringify(call)}]}`;
  assert.deepEqual(read(two), { malformed: 'a member name stands twice in one object (at byte 14)' });
});

test('a call that stands where none is read is malformed, at any depth, and the arguments of a call are its own', () => {
  const hidden = { malformed: 'a tool_use block stands where none is read' };
  const bodies = [
    message([{ type: 'hologram', layers: [{ content: [call] }] }]),
    message([{ type: 'web_search_tool_result', tool_use_id: 's', content: [call] }]),
    message([{ type: 'text', text: '', citations: [call] }]),
    { ...message([]), container: { call } },
    { ...message([]), messages: [message([call])] },
    { type: 'error', error: { type: 'api_error', message: 'x', content: [call] } },
    call,
  ];
  for (const body of bodies) assert.deepEqual(read(JSON.stringify(body)), hidden, JSON.stringify(body));
  assert.equal(whole(message([{ ...call, input: { example: call, Type: 'x' } }])).toolCalls.length, 1);
});

test('G-DECIDE-2: a tool of a set goes by the name of the set, so that it is never taken for one of the same name', () => {
  const names = (more: object) => whole(message([{ ...call, ...more }])).toolCalls.map(({ name }) => name);
  assert.deepEqual(names({ toolset_name: 'browser' }), ['browser/n']);
  assert.deepEqual(names({ toolset_name: null }), ['n']);
  assert.deepEqual(read(JSON.stringify(message([{ ...call, Toolset_name: 'browser' }]))), {
    malformed: 'a member name differs from a known one only by letter case',
  });
});

test('what only the vendor can read is noted', () => {
  const block = { type: 'compaction', content: null, encrypted_content: 'x' };
  assert.deepEqual(whole(message([block])).facts.notInspected, [{ what: 'compaction', why: 'encrypted' }]);
  assert.deepEqual(whole(message([{ ...block, encrypted_content: null }])).facts.notInspected, []);
});

test('a name or a type that differs from a known one only by letter case is malformed', () => {
  const text = { type: 'text', text: '' };
  const bodies = [
    { ...message([]), Content: [{ ...text }] },
    { ...message([]), CONTENT: [] },
    { ...message([]), Stop_reason: 'tool_use' },
    message([{ ...text, Type: 'x', id: 't', name: 'n', input: {} }]),
    message([{ ...call, Name: 'n' }]),
    message([{ ...call, Id: 't' }]),
    message([{ ...call, Input: {} }]),
    message([{ ...call, type: 'TOOL_USE' }]),
    message([{ ...call, type: 'tool_u\u017Fe' }]),
    message([{ ...call, type: 'mcp_tool_use', server_name: 's', Server_name: 't' }]),
  ];
  for (const body of bodies) {
    assert.match(JSON.stringify(read(JSON.stringify(body))), /differs from a known one only by letter case/);
  }
});

test('a member that some readers would let an object inherit is malformed', () => {
  const body = '{"type":"message","content":[{"type":"text","text":"","__proto__":{"type":"tool_use"}}]}';
  assert.deepEqual(read(body), { malformed: 'a member is named __proto__' });
});

test('an error body that has content is read as a message has', () => {
  const body = { type: 'error', error: { type: 'api_error', message: 'x' }, content: [call] };
  assert.deepEqual(
    whole(body).toolCalls.map(({ name }) => name),
    ['n'],
  );
  assert.deepEqual(read(JSON.stringify({ ...body, content: { 0: call } })), { malformed: '/content is not an array' });
  assert.ok('malformed' in read('<html>502</html>'));
});

test('more tool calls than the limit are malformed', () => {
  const calls = Array.from({ length: limits.toolCallsPerAnswerCount + 1 }, () => call);
  assert.match(JSON.stringify(read(JSON.stringify(message(calls)))), /there are more than \d+ tool calls/);
});

test('the stop reason follows only when no call is left for the agent', () => {
  assert.deepEqual(refused(message([call, call]), 0), message([{ type: 'text', text: 'No.' }, call]));
  assert.equal(refused(message([call, call]), 0, 1).stop_reason, 'end_turn');
  assert.equal(refused(message([hostedCall, call]), 1).stop_reason, 'end_turn');
  assert.equal(refused(message([call], 'max_tokens'), 0).stop_reason, 'max_tokens');
  assert.equal(refused(message([call])).stop_reason, 'tool_use');
});

test('an index that is no call is left alone', () => {
  assert.deepEqual(refused(message([call]), 7), message([call]));
});

test('an error body gives its type and the request id that it carries', () => {
  const { facts } = whole({ type: 'error', error: { type: 'rate_limit_error', message: 'x' }, request_id: 'req_1' });
  assert.deepEqual([facts.errorType, facts.upstreamRequestId], ['rate_limit_error', 'req_1']);
  assert.equal(whole({ type: 'error' }).facts.errorType, 'unknown_error');
});

test('counts that are no whole numbers are unknown', () => {
  const { facts } = whole({ ...message([]), usage: { input_tokens: '12', cache_read_input_tokens: null, output_tokens: -1 } });
  assert.deepEqual([facts.inputTokenCount, facts.outputTokenCount], [null, null]);
});
