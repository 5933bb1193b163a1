import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { StreamPiece } from '../core/wire-format.ts';
import { openaiChat as format } from './openai-chat.ts';

type Json = Readonly<Record<string, unknown>>;

const head = { id: 'c', object: 'chat.completion.chunk', created: 1, model: 'm', système: '模型' };
const chunk = (delta: Json, more: Json = {}, index = 0): string =>
  `data: ${JSON.stringify({ ...head, choices: [{ index, delta, logprobs: null, finish_reason: null }], ...more })}\n\n`;
const call = { tool_calls: [{ index: 0, id: 't', type: 'function', function: { name: 'n', arguments: '{}' } }] };
const stop = chunk({}).replace('"finish_reason":null', '"finish_reason":"stop"');
const done = 'data: [DONE]\n\n';

interface Run {
  readonly released: string;
  readonly kinds: readonly string[];
  readonly facts: unknown;
  readonly waiting: string | null;
}

/** What comes of a stream when it arrives `chunkBytes` at a time: one by one, every event is read; at once, those of a known form are not. */
const run = (text: string, chunkBytes: number): Run => {
  const reader = format.readStream('chat_completions');
  const bytes = Buffer.from(text);
  const pieces: StreamPiece[] = [];
  for (let at = 0; at < bytes.length; at += chunkBytes) pieces.push(...reader.push(bytes.subarray(at, at + chunkBytes)));
  pieces.push(...reader.end());
  const released = Buffer.concat(pieces.map((piece) => (piece.piece === 'unreadable' ? Buffer.from(`!${piece.problem}`) : piece.bytes)));
  const kinds = pieces.map(({ piece }) => piece).filter((kind, index, all) => kind !== 'pass' || all[index - 1] !== 'pass');
  const waiting = reader.keepAlive('sdk');
  return {
    released: released.toString(),
    kinds,
    facts: reader.facts(),
    waiting: waiting === null ? null : Buffer.from(waiting).toString(),
  };
};

test('chunks by which a text grows are released as if each had been read, however they arrive', () => {
  const words = ['Hi', ' "you" \\ ', 'ü 🌦 \u2028', '', '{"tool_calls":[]}', '\ud800', '\n', 'data: x'];
  const texts = words.map((content) => chunk({ content }));
  const filled = words.map((content, index) => chunk({ content }, { obfuscation: 'x'.repeat(index) }));
  const thoughts = words.map((reasoning) => chunk({ role: 'assistant', content: '', reasoning }));
  const refusals = words.map((refusal) => chunk({ content: null, refusal }));
  const inTurn = words.flatMap((content) => [chunk({ content }, {}, 0), chunk({ content }, {}, 1)]);
  for (const events of [texts, filled, thoughts, refusals, inTurn, [...thoughts, ...texts]]) {
    const all = [...events, ...events].join('');
    const text = `${all}${stop}${events === inTurn ? stop.replace('"index":0', '"index":1') : ''}${done}`;
    const slow = run(text, 1);
    assert.deepEqual([slow.released, slow.kinds], [text, ['pass', 'ending']]);
    for (const chunkBytes of [7, 100, 1_000, 1_000_000]) assert.deepEqual(run(text, chunkBytes), slow);
    assert.deepEqual(run(all, 1_000_000), run(all, 1), 'cut');
  }
});

test('a chunk that differs by more than its words is read like any other', () => {
  const before = [chunk({ content: 'a' }), chunk({ content: 'b' }), chunk({ content: 'c' })].join('');
  const odd = [
    chunk(call),
    chunk({ content: 'd', ...call }),
    chunk({ content: 'd' }).replace('"content":"d"', '"content":"d","tool_calls":[{}]'),
    chunk({ content: 'd' }).replace('"content":"d"', '"content":"d","content":"e"'),
    chunk({ content: 'd' }).replace('"d"', '"\\x"'),
    chunk({ content: 'd' }).replace('"d"', '"\u0001"'),
    chunk({ content: 'd' }).replace('"d"', '"d'),
    chunk({ content: 'd' }).replace('"d"', '{"tool_calls":[{}]}'),
    chunk({ content: 'd' }).replace('data:', 'event: thread.x\ndata:'),
    chunk({ content: 'd' }).replace('\n\n', '\ndata: x\n\n'),
    chunk({ content: 'd' }).replace('\n\n', '\n'),
    chunk({ content: 'd' }, { error: { message: 'x' } }),
    chunk({ Content: 'd' }),
    chunk({ content: 'd' }, { usage: { prompt_tokens: 3, completion_tokens: 4 } }),
    chunk({ content: 'd' }, { model: 'other' }),
    done,
  ];
  for (const event of odd) {
    const text = `${before}${event}${chunk({ content: 'e' })}${stop}${done}`;
    const slow = run(text, 1);
    for (const chunkBytes of [50, 1_000_000]) assert.deepEqual(run(text, chunkBytes), slow, event);
  }
  const latin1 = Buffer.concat([Buffer.from(before), Buffer.from(chunk({ content: '\xff' }), 'latin1')]);
  const last = [...format.readStream('chat_completions').push(latin1)].at(-1);
  assert.ok(last?.piece === 'unreadable' && last.problem.includes('not UTF-8'));
});

test('nothing is recognised behind the first part of a call or behind the end', () => {
  const text = chunk({ content: 'a' }).repeat(3);
  const held = run(`${text}${chunk(call)}${text}${stop}${text}${done}`, 1_000_000);
  assert.deepEqual(held.kinds, ['pass', 'tool_call', 'ending']);
  assert.equal(run(`${text}${stop}${done}${text}`, 1_000_000).kinds.at(-1), 'unreadable');
});

test('what a choice says first counts as said, though thoughts of the same form came before', () => {
  const thought = chunk({ content: '', reasoning: 'x' });
  const text = `${thought.repeat(3)}${chunk({ content: 'So.', reasoning: 'x' })}${chunk(call)}${stop}${done}`;
  for (const chunkBytes of [1, 1_000_000]) {
    const reader = format.readStream('chat_completions');
    let refused = '';
    for (let at = 0; at < text.length; at += chunkBytes)
      for (const piece of reader.push(Buffer.from(text.slice(at, at + chunkBytes))))
        if (piece.piece === 'tool_call') refused = Buffer.from(piece.refuse('No.')).toString();
    assert.match(refused, /"content":"\\n\\nNo\."/);
  }
});
