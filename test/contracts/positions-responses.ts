// The positions of words in the OpenAI Responses API, each with a sample.
// What grows comes in deltas of its item; an item that comes whole stands in the event that ends it.

import type { AnswerCell, FormatPositions } from './positions.ts';

type Json = Readonly<Record<string, unknown>>;

const MARK = 'MARK';
const request = (item: Json, more: Json = {}): Json => ({ model: 'm', input: [item], ...more });

const event = (type: string, data: Json): string => `event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`;

/** `begun` is the item at its start, where deltas follow. The last event repeats nothing, so that only the deltas say it. */
const said = (item: Json, begun: Json = item, family = '', at: Json = {}): AnswerCell => ({
  whole: { id: 'r', object: 'response', output: [item] },
  stream: Buffer.from(
    event('response.created', { response: { id: 'r', output: [] } }) +
      event('response.output_item.added', { output_index: 0, item: begun }) +
      (family === '' ? '' : ['MA', 'RK'].map((delta) => event(`response.${family}.delta`, { output_index: 0, ...at, delta })).join('')) +
      event('response.output_item.done', {
        output_index: 0,
        item: family === '' || item['type'] !== begun['type'] ? item : done(item, begun),
      }) +
      event('response.completed', { response: { id: 'r', output: [] } }),
  ),
});

/** Calls that the agent runs must end as they were filled; all else may end as it began. */
const done = (item: Json, begun: Json): Json => (item['type'] === 'function_call' ? item : begun);

const message = (part: Json): Json => ({ type: 'message', id: 'i', role: 'assistant', content: [part] });
const part = { output_index: 0, content_index: 0 };

export const responses: FormatPositions = {
  format: 'openai-responses',
  operation: 'responses',
  path: '/v1/responses',
  requests: {
    'system prompt': request({ role: 'user', content: 'x' }, { instructions: MARK }),
    'text of the user': { model: 'm', input: MARK },
    'parts of the user': request({ role: 'user', content: [{ type: 'input_text', text: MARK }] }),
    'earlier answer': request(message({ type: 'output_text', text: MARK })),
    'arguments of an earlier call': request({ type: 'function_call', call_id: 'c', name: 'n', arguments: `{"q":"${MARK}"}` }),
    'result of a tool, a text': request({ type: 'function_call_output', call_id: 'c', output: MARK }),
    'result of a tool, in parts': request({ type: 'function_call_output', call_id: 'c', output: [{ type: 'input_text', text: MARK }] }),
    'description of a tool': request({ role: 'user', content: 'x' }, { tools: [{ type: 'function', name: 'n', description: MARK }] }),
    'names and metadata': request({ role: 'user', content: 'x' }, { metadata: { a: MARK } }),
    'thinking that comes back': request({ type: 'reasoning', id: 'i', summary: [{ type: 'summary_text', text: MARK }] }),
    'texts to embed': 'a format of its own: openai-embeddings',
  },
  answers: {
    text: said(message({ type: 'output_text', text: MARK }), message({ type: 'output_text', text: '' }), 'output_text', part),
    thinking: said(
      { type: 'reasoning', id: 'i', summary: [{ type: 'summary_text', text: MARK }] },
      { type: 'reasoning', id: 'i', summary: [] },
      'reasoning_summary_text',
      { summary_index: 0 },
    ),
    refusal: said(message({ type: 'refusal', refusal: MARK }), message({ type: 'refusal', refusal: '' }), 'refusal', part),
    // The parts are compared with the whole, so that here the whole is looked for.
    'arguments of a call': said({ type: 'function_call', id: 'i', call_id: 'c', name: 'n', arguments: `{"q":"${MARK}"}` }),
    'arguments of a tool of the provider’s': said(
      { type: 'mcp_call', id: 'i', server_label: 's', name: 'n', arguments: MARK },
      { type: 'mcp_call', id: 'i', server_label: 's', name: 'n', arguments: '' },
      'mcp_call_arguments',
    ),
    'result of a tool of the provider’s': said({ type: 'mcp_call', id: 'i', server_label: 's', name: 'n', arguments: '{}', output: MARK }),
    'quotation, with title and address': said(
      message({ type: 'output_text', text: 'x', annotations: [{ type: 'url_citation', url: 'https://example.com', title: MARK }] }),
    ),
    'program that the provider runs': said(
      { type: 'code_interpreter_call', id: 'i', code: MARK, outputs: [{ type: 'logs', logs: 'x' }] },
      { type: 'code_interpreter_call', id: 'i', code: '' },
      'code_interpreter_call_code',
    ),
    'a kind that nobody knows': said({ type: 'hologram', id: 'i', layers: [{ caption: MARK }] }, { type: 'hologram', id: 'i' }, 'hologram'),
    error: {
      whole: { error: { message: MARK } },
      stream: Buffer.from(event('error', { code: 'x', message: MARK })),
    },
  },
};
