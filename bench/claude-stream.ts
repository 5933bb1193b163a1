// Makes a streamed answer as the Anthropic API sends it, from a seed: one message with one block of text in deltas of 4 to 40 characters.
// Order of events and members is the vendor's, and so are the up to 15 blanks before the last brace of an event that hide its length; the words
// are made up. The same seed always gives the same bytes.

import { between, chanceFrom, code, prose } from './claude-turn.ts';

const LEAST_CHARACTERS = 4;
const MOST_CHARACTERS = 40;
const MOST_BLANKS = 15;
const PASSAGE_CHARACTERS = 2_000;

/** The events of an answer, in their order; all together at least `size` bytes, and less than one event more. */
export const claudeStream = (seed: number, size: number): readonly Buffer[] => {
  const chance = chanceFrom(seed);
  const event = (data: { readonly type: string; readonly [member: string]: unknown }): Buffer => {
    const json = JSON.stringify(data);
    return Buffer.from(`event: ${data.type}\ndata: ${json.slice(0, -1)}${' '.repeat(between(chance, 0, MOST_BLANKS))}}\n\n`);
  };
  const deltaOf = (text: string) => ({ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text } });
  const usage = { input_tokens: 25, cache_creation_input_tokens: 0, cache_read_input_tokens: 0 };
  const empty = {
    id: 'msg_01',
    type: 'message',
    role: 'assistant',
    model: 'pinned-1',
    content: [],
    stop_reason: null,
    stop_sequence: null,
  };
  const before = [
    event({ type: 'message_start', message: { ...empty, usage: { ...usage, output_tokens: 1 } } }),
    event({ type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } }),
    event({ type: 'ping' }),
  ];
  const after = [
    event({ type: 'content_block_stop', index: 0 }),
    event({ type: 'message_delta', delta: { stop_reason: 'end_turn', stop_sequence: null }, usage: { ...usage, output_tokens: 9 } }),
    event({ type: 'message_stop' }),
  ];
  const deltas: Buffer[] = [];
  let left = size - [...before, ...after].reduce((sum, { length }) => sum + length, 0);
  let text = '';
  while (left > 0) {
    if (text.length < MOST_CHARACTERS) text += (chance() < 0.3 ? code : prose)(chance, PASSAGE_CHARACTERS);
    const count = between(chance, LEAST_CHARACTERS, MOST_CHARACTERS);
    const delta = event(deltaOf(text.slice(0, count)));
    text = text.slice(count);
    left -= delta.length;
    deltas.push(delta);
  }
  return [...before, ...deltas, ...after];
};
