// Streamed answers of the Anthropic Messages API (platform.claude.com/docs/en/build-with-claude/streaming).
// Holds each block that calls a tool to its end, and what follows the stop reason to the terminal event; the rest passes as it comes.
// Stricter than clients are: an order of events that two clients could read differently is `unreadable` and never released.

import { label } from '../core/identifier.ts';
import { limits } from '../core/limits.ts';
import { applySplices } from '../core/slot.ts';
import type { AnswerFacts } from '../core/wire-format.ts';
import type { CallHead, Facts, Unframed } from './anthropic-messages-answers.ts';
import { createFacts, inputOf, isEncrypted, noArguments, readCallHead, stopReasonSplice, unframed } from './anthropic-messages-answers.ts';
import { callTypes, findHidden, knownDeltas } from './anthropic-messages-names.ts';
import type { EventTemplate } from './event-template.ts';
import { anyString, blanks, literal, runOf } from './event-template.ts';
import type { Framing, Step } from './held-stream.ts';
import type { JsonNode } from './json.ts';
import { countOf, isJsonProblem, memberOf, parseJson, textOf } from './json.ts';
import { describeProblem } from './reading.ts';
import type { StreamEvent } from './sse.ts';
import { renderEvent, spliceData } from './sse.ts';

/** What a client has seen of a stream: enough to end it in order. */
export interface Shown {
  readonly begun: boolean;
  /** Index of the block that is open; null between blocks. */
  readonly open: number | null;
  /** Index of the next block. */
  readonly next: number;
}

/** The events of a whole text block. */
export const renderTextBlock = (index: number, text: string): Uint8Array =>
  Buffer.concat([
    renderEvent('content_block_start', { type: 'content_block_start', index, content_block: { type: 'text', text: '' } }),
    renderEvent('content_block_delta', { type: 'content_block_delta', index, delta: { type: 'text_delta', text } }),
    renderEvent('content_block_stop', { type: 'content_block_stop', index }),
  ]);

interface HeldCall {
  readonly head: CallHead;
  /** The arguments as the block's start gave them; used when no delta follows. */
  readonly input: Uint8Array;
  readonly parts: string[];
}

interface Progress {
  readonly facts: Facts;
  seen: Shown;
  held: Uint8Array[];
  heldBytes: number;
  call: HeldCall | null;
  callsCount: number;
  /** Calls that the agent is to run, less those that were refused. */
  callsLeftCount: number;
  refusedCount: number;
  /** `ending`: the stop reason was said, and what follows is held until the terminal event. */
  phase: 'content' | 'ending' | 'over';
}

type Outcome = Step | Unframed;
type Handler = (progress: Progress, unit: StreamEvent, node: JsonNode) => Outcome;

const hold = (progress: Progress, bytes: Uint8Array): Outcome => {
  progress.heldBytes += bytes.length + limits.heldEventBytes;
  if (progress.heldBytes > limits.heldBlockBytes) return unframed(`a part that is held back is larger than ${limits.heldBlockBytes} bytes`);
  progress.held.push(bytes);
  return 'held';
};

const takeHeld = (progress: Progress): Uint8Array => {
  const bytes = Buffer.concat(progress.held);
  progress.held = [];
  progress.heldBytes = 0;
  return bytes;
};

/** An event that is no part of the message: it keeps its place among those that are held. */
const besides = (progress: Progress, unit: StreamEvent): Outcome =>
  progress.call !== null || progress.phase === 'ending' ? hold(progress, unit.raw) : 'pass';

const messageStart: Handler = (progress, _unit, node) => {
  const message = memberOf(node, 'message');
  const content = memberOf(message, 'content');
  if (progress.seen.begun) return unframed('a second message begins');
  if (message?.kind !== 'object') return unframed('message_start has no message');
  // Clients take blocks that stand here as part of the answer, and those would never be judged.
  if (content !== undefined && (content.kind !== 'array' || content.items.length > 0)) return unframed('message_start has content');
  progress.seen = { ...progress.seen, begun: true };
  progress.facts.takeMessage(message);
  progress.facts.takeUsage(memberOf(message, 'usage'));
  return 'pass';
};

