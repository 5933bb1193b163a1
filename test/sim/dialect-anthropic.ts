// Anthropic's Messages API as the simulated agents and providers speak it (platform.claude.com/docs/en/api/messages).
// Contract: as `dialect.ts` has it; nothing here reads what the envelope made of anything.

import type { Dialect, Members, Message, Said, SeenCall, SentEvent } from './dialect.ts';
import { counted, halves, list, members, text } from './dialect.ts';

const usage = { input_tokens: counted.input, output_tokens: counted.output };

const pictureOf = (data: string): Members => ({ type: 'image', source: { type: 'base64', media_type: 'image/png', data } });

const ask = ({ model, stream, text: said, results, toolNames, picture, earlier }: Said): Members => {
  const content = [
    { type: 'text', text: said },
    ...results.map(({ id, failed }) => ({ type: 'tool_result', tool_use_id: id, content: 'done', is_error: failed })),
    ...(picture === null ? [] : [pictureOf(picture)]),
  ];
  const before =
    earlier === null
      ? []
      : [
          { role: 'user', content: [{ type: 'text', text: earlier.text }, pictureOf(earlier.picture)] },
          { role: 'assistant', content: 'That was refused.' },
        ];
  return {
    model,
    max_tokens: 100,
    ...(stream && { stream }),
    tools: toolNames.map((name) => ({ name, input_schema: { type: 'object' } })),
    messages: [...before, { role: 'user', content }],
  };
};

const headOf = ({ model, number, calls }: Message): Members => ({
  id: `msg_${number}`,
  type: 'message',
  role: 'assistant',
  model,
  stop_reason: calls.length > 0 ? 'tool_use' : 'end_turn',
  stop_sequence: null,
  usage,
});

const blockEvents = (index: number, block: Members, deltas: readonly Members[]): readonly Members[] => [
  { type: 'content_block_start', index, content_block: block },
  ...deltas.map((delta) => ({ type: 'content_block_delta', index, delta })),
  { type: 'content_block_stop', index },
];

const eventOf = (data: Members): SentEvent => ({ name: text(data['type']), data: JSON.stringify(data) });

const events = (message: Message): readonly SentEvent[] => {
  const { stop_reason, ...head } = headOf(message);
  const all: readonly Members[] = [
    { type: 'message_start', message: { ...head, content: [], stop_reason: null } },
    { type: 'ping' },
    ...blockEvents(0, { type: 'text', text: '' }, halves(message.text).map((part) => ({ type: 'text_delta', text: part }))), // prettier-ignore
    ...message.calls.flatMap(({ id, name, input }, at) =>
      blockEvents(
        at + 1,
        { type: 'tool_use', id, name, input: {} },
        halves(JSON.stringify(input)).map((partial_json) => ({ type: 'input_json_delta', partial_json })),
      ),
    ),
    { type: 'message_delta', delta: { stop_reason, stop_sequence: null }, usage },
    { type: 'message_stop' },
  ];
  return all.map(eventOf);
};

const callsIn: Dialect['callsIn'] = (seen) => {
  const calls = new Map<unknown, { id: string; name: string; input: string; whole: boolean }>();
  const done: SeenCall[] = [];
  for (const { data } of seen) {
    const block = members(data['content_block']);
    const call = calls.get(data['index']);
    if (data['type'] === 'content_block_start' && block['type'] === 'tool_use') {
      const begun = { id: text(block['id']), name: text(block['name']), input: '', whole: false };
      calls.set(data['index'], begun);
      done.push(begun);
    } else if (data['type'] === 'content_block_delta' && call !== undefined) call.input += text(members(data['delta'])['partial_json']);
    else if (data['type'] === 'content_block_stop' && call !== undefined) {
      call.whole = true;
      calls.delete(data['index']);
    }
  }
  return done;
};

/** Blocks come one after the other, each with its beginning and its end, inside one message. */
const unframed: Dialect['unframed'] = (seen) => {
  let [begun, next] = [false, 0];
  let open: unknown = null;
  for (const { data } of seen) {
    const { type, index } = data;
    if (type === 'ping' || type === 'error') continue;
    if (type === 'message_start' ? begun : !begun) return `${String(type)} stands where no message is`;
    if (type === 'message_start') begun = true;
    else if (type === 'content_block_start') {
      if (open !== null || index !== next) return `block ${String(index)} begins where it may not`;
      [open, next] = [index, next + 1];
    } else if (type === 'content_block_delta' || type === 'content_block_stop') {
      if (open !== index) return `${type} of block ${String(index)}, which is not open`;
      if (type === 'content_block_stop') open = null;
    } else if (open !== null) return `${String(type)} stands inside of a block`;
  }
  return null;
};

const error = (type: string): Members => ({ type: 'error', error: { type, message: 'The provider says no.' } });

export const anthropic: Dialect = {
  format: 'anthropic-messages',
  // More is done for the one: calls are repeated, and denials told in the stream.
  clients: ['sdk', 'claude-code', 'claude-code'],
  paths: () => ['/anthropic/v1/messages', '/v1/messages'],
  query: () => '',
  credentialFields: (credential) => ({ 'x-api-key': credential, 'anthropic-version': '2023-06-01' }),
  tellsFailedTools: true,
  ask,
  whole: (message) => ({
    ...headOf(message),
    content: [{ type: 'text', text: message.text }, ...message.calls.map((call) => ({ type: 'tool_use', ...call }))],
  }),
  events,
  error,
  errorEvent: (type) => eventOf(error(type)),
  modelIn: (_path, body) => body['model'],
  isEnd: ({ data }) =>
    data['type'] === 'message_stop' || data['type'] === 'error' || typeof members(data['delta'])['stop_reason'] === 'string',
  isWaiting: ({ data }) => data['type'] === 'ping',
  unframed,
  callsIn,
  callsInWhole: (answer) =>
    list(answer['content']).flatMap(({ type, id, name, input }) =>
      type === 'tool_use' ? [{ id: text(id), name: text(name), input: JSON.stringify(input), whole: true }] : [],
    ),
};
