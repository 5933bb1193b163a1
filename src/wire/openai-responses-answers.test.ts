import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limits } from '../core/limits.ts';
import { applySplices } from '../core/slot.ts';
import type { WholeAnswer } from '../core/wire-format.ts';
import { readWhole } from './openai-responses-answers.ts';

const call = { type: 'function_call', id: 'f', call_id: 'c', name: 'n', arguments: '{"a":1}' };
const message = { type: 'message', id: 'm', role: 'assistant', content: [{ type: 'output_text', text: 'Hi' }] };
const response = (output: unknown, more: object = {}) => ({ id: 'r', object: 'response', model: 'm', output, ...more });
const read = (body: unknown, operation = 'responses', status = 200) =>
  readWhole(Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)), { operation, status });

const whole = (body: unknown, operation = 'responses', status = 200): WholeAnswer => {
  const answer = read(body, operation, status);
  return 'malformed' in answer ? assert.fail(answer.malformed) : answer;
};
const refused = (body: unknown, ...indexes: readonly number[]) => {
  const { refuse } = whole(body);
  const spliced = applySplices(Buffer.from(JSON.stringify(body)), refuse(new Map(indexes.map((index) => [index, 'No.']))));
  return JSON.parse(Buffer.from(spliced).toString()) as { output: readonly { type: string; id: string }[] };
};

test('an answer in which a call cannot be found for certain is malformed', () => {
  const hidden = 'an item that calls a tool stands where none is read';
  const cases: readonly (readonly [unknown, string])[] = [
    ['"text"', 'the answer is not an object'],
    [[call], 'the answer is not an object'],
    [{ choices: [] }, 'the answer has not the shape of this format'],
    [response('text'), 'the answer has not the shape of this format'],
    [response(undefined), 'the answer has not the shape of this format'],
    [response(['x']), 'an item of the output has no type'],
    [response([{ ...call, type: 5 }]), 'an item of the output has no type'],
    [response([{ ...call, name: 5 }]), 'a function_call item has no name'],
    [response([{ ...call, name: '' }]), 'a function_call item has no name'],
    [response([{ ...call, namespace: {} }]), 'a function_call item has no name'],
    [response([{ ...call, call_id: 5 }]), 'a function_call item has no id'],
    [response([{ ...call, call_id: '' }]), 'a function_call item has no id'],
    [response([{ ...call, arguments: { a: 1 } }]), 'a function_call item has no arguments that are text'],
    [response([{ ...call, arguments: null }]), 'a function_call item has no arguments that are text'],
    [response([{ type: 'mcp_approval_request', id: 'q', name: 'n', arguments: '{}' }]), 'a mcp_approval_request item has no name'],
    [response([{ type: '_call', id: 'q' }]), 'a (a name of 5 characters that is not an identifier) item has no name'],
    [response([{ ...message, content: [call] }]), hidden],
    [response([], { item: call }), hidden],
    [response([], { error: { deep: [{ deeper: call }] } }), hidden],
    [response([], { metadata: { deep: { deeper: call } } }), hidden],
    [response([{ ...message, Type: 'function_call' }]), 'a member name differs from a known one only by letter case'],
    [response([], { OUTPUT: [call] }), 'a member name differs from a known one only by letter case'],
    [
      `{"output":[{"type":"message","id":"m","content":[],"__proto__":{"type":"message"}}]}`,
      'a member is named as what objects inherit from',
    ],
    [response([{ ...call, type: 'FUNCTION_CALL' }]), 'a type differs from a known one only by letter case'],
  ];
  for (const [body, problem] of cases) assert.deepEqual(read(body), { malformed: problem }, JSON.stringify(body));
  assert.ok('malformed' in read(`{"output":[],"output":[${JSON.stringify(call)}]}`));
  const many = response(Array.from({ length: limits.toolCallsPerAnswerCount + 1 }, (_, index) => ({ ...call, id: `f${index}` })));
  assert.deepEqual(read(many), { malformed: `there are more than ${limits.toolCallsPerAnswerCount} tool calls` });
});

