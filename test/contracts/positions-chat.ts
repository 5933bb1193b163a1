// The positions of words in Chat Completions, each with a sample.
// A message is streamed in two parts; what comes whole stands in the first.

import type { AnswerCell, FormatPositions } from './positions.ts';

type Json = Readonly<Record<string, unknown>>;

const MARK = 'MARK';
const request = (message: Json, more: Json = {}): Json => ({ model: 'm', messages: [message], ...more });

const chunk = (delta: Json, finishReason: string | null = null): string =>
  `data: ${JSON.stringify({ object: 'chat.completion.chunk', choices: [{ index: 0, delta, finish_reason: finishReason }] })}\n\n`;

const said = (message: Json, ...deltas: readonly Json[]): AnswerCell => ({
  whole: { choices: [{ index: 0, message: { role: 'assistant', ...message }, finish_reason: 'stop' }] },
  stream: Buffer.from(`${deltas.map((delta) => chunk(delta)).join('')}${chunk({}, 'stop')}data: [DONE]\n\n`),
});

const grows = (member: string): AnswerCell => said({ [member]: MARK }, { [member]: 'MA' }, { [member]: 'RK' });

const call = (args: string): Json => ({ tool_calls: [{ index: 0, id: 'c', type: 'function', function: { name: 'n', arguments: args } }] });
const goesOn = (args: string): Json => ({ tool_calls: [{ index: 0, function: { arguments: args } }] });

const annotations = { annotations: [{ type: 'url_citation', url_citation: { url: 'https://example.com', title: MARK } }] };
const byName = 'no place of its own: what such servers add stands under names that nobody knows';

export const chat: FormatPositions = {
  format: 'openai-chat',
  operation: 'chat_completions',
  path: '/v1/chat/completions',
  requests: {
    'system prompt': request({ role: 'system', content: MARK }),
    'text of the user': request({ role: 'user', content: MARK }),
    'parts of the user': request({ role: 'user', content: [{ type: 'text', text: MARK }] }),
    'earlier answer': request({ role: 'assistant', content: MARK }),
    'arguments of an earlier call': request({ role: 'assistant', ...call(`{"q":"${MARK}"}`) }),
    'result of a tool, a text': request({ role: 'tool', tool_call_id: 'c', content: MARK }),
    'result of a tool, in parts': request({ role: 'tool', tool_call_id: 'c', content: [{ type: 'text', text: MARK }] }),
    'description of a tool': request(
      { role: 'user', content: 'x' },
      { tools: [{ type: 'function', function: { name: 'n', description: MARK } }] },
    ),
    'names and metadata': request({ role: 'user', content: 'x', name: MARK }, { user: 'u', metadata: { a: 'b' } }),
    'thinking that comes back': request({ role: 'assistant', content: '', reasoning_content: MARK }),
    'texts to embed': 'a format of its own: openai-embeddings',
  },
  answers: {
    text: grows('content'),
    thinking: grows('reasoning_content'),
    refusal: grows('refusal'),
    'arguments of a call': said(call(`{"q":"${MARK}"}`), call('{"q":"MA'), goesOn('RK"}')),
    'arguments of a tool of the provider’s': { whole: byName, stream: byName },
    'result of a tool of the provider’s': { whole: byName, stream: byName },
    'quotation, with title and address': said({ content: 'x', ...annotations }, { content: 'x', ...annotations }),
    'program that the provider runs': { whole: byName, stream: byName },
    'a kind that nobody knows': said({ hologram: { caption: MARK } }, { hologram: { caption: 'MA' } }, { hologram: { caption: 'RK' } }),
    error: { whole: { error: { message: MARK } }, stream: Buffer.from(`data: ${JSON.stringify({ error: { message: MARK } })}\n\n`) },
  },
};
