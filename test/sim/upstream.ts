// A scripted provider behind the transport: speaks every wire format of the world, streamed and not, and misbehaves as chance has it.
// Splits its bytes anywhere, stalls, resets, answers 429 and 500, ends without an ending, lies about its model and about what it sends.
// Keeps exactly what it sent, so that what was released can be held against it. Never rejects, as its contract says; its body may.

import type { UpstreamAnswer, UpstreamFailure } from '../../src/core/endpoint.ts';
import type { Send } from '../../src/endpoints/http.ts';
import type { Dialect, Message, SentEvent } from './dialect.ts';
import { members } from './dialect.ts';
import type { Chance, Life } from './schedule.ts';
import { dialects, reportsOf, toolNames } from './world.ts';

export type Outbound = Parameters<Send>[0];

/** One call that reached the provider. */
export interface UpstreamCall {
  readonly outbound: Outbound;
  readonly dialect: Dialect;
  readonly model: string;
  /** What the provider gave so far. */
  readonly sent: Uint8Array[];
  status: number | null;
  streamed: boolean;
  /** How the answer could be taken for another than it is: nothing of it may be released. */
  lie: string | null;
  requestId: string | null;
  /** Whether it came as it should, so that what it counts is known. */
  intact: boolean;
  /** Whether it asked not to be called again, or not soon. */
  isFinal: boolean;
  /** How long it asked to wait before it is called again. */
  asksToWaitMs: number;
  /** Whether it says itself that the call failed. */
  fails: boolean;
  /** Whether it broke off by itself. */
  broke: boolean;
  /** Whether somebody still reads it, or could. */
  open: boolean;
}

export interface UpstreamParts {
  readonly life: Life;
  readonly chance: Chance;
  /** Called at the very moment in which bytes would leave. */
  readonly called: (call: UpstreamCall) => void;
  /** Numbers the answers of all providers, whatever becomes of the envelope. */
  readonly nextAnswer: () => number;
  /** The envelope asks for more of an answer. */
  readonly drawn: (call: UpstreamCall) => void;
}

const words = [
  'The order',
  ' is on its way',
  ' — 注文',
  ' 😀 \\u0000',
  ' "quoted"',
  '\nsecond line',
  ' event: message_stop',
  ' [DONE]',
] as const;

const messageOf = (chance: Chance, model: string, number: number): Message => ({
  text: Array.from({ length: chance.between(1, 5) }, () => chance.pick(words)).join(''),
  calls: Array.from({ length: chance.pick([0, 0, 0, 1, 1, 2, 3]) }, (_, index) => ({
    // A provider may repeat an id; nothing may come of it.
    id: `toolu_${number}_${chance.happens(0.1) ? 0 : index}`,
    name: chance.pick(toolNames),
    input: { order: chance.below(1_000), note: chance.pick(words) },
  })),
  model: chance.happens(0.05) ? `${model}-renamed` : chance.pick([model, ...(reportsOf[model] ?? [])]),
  number,
});

const rendered = (newline: string, { name, data }: SentEvent): string =>
  `${name === null ? '' : `event: ${name}${newline}`}data: ${data}${newline}${newline}`;

const troubles = [
  'whole',
  'whole',
  'whole',
  'whole',
  'whole',
  'error',
  'garbage',
  'misnamed',
  'cut',
  'unended',
  'comment',
  'index',
] as const;

/** What goes wrong inside a stream. */
const spoiled = (chance: Chance, trouble: (typeof troubles)[number], dialect: Dialect, events: readonly SentEvent[]): string => {
  const newline = chance.pick(['\n', '\n', '\r\n']);
  const at = chance.below(events.length);
  const text = (list: readonly SentEvent[]): string => list.map((event) => rendered(newline, event)).join('');
  switch (trouble) {
    case 'error':
      return text([...events.slice(0, Math.max(1, at)), dialect.errorEvent('overloaded_error')]);
    case 'garbage':
      return `${text(events.slice(0, at))}data: {"type":${newline}${newline}${text(events.slice(at))}`;
    case 'misnamed':
      return text(events).replace('event: content_block_stop', 'event: ping');
    case 'cut':
      return text(events).slice(0, -chance.between(1, 200));
    case 'unended':
      return text(events.slice(0, -1));
    case 'comment':
      return `${text(events.slice(0, at))}: hello${newline}${newline}${text(events.slice(at))}`;
    case 'index':
      return text(events).replaceAll('"index":1', '"index":7');
    case 'whole':
      return text(events);
  }
};