test('what a tool is called with and what its schema says are their own', () => {
  const shell = {
    type: 'local_shell_call',
    id: 'l',
    call_id: 'c',
    action: { type: 'exec', command: ['x'], env: { Type: 'function_call', NAME: 'x' } },
  };
  const search = { type: 'tool_search_call', id: 's', call_id: null, execution: 'client', arguments: { type: 'function_call' } };
  const tools = [{ type: 'function', name: 'n', parameters: { properties: { Type: { type: 'function_call' } } } }];
  const names = whole(
    response([shell, search, { ...call, caller: { type: 'program', caller_id: 'p' } }], { tools, metadata: { Type: 'x' } }),
  ).toolCalls;
  assert.deepEqual(
    names.map(({ name, callId }) => [name, callId]),
    [
      ['local_shell', 'c'],
      ['tool_search', 's'],
      ['n', 'c'],
    ],
  );
});

test('calls say who is called with what, and whether the provider has run them', () => {
  const calls = (...output: readonly object[]) =>
    whole(response(output)).toolCalls.map(({ name, callId, arguments: input, hosted, notInspected }) => [
      `${name}${hosted ? ' (hosted)' : ''}`,
      callId,
      Buffer.from(input).toString(),
      notInspected.map(({ what }) => what).join(),
    ]);
  assert.deepEqual(calls({ ...call, namespace: 'mcp__s', async: true }), [['s/n', 'c', '{"a":1}', '']]);
  assert.deepEqual(calls({ type: 'custom_tool_call', id: 'f', call_id: 'c', name: 'exec', input: 'x()' }), [
    ['exec', 'c', 'x()', 'program'],
  ]);
  assert.deepEqual(calls({ type: 'shell_call', id: 'f', call_id: 'c', action: { commands: ['ls'] } }), [
    ['shell', 'c', '{"commands":["ls"]}', ''],
  ]);
  assert.deepEqual(calls({ type: 'shell_call', id: 'f', call_id: 'c', environment: { type: 'container_reference' } }), [
    ['shell', 'c', '{}', ''],
  ]);
  assert.deepEqual(calls({ type: 'mcp_call', id: 'f', server_label: 's', name: 'n', arguments: '{}' }), [['s/n (hosted)', 'f', '{}', '']]);
  assert.deepEqual(calls({ type: 'code_interpreter_call', id: 'f', code: null }), [['code_interpreter (hosted)', 'f', '{}', 'program']]);
  assert.deepEqual(calls({ type: 'tool_search_call', id: 'f', execution: 'server', arguments: {} }), [
    ['tool_search (hosted)', 'f', '{}', ''],
  ]);
});

test('a refused call gives way to a message and nothing else moves; the rest keep their places', () => {
  const body = response([message, call, { ...call, id: 'g', call_id: 'd' }]);
  const { output } = refused(body, 0);
  assert.deepEqual(
    output.map(({ type }) => type),
    ['message', 'message', 'function_call'],
  );
  assert.match(output[1]?.id ?? '', /^msg_[0-9a-f]{48}$/);
  assert.deepEqual([output[0], output[2]], [message, { ...call, id: 'g', call_id: 'd' }]);
  assert.notEqual(refused(body, 0).output[1]?.id, refused(body, 1).output[2]?.id);
});

const using = (...uses: readonly unknown[]): string => JSON.stringify({ tool_uses: uses });
const use = (name: string, parameters: unknown = { b: 2 }) => ({ recipient_name: `functions.${name}`, parameters });
const bundle = { ...call, name: 'parallel', arguments: using(use('read'), use('erase')) };