const blockStart: Handler = (progress, unit, node) => {
  const { seen, facts } = progress;
  const block = memberOf(node, 'content_block');
  const type = textOf(memberOf(block, 'type'));
  if (!seen.begun || seen.open !== null || progress.phase !== 'content') return unframed('a block begins where none may');
  if (countOf(memberOf(node, 'index')) !== seen.next) return unframed('a block has an index out of order');
  if (block === undefined || type === undefined) return unframed('a block has no type');
  progress.seen = { ...seen, open: seen.next };
  facts.takeBlock(type, block);
  if (!callTypes.has(type)) return 'pass';
  if (++progress.callsCount > limits.toolCallsPerAnswerCount) {
    return unframed(`there are more than ${limits.toolCallsPerAnswerCount} tool calls`);
  }
  const head = readCallHead(block, type);
  if ('unframed' in head) return head;
  progress.call = { head, input: inputOf(block, unit.data ?? noArguments), parts: [] };
  return hold(progress, unit.raw);
};

const blockDelta: Handler = (progress, unit, node) => {
  const { seen, call, facts } = progress;
  const delta = memberOf(node, 'delta');
  const type = textOf(memberOf(delta, 'type'));
  if (seen.open === null || countOf(memberOf(node, 'index')) !== seen.open) return unframed('a delta belongs to no open block');
  if (type === undefined) return unframed('a delta has no type');
  // Arguments come in one way only, and a block that takes them is a call, whatever its type is called.
  if ((type === 'input_json_delta') !== (call !== null)) return unframed('a delta does not fit its block');
  if (!knownDeltas.has(type)) facts.note('content_block_delta', `unknown type ${label(type)}`);
  if (delta !== undefined && isEncrypted(delta)) facts.note(label(type.replace(/_delta$/, '')), 'encrypted');
  if (call === null) return 'pass';
  const part = textOf(memberOf(delta, 'partial_json'));
  if (part === undefined) return unframed('an input_json_delta has no partial_json');
  call.parts.push(part);
  return hold(progress, unit.raw);
};

const blockStop: Handler = (progress, unit, node) => {
  const { seen, call } = progress;
  if (seen.open === null || countOf(memberOf(node, 'index')) !== seen.open) return unframed('a block ends that is not open');
  progress.seen = { ...seen, open: null, next: seen.open + 1 };
  if (call === null) return 'pass';
  const step = hold(progress, unit.raw);
  return step === 'held' ? finishCall(progress, call, seen.open) : step;
};

const isEmptyObject = (input: Uint8Array): boolean => {
  const node = parseJson(input);
  return !isJsonProblem(node) && node.kind === 'object' && node.members.length === 0;
};

const finishCall = (progress: Progress, { head, input, parts }: HeldCall, index: number): Outcome => {
  const streamed = Buffer.from(parts.join(''), 'utf8');
  // Clients differ in which of the two they would run.
  if (streamed.length > 0 && !isEmptyObject(input)) return unframed('the arguments of a tool call are given twice');
  progress.call = null;
  if (!head.hosted) progress.callsLeftCount++;
  return {
    piece: 'tool_call',
    bytes: takeHeld(progress),
    call: { ...head, arguments: streamed.length > 0 ? streamed : input },
    refuse: (sentence) => {
      if (!head.hosted) progress.callsLeftCount--;
      progress.refusedCount++;
      return renderTextBlock(index, sentence);
    },
  };
};

const messageDelta: Handler = (progress, unit, node) => {
  const { seen, facts, refusedCount, callsLeftCount } = progress;
  const stopReason = memberOf(memberOf(node, 'delta'), 'stop_reason');
  if (!seen.begun || seen.open !== null) return unframed('message_delta stands before the message or inside a block');
  facts.takeUsage(memberOf(node, 'usage'));
  if (stopReason?.kind === 'string') progress.phase = 'ending';
  if (progress.phase !== 'ending') return 'pass';
  const splices = refusedCount > 0 && callsLeftCount === 0 ? stopReasonSplice(stopReason) : [];
  return hold(progress, applySplices(unit.raw, spliceData(unit, splices)));
};

const messageStop: Handler = (progress, unit) => {
  const { seen } = progress;
  if (!seen.begun || seen.open !== null) return unframed('message_stop stands before the message or inside a block');
  return finish(progress, unit, false);
};

