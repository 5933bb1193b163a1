// The Anthropic Messages API as a scripted model speaks it (platform.claude.com/docs/en/api/messages), streamed or not as it is asked.
// Pure; ids follow from the number of the request.

import type { Dialect, Request, SpokenTurn } from './turns.ts';
import { events, memberOf } from './turns.ts';

const usage = { input_tokens: 10, output_tokens: 5 };

const modelOf = ({ body }: Request): unknown => memberOf(body, 'model');

const contentOf = ({ say, think, calls = [] }: SpokenTurn, { index }: Request): readonly Record<string, unknown>[] => [
  ...(think === undefined ? [] : [{ type: 'thinking', thinking: think, signature: 'c2NyaXB0ZWQgc2lnbmF0dXJl' }]),
  ...(say === undefined ? [] : [{ type: 'text', text: say }]),
  ...calls.map(({ call, input }, at) => ({ type: 'tool_use', id: `toolu_scripted_${index}_${at}`, name: call, input })),
];

const blockEvents = (block: Record<string, unknown>, index: number): readonly unknown[] => {
  const { type } = block;
  const deltas =
    type === 'tool_use'
      ? [{ type: 'input_json_delta', partial_json: JSON.stringify(block['input']) }]
      : type === 'thinking'
        ? [
            { type: 'thinking_delta', thinking: block['thinking'] },
            { type: 'signature_delta', signature: block['signature'] },
          ]
        : [{ type: 'text_delta', text: block['text'] }];
  const empty = type === 'tool_use' ? { input: {} } : type === 'thinking' ? { thinking: '', signature: '' } : { text: '' };
  return [
    { type: 'content_block_start', index, content_block: { ...block, ...empty } },
    ...deltas.map((delta) => ({ type: 'content_block_delta', index, delta })),
    { type: 'content_block_stop', index },
  ];
};

const messageOf = (asked: Request): Record<string, unknown> => ({
  id: `msg_scripted_${asked.index}`,
  type: 'message',
  role: 'assistant',
  model: modelOf(asked),
  content: [],
  stop_reason: null,
  stop_sequence: null,
  usage,
});

export const anthropicTurns: Dialect = {
  spoken: (turn, asked) => {
    const content = contentOf(turn, asked);
    const stop = { stop_reason: (turn.calls ?? []).length > 0 ? 'tool_use' : 'end_turn', stop_sequence: null };
    if (memberOf(asked.body, 'stream') !== true)
      return { type: 'application/json', text: JSON.stringify({ ...messageOf(asked), content, ...stop }) };
    const text = events([
      { type: 'message_start', message: messageOf(asked) },
      ...content.flatMap(blockEvents),
      { type: 'message_delta', delta: stop, usage },
      { type: 'message_stop' },
    ]);
    return { type: 'text/event-stream', text };
  },
  begun: (text, asked) =>
    events([
      { type: 'message_start', message: messageOf(asked) },
      { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } },
      { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text } },
    ]),
  babble: 'event: content_block_delta\ndata: {"type":"content_block_delta",\n\n',
  error: (status) =>
    JSON.stringify({
      type: 'error',
      error: {
        type: status === 529 ? 'overloaded_error' : status === 400 ? 'invalid_request_error' : 'api_error',
        message: `scripted ${status}`,
      },
    }),
};
