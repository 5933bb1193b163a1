import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limits } from '../core/limits.ts';
import { applySplices } from '../core/slot.ts';
import type { WholeAnswer } from '../core/wire-format.ts';
import { readWhole } from './openai-chat-answers.ts';

type Json = Readonly<Record<string, unknown>>;

const call = (id: string, more: Json = {}): Json => ({ id, type: 'function', function: { name: 'n', arguments: '{}' }, ...more });
const answer = (...messages: readonly unknown[]): Json => ({
  model: 'm',
  choices: messages.map((message, index) => ({ index, message, finish_reason: 'tool_calls' })),
});
const read = (text: string, status = 200) => readWhole(Buffer.from(text), { operation: 'chat_completions', status });
const whole = (body: unknown, status = 200): WholeAnswer => {
  const answered = read(JSON.stringify(body), status);
  return 'malformed' in answered ? assert.fail(answered.malformed) : answered;
};
const malformed = (body: unknown): string => {
  const answered = read(JSON.stringify(body));
  return 'malformed' in answered ? answered.malformed : assert.fail('was accepted');
};
/** The choices as a client reads them, when the calls at these places are refused. */
const refused = (text: string, ...places: readonly number[]): readonly Json[] => {
  const answered = read(text);
  if ('malformed' in answered) return assert.fail(answered.malformed);
  const spliced = applySplices(Buffer.from(text), answered.refuse(new Map(places.map((place) => [place, `No ${place}.`]))));
  const { choices } = JSON.parse(Buffer.from(spliced).toString()) as { choices: readonly Json[] };
  return choices.map(({ message, finish_reason }) => ({ ...(message as Json), why: finish_reason }));
};

test('an answer in which a call cannot be found for certain is malformed', () => {
  const message = (more: Json) => answer({ content: null, ...more });
  const cases: readonly (readonly [unknown, string])[] = [
    ['text', 'the answer is not an object'],
    [[answer()], 'the answer is not an object'],
    [{}, 'the answer has not the shape of this format'],
    [{ error: { message: 'x' } }, 'the answer has not the shape of this format'],
    [{ choices: { 0: {} } }, 'the answer has not the shape of this format'],
    [{ type: 'message', content: [] }, 'the answer has not the shape of this format'],
    [{ choices: ['x'] }, 'a choice has no message'],
    [{ choices: [{ index: 0, text: 'x' }] }, 'a choice has no message'],
    [{ choices: [{ index: 0, delta: {} }] }, 'a choice has no message'],
    [message({ tool_calls: call('a') }), 'tool_calls is not an array'],
    [message({ tool_calls: ['x'] }), 'a tool call is not an object'],
    [message({ tool_calls: [{}] }), 'a tool call has no name'],
    [message({ tool_calls: [call('a', { function: { name: '\t', arguments: '{}' } })] }), 'a tool call has no name'],
    [message({ tool_calls: [call('a', { function: { name: 5 } })] }), 'the name of a tool call is not a string'],
    [message({ tool_calls: [call('a', { function: { name: 'n', arguments: {} } })] }), 'the arguments of a tool call are not a string'],
    [message({ tool_calls: [call('a', { id: 5 })] }), 'the id of a tool call is not a string'],
    [message({ tool_calls: [call('a', { type: 'mcp' })] }), 'a tool call is of no known type'],
    [message({ tool_calls: [call('a', { custom: { name: 'n' } })] }), 'a tool call is of two types'],
    [message({ tool_calls: [call('a', { type: 'custom' })] }), 'a tool call is of two types'],
    [message({ function_call: 'n' }), 'a tool call is not an object'],
    [message({ function_call: {} }), 'a function call has no name'],
    [message({ content: [{ tool_calls: [call('a')] }] }), 'tool_calls stands where none is read'],
    [message({ parsed: { function_call: { name: 'n' } } }), 'function_call stands where none is read'],
    [{ ...answer({}), tool_calls: [call('a')] }, 'tool_calls stands where none is read'],
    [message({ Tool_calls: [call('a')] }), 'a member name differs from a known one only by letter case'],
    [message({ tool_calls: [call('a', { FUNCTION: { name: 'x' } })] }), 'a member name differs from a known one only by letter case'],
  ];
  for (const [body, problem] of cases) assert.equal(malformed(body), problem, JSON.stringify(body));
  const two = `{"choices":[],"choices":[{"message":{"tool_calls":[${JSON.stringify(call('a'))}]}}]}`;
  assert.deepEqual(read(two), { malformed: 'a member name stands twice in one object (at byte 14)' });
  assert.ok('malformed' in read('<html>Sign in</html>'));
  assert.ok('malformed' in read(`{"choices":${'['.repeat(10_000)}${']'.repeat(10_000)}}`));
});

