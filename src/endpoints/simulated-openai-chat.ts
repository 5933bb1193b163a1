// OpenAI's chat completions as the simulated endpoint speaks them, streamed or whole, with function and custom tools.
// Source: platform.openai.com/docs/api-reference/chat and .../chat-streaming. Pure; nothing throws.

import type { Asked, Dialect, Members, Reply, SimulatedCall, SimulatedRequest, SimulatedTool } from './simulated-turn.ts';
import { contentText, listOf, membersOf, ok, partsOf, plainTool, replyTo, textIn, tokenCount } from './simulated-turn.ts';

/** 2026-01-01, because the same request gets the same bytes. */
export const createdSeconds = 1_767_225_600;

export const notJson = {
  error: { message: '[simulated] The body is not JSON.', type: 'invalid_request_error', param: null, code: null },
};

const toolOf = ({ type, function: called, custom }: Members): SimulatedTool => {
  if (type === 'custom') return { ...plainTool(membersOf(custom)['name'], {}), custom: true };
  const { name, parameters } = membersOf(called);
  return plainTool(name, parameters);
};

/** What a `tool_choice` forces; the name stands in it or, in chat completions, one level deeper. */
export const forcedIn = (choice: unknown): readonly string[] | null => {
  if (choice === 'required') return [];
  const { type, name, function: called, custom } = membersOf(choice);
  if (type !== 'function' && type !== 'custom') return null;
  return [textIn(name ?? membersOf(called ?? custom)['name'])];
};

/** The schema that a `response_format` or `text.format` asks for. */
export const schemaIn = (type: unknown, schema: unknown): Members | null => {
  if (type === 'json_schema') return membersOf(schema);
  return type === 'json_object' ? { type: 'object', properties: { simulated: { const: true } } } : null;
};

const isResult = ({ role }: Members): boolean => role === 'tool' || role === 'function';

const askedIn = (body: Members): Asked => {
  const messages = listOf(body['messages']);
  const last = messages.findLastIndex((message) => message['role'] === 'user' || isResult(message));
  const first = messages.slice(0, last + 1).findLastIndex((message) => !isResult(message)) + 1;
  const form = membersOf(body['response_format']);
  return {
    text: contentText(messages[last]?.['content']),
    offered: [
      ...listOf(body['tools']).map(toolOf),
      ...listOf(body['functions']).map(({ name, parameters }) => plainTool(name, parameters)),
    ],
    results: messages.slice(first, last + 1).map(({ content }) => contentText(content)),
    schema: schemaIn(form['type'], membersOf(form['json_schema'])['schema']),
    forced: forcedIn(body['tool_choice']),
  };
};

const callId = (digest: string, index: number): string => `call_simulated_${digest.slice(24, 44)}_${index}`;

const callMembers = ({ tool, input }: SimulatedCall, id: string): Members =>
  tool.custom
    ? { id, type: 'custom', custom: { name: tool.name, input } }
    : { id, type: 'function', function: { name: tool.name, arguments: input } };

const usageOf = ({ text, calls }: Reply, bodyBytes: number) => {
  const [prompt_tokens, completion_tokens] = [tokenCount(bodyBytes), tokenCount(JSON.stringify([text, calls]).length)];
  return {
    prompt_tokens,
    completion_tokens,
    total_tokens: prompt_tokens + completion_tokens,
    prompt_tokens_details: { cached_tokens: 0, audio_tokens: 0 },
    completion_tokens_details: { reasoning_tokens: 0, audio_tokens: 0, accepted_prediction_tokens: 0, rejected_prediction_tokens: 0 },
  };
};

const headOf = (object: string, { pin, digest }: SimulatedRequest) => ({
  id: `chatcmpl-simulated-${digest.slice(0, 24)}`,
  object,
  created: createdSeconds,
  model: pin,
  service_tier: 'default',
  system_fingerprint: 'fp_simulated',
});

const completionFor = (reply: Reply, request: SimulatedRequest): Members => {
  const { text, calls } = reply;
  const called = calls.map((call, index) => callMembers(call, callId(request.digest, index)));
  const message = {
    role: 'assistant',
    content: text,
    refusal: null,
    annotations: [],
    ...(called.length > 0 ? { tool_calls: called } : {}),
  };
  return {
    ...headOf('chat.completion', request),
    choices: [{ index: 0, message, logprobs: null, finish_reason: called.length > 0 ? 'tool_calls' : 'stop' }],
    usage: usageOf(reply, request.bodyBytes),
  };
};

const callDeltas = (call: SimulatedCall, index: number, digest: string): readonly Members[] => {
  const { tool, input } = call;
  const begun = callMembers({ tool, input: '' }, callId(digest, index));
  return [
    { tool_calls: [{ index, ...begun }] },
    ...partsOf(input).map((part) => ({
      tool_calls: [{ index, ...(tool.custom ? { custom: { input: part } } : { function: { arguments: part } }) }],
    })),
  ];
};

const eventsOf = (reply: Reply, request: SimulatedRequest): readonly string[] => {
  const { text, calls } = reply;
  const head = headOf('chat.completion.chunk', request);
  const counted = membersOf(request.body['stream_options'])['include_usage'] === true;
  const chunk = (delta: Members, finish_reason: string | null = null): Members => ({
    ...head,
    choices: [{ index: 0, delta, logprobs: null, finish_reason }],
    ...(counted ? { usage: null } : {}),
  });
  const chunks = [
    chunk({ role: 'assistant', content: '', refusal: null }),
    ...partsOf(text).map((content) => chunk({ content })),
    ...calls.flatMap((call, index) => callDeltas(call, index, request.digest).map((delta) => chunk(delta))),
    chunk({}, calls.length > 0 ? 'tool_calls' : 'stop'),
    ...(counted ? [{ ...head, choices: [], usage: usageOf(reply, request.bodyBytes) }] : []),
  ];
  return [...chunks.map((each) => `data: ${JSON.stringify(each)}\n\n`), 'data: [DONE]\n\n'];
};

export const simulatedOpenaiChat: Dialect = {
  requestIdField: 'x-request-id',
  notJson,
  answer: (request) => {
    if (request.operation !== 'chat_completions') return null;
    const reply = replyTo(askedIn(request.body));
    return request.body['stream'] === true ? { events: eventsOf(reply, request) } : ok(completionFor(reply, request));
  },
};