test('G-DECIDE-2: a call of several tools at once is judged by each of them, since a client carries out each', () => {
  const calls = (more: object) =>
    whole(response([{ ...bundle, ...more }])).toolCalls.map(
      ({ name, callId, arguments: given }) => `${name} ${callId} ${Buffer.from(given).toString()}`,
    );
  const own = `parallel c ${bundle.arguments}`;
  assert.deepEqual(calls({}), ['read c_0 {"b":2}', 'erase c_1 {"b":2}', own]);
  assert.equal(calls({ name: 'multi_tool_use.parallel' }).length, 3);
  // Clients leave the namespace out.
  assert.deepEqual(calls({ namespace: 'mcp__s' }).slice(0, 2), ['read c_0 {"b":2}', 'erase c_1 {"b":2}']);
  const bare = [{ recipient_name: 'read' }, { parameters: {} }, 5, use('erase', null)];
  assert.deepEqual(calls({ arguments: using(...bare) }).slice(0, -1), ['read c_0 {}', 'erase c_3 null']);
  for (const given of ['', ' ', '{}', '[]', '{"tool_uses":{}}']) assert.deepEqual(calls({ arguments: given }), [`parallel c ${given}`]);
  assert.deepEqual(calls({ name: 'n' }), [`n c ${bundle.arguments}`]);
  const unread = { malformed: 'a call of several tools at once has arguments that cannot be read' };
  for (const given of ['{', '{"tool_uses":[],"tool_uses":[]}']) assert.deepEqual(read(response([{ ...bundle, arguments: given }])), unread);
  const many = { ...bundle, arguments: using(...Array.from({ length: limits.toolCallsPerAnswerCount }, () => use('read'))) };
  assert.deepEqual(read(response([many])), { malformed: `there are more than ${limits.toolCallsPerAnswerCount} tool calls` });
});

test('G-DECIDE-2: a call of several tools at once gives way when one of them is refused', () => {
  const body = response([bundle, call]);
  for (const indexes of [[0], [1], [2], [0, 1, 2]]) {
    const { output } = refused(body, ...indexes);
    assert.deepEqual(
      output.map(({ type }) => type),
      ['message', 'function_call'],
    );
    assert.equal(JSON.stringify(output).split('No.').length, 2, 'our sentence appears once');
  }
  assert.deepEqual(refused(body, 3).output[0], bundle);
  assert.deepEqual(refused(body), body);
});

test('words under names that a caller chose may have any names', () => {
  assert.ok(whole(response([], { prompt: { id: 'p', variables: { Name: 'x', Input: 'y' } }, metadata: { Type: 'z' } })));
});

test('errors are read in every shape, and a body of an error that is none of ours is no answer', () => {
  const errorOf = (body: unknown, status: number) => whole(body, 'responses', status).facts.errorType;
  assert.equal(errorOf({ error: { type: 'invalid_request_error', code: 'x' } }, 400), 'invalid_request_error');
  assert.equal(errorOf({ error: { code: 'x' } }, 400), 'x');
  assert.equal(errorOf({ error: 'plain' }, 500), 'unknown_error');
  assert.equal(errorOf({ detail: 'x' }, 422), null);
  assert.equal(errorOf(response([], { error: { code: 'server_error' } }), 200), 'server_error');
  assert.ok('malformed' in read({ error: { type: 'x' } }, 'responses', 200));
  assert.ok('malformed' in read('<html>', 'responses', 502));
  assert.deepEqual(whole({ error: { type: 'x' }, output: [call] }, 'responses', 400).toolCalls.length, 1);
});

test('counts and compactions are answers of their own operations', () => {
  assert.equal(whole({ input_tokens: 5 }, 'input_tokens').facts.inputTokenCount, 5);
  assert.ok('malformed' in read({ tokens: 5 }, 'input_tokens'));
  const compacted = { object: 'response.compaction', output: [{ type: 'compaction', encrypted_content: 'x' }], usage: { input_tokens: 1 } };
  assert.deepEqual(whole(compacted, 'compact').facts.notInspected, [{ what: 'compaction', why: 'encrypted' }]);
  assert.equal(whole({ ...compacted, output: [call] }, 'compact').toolCalls.length, 1);
});
