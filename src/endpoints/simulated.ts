// The built-in endpoint: speaks the Anthropic Messages API inside this process, without a model and without a network.
// Deterministic: the same request gets the same bytes, ids included. Every answer says that it is simulated.
// Never rejects; a request that it cannot read gets the vendor's error body, a cancelled one ends where it is.

import { createHash } from 'node:crypto';
import type { Clock } from '../core/clock.ts';
import type { UpstreamAnswer, UpstreamFailure, UpstreamRequest } from '../core/endpoint.ts';

type Members = Readonly<Record<string, unknown>>;

const membersOf = (value: unknown): Members =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Members) : {};
const listOf = (value: unknown): readonly Members[] => (Array.isArray(value) ? value.map(membersOf) : []);
const textIn = (value: unknown): string => (typeof value === 'string' ? value : '');

const parseBody = (body: Uint8Array): Members | null => {
  try {
    return membersOf(JSON.parse(Buffer.from(body).toString('utf8')));
  } catch {
    return null;
  }
};

/** The text of a content that is a string or a list of blocks. */
const contentText = (content: unknown): string =>
  typeof content === 'string'
    ? content
    : listOf(content)
        .map(({ text }) => textIn(text))
        .filter((text) => text !== '')
        .join('\n');

interface Call {
  readonly name: string;
  readonly input: unknown;
}

interface Reply {
  readonly text: string;
  readonly calls: readonly Call[];
}

const RESULT_CHARACTERS = 200;
const orderId = /\border\s+(?:number\s+|id\s+)?#?([A-Za-z]{0,8}-?\d[\w-]*)/i;
const askedCall = /\bcall ([\w./-]+) with (?=\{)/g;

/** The JSON object that begins `text`, if one does. */
const leadingObject = (text: string): unknown => {
  for (let end = text.indexOf('}') + 1; end > 0; end = text.indexOf('}', end) + 1) {
    try {
      return JSON.parse(text.slice(0, end));
    } catch {
      // The object goes on behind this brace.
    }
  }
  return undefined;
};

const askedCalls = (text: string, offered: ReadonlySet<string>): readonly Call[] =>
  [...text.matchAll(askedCall)].flatMap((match) => {
    const [all, name = ''] = match;
    const input = leadingObject(text.slice(match.index + all.length));
    return offered.has(name) && input !== undefined ? [{ name, input }] : [];
  });

/** What a model might have said: enough to drive an agent's loop through each of its turns. */
const replyTo = (body: Members): Reply => {
  const lastUser = listOf(body['messages']).findLast(({ role }) => role === 'user');
  const results = listOf(lastUser?.['content']).filter(({ type }) => type === 'tool_result');
  if (results.length > 0) {
    const said = results
      .map(({ content }) => contentText(content))
      .join(' ')
      .slice(0, RESULT_CHARACTERS);
    return { text: `[simulated] The tool answered: ${said}`, calls: [] };
  }
  const text = contentText(lastUser?.['content']);
  const offered = new Set(listOf(body['tools']).map(({ name }) => textIn(name)));
  const order = orderId.exec(text)?.[1];
  if (order !== undefined && offered.has('get_order_status')) {
    return { text: `[simulated] I will look up order ${order}.`, calls: [{ name: 'get_order_status', input: { order_id: order } }] };
  }
  const calls = askedCalls(text, offered);
  if (calls.length > 0) return { text: `[simulated] Calling ${calls.map(({ name }) => name).join(', ')}.`, calls };
  return { text: `[simulated] No model ran. The message has ${text.length} characters.`, calls: [] };
};

interface Message extends Members {
  readonly content: readonly Members[];
  readonly stop_reason: string;
  readonly usage: { readonly input_tokens: number; readonly output_tokens: number };
}

/** About four bytes make one of the model's units; nothing here needs it exact. */
const tokenCount = (bytes: number): number => Math.max(1, Math.ceil(bytes / 4));

const messageFor = ({ text, calls }: Reply, { candidate, body }: UpstreamRequest, digest: string): Message => {
  const content = [
    { type: 'text', text },
    ...calls.map(({ name, input }, index) => ({ type: 'tool_use', id: `toolu_simulated_${digest.slice(24, 44)}_${index}`, name, input })),
  ];
  return {
    id: `msg_simulated_${digest.slice(0, 24)}`,
    type: 'message',
    role: 'assistant',
    model: candidate.pin,
    content,
    stop_reason: calls.length > 0 ? 'tool_use' : 'end_turn',
    stop_sequence: null,
    usage: { input_tokens: tokenCount(body.length), output_tokens: tokenCount(JSON.stringify(content).length) },
  };
};

/** `text` in parts of a few words, as a stream brings it. */
const partsOf = (text: string): readonly string[] => text.match(/.{1,24}/gsu) ?? [];

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

const eventsOf = (message: Message): readonly Members[] => {
  const { content, stop_reason, usage } = message;
  return [
    { type: 'message_start', message: { ...message, content: [], stop_reason: null, usage: { ...usage, output_tokens: 1 } } },
    { type: 'ping' },
    ...content.flatMap(blockEvents),
    { type: 'message_delta', delta: { stop_reason, stop_sequence: null }, usage: { output_tokens: usage.output_tokens } },
    { type: 'message_stop' },
  ];
};

const bytesOf = (text: string): Uint8Array => Buffer.from(text, 'utf8');

async function* once(body: unknown): AsyncIterable<Uint8Array> {
  yield bytesOf(JSON.stringify(body));
}

/** One event per turn of the clock, so that it arrives as a stream does and a cancel can come in between. */
async function* stream(events: readonly Members[], cancel: AbortSignal, clock: Clock): AsyncIterable<Uint8Array> {
  for (const event of events) {
    await new Promise<void>((resolve) => void clock.after(0, resolve));
    if (cancel.aborted) return;
    yield bytesOf(`event: ${textIn(event['type'])}\ndata: ${JSON.stringify(event)}\n\n`);
  }
}

const answer = (status: number, type: string, digest: string, body: AsyncIterable<Uint8Array>): UpstreamAnswer => ({
  status,
  headers: { 'content-type': type, 'request-id': `req_simulated_${digest.slice(0, 24)}` },
  body,
  discard: () => undefined,
  address: null,
  attempts: 1,
});

export const createSimulated =
  ({ clock }: { readonly clock: Clock }) =>
  async (request: UpstreamRequest): Promise<UpstreamAnswer | UpstreamFailure> => {
    const { formatName, operation, candidate, cancel } = request;
    if (cancel.aborted) return { failure: 'cancelled', reason: 'The call was cancelled.', attempts: 1 };
    if (formatName !== 'anthropic-messages') {
      return { failure: 'unreachable', reason: `The simulated endpoint does not speak ${formatName}.`, attempts: 1 };
    }
    const digest = createHash('sha256').update(`${operation}\n${candidate.pin}\n`).update(request.body).digest('hex');
    const whole = (status: number, body: unknown): UpstreamAnswer => answer(status, 'application/json', digest, once(body));
    const body = parseBody(request.body);
    if (body === null) {
      return whole(400, { type: 'error', error: { type: 'invalid_request_error', message: '[simulated] The body is not JSON.' } });
    }
    if (operation === 'count_tokens') return whole(200, { input_tokens: tokenCount(request.body.length) });
    const message = messageFor(replyTo(body), request, digest);
    if (body['stream'] !== true) return whole(200, message);
    return answer(200, 'text/event-stream; charset=utf-8', digest, stream(eventsOf(message), cancel, clock));
  };
