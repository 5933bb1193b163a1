// OpenAI's chat completions and responses as the simulated agents and providers speak them
// (platform.openai.com/docs/api-reference/chat, .../responses, and the streaming of both).

import type { Dialect, Members, Message, Said, SeenCall, SentEvent } from './dialect.ts';
import { counted, halves, list, members, text } from './dialect.ts';

const createdSeconds = 1_778_000_000;
const credentialFields = (credential: string): Readonly<Record<string, string>> => ({ authorization: `Bearer ${credential}` });
const error = (type: string): Members => ({ error: { message: 'The provider says no.', type, param: null, code: null } });
const addressOf = (picture: string): string => `data:image/png;base64,${picture}`;

const chatPicture = (picture: string): Members => ({ type: 'image_url', image_url: { url: addressOf(picture) } });

const askChat = ({ model, stream, text: said, results, toolNames, picture, earlier }: Said): Members => {
  const before =
    earlier === null
      ? []
      : [
          { role: 'user', content: [{ type: 'text', text: earlier.text }, chatPicture(earlier.picture)] },
          { role: 'assistant', content: 'That was refused.' },
        ];
  return {
    model,
    ...(stream && { stream, stream_options: { include_usage: true } }),
    tools: toolNames.map((name) => ({ type: 'function', function: { name, parameters: { type: 'object' } } })),
    messages: [
      ...before,
      ...results.map(({ id }) => ({ role: 'tool', tool_call_id: id, content: 'done' })),
      { role: 'user', content: [{ type: 'text', text: said }, ...(picture === null ? [] : [chatPicture(picture)])] },
    ],
  };
};

const chatCall = ({ id, name, input }: Message['calls'][number]): Members => ({
  id,
  type: 'function',
  function: { name, arguments: JSON.stringify(input) },
});

const chatUsage = {
  prompt_tokens: counted.input,
  completion_tokens: counted.output,
  total_tokens: counted.input + counted.output,
};

const chatHead = (object: string, { model, number }: Message): Members => ({
  id: `chatcmpl-${number}`,
  object,
  created: createdSeconds,
  model,
});

const chatWhole = (message: Message): Members => {
  const { text: content, calls } = message;
  const said = { role: 'assistant', content, refusal: null, ...(calls.length > 0 && { tool_calls: calls.map(chatCall) }) };
  return {
    ...chatHead('chat.completion', message),
    choices: [{ index: 0, message: said, logprobs: null, finish_reason: calls.length > 0 ? 'tool_calls' : 'stop' }],
    usage: chatUsage,
  };
};

const chatEvents = (message: Message): readonly SentEvent[] => {
  const head = chatHead('chat.completion.chunk', message);
  const chunk = (delta: Members, finish_reason: string | null = null): Members => ({
    ...head,
    choices: [{ index: 0, delta, logprobs: null, finish_reason }],
    usage: null,
  });
  const chunks = [
    chunk({ role: 'assistant', content: '' }),
    ...halves(message.text).map((content) => chunk({ content })),
    ...message.calls.flatMap(({ id, name, input }, index) => [
      chunk({ tool_calls: [{ index, id, type: 'function', function: { name, arguments: '' } }] }),
      ...halves(JSON.stringify(input)).map((part) => chunk({ tool_calls: [{ index, function: { arguments: part } }] })),
    ]),
    chunk({}, message.calls.length > 0 ? 'tool_calls' : 'stop'),
    { ...head, choices: [], usage: chatUsage },
  ];
  return [...chunks.map((each) => JSON.stringify(each)), '[DONE]'].map((data) => ({ name: null, data }));
};

