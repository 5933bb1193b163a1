// The Anthropic Messages API as the simulated endpoint speaks it: messages, streamed or whole, and the counting of tokens.
// Source: platform.claude.com/docs/en/api/messages and .../build-with-claude/streaming. Pure; nothing throws.

import type { Asked, Dialect, Members, Reply, SimulatedRequest } from './simulated-turn.ts';
import { contentText, listOf, membersOf, ok, partsOf, plainTool, replyTo, textIn, tokenCount } from './simulated-turn.ts';

const askedIn = (body: Members): Asked => {
  const lastUser = listOf(body['messages']).findLast(({ role }) => role === 'user');
  const results = listOf(lastUser?.['content']).filter(({ type }) => type === 'tool_result');
  const form = membersOf(membersOf(body['output_config'])['format']);
  const { type: choice, name: chosen } = membersOf(body['tool_choice']);
  return {
    text: contentText(lastUser?.['content']),
    offered: listOf(body['tools']).map(({ name, input_schema: schema }) => plainTool(name, schema)),
    results: results.map(({ content }) => contentText(content)),
    schema: form['type'] === 'json_schema' ? membersOf(form['schema']) : null,
    forced: choice === 'tool' ? [textIn(chosen)] : choice === 'any' ? [] : null,
  };
};

interface Message extends Members {
  readonly content: readonly Members[];
  readonly stop_reason: string;
  readonly usage: { readonly input_tokens: number; readonly output_tokens: number };
}

const messageFor = ({ text, calls }: Reply, { pin, bodyBytes, digest }: SimulatedRequest): Message => {
  const content = [
    { type: 'text', text },
    ...calls.map(({ tool, input }, index) => ({
      type: 'tool_use',
      id: `toolu_simulated_${digest.slice(24, 44)}_${index}`,
      name: tool.name,
      input: JSON.parse(input) as unknown,
    })),
  ];
  return {
    id: `msg_simulated_${digest.slice(0, 24)}`,
    type: 'message',
    role: 'assistant',
    model: pin,
    content,
    stop_reason: calls.length > 0 ? 'tool_use' : 'end_turn',
    stop_sequence: null,
    usage: { input_tokens: tokenCount(bodyBytes), output_tokens: tokenCount(JSON.stringify(content).length) },
  };
};

const blockEvents = (block: Members, index: number): readonly Members[] => {
  const isCall = block['type'] === 'tool_use';
  const parts = partsOf(isCall ? JSON.stringify(block['input']) : textIn(block['text']));
  return [
    { type: 'content_block_start', index, content_block: isCall ? { ...block, input: {} } : { ...block, text: '' } },
    ...parts.map((part) => ({
      type: 'content_block_delta',
      index,
      delta: isCall ? { type: 'input_json_delta', partial_json: part } : { type: 'text_delta', text: part },
    })),
    { type: 'content_block_stop', index },
  ];
};

const eventsOf = (message: Message): readonly string[] => {
  const { content, stop_reason, usage } = message;
  const events: readonly Members[] = [
    { type: 'message_start', message: { ...message, content: [], stop_reason: null, usage: { ...usage, output_tokens: 1 } } },
    { type: 'ping' },
    ...content.flatMap(blockEvents),
    { type: 'message_delta', delta: { stop_reason, stop_sequence: null }, usage: { output_tokens: usage.output_tokens } },
    { type: 'message_stop' },
  ];
  return events.map((event) => `event: ${textIn(event['type'])}\ndata: ${JSON.stringify(event)}\n\n`);
};

export const simulatedAnthropic: Dialect = {
  requestIdField: 'request-id',
  notJson: { type: 'error', error: { type: 'invalid_request_error', message: '[simulated] The body is not JSON.' } },
  answer: (request) => {
    if (request.operation === 'count_tokens') return ok({ input_tokens: tokenCount(request.bodyBytes) });
    if (request.operation !== 'messages') return null;
    const message = messageFor(replyTo(askedIn(request.body)), request);
    return request.body['stream'] === true ? { events: eventsOf(message) } : ok(message);
  },
};
