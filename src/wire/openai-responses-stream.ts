// Streamed answers of the OpenAI Responses API (platform.openai.com/docs/api-reference/responses-streaming).
// Holds each call that the agent would run until its item is done; the last event repeats the whole output and is made to agree with it.
// Stricter than clients are: an order of events that two clients could read differently is `unreadable` and never released.

import { label } from '../core/identifier.ts';
import { limits } from '../core/limits.ts';
import { applySplices } from '../core/slot.ts';
import type { AnswerFacts, CalledTool, StreamPiece } from '../core/wire-format.ts';
import type { Framing, Step } from './held-stream.ts';
import type { JsonNode } from './json.ts';
import { countOf, isJsonProblem, memberOf, parseJson, textOf } from './json.ts';
import type { Facts } from './openai-responses-answers.ts';
import { createFacts, messageFor, readOutput } from './openai-responses-answers.ts';
import { callsInside } from './openai-responses-bundles.ts';
import { agrees, filledBy, isKnownEvent, takeFiller } from './openai-responses-events.ts';
import type { HeldQueue } from './openai-responses-held.ts';
import { createHeldQueue } from './openai-responses-held.ts';
import type { Unframed } from './openai-responses-items.ts';
import { isCallType, isHeldType, isNull, readCall, unframed } from './openai-responses-items.ts';
import { findHidden } from './openai-responses-names.ts';
import type { OpenCall, StreamItem, StreamItems } from './openai-responses-open.ts';
import { createStreamItems, noteNumber, openCall, renderMessage } from './openai-responses-open.ts';
import type { StreamedCall } from './openai-responses-repeated.ts';
import { spliceRepeated, streamedCall } from './openai-responses-repeated.ts';
import { describeProblem } from './reading.ts';
import type { StreamEvent } from './sse.ts';
import { spliceData } from './sse.ts';

/** What a client has seen of a stream: enough to put an event behind it. */
export interface Shown {
  readonly begun: boolean;
  readonly responseId: string | null;
  readonly lastNumber: number | null;
}

interface Progress {
  readonly facts: Facts;
  readonly items: StreamItems;
  readonly queue: HeldQueue;
  readonly streamed: StreamedCall[];
  /** Calls and those inside them. */
  callsCount: number;
  seen: Shown;
  /** `failing`: an error was said, and what follows is held until the terminal event or the end. */
  phase: 'content' | 'failing' | 'over';
  /** What is held of the ending. */
  readonly ending: Uint8Array[];
}

type Outcome = Step | Iterable<StreamPiece> | Unframed;
type Handler = (progress: Progress, unit: StreamEvent, event: JsonNode, type: string) => Outcome;

/** An event that is no part of a call that is open: it passes, or keeps its place behind what is held. */
const besides = ({ phase, queue, ending }: Progress, { raw }: StreamEvent): Outcome => {
  if (phase !== 'failing') return queue.isEmpty() ? 'pass' : queue.add(raw, null);
  ending.push(raw);
  return queue.count(raw);
};

/** The response object of an event at whose time there is no output yet. */
const lifecycle: Handler = (progress, unit, event, type) => {
  const response = memberOf(event, 'response');
  const output = memberOf(response, 'output');
  if (response?.kind !== 'object') return unframed(`${type} has no response`);
  // Clients take items that stand here as part of the answer, and those would never be judged.
  if (!isNull(output) && !(output?.kind === 'array' && output.items.length === 0)) return unframed(`${type} has output`);
  if (type === 'response.created') {
    if (progress.seen.begun || progress.items.count() > 0) return unframed('the response begins a second time');
    progress.seen = { ...progress.seen, begun: true, responseId: textOf(memberOf(response, 'id')) ?? null };
  }
  progress.facts.takeResponse(response);
  return besides(progress, unit);
};

const itemAdded: Handler = (progress, unit, event) => {
  const item = memberOf(event, 'item');
  const type = textOf(memberOf(item, 'type'));
  if (item === undefined || type === undefined) return unframed('an item has no type');
  const added = progress.items.add(event, item, type);
  if ('unframed' in added) return added;
  progress.facts.takeItem(type, item);
  if (!isHeldType(type)) return besides(progress, unit);
  if (added.index === null && added.id === null) return unframed('a tool call has neither an index nor an id');
  added.call = openCall(item);
  return holdIn(progress, added.call, unit, event);
};

const holdIn = ({ queue }: Progress, call: OpenCall, unit: StreamEvent, event: JsonNode): Outcome => {
  noteNumber(call, event);
  return queue.add(unit.raw, call.held);
};

