// OpenAI's responses as the simulated endpoint speaks them, streamed or whole, with functions, custom tools and namespaces of tools;
// also the counting of tokens and the compaction of a conversation.
// Source: platform.openai.com/docs/api-reference/responses and .../responses-streaming. Pure; nothing throws.

import { createdSeconds, forcedIn, notJson, schemaIn } from './simulated-openai-chat.ts';
import type { Asked, Dialect, Members, Reply, SimulatedCall, SimulatedRequest, SimulatedTool } from './simulated-turn.ts';
import { contentText, jsonText, listOf, membersOf, ok, partsOf, plainTool, replyTo, textIn, tokenCount } from './simulated-turn.ts';

/** Tools of a list and of the namespaces in it, which go one level deep. */
const toolsIn = (list: unknown, namespace: string | null = null): readonly SimulatedTool[] =>
  listOf(list).flatMap((tool) => {
    const { type, name, parameters } = tool;
    if (type === 'namespace' && namespace === null) return toolsIn(tool['tools'], textIn(name));
    return type === 'function' || type === 'custom' ? [{ ...plainTool(name, parameters), custom: type === 'custom', namespace }] : [];
  });

const isResult = ({ type }: Members): boolean => type === 'function_call_output' || type === 'custom_tool_call_output';

const itemsIn = ({ input }: Members): readonly Members[] =>
  typeof input === 'string' ? [{ role: 'user', content: input }] : listOf(input);

const formIn = (body: Members): Members => membersOf(membersOf(body['text'])['format']);

const askedIn = (body: Members): Asked => {
  const items = itemsIn(body);
  const last = items.findLastIndex((item) => item['role'] === 'user' || isResult(item));
  const first = items.slice(0, last + 1).findLastIndex((item) => !isResult(item)) + 1;
  const form = formIn(body);
  return {
    text: contentText(items[last]?.['content']),
    offered: [body['tools'], ...items.filter(({ type }) => type === 'additional_tools').map(({ tools }) => tools)].flatMap((list) =>
      toolsIn(list),
    ),
    results: items
      .slice(first, last + 1)
      .map(({ output }) => (typeof output === 'string' ? output : contentText(output) || jsonText(output))),
    schema: schemaIn(form['type'], form['schema']),
    forced: forcedIn(body['tool_choice']),
  };
};

type Item = Members & { readonly id: string };

const callItem = ({ tool, input }: SimulatedCall, index: number, digest: string): Item => {
  const id = `${digest.slice(24, 44)}_${index}`;
  const head = { call_id: `call_simulated_${id}`, name: tool.name, ...(tool.namespace === null ? {} : { namespace: tool.namespace }) };
  return tool.custom
    ? { id: `ctc_simulated_${id}`, type: 'custom_tool_call', status: 'completed', ...head, input }
    : { id: `fc_simulated_${id}`, type: 'function_call', status: 'completed', ...head, arguments: input };
};

const textPart = (text: string): Members => ({ type: 'output_text', annotations: [], logprobs: [], text });

const outputOf = ({ text, calls }: Reply, digest: string): readonly Item[] => [
  { id: `msg_simulated_${digest.slice(0, 24)}`, type: 'message', status: 'completed', role: 'assistant', content: [textPart(text)] },
  ...calls.map((call, index) => callItem(call, index, digest)),
];

const responseFor = ({ pin, body, digest }: SimulatedRequest): Members => ({
  id: `resp_simulated_${digest.slice(0, 24)}`,
  object: 'response',
  created_at: createdSeconds,
  status: 'in_progress',
  background: false,
  error: null,
  incomplete_details: null,
  instructions: typeof body['instructions'] === 'string' ? body['instructions'] : null,
  max_output_tokens: null,
  model: pin,
  output: [],
  parallel_tool_calls: body['parallel_tool_calls'] !== false,
  previous_response_id: null,
  reasoning: { effort: null, summary: null },
  service_tier: 'default',
  store: false,
  temperature: 1,
  text: { format: { type: textIn(formIn(body)['type']) || 'text' } },
  tool_choice: 'auto',
  tools: [],
  top_p: 1,
  truncation: 'disabled',
  usage: null,
  user: null,
  metadata: {},
});

