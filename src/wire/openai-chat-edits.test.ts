import assert from 'node:assert/strict';
import { test } from 'node:test';
import { applySplices } from '../core/slot.ts';
import type { JsonNode } from './json.ts';
import { isJsonProblem, memberOf, parseJson } from './json.ts';
import { refuseIn, stopInstead } from './openai-chat-edits.ts';
import { openaiChat as format } from './openai-chat.ts';

const parsed = (text: string): JsonNode => {
  const node = parseJson(Buffer.from(text));
  return isJsonProblem(node) ? assert.fail(node.problem) : node;
};

/** `text` without those calls of its list that stand at these places. */
const without = (text: string, places: readonly number[], said = ''): string => {
  const message = parsed(text);
  const list = memberOf(message, 'tool_calls');
  assert.ok(message.kind === 'object' && list?.kind === 'array');
  const refused = new Set(places.flatMap((place) => list.items[place] ?? []));
  return Buffer.from(applySplices(Buffer.from(text), refuseIn(message, Buffer.from(text), refused, said))).toString();
};

test('what is taken out leaves all else as it came, blanks and commas included', () => {
  const text = '{ "é" : 1 ,\t"tool_calls" : [ {"a":1} , {"b":[2]} ,{"c":3} ] , "z" : [ ] }';
  assert.equal(without(text, []), text);
  assert.equal(without(text, [0]), '{ "é" : 1 ,\t"tool_calls" : [ {"b":[2]} ,{"c":3} ] , "z" : [ ] }');
  assert.equal(without(text, [1]), '{ "é" : 1 ,\t"tool_calls" : [ {"a":1} ,{"c":3} ] , "z" : [ ] }');
  assert.equal(without(text, [2]), '{ "é" : 1 ,\t"tool_calls" : [ {"a":1} , {"b":[2]} ] , "z" : [ ] }');
  assert.equal(without(text, [0, 2]), '{ "é" : 1 ,\t"tool_calls" : [ {"b":[2]} ] , "z" : [ ] }');
  assert.equal(without(text, [0, 1, 2]), '{ "é" : 1 , "z" : [ ] }');
  assert.equal(without('{"tool_calls":[{}]}', [0]), '{}');
  assert.equal(without('{"tool_calls":[{}]}', [0], 'No.'), '{"content":"No."}');
  assert.equal(without('{"tool_calls":[{}, {}]}', [0], 'No.'), '{"content":"No.","tool_calls":[{}]}');
});

test('only a reason that is calls becomes an ordinary stop', () => {
  for (const [reason, count] of [
    ['"tool_calls"', 1],
    ['"function_call"', 1],
    ['"stop"', 0],
    ['"length"', 0],
    ['null', 0],
    ['["tool_calls"]', 0],
  ] as const)
    assert.equal(stopInstead(parsed(reason)).length, count, reason);
  assert.deepEqual(stopInstead(undefined), []);
});

test('a list of parts that is longer than a function takes arguments is read and edited like any other', () => {
  const parts = Array.from({ length: 150_000 }, () => '{"index":0}').join();
  const first = '{"index":0,"id":"t","function":{"name":"n","arguments":"{}"}}';
  const chunk = (delta: string, reason: string): string => `data: {"choices":[{"index":0,"delta":${delta},"finish_reason":${reason}}]}\n\n`;
  const chunks = [chunk(`{"tool_calls":[${first}]}`, 'null'), chunk(`{"tool_calls":[${parts}]}`, 'null'), chunk('{}', '"tool_calls"')];
  const bytes = Buffer.from(chunks.join(''));
  const released: string[] = [];
  for (const piece of format.readStream('chat_completions').push(bytes))
    released.push(Buffer.from(piece.piece === 'tool_call' ? piece.refuse('No.') : []).toString());
  assert.deepEqual(released, [chunk('{"content":"No."}', 'null')]);
  const calls = Array.from({ length: 150_000 }, () => '{}').join();
  const whole = format.readWhole(Buffer.from(`{"choices":[{"message":{"tool_calls":[${calls}]}}]}`), {
    operation: 'chat_completions',
    status: 200,
  });
  assert.ok('malformed' in whole);
});
