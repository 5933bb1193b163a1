// A scripted provider behind the forward stage: speaks anthropic-messages, streamed and not, and misbehaves as chance has it.
// Splits its bytes anywhere, stalls, resets, answers 429 and 500, ends without an ending, sends what cannot be framed.
// Keeps exactly what it sent, so that what was released can be held against it. Never rejects, as its contract says; its body may.

import type { UpstreamAnswer, UpstreamFailure, UpstreamRequest } from '../../src/core/endpoint.ts';
import type { Transport } from '../../src/endpoints/endpoints.ts';
import type { Chance, Life } from './schedule.ts';

/** One call that reached the provider. */
export interface UpstreamCall {
  readonly request: UpstreamRequest;
  /** What the provider gave so far. */
  readonly sent: Uint8Array[];
  status: number | null;
}

export interface UpstreamParts {
  readonly life: Life;
  readonly chance: Chance;
  /** Called at the very moment in which bytes would leave. */
  readonly called: (call: UpstreamCall) => void;
}

interface AnsweredCall {
  readonly id: string;
  readonly name: string;
  readonly input: Readonly<Record<string, unknown>>;
}

export const toolNames = ['get_order_status', 'create_ticket', 'access_payment_data', 'a tool of no name'] as const;

const words = ['The order', ' is on its way', ' — 注文', ' 😀 \\u0000', ' "quoted"', '\nsecond line', ' event: message_stop'] as const;

interface Message {
  readonly text: string;
  readonly calls: readonly AnsweredCall[];
  readonly model: string;
  readonly number: number;
}

const messageOf = (chance: Chance, model: string, number: number): Message => ({
  text: Array.from({ length: chance.between(1, 5) }, () => chance.pick(words)).join(''),
  calls: Array.from({ length: chance.pick([0, 0, 0, 1, 1, 2, 3]) }, (_, index) => ({
    // A provider may repeat an id; nothing may come of it.
    id: `toolu_${number}_${chance.happens(0.1) ? 0 : index}`,
    name: chance.pick(toolNames),
    input: { order: chance.below(1_000), note: chance.pick(words) },
  })),
  model: chance.happens(0.05) ? `${model}-renamed` : model,
  number,
});

const usage = { input_tokens: 12, output_tokens: 34 };

const envelopeOf = ({ model, number, calls }: Message) => ({
  id: `msg_${number}`,
  type: 'message',
  role: 'assistant',
  model,
  stop_reason: calls.length > 0 ? 'tool_use' : 'end_turn',
  stop_sequence: null,
  usage,
});

const wholeOf = (message: Message): string =>
  JSON.stringify({
    ...envelopeOf(message),
    content: [{ type: 'text', text: message.text }, ...message.calls.map((call) => ({ type: 'tool_use', ...call }))],
  });

type EventData = Readonly<Record<string, unknown>> & { readonly type: string };

const blockEvents = (index: number, block: Readonly<Record<string, unknown>>, deltas: readonly Readonly<Record<string, unknown>>[]) => [
  { type: 'content_block_start', index, content_block: block },
  ...deltas.map((delta) => ({ type: 'content_block_delta', index, delta })),
  { type: 'content_block_stop', index },
];

const halves = (text: string): readonly string[] => [text.slice(0, text.length >> 1), text.slice(text.length >> 1)];

const eventsOf = (message: Message): EventData[] => [
  { type: 'message_start', message: { ...envelopeOf(message), content: [], stop_reason: null } },
  { type: 'ping' },
  ...blockEvents(0, { type: 'text', text: '' }, halves(message.text).map((text) => ({ type: 'text_delta', text }))), // prettier-ignore
  ...message.calls.flatMap(({ id, name, input }, at) =>
    blockEvents(
      at + 1,
      { type: 'tool_use', id, name, input: {} },
      halves(JSON.stringify(input)).map((partial_json) => ({ type: 'input_json_delta', partial_json })),
    ),
  ),
  { type: 'message_delta', delta: { stop_reason: envelopeOf(message).stop_reason, stop_sequence: null }, usage },
  { type: 'message_stop' },
];

const errorOf = (type: string) => ({ type: 'error', error: { type, message: 'The provider says no.' } });

const rendered = (newline: string, { type, ...rest }: EventData): string =>
  `event: ${type}${newline}data: ${JSON.stringify({ type, ...rest })}${newline}${newline}`;