const usageOf = (output: readonly Members[], bodyBytes: number): Members => {
  const [input_tokens, output_tokens] = [tokenCount(bodyBytes), tokenCount(JSON.stringify(output).length)];
  return {
    input_tokens,
    input_tokens_details: { cached_tokens: 0, cache_write_tokens: 0 },
    output_tokens,
    output_tokens_details: { reasoning_tokens: 0 },
    total_tokens: input_tokens + output_tokens,
  };
};

const completed = (begun: Members, output: readonly Item[], bodyBytes: number): Members => ({
  ...begun,
  status: 'completed',
  completed_at: createdSeconds,
  output,
  usage: usageOf(output, bodyBytes),
});

/** What the user said, and one item that stands for all the rest. */
const compactedFor = ({ body, bodyBytes, digest }: SimulatedRequest): Members => {
  const id = digest.slice(0, 24);
  const said = itemsIn(body).filter(({ role }) => role === 'user');
  const output = [
    ...said.map(({ content }, index) => ({
      id: `msg_simulated_${id}_${index}`,
      type: 'message',
      role: 'user',
      status: 'completed',
      content: [{ type: 'input_text', text: contentText(content) }],
    })),
    { id: `cmp_simulated_${id}`, type: 'compaction', encrypted_content: 'simulated' },
  ];
  return {
    id: `resp_simulated_${id}`,
    object: 'response.compaction',
    created_at: createdSeconds,
    output,
    usage: usageOf(output, bodyBytes),
  };
};

const messageEvents = (item: Item, text: string): readonly Members[] => {
  const at = { item_id: item.id, output_index: 0, content_index: 0 };
  return [
    { type: 'response.content_part.added', ...at, part: textPart('') },
    ...partsOf(text).map((delta) => ({ type: 'response.output_text.delta', ...at, delta, logprobs: [] })),
    { type: 'response.output_text.done', ...at, text, logprobs: [] },
    { type: 'response.content_part.done', ...at, part: textPart(text) },
  ];
};

const callEvents = (item: Item, { tool, input }: SimulatedCall, output_index: number): readonly Members[] => {
  const name = tool.custom ? 'response.custom_tool_call_input' : 'response.function_call_arguments';
  const at = { item_id: item.id, output_index };
  return [
    ...partsOf(input).map((delta) => ({ type: `${name}.delta`, ...at, delta })),
    { type: `${name}.done`, ...at, ...(tool.custom ? { input } : { name: tool.name, arguments: input }) },
  ];
};

const begunItem = (item: Item): Members => ({
  ...item,
  status: 'in_progress',
  ...(item['type'] === 'message' ? { content: [] } : item['type'] === 'function_call' ? { arguments: '' } : { input: '' }),
});

const eventsOf = (reply: Reply, request: SimulatedRequest): readonly string[] => {
  const begun = responseFor(request);
  const output = outputOf(reply, request.digest);
  const events: readonly Members[] = [
    { type: 'response.created', response: begun },
    { type: 'response.in_progress', response: begun },
    ...output.flatMap((item, output_index) => {
      const call = reply.calls[output_index - 1];
      return [
        { type: 'response.output_item.added', output_index, item: begunItem(item) },
        ...(call === undefined ? messageEvents(item, reply.text) : callEvents(item, call, output_index)),
        { type: 'response.output_item.done', output_index, item },
      ];
    }),
    { type: 'response.completed', response: completed(begun, output, request.bodyBytes) },
  ];
  return events.map((event, sequence_number) => {
    const { type, ...rest } = event;
    return `event: ${textIn(type)}\ndata: ${JSON.stringify({ type, sequence_number, ...rest })}\n\n`;
  });
};

export const simulatedOpenaiResponses: Dialect = {
  requestIdField: 'x-request-id',
  notJson,
  answer: (request) => {
    if (request.operation === 'input_tokens') return ok({ object: 'response.input_tokens', input_tokens: tokenCount(request.bodyBytes) });
    if (request.operation === 'compact') return ok(compactedFor(request));
    if (request.operation !== 'responses') return null;
    const reply = replyTo(askedIn(request.body));
    if (request.body['stream'] === true) return { events: eventsOf(reply, request) };
    return ok(completed(responseFor(request), outputOf(reply, request.digest), request.bodyBytes));
  },
};