test('more calls than the limit are malformed, over all choices together', () => {
  const half = { tool_calls: Array.from({ length: limits.toolCallsPerAnswerCount / 2 }, (_, index) => call(`t${index}`)) };
  assert.equal(whole(answer(half, half)).toolCalls.length, limits.toolCallsPerAnswerCount);
  assert.match(malformed(answer(half, half, { function_call: { name: 'n' } })), /^there are more than \d+ tool calls$/);
});

test('calls of every kind and choice are listed in their order', () => {
  const custom = { id: 'c', type: 'custom', custom: { name: 'sql', input: 'SELECT 1' } };
  const { toolCalls } = whole(
    answer(
      { tool_calls: [call('a', { type: undefined }), custom], function_call: { name: 'old', arguments: '{"é":1}' } },
      { tool_calls: [] },
      { tool_calls: [{ type: 'function', function: { name: 'late' } }] },
    ),
  );
  assert.deepEqual(
    toolCalls.map(({ name, callId, arguments: given, hosted }) => [name, callId, Buffer.from(given).toString(), hosted]),
    [
      ['n', 'a', '{}', false],
      ['sql', 'c', 'SELECT 1', false],
      ['old', 'old', '{"é":1}', false],
      ['late', '', '', false],
    ],
  );
});

test('a refused call goes with its comma, and its list with it when nothing is left; our sentence joins the content', () => {
  const [a, b, c] = ['a', 'b', 'c'].map((id) => call(id));
  const three = JSON.stringify(answer({ content: null, tool_calls: [a, b, c] }), null, 2);
  assert.deepEqual(refused(three, 0), [{ content: 'No 0.', tool_calls: [b, c], why: 'tool_calls' }]);
  assert.deepEqual(refused(three, 1), [{ content: 'No 1.', tool_calls: [a, c], why: 'tool_calls' }]);
  assert.deepEqual(refused(three, 2, 0), [{ content: 'No 0.\n\nNo 2.', tool_calls: [b], why: 'tool_calls' }]);
  assert.deepEqual(refused(three, 1, 2), [{ content: 'No 1.\n\nNo 2.', tool_calls: [a], why: 'tool_calls' }]);
  assert.deepEqual(refused(three, 0, 1, 2), [{ content: 'No 0.\n\nNo 1.\n\nNo 2.', why: 'stop' }]);
});

test('a list of calls goes from wherever it stands in its message, and content is put in where none was', () => {
  const list = `"tool_calls" : [ ${JSON.stringify(call('a'))} ]`;
  const old = '"function_call":{"name":"old","arguments":""}';
  const message = (members: string, ...places: readonly number[]): Json | undefined =>
    refused(`{"choices":[{"message":{${members}},"finish_reason":"tool_calls"}]}`, ...places)[0];
  assert.deepEqual(message(list, 0), { content: 'No 0.', why: 'stop' });
  assert.deepEqual(message(` ${list} , "role":"x"`, 0), { content: 'No 0.', role: 'x', why: 'stop' });
  assert.deepEqual(message(`"role":"x" , ${list} `, 0), { content: 'No 0.', role: 'x', why: 'stop' });
  assert.deepEqual(message(`${list},${old}`, 0, 1), { content: 'No 0.\n\nNo 1.', why: 'stop' });
  assert.deepEqual(message(`${list},${old}`, 1), { content: 'No 1.', tool_calls: [call('a')], why: 'tool_calls' });
  assert.deepEqual(message(`${old},"x":1,${list}`, 0, 1), { content: 'No 0.\n\nNo 1.', x: 1, why: 'stop' });
  assert.deepEqual(message(`${list},"content":"So\\n"`, 0), { content: 'So\n\n\nNo 0.', why: 'stop' });
  assert.deepEqual(message(`"content":"",${list}`, 0), { content: 'No 0.', why: 'stop' });
  assert.deepEqual(message(`"content":[],${list}`, 0), { content: [{ type: 'text', text: 'No 0.' }], why: 'stop' });
  assert.deepEqual(message(`"content":["x"],${list}`, 0), { content: ['x', { type: 'text', text: 'No 0.' }], why: 'stop' });
  assert.deepEqual(message(`"content":5,${list}`, 0), { content: 'No 0.', why: 'stop' });
});

