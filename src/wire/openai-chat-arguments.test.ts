import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createArguments } from './openai-chat-arguments.ts';
import { openaiChat as format } from './openai-chat.ts';

const takes = (...parts: readonly string[]): boolean => {
  const given = createArguments();
  return parts.every((part) => given.take(part));
};

test('G-DECIDE-2: arguments that were whole once and go on are refused, since some clients begin the call where they are whole', () => {
  for (const parts of [
    ['{}', '{"a":1}'],
    ['{}', ' ', '{"a":1}'],
    ['{"a":"}"', '}', 'x'],
    ['{"a":"\\"}', '"}', 'x'],
    ['{"a":"\\\\"', '}', ','],
    ['[1', ']', '2'],
    ['"a"', '"b"'],
    ['1', '2'],
    ['-1', '', '0'],
    ['\uFEFF{}', '{}'],
    ['tru', 'e', '1'],
    ['null', 'x'],
    ['{}', '\uFEFF'],
  ])
    assert.equal(takes(...parts), false, JSON.stringify(parts));
  for (const parts of [
    [],
    [''],
    ['{', '}'],
    ['{}', '', ' \r\n\t'],
    ['{"a":{}', '}'],
    ['{"a":"', '}', '{', '"}'],
    ['', ' ', '{', '"a":1}'],
    ['{"a":"\\', '"}', '"}'],
    ['{}{}'],
  ])
    assert.equal(takes(...parts), true, JSON.stringify(parts));
});

test('a million parts of one text take linear time', () => {
  const given = createArguments();
  given.take('{"a":"');
  for (let count = 0; count < 1_000_000; count++) given.take('\\n');
  assert.equal(given.take('"}'), true);
  assert.equal(given.take('x'), false);
});

const piecesOf = (...deltas: readonly object[]): readonly string[] => {
  const reader = format.readStream('chat_completions');
  const chunks = deltas.map((delta) => `data: ${JSON.stringify({ choices: [{ index: 0, delta }] })}\n\n`);
  const pieces = [...reader.push(Buffer.from(`${chunks.join('')}data: [DONE]\n\n`)), ...reader.end()];
  return pieces.map((piece) => (piece.piece === 'unreadable' ? piece.problem : piece.piece));
};

test('G-DECIDE-2: a streamed call whose arguments go on behind their end is unreadable; the text of a custom tool is no JSON', () => {
  const problem = 'the arguments of a tool call go on behind their end';
  const item = (more: object) => ({ tool_calls: [{ index: 0, ...more }] });
  const begin = item({ id: 'a', type: 'function', function: { name: 'n', arguments: '{}' } });
  assert.deepEqual(piecesOf(begin, item({ function: { arguments: '{"cmd":"x"}' } })), [problem]);
  assert.deepEqual(piecesOf(begin, item({ function: { arguments: '\n' } })), ['tool_call', 'ending']);
  const legacy = { function_call: { name: 'n', arguments: '{}' } };
  assert.deepEqual(piecesOf(legacy, { function_call: { arguments: '1' } }), [problem]);
  const custom = item({ id: 'a', type: 'custom', custom: { name: 'n', input: '1' } });
  assert.deepEqual(piecesOf(custom, item({ custom: { input: '2' } })), ['tool_call', 'ending']);
});

test('G-DECIDE-2: calls of a stream that are not numbered in their order are unreadable, since some clients take the number for a place', () => {
  const problem = 'the tool calls of a choice are not numbered in order';
  const begin = (index: number) => ({ index, id: `t${index}`, type: 'function', function: { name: `n${index}`, arguments: '' } });
  for (const indexes of [[1], [0, 2], [1, 0], [255, 0]]) {
    assert.deepEqual(piecesOf(...indexes.map((index) => ({ tool_calls: [begin(index)] }))), [problem], indexes.join());
    assert.deepEqual(piecesOf({ tool_calls: indexes.map(begin) }), [problem], indexes.join());
  }
  assert.deepEqual(piecesOf({ tool_calls: [begin(0), begin(1)] }, { tool_calls: [begin(2)] }).length, 4);
});

test('G-DECIDE-2: a call that begins and goes on in one chunk is unreadable, since some clients take the list of the first as it is', () => {
  const begin = { index: 0, id: 'a', type: 'function', function: { name: 'n', arguments: '{' } };
  const onward = { index: 0, function: { arguments: '}' } };
  assert.deepEqual(piecesOf({ tool_calls: [begin, onward] }), ['a tool call begins and goes on in one chunk']);
  assert.deepEqual(piecesOf({ tool_calls: [begin] }, { tool_calls: [onward, { index: 0 }] }), ['tool_call', 'ending']);
});
