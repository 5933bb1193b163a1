// The positions of words in the Anthropic Messages API, each with a sample.
// Blocks are streamed as the vendor does: what grows comes in deltas, all else with the start of its block.

import type { AnswerCell, FormatPositions } from './positions.ts';

type Json = Readonly<Record<string, unknown>>;

const MARK = 'MARK';
const request = (content: unknown, more: Json = {}, role = 'user'): Json => ({ model: 'm', messages: [{ role, content }], ...more });

const event = (type: string, data: Json): string => `event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`;

const stream = (block: Json, deltas: readonly Json[]): Uint8Array =>
  Buffer.from(
    event('message_start', { message: { type: 'message', role: 'assistant', content: [] } }) +
      event('content_block_start', { index: 0, content_block: block }) +
      deltas.map((delta) => event('content_block_delta', { index: 0, delta })).join('') +
      event('content_block_stop', { index: 0 }) +
      event('message_delta', { delta: { stop_reason: 'end_turn' } }) +
      event('message_stop', {}),
  );

const whole = (block: Json): Json => ({ type: 'message', role: 'assistant', content: [block] });

/** `begins` is the block at its start. */
const said = (block: Json, begins: Json = block, deltas: readonly Json[] = []): AnswerCell => ({
  whole: whole(block),
  stream: stream(begins, deltas),
});

const grows = (type: string, member: string): AnswerCell =>
  said(
    { type, [member]: MARK },
    { type, [member]: '' },
    ['MA', 'RK'].map((part) => ({ type: `${type}_delta`, [member]: part })),
  );

const calls = (type: string): AnswerCell => {
  const call = { type, id: 't', name: 'look_up', input: { q: MARK } };
  const parts = ['{"q":"MA', 'RK"}'].map((part) => ({ type: 'input_json_delta', partial_json: part }));
  return said(call, { ...call, input: {} }, parts);
};

const refused = { stop_reason: 'refusal', stop_details: { type: 'refusal', category: null, explanation: MARK } };
const quotation = { type: 'char_location', cited_text: MARK, document_title: 'T', document_index: 0 };

export const messages: FormatPositions = {
  format: 'anthropic-messages',
  operation: 'messages',
  path: '/v1/messages',
  requests: {
    'system prompt': request('x', { system: [{ type: 'text', text: MARK }] }),
    'text of the user': request(MARK),
    'parts of the user': request([{ type: 'text', text: MARK }]),
    'earlier answer': request(MARK, {}, 'assistant'),
    'arguments of an earlier call': request([{ type: 'tool_use', id: 't', name: 'n', input: { a: [MARK] } }], {}, 'assistant'),
    'result of a tool, a text': request([{ type: 'tool_result', tool_use_id: 't', content: MARK }]),
    'result of a tool, in parts': request([{ type: 'tool_result', tool_use_id: 't', content: [{ type: 'text', text: MARK }] }]),
    'description of a tool': request('x', { tools: [{ name: 'n', description: MARK, input_schema: {} }] }),
    'names and metadata': request('x', { metadata: { user_id: MARK } }),
    'thinking that comes back': request([{ type: 'thinking', thinking: MARK, signature: 's' }], {}, 'assistant'),
    'texts to embed': 'the vendor has no embeddings',
  },
  answers: {
    text: grows('text', 'text'),
    thinking: grows('thinking', 'thinking'),
    refusal: {
      whole: { type: 'message', role: 'assistant', content: [], ...refused },
      stream: Buffer.from(
        event('message_start', { message: { type: 'message', role: 'assistant', content: [] } }) +
          event('message_delta', { delta: refused }) +
          event('message_stop', {}),
      ),
    },
    'arguments of a call': calls('tool_use'),
    'arguments of a tool of the provider’s': calls('server_tool_use'),
    'result of a tool of the provider’s': said({
      type: 'web_search_tool_result',
      tool_use_id: 't',
      content: [{ type: 'web_search_result', title: MARK, url: 'https://example.com', encrypted_content: 'e' }],
    }),
    'quotation, with title and address': said({ type: 'text', text: 'x', citations: [quotation] }, { type: 'text', text: 'x' }, [
      { type: 'citations_delta', citation: quotation },
    ]),
    'program that the provider runs': said({
      type: 'code_execution_tool_result',
      tool_use_id: 't',
      content: { type: 'code_execution_result', stdout: MARK, stderr: '', return_code: 0, content: [] },
    }),
    'a kind that nobody knows': said({ type: 'hologram', layers: [{ caption: MARK }] }, { type: 'hologram' }, [
      { type: 'hologram_delta', caption: 'MA' },
      { type: 'hologram_delta', caption: 'RK' },
    ]),
    error: {
      whole: { type: 'error', error: { type: 'api_error', message: MARK } },
      stream: Buffer.from(event('error', { error: { type: 'api_error', message: MARK } })),
    },
  },
};
