// The OpenAI Responses API as a scripted model speaks it to a client that streams (platform.openai.com/docs/api-reference/responses-streaming).
// Pure; ids follow from the number of the request.

import type { Dialect, Request, ScriptedCall, SpokenTurn } from './turns.ts';
import { events, memberOf } from './turns.ts';

type Item = Readonly<Record<string, unknown>>;

const usage = {
  input_tokens: 10,
  input_tokens_details: { cached_tokens: 0 },
  output_tokens: 5,
  output_tokens_details: { reasoning_tokens: 0 },
  total_tokens: 15,
};

const callItem = ({ call, input, namespace, custom }: ScriptedCall, index: number, at: number): Item => {
  const head = {
    call_id: `call_scripted_${index}_${at}`,
    name: call,
    status: 'completed',
    ...(namespace === undefined ? {} : { namespace }),
  };
  return custom
    ? { type: 'custom_tool_call', id: `ctc_scripted_${index}_${at}`, ...head, input }
    : { type: 'function_call', id: `fc_scripted_${index}_${at}`, ...head, arguments: JSON.stringify(input) };
};

const messageItem = (text: string, index: number): Item => ({
  type: 'message',
  id: `msg_scripted_${index}`,
  role: 'assistant',
  status: 'completed',
  content: [{ type: 'output_text', annotations: [], logprobs: [], text }],
});

const outputOf = ({ say, think, calls = [] }: SpokenTurn, { index }: Request): readonly Item[] => [
  ...(think === undefined
    ? []
    : [
        {
          type: 'reasoning',
          id: `rs_scripted_${index}`,
          summary: [{ type: 'summary_text', text: think }],
          encrypted_content: 'c2NyaXB0ZWQ=',
        },
      ]),
  ...(say === undefined ? [] : [messageItem(say, index)]),
  ...calls.map((call, at) => callItem(call, index, at)),
];

const responseOf = (asked: Request, status: string, output: readonly Item[] = []): object => ({
  id: `resp_scripted_${asked.index}`,
  object: 'response',
  created_at: 1_700_000_000,
  status,
  model: memberOf(asked.body, 'model'),
  output,
  usage: status === 'completed' ? usage : null,
});

/** What of an item is there when it is announced. */
const begun = (item: Item): Item => {
  const empty = { message: { content: [] }, function_call: { arguments: '' }, custom_tool_call: { input: '' } }[String(item['type'])] ?? {};
  return { ...item, status: 'in_progress', ...empty };
};

const textEvents = (item: Item, output_index: number, text: string): readonly Item[] => {
  const at = { item_id: item['id'], output_index, content_index: 0 };
  return [
    { type: 'response.content_part.added', ...at, part: { type: 'output_text', annotations: [], logprobs: [], text: '' } },
    { type: 'response.output_text.delta', ...at, delta: text, logprobs: [] },
  ];
};

const inside = (item: Item, output_index: number): readonly Item[] => {
  const at = { item_id: item['id'], output_index };
  if (item['type'] === 'message') {
    const part = (item['content'] as readonly { readonly text: string }[])[0];
    return [
      ...textEvents(item, output_index, part?.text ?? ''),
      { type: 'response.output_text.done', ...at, content_index: 0, text: part?.text, logprobs: [] },
      { type: 'response.content_part.done', ...at, content_index: 0, part },
    ];
  }
  const [name, whole] = item['type'] === 'function_call' ? ['function_call_arguments', 'arguments'] : ['custom_tool_call_input', 'input'];
  if (item[whole] === undefined) return [];
  return [
    { type: `response.${name}.delta`, ...at, delta: item[whole] },
    { type: `response.${name}.done`, ...at, [whole]: item[whole] },
  ];
};

const numbered = (list: readonly Item[]): string => events(list.map((each, sequence_number) => ({ ...each, sequence_number })));

const started = (asked: Request): readonly Item[] => [
  { type: 'response.created', response: responseOf(asked, 'in_progress') },
  { type: 'response.in_progress', response: responseOf(asked, 'in_progress') },
];

export const responsesTurns: Dialect = {
  spoken: (turn, asked) => {
    const output = outputOf(turn, asked);
    const text = numbered([
      ...started(asked),
      ...output.flatMap((item, output_index) => [
        { type: 'response.output_item.added', output_index, item: begun(item) },
        ...inside(item, output_index),
        { type: 'response.output_item.done', output_index, item },
      ]),
      { type: 'response.completed', response: responseOf(asked, 'completed', output) },
    ]);
    return { type: 'text/event-stream', text };
  },
  begun: (text, asked) => {
    const item = messageItem(text, asked.index);
    return numbered([
      ...started(asked),
      { type: 'response.output_item.added', output_index: 0, item: begun(item) },
      ...textEvents(item, 0, text),
    ]);
  },
  babble: 'event: response.output_text.delta\ndata: {"type":"response.output_text.delta",\n\n',
  error: (status) => JSON.stringify({ error: { message: `scripted ${status}`, type: 'server_error', param: null, code: null } }),
};