/** What goes wrong inside a stream. */
const spoiled = (chance: Chance, events: EventData[]): string => {
  const newline = chance.pick(['\n', '\n', '\r\n']);
  const at = chance.below(events.length);
  const text = (list: readonly EventData[]): string => list.map((event) => rendered(newline, event)).join('');
  switch (chance.pick(['whole', 'whole', 'whole', 'whole', 'error', 'garbage', 'misnamed', 'cut', 'unended', 'comment', 'index'])) {
    case 'error':
      return text([...events.slice(0, Math.max(1, at)), errorOf('overloaded_error')]);
    case 'garbage':
      return `${text(events.slice(0, at))}event: content_block_delta${newline}data: {"type":${newline}${newline}${text(events.slice(at))}`;
    case 'misnamed':
      return text(events).replace('event: content_block_stop', 'event: ping');
    case 'cut':
      return text(events).slice(0, -chance.between(1, 200));
    case 'unended':
      return text(events.slice(0, -1));
    case 'comment':
      return `: hello${newline}${newline}${text(events)}`;
    case 'index':
      return text(events).replaceAll('"index":1', '"index":7');
    default:
      return text(events);
  }
};

/** Cut at any byte, the middle of a character included. */
const chunksOf = (chance: Chance, bytes: Uint8Array): Uint8Array[] => {
  const chunks: Uint8Array[] = [];
  const largest = Math.max(chance.pick([7, 200, 600, 10_000]), Math.ceil(bytes.length / 40));
  for (let at = 0; at < bytes.length;) {
    const size = Math.min(bytes.length - at, chance.between(largest >> 1, largest) || 1);
    chunks.push(bytes.subarray(at, at + size));
    at += size;
  }
  return chunks;
};

interface Body {
  readonly chunks: readonly Uint8Array[];
  readonly breaksAfter: number;
  readonly stallsAfter: number;
}

const silenceMs = 45_000;

/** The bytes of one answer as they come over time. Ends at once when it is cancelled. */
async function* bodyOf(
  { chunks, breaksAfter, stallsAfter }: Body,
  call: UpstreamCall,
  { life, chance }: UpstreamParts,
): AsyncGenerator<Uint8Array> {
  const { cancel } = call.request;
  for (const [number, chunk] of [...chunks, null].entries()) {
    const delayMs = number === stallsAfter ? silenceMs : chance.below(12);
    const waited = await Promise.race([life.pause('upstream sends', delayMs), cancelled(cancel)]);
    if (waited === 'cancelled') throw new Error('cancelled');
    if (number === breaksAfter || number === stallsAfter) throw new Error('reset');
    if (chunk === null) return;
    call.sent.push(chunk);
    yield chunk;
  }
}

const cancelled = (signal: AbortSignal): Promise<'cancelled'> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve('cancelled');
    else signal.addEventListener('abort', () => resolve('cancelled'), { once: true });
  });

const never = 1_000_000;

const answered = (call: UpstreamCall, status: number, type: string, text: string, parts: UpstreamParts): UpstreamAnswer => {
  const { chance } = parts;
  const chunks = chunksOf(chance, Buffer.from(text));
  const troubled = chance.happens(0.15);
  const body: Body = {
    chunks,
    breaksAfter: troubled && chance.happens(0.6) ? chance.below(chunks.length + 1) : never,
    stallsAfter: troubled ? chance.below(chunks.length + 1) : never,
  };
  call.status = status;
  return {
    status,
    headers: { 'content-type': type, 'request-id': `req_${chance.below(1e9)}` },
    body: bodyOf(body, call, parts),
    discard: () => undefined,
    address: '192.0.2.1:443',
    attempts: 1,
  };
};

const failures = ['unreachable', 'timed_out', 'reset', 'address_refused', 'credential_unavailable'] as const;

export const createUpstream = (parts: UpstreamParts): Transport => {
  const { life, chance, called } = parts;
  let number = 0;
  return async (request): Promise<UpstreamAnswer | UpstreamFailure> => {
    const call: UpstreamCall = { request, sent: [], status: null };
    called(call);
    const waited = await Promise.race([life.pause('upstream answers', chance.between(0, 40)), cancelled(request.cancel)]);
    if (waited === 'cancelled') return { failure: 'cancelled', reason: 'The call was cancelled.', attempts: 1 };
    if (chance.happens(0.06)) return { failure: chance.pick(failures), reason: 'The upstream could not be reached.', attempts: 1 };
    if (chance.happens(0.04)) return answered(call, 429, 'application/json', JSON.stringify(errorOf('rate_limit_error')), parts);
    if (chance.happens(0.04)) return answered(call, 500, 'text/html', '<h1>It broke.</h1>', parts);
    const message = messageOf(chance, request.candidate.pin, ++number);
    const streamed = Buffer.from(request.body).includes('"stream":true');
    if (streamed) return answered(call, 200, 'text/event-stream; charset=utf-8', spoiled(chance, eventsOf(message)), parts);
    const whole = wholeOf(message);
    return answered(call, 200, 'application/json', chance.happens(0.05) ? whole.slice(0, -3) : whole, parts);
  };
};