const error: Handler = (progress, unit, node) => {
  progress.facts.takeError(node);
  // A call that the error cut off can no longer be judged, so its part of the stream is dropped.
  if (progress.call !== null) takeHeld(progress);
  progress.call = null;
  return finish(progress, unit, true);
};

const finish = (progress: Progress, unit: StreamEvent, failed: boolean): Outcome => {
  const step = hold(progress, unit.raw);
  progress.phase = 'over';
  return step === 'held' ? { piece: 'ending', bytes: takeHeld(progress), failed } : step;
};

const handlers: ReadonlyMap<string, Handler> = new Map([
  ['message_start', messageStart],
  ['content_block_start', blockStart],
  ['content_block_delta', blockDelta],
  ['content_block_stop', blockStop],
  ['message_delta', messageDelta],
  ['message_stop', messageStop],
  ['error', error],
  ['ping', besides],
]);

const noteUnknown = (progress: Progress, unit: StreamEvent, type: string): Outcome => {
  // What begins with something else is another vendor's stream, of which nothing here would be read.
  if (!progress.seen.begun) return unframed('the stream does not begin with message_start');
  progress.facts.note('stream_event', `unknown type ${label(type)}`);
  return besides(progress, unit);
};

const readEvent = (progress: Progress, unit: StreamEvent): Outcome => {
  const { name, data } = unit;
  if (data === null || data.length === 0) return besides(progress, unit);
  const node = parseJson(data);
  if (isJsonProblem(node)) return unframed(`an event is not readable: ${describeProblem(node)}`);
  const type = textOf(memberOf(node, 'type'));
  if (type === undefined) return unframed('an event has no type');
  // Some clients go by the one, some by the other; the SDK skips events without a name.
  if (name !== type) return unframed('the name of an event and the type of its data differ');
  const block = type === 'content_block_start' ? memberOf(node, 'content_block') : undefined;
  const hidden = findHidden(node, block === undefined ? [] : [block]);
  if (hidden !== null) return unframed(hidden);
  const handler = handlers.get(type);
  if (handler === undefined) return noteUnknown(progress, unit, type);
  if (progress.phase === 'over' && handler !== besides) return unframed('the message goes on after its end');
  return handler(progress, unit, node);
};

/** What the vendor sends for a text that grows; the blanks are its own, and differ from event to event. */
const growingText = (index: number, type: string, member: string): EventTemplate => [
  literal(`event: content_block_delta\ndata: {"type":"content_block_delta","index":${index},"delta":{"type":"${type}","${member}":`),
  anyString,
  literal('}'),
  blanks,
  literal('}\n\n'),
];

/**
 * Deltas of the block that is open. In a block that is no call they pass, and neither the text in them nor their number changes anything:
 * what `blockDelta` finds out about each of them is what the form says.
 */
const createGrowingTexts = (): ((index: number) => readonly EventTemplate[]) => {
  let known: readonly EventTemplate[] = [];
  let knownIndex = -1;
  return (index) => {
    if (index !== knownIndex) known = [growingText(index, 'text_delta', 'text'), growingText(index, 'thinking_delta', 'thinking')];
    knownIndex = index;
    return known;
  };
};

export const createFraming = (): Framing<Shown> & { readonly facts: () => AnswerFacts } => {
  const progress: Progress = {
    facts: createFacts(),
    seen: { begun: false, open: null, next: 0 },
    held: [],
    heldBytes: 0,
    call: null,
    callsCount: 0,
    callsLeftCount: 0,
    refusedCount: 0,
    phase: 'content',
  };
  const growingTexts = createGrowingTexts();
  return {
    passing: (bytes) => {
      const { seen, call, phase } = progress;
      return seen.open === null || call !== null || phase !== 'content' ? 0 : runOf(growingTexts(seen.open), bytes);
    },
    step: (unit) => {
      const outcome = readEvent(progress, unit);
      return typeof outcome === 'object' && 'unframed' in outcome ? { piece: 'unreadable', problem: outcome.unframed } : outcome;
    },
    atEnd: () => {
      if (progress.call !== null) return 'the stream ended inside a tool call';
      return progress.phase === 'ending' ? 'the stream ended before its terminal event' : null;
    },
    seen: () => progress.seen,
    facts: progress.facts.soFar,
  };
};