const itemDone: Handler = (progress, unit, event) => {
  const { items, queue, facts } = progress;
  const item = memberOf(event, 'item');
  const type = textOf(memberOf(item, 'type'));
  if (item === undefined || type === undefined) return unframed('an item has no type');
  const found = items.find(event, item);
  if (found !== undefined && 'unframed' in found) return found;
  // Some servers announce no items and only finish them.
  const done = found ?? items.add(event, item, type);
  if ('unframed' in done) return done;
  if (done.done || done.type !== type) return unframed('an item ends that has ended, or as another one than it began');
  done.done = true;
  facts.takeItem(type, item);
  if (!isCallType(type)) return besides(progress, unit);
  const call = readCall(item, type, unit.data ?? new Uint8Array());
  if ('unframed' in call) return call;
  const inside = callsInside(item, type, call);
  if ('unframed' in inside) return inside;
  progress.callsCount += 1 + inside.length;
  if (progress.callsCount > limits.toolCallsPerAnswerCount)
    return unframed(`there are more than ${limits.toolCallsPerAnswerCount} tool calls`);
  const streamed = streamedCall(call, textOf(memberOf(item, 'id')) ?? null);
  progress.streamed.push(streamed);
  const open = done.call ?? openCall(null);
  done.call = null;
  const step = holdIn(progress, open, unit, event);
  if (step !== 'held') return step;
  if (!open.isContinuedBy(item) || !agrees(open.filled, type, item)) return unframed('a tool call ends as another one than it began');
  open.held.ended = { calls: [...inside, call], refuse: (sentence, apart) => refuseCall({ call, streamed, open, done, apart }, sentence) };
  return queue.release();
};

interface Refused {
  readonly call: CalledTool;
  readonly streamed: StreamedCall;
  readonly open: OpenCall;
  readonly done: StreamItem;
  readonly apart: boolean;
}

const refuseCall = ({ call, streamed, open, done, apart }: Refused, sentence: string): Uint8Array | null => {
  // What the provider ran has been shown as it began; it cannot be taken back.
  if (call.hosted && !isHeldType(done.type)) return null;
  const message = messageFor(call, streamed.itemId, sentence);
  streamed.replacement = message;
  // Numbers rise: where other events stand between its own, all of it comes with the last.
  return renderMessage(message, apart ? { ...open, numbers: open.numbers.slice(-1) } : open, done.index);
};

/** Says a part, or all, of what a call is made with. */
const filler: Handler = (progress, unit, event, type) => {
  const found = progress.items.find(event);
  if (found === undefined) return unframed('arguments belong to no tool call that is open');
  if ('unframed' in found) return found;
  const { call } = found;
  if (call === null || found.type !== filledBy(type)) return unframed('arguments belong to no tool call that is open');
  if (!takeFiller(call.filled, type, event)) return unframed('an event that brings arguments brings none');
  return holdIn(progress, call, unit, event);
};

/** An event about an item, or about none. */
const other: Handler = (progress, unit, event, type) => {
  if (!isKnownEvent(type)) {
    // What begins with something else is another vendor's stream, of which nothing here would be read.
    if (!progress.seen.begun && progress.items.count() === 0) return unframed('the stream does not begin with a response');
    progress.facts.note('stream_event', `unknown type ${label(type)}`);
  }
  const found = progress.items.find(event);
  if (found === undefined) return besides(progress, unit);
  if ('unframed' in found) return found;
  if (found.call !== null) return holdIn(progress, found.call, unit, event);
  return isHeldType(found.type) ? unframed('an event is about a tool call that has ended') : besides(progress, unit);
};

const error: Handler = (progress, unit, event) => {
  const { facts, queue } = progress;
  const nested = memberOf(event, 'error');
  facts.takeError(nested?.kind === 'object' ? nested : event);
  progress.phase = 'failing';
  queue.dropOpen();
  const step = besides(progress, unit);
  return step === 'held' ? queue.release() : step;
};

const terminal: Handler = (progress, unit, event, type) => {
  const { facts, queue, seen } = progress;
  const response = memberOf(event, 'response');
  const broken = type !== 'response.completed';
  if (response?.kind !== 'object') return unframed(`${type} has no response`);
  if (!broken && !queue.isEmpty()) return unframed('the answer ends inside a tool call');
  const id = textOf(memberOf(response, 'id')) ?? null;
  if (seen.responseId !== null && id !== null && id !== seen.responseId) return unframed('the answer ends as another one than it began');
  const repeated = readOutput(memberOf(response, 'output'), unit.data ?? new Uint8Array(), facts.takeItem);
  if ('unframed' in repeated) return repeated;
  facts.takeResponse(response);
  if (type === 'response.failed') facts.takeFailure(memberOf(response, 'error'));
  progress.phase = 'over';
  queue.dropOpen();
  return endWith(progress, unit, () => spliceRepeated(repeated, progress.streamed, broken), type === 'response.failed');
};