const chatCallsIn: Dialect['callsIn'] = (seen) => {
  const calls = new Map<unknown, { id: string; name: string; input: string; whole: boolean }>();
  for (const { data } of seen)
    for (const choice of list(data['choices'])) {
      for (const item of list(members(choice['delta'])['tool_calls'])) {
        const called = members(item['function']);
        const call = calls.get(item['index']) ?? { id: text(item['id']), name: '', input: '', whole: false };
        // Some clients begin a call as soon as the next one begins.
        if (!calls.has(item['index'])) for (const before of calls.values()) before.whole = true;
        call.name += text(called['name']);
        call.input += text(called['arguments']);
        calls.set(item['index'], call);
      }
      if (typeof choice['finish_reason'] === 'string') for (const call of calls.values()) call.whole = true;
    }
  return [...calls.values()];
};

export const openaiChat: Dialect = {
  format: 'openai-chat',
  clients: ['sdk'],
  paths: () => ['/openai/v1/chat/completions', '/v1/chat/completions'],
  query: () => '',
  credentialFields,
  tellsFailedTools: false,
  ask: askChat,
  whole: chatWhole,
  events: chatEvents,
  error,
  errorEvent: (type) => ({ name: null, data: JSON.stringify(error(type)) }),
  modelIn: (_path, body) => body['model'],
  isEnd: ({ data, isDone }) =>
    isDone || data['error'] !== undefined || list(data['choices']).some((choice) => typeof choice['finish_reason'] === 'string'),
  isWaiting: ({ data }) => {
    const [choice] = list(data['choices']);
    const isEmpty = Array.isArray(data['choices']) && choice === undefined;
    return isEmpty || JSON.stringify([choice?.['delta'], choice?.['finish_reason']]) === '[{},null]';
  },
  unframed: () => null,
  callsIn: chatCallsIn,
  callsInWhole: (answer) =>
    list(answer['choices']).flatMap((choice) =>
      list(members(choice['message'])['tool_calls']).map(({ id, function: called }) => ({
        id: text(id),
        name: text(members(called)['name']),
        input: text(members(called)['arguments']),
        whole: true,
      })),
    ),
};

const responsesPicture = (picture: string): Members => ({ type: 'input_image', detail: 'auto', image_url: addressOf(picture) });

const askResponses = ({ model, stream, text: said, results, toolNames, picture, earlier }: Said): Members => {
  const input_text = (content: string): Members => ({ type: 'input_text', text: content });
  const before =
    earlier === null
      ? []
      : [
          { type: 'message', role: 'user', content: [input_text(earlier.text), responsesPicture(earlier.picture)] },
          { type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'That was refused.' }] },
        ];
  return {
    model,
    ...(stream && { stream }),
    store: false,
    tools: toolNames.map((name) => ({ type: 'function', name, parameters: { type: 'object' }, strict: false })),
    input: [
      ...before,
      ...results.map(({ id, failed }) => ({
        type: 'function_call_output',
        call_id: id,
        output: 'done',
        status: failed ? 'incomplete' : 'completed',
      })),
      { type: 'message', role: 'user', content: [input_text(said), ...(picture === null ? [] : [responsesPicture(picture)])] },
    ],
  };
};

const outputOf = ({ number, text: said, calls }: Message): readonly Members[] => [
  {
    id: `msg_${number}`,
    type: 'message',
    status: 'completed',
    role: 'assistant',
    content: [{ type: 'output_text', annotations: [], logprobs: [], text: said }],
  },
  ...calls.map(({ id, name, input }, index) => ({
    id: `fc_${number}_${index}`,
    type: 'function_call',
    status: 'completed',
    call_id: id,
    name,
    arguments: JSON.stringify(input),
  })),
];

const responseOf = ({ number, model }: Message, status: string, output: readonly Members[]): Members => ({
  id: `resp_${number}`,
  object: 'response',
  created_at: createdSeconds,
  status,
  error: null,
  incomplete_details: null,
  model,
  output,
  usage:
    status === 'completed'
      ? {
          input_tokens: counted.input,
          output_tokens: counted.output,
          total_tokens: counted.input + counted.output,
        }
      : null,
});