/** Cut at any byte, the middle of a character included. */
const chunksOf = (chance: Chance, bytes: Uint8Array): Uint8Array[] => {
  const chunks: Uint8Array[] = [];
  const largest = Math.max(chance.pick([7, 200, 600, 10_000, 10_000]), Math.ceil(bytes.length / 40));
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
  /** How long it says nothing; long enough for the client to be kept waiting, or for everybody to give up. */
  readonly stallMs: number;
}

const silencesMs = [12_000, 25_000, 45_000] as const;
const longestMs = 45_000;

/** The bytes of one answer as they come over time. Ends at once when it is cancelled. */
async function* bodyOf(
  { chunks, breaksAfter, stallsAfter, stallMs }: Body,
  call: UpstreamCall,
  parts: UpstreamParts,
): AsyncGenerator<Uint8Array> {
  const { life, chance, drawn } = parts;
  const { cancel } = call.outbound;
  try {
    for (const [number, chunk] of [...chunks, null].entries()) {
      drawn(call);
      const stalls = number === stallsAfter;
      const waited = await Promise.race([life.pause('upstream sends', stalls ? stallMs : chance.below(12)), cancelled(cancel)]);
      if (waited === 'cancelled') throw new Error('cancelled');
      call.broke = number === breaksAfter || (stalls && stallMs === longestMs);
      if (call.broke) throw new Error('reset');
      if (chunk === null) return;
      call.sent.push(chunk);
      yield chunk;
    }
  } finally {
    call.open = false;
  }
}

export const cancelled = (signal: AbortSignal): Promise<'cancelled'> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve('cancelled');
    else signal.addEventListener('abort', () => resolve('cancelled'), { once: true });
  });

const never = 1_000_000;

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
}

const json = { 'content-type': 'application/json' };
const eventStream = { 'content-type': 'text/event-stream; charset=utf-8' };

const answered = (call: UpstreamCall, { status, headers, text }: Answer, parts: UpstreamParts): UpstreamAnswer => {
  const { chance } = parts;
  const chunks = chunksOf(chance, Buffer.from(text));
  const troubled = chance.happens(0.15);
  const body: Body = {
    chunks,
    breaksAfter: troubled && chance.happens(0.6) ? chance.below(chunks.length + 1) : never,
    stallsAfter: troubled ? chance.below(chunks.length + 1) : never,
    stallMs: chance.pick(silencesMs),
  };
  call.status = status;
  call.fails ||= status >= 400;
  call.isFinal = status < 400 || status === 401 || headers['x-should-retry'] === 'false' || headers['retry-after'] === '60';
  call.open = true;
  call.streamed = headers['content-type'] === eventStream['content-type'];
  call.requestId = `req_${chance.below(1e9)}`;
  return {
    status,
    headers: { ...headers, 'request-id': call.requestId, 'x-request-id': call.requestId, 'set-cookie': 'of=the-provider' },
    body: bodyOf(body, call, parts),
    discard: () => {
      call.open = false;
    },
    address: '192.0.2.1:443',
    attempts: 1,
  };
};

/** Answers that a client could take for another than the envelope does. */
const lies = {
  'a redirect': (right: Answer): Answer => ({ ...right, status: 302, headers: { ...right.headers, location: 'https://elsewhere.test/' } }),
  'another character set': (right: Answer): Answer => ({ ...right, headers: { 'content-type': 'application/json; charset=utf-16' } }),
  compressed: (right: Answer): Answer => ({ ...right, headers: { ...right.headers, 'content-encoding': 'gzip' } }),
  'a page of a portal': (right: Answer): Answer => ({ ...right, headers: { 'content-type': 'text/html' }, text: '<h1>Sign in</h1>' }),
  'another format': (right: Answer): Answer => ({
    ...right,
    text: right.text.startsWith('{') ? '{"other":true}' : 'data: {"other":true}\n\n',
  }),
} as const;