test('each choice has its own sentences and its own finish reason; a reason that is none of calls stays', () => {
  const bodies = answer({ tool_calls: [call('a')] }, { content: 'x' }, { tool_calls: [call('b'), call('c')] });
  assert.deepEqual(refused(JSON.stringify(bodies), 0, 1), [
    { content: 'No 0.', why: 'stop' },
    { content: 'x', why: 'tool_calls' },
    { content: 'No 1.', tool_calls: [call('c')], why: 'tool_calls' },
  ]);
  const cut = { choices: [{ message: { tool_calls: [call('a')] }, finish_reason: 'length' }] };
  assert.deepEqual(refused(JSON.stringify(cut), 0), [{ content: 'No 0.', why: 'length' }]);
  const body = Buffer.from(JSON.stringify(bodies));
  assert.deepEqual(whole(bodies).refuse(new Map([[9, 'x']])), [], 'no call stands there');
  assert.deepEqual(applySplices(body, whole(bodies).refuse(new Map())), body);
});

test('an error says its type or its code, however the server shapes it', () => {
  const errorType = (body: unknown, status = 400) => whole(body, status).facts.errorType;
  assert.equal(errorType({ error: { message: 'x', type: 'invalid_request_error', code: 'c' } }), 'invalid_request_error');
  assert.equal(errorType({ error: { message: 'x', type: null, code: 'model_not_found' } }), 'model_not_found');
  assert.equal(errorType({ error: { message: 'x', type: '', code: 402 } }), '402');
  assert.equal(errorType({ object: 'error', message: 'x', type: 'BadRequestError', code: 400 }), 'BadRequestError');
  assert.equal(errorType({ error: 'x' }), 'unknown_error');
  assert.equal(errorType({ detail: 'x' }, 500), 'unknown_error');
  assert.equal(errorType({ ...answer({ content: 'x' }), error: { code: 'late' } }, 200), 'late');
  assert.equal(errorType({ ...answer({ content: 'x' }), error: null }, 200), null);
});

test('what an answer says about itself is read, and what is unknown in it is noted', () => {
  const { facts } = whole({
    ...answer({ content: ['x'], audio: { id: 'a', data: 'UklGRg==' }, reasoning_details: [{ data: 'x' }], annotations: [], refusal: null }),
    usage: { prompt_tokens: 7, prompt_tokens_details: { cached_tokens: 5 }, completion_tokens: 3 },
  });
  assert.deepEqual(facts, {
    modelReported: 'm',
    upstreamRequestId: null,
    inputTokenCount: 7,
    cachedInputTokenCount: 5,
    outputTokenCount: 3,
    errorType: null,
    notInspected: [
      { what: 'content', why: 'not a text' },
      { what: 'audio', why: 'base64' },
      { what: 'message', why: 'unknown member reasoning_details' },
    ],
  });
  for (const usage of [null, 5, { prompt_tokens: -1, completion_tokens: 1.5 }, { prompt_tokens: '7' }]) {
    const { inputTokenCount, outputTokenCount } = whole({ ...answer(), usage }).facts;
    assert.deepEqual([inputTokenCount, outputTokenCount], [null, null]);
  }
});