/** What was whole before leaves first: whether it is refused decides what the last event says. */
function* endWith(
  { queue, ending }: Progress,
  unit: StreamEvent,
  splice: () => ReturnType<typeof spliceRepeated>,
  failed: boolean,
): Iterable<StreamPiece> {
  yield* queue.release();
  const splices = splice();
  if ('unframed' in splices) yield { piece: 'unreadable', problem: splices.unframed };
  else yield { piece: 'ending', bytes: Buffer.concat([...ending, applySplices(unit.raw, spliceData(unit, splices))]), failed };
}

const handlers: ReadonlyMap<string, Handler> = new Map([
  ['response.created', lifecycle],
  ['response.queued', lifecycle],
  ['response.in_progress', lifecycle],
  ['response.output_item.added', itemAdded],
  ['response.output_item.done', itemDone],
  ['response.completed', terminal],
  ['response.incomplete', terminal],
  ['response.failed', terminal],
  ['error', error],
]);

/** Events that may stand behind an error, before the answer is over. */
const behindErrors: ReadonlySet<string> = new Set(['response.failed', 'keepalive']);

/** Some servers end a stream with it as those of Chat Completions do. */
const DONE = Buffer.from('[DONE]');

/** Whether a blank line ends the block, so that something may follow it. */
const isWhole = ({ raw }: StreamEvent): boolean => /(?:^|\n)\r?\n$/.test(Buffer.from(raw.subarray(-3)).toString('latin1'));

const readEvent = (progress: Progress, unit: StreamEvent): Outcome => {
  const { name, data } = unit;
  const brokenOff = progress.phase === 'content' && !isWhole(unit);
  if (data === null || data.length === 0) return brokenOff ? 'held' : besides(progress, unit);
  if (progress.phase !== 'content' && DONE.equals(data)) return besides(progress, unit);
  if (progress.phase === 'over') return unframed('the answer goes on after its end');
  const event = parseJson(data);
  if (isJsonProblem(event)) return unframed(`an event is not readable: ${describeProblem(event)}`);
  const type = textOf(memberOf(event, 'type'));
  if (type === undefined) return unframed('an event has no type');
  // Clients go by the type; the name decides only whether an event is an error, and some servers leave it out.
  if (name !== null && name !== type) return unframed('the name of an event and the type of its data differ');
  const hidden = findHidden(event, callPlaces(event, type));
  if (hidden !== null) return unframed(hidden);
  if (progress.phase === 'failing' && !behindErrors.has(type)) return unframed('the answer goes on after an error');
  const handler = handlers.get(type) ?? (filledBy(type) === undefined ? other : filler);
  // Our own event behind it could not be read; nothing comes behind one that ends the answer.
  if (brokenOff && handler !== terminal && handler !== error) return 'held';
  const number = countOf(memberOf(event, 'sequence_number'));
  if (number !== null) progress.seen = { ...progress.seen, lastNumber: number };
  return handler(progress, unit, event, type);
};

const itemEvents: ReadonlySet<string> = new Set(['response.output_item.added', 'response.output_item.done']);

const noPlaces: ReadonlySet<JsonNode> = new Set();

/** Where in an event items stand that are read. */
const callPlaces = (event: JsonNode, type: string): ReadonlySet<JsonNode> => {
  const item = itemEvents.has(type) ? memberOf(event, 'item') : undefined;
  const output = handlers.get(type) === terminal ? memberOf(memberOf(event, 'response'), 'output') : undefined;
  if (item === undefined && output === undefined) return noPlaces;
  return new Set([...(item === undefined ? [] : [item]), ...(output?.kind === 'array' ? output.items : [])]);
};

export const createFraming = (): Framing<Shown> & { readonly facts: () => AnswerFacts } => {
  const progress: Progress = {
    facts: createFacts(),
    items: createStreamItems(),
    queue: createHeldQueue(),
    streamed: [],
    seen: { begun: false, responseId: null, lastNumber: null },
    phase: 'content',
    ending: [],
    callsCount: 0,
  };
  return {
    step: (unit) => {
      const outcome = readEvent(progress, unit);
      return typeof outcome === 'object' && 'unframed' in outcome ? { piece: 'unreadable', problem: outcome.unframed } : outcome;
    },
    atEnd: () => {
      if (progress.phase === 'failing') return { piece: 'ending', bytes: Buffer.concat(progress.ending), failed: true };
      return progress.queue.isEmpty() ? null : 'the stream ended inside a tool call';
    },
    seen: () => progress.seen,
    facts: progress.facts.soFar,
  };
};