const lieNames: readonly [keyof typeof lies, ...(keyof typeof lies)[]] = ['a redirect', 'another character set', 'compressed', 'a page of a portal', 'another format']; // prettier-ignore

const failures = ['unreachable', 'timed_out', 'reset', 'address_refused'] as const;

const dialectFor = (path: string): Dialect => {
  const found = dialects.find(({ paths }) => paths('', false).some((known) => path.endsWith(known.split(':')[0] ?? known)));
  return found ?? dialects.find(({ format }) => format === 'gemini') ?? dialects[0];
};

const bodyMembers = (body: Uint8Array): Readonly<Record<string, unknown>> => {
  try {
    return members(JSON.parse(Buffer.from(body).toString()));
  } catch {
    return {};
  }
};

export const createUpstream = (parts: UpstreamParts): Send => {
  const { life, chance, called, nextAnswer } = parts;
  const badFromMs = chance.happens(0.3) ? chance.below(8_000) : Infinity;
  const badForMs = chance.between(4_000, 20_000);
  return async (outbound): Promise<UpstreamAnswer | UpstreamFailure> => {
    const { path, cancel } = outbound;
    const dialect = dialectFor(path.split('?')[0] ?? path);
    const asked = bodyMembers(outbound.body);
    const model = String(dialect.modelIn(path, asked));
    const call: UpstreamCall = {
      outbound,
      dialect,
      model,
      sent: [],
      status: null,
      streamed: false,
      lie: null,
      requestId: null,
      intact: false,
      isFinal: false,
      asksToWaitMs: 0,
      fails: false,
      broke: false,
      open: false,
    };
    called(call);
    const slowMs = chance.happens(0.02) ? chance.pick([15_000, 70_000]) : 0;
    const waited = await Promise.race([life.pause('upstream answers', slowMs + chance.between(0, 40)), cancelled(cancel)]);
    if (waited === 'cancelled') return { failure: 'cancelled', reason: 'The call was cancelled.', attempts: 1 };
    const isBad = life.clock.monotonicMs() >= badFromMs && life.clock.monotonicMs() < badFromMs + badForMs;
    if (chance.happens(isBad ? 0.6 : 0.06))
      return { failure: isBad ? 'unreachable' : chance.pick(failures), reason: 'The upstream could not be reached.', attempts: 1 };
    if (chance.happens(isBad ? 0.6 : 0.05)) {
      const retry = chance.pick([{}, {}, { 'retry-after': '2' }, { 'retry-after': '60' }, { 'x-should-retry': 'false' }]);
      call.asksToWaitMs = retry['retry-after'] === '2' ? 2_000 : 0;
      return answered(call, { status: chance.pick([429, 503, 401]), headers: { ...json, ...retry }, text: JSON.stringify(dialect.error('rate_limit_error')) }, parts); // prettier-ignore
    }
    if (chance.happens(0.03))
      return answered(call, { status: 500, headers: { 'content-type': 'text/html' }, text: '<h1>It broke.</h1>' }, parts);
    const message = messageOf(chance, model, nextAnswer());
    const wantsStream = asked['stream'] === true || path.includes('streamGenerateContent');
    const whole = JSON.stringify(dialect.whole(message));
    const trouble = chance.pick(troubles);
    call.intact = trouble === 'whole';
    call.fails = wantsStream && trouble === 'error';
    const streamed: Answer = { status: 200, headers: eventStream, text: spoiled(chance, trouble, dialect, dialect.events(message)) };
    if (wantsStream && trouble === 'misnamed' && dialect.format === 'anthropic-messages') call.lie = 'an event under another name';
    const right = wantsStream ? streamed : { status: 200, headers: json, text: trouble === 'cut' ? whole.slice(0, -3) : whole };
    if (chance.happens(0.02)) {
      call.lie = wantsStream ? 'a whole answer for a stream' : 'a stream for a whole answer';
      return answered(call, wantsStream ? { status: 200, headers: json, text: whole } : streamed, parts);
    }
    if (!chance.happens(0.06)) return answered(call, right, parts);
    call.lie = chance.pick(lieNames);
    return answered(call, lies[call.lie as keyof typeof lies](right), parts);
  };
};