const responsesEvents = (message: Message): readonly SentEvent[] => {
  const output = outputOf(message);
  const [said = {}, ...calls] = output;
  const at = { item_id: said['id'], output_index: 0, content_index: 0 };
  const part = { type: 'output_text', annotations: [], logprobs: [] };
  const all: readonly Members[] = [
    { type: 'response.created', response: responseOf(message, 'in_progress', []) },
    { type: 'response.output_item.added', output_index: 0, item: { ...said, status: 'in_progress', content: [] } },
    { type: 'response.content_part.added', ...at, part: { ...part, text: '' } },
    ...halves(message.text).map((delta) => ({ type: 'response.output_text.delta', ...at, delta, logprobs: [] })),
    { type: 'response.output_text.done', ...at, text: message.text, logprobs: [] },
    { type: 'response.content_part.done', ...at, part: { ...part, text: message.text } },
    { type: 'response.output_item.done', output_index: 0, item: said },
    ...calls.flatMap((item, index) => {
      const of = { item_id: item['id'], output_index: index + 1 };
      return [
        { type: 'response.output_item.added', output_index: index + 1, item: { ...item, status: 'in_progress', arguments: '' } },
        ...halves(text(item['arguments'])).map((delta) => ({ type: 'response.function_call_arguments.delta', ...of, delta })),
        { type: 'response.function_call_arguments.done', ...of, name: item['name'], arguments: item['arguments'] },
        { type: 'response.output_item.done', output_index: index + 1, item },
      ];
    }),
    { type: 'response.completed', response: responseOf(message, 'completed', output) },
  ];
  return all.map((data, sequence_number) => ({ name: text(data['type']), data: JSON.stringify({ ...data, sequence_number }) }));
};

const callOfItem = ({ type, call_id, name, arguments: input }: Members, whole: boolean): readonly SeenCall[] =>
  type === 'function_call' ? [{ id: text(call_id), name: text(name), input: text(input), whole }] : [];

const responsesCallsIn: Dialect['callsIn'] = (seen) => {
  const items = new Map<unknown, readonly SeenCall[]>();
  for (const { data } of seen) {
    if (data['type'] === 'response.output_item.added') items.set(data['output_index'], callOfItem(members(data['item']), false));
    if (data['type'] === 'response.output_item.done') items.set(data['output_index'], callOfItem(members(data['item']), true));
  }
  return [...items.values()].flat();
};

/** Items come one after the other, each with its beginning and its end. */
const outOfOrder: Dialect['unframed'] = (seen) => {
  let next = 0;
  let open: unknown = null;
  for (const { data } of seen) {
    const { type, output_index: index } = data;
    if (type === 'response.output_item.added') {
      if (open !== null || index !== next) return `item ${String(index)} begins where it may not`;
      [open, next] = [index, next + 1];
    } else if (index !== undefined && index !== open) return `${String(type)} of an item that is not open`;
    if (type === 'response.output_item.done') open = null;
  }
  return null;
};

const failures: ReadonlySet<unknown> = new Set(['response.completed', 'response.failed', 'response.incomplete', 'error']);

export const openaiResponses: Dialect = {
  format: 'openai-responses',
  clients: ['sdk', 'codex'],
  paths: () => ['/openai/v1/responses', '/v1/responses'],
  query: () => '',
  credentialFields,
  tellsFailedTools: true,
  ask: askResponses,
  whole: (message) => responseOf(message, 'completed', outputOf(message)),
  events: responsesEvents,
  error,
  errorEvent: (type) => ({
    name: 'error',
    data: JSON.stringify({ type: 'error', sequence_number: 99, code: type, message: 'The provider says no.', param: null }),
  }),
  modelIn: (_path, body) => body['model'],
  isEnd: ({ data }) => failures.has(data['type']),
  isWaiting: ({ data }) => data['type'] === 'keepalive',
  unframed: outOfOrder,
  callsIn: responsesCallsIn,
  callsInWhole: (answer) => list(answer['output']).flatMap((item) => callOfItem(item, true)),
};
