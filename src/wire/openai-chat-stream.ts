// Streamed answers of Chat Completions (platform.openai.com/docs/api-reference/chat-streaming), as the vendor and self-hosted servers send them.
// Content passes as it comes. From the first part of a tool call on all is held until its choice has its finish reason, and then each call is judged;
// from the first finish reason on all is held until `[DONE]`, or until the stream ends, which some servers say in no other way.
// Stricter than clients are: what two clients could put together differently is `unreadable` and never released.

import { limits } from '../core/limits.ts';
import type { AnswerFacts, StreamPiece } from '../core/wire-format.ts';
import type { Framing, Step } from './held-stream.ts';
import type { JsonNode, JsonObject } from './json.ts';
import { countOf, given, isJsonProblem, memberOf, parseJson, textOf } from './json.ts';
import type { CallItem, Facts, Unframed } from './openai-chat-answers.ts';
import { createFacts, isName, readCallItem, readNamed, TOO_MANY_CALLS, unframed } from './openai-chat-answers.ts';
import { callMembers } from './openai-chat-edits.ts';
import type { Growth } from './openai-chat-growth.ts';
import { createGrowth } from './openai-chat-growth.ts';
import type { CallHead, FinishReason, HeldCall, HeldEvent, HeldPart, Hold } from './openai-chat-held.ts';
import { createHold } from './openai-chat-held.ts';
import { findHidden } from './openai-chat-names.ts';
import { describeProblem } from './reading.ts';
import type { StreamEvent } from './sse.ts';

/** What a client has seen of a stream: enough to send it a chunk that fits. */
export interface Shown {
  /** The members that all chunks of the answer share, as JSON text; null before the first. */
  readonly head: (() => string) | null;
  /** Index of a choice that is not finished; null without one. */
  readonly choice: number | null;
  readonly over: boolean;
}

interface Choice {
  /** Whether it has content, of the model's. */
  said: boolean;
  /** Its calls, once it has its finish reason. */
  ended: readonly HeldCall[] | null;
  readonly calls: Map<number, HeldCall>;
  functionCall: HeldCall | null;
}

interface Progress {
  readonly facts: Facts;
  readonly hold: Hold;
  readonly choices: Map<number, Choice>;
  readonly growth: Growth;
  callsCount: number;
  begun: boolean;
  seen: Shown;
  /** The ending was made. */
  over: boolean;
}

/** A choice of a chunk, once it is known to be framed. */
interface ChunkChoice {
  readonly choice: Choice;
  readonly delta: JsonObject | null;
  readonly finishReason: JsonNode | undefined;
  /** The parts of calls in it. */
  readonly toolCalls: readonly JsonNode[];
  readonly functionCall: JsonNode | undefined;
}

const callsOf = ({ calls, functionCall }: Choice): readonly HeldCall[] => [
  ...calls.values(),
  ...(functionCall === null ? [] : [functionCall]),
];

const hasCalls = (choice: Choice): boolean => callsOf(choice).length > 0;

const choiceAt = ({ choices }: Progress, index: number): Choice | Unframed => {
  const known = choices.get(index);
  if (known !== undefined) return known;
  if (choices.size === limits.choicesPerAnswerCount) return unframed(`there are more than ${limits.choicesPerAnswerCount} choices`);
  const choice: Choice = { said: false, ended: null, calls: new Map(), functionCall: null };
  choices.set(index, choice);
  return choice;
};

const readChunkChoice = (progress: Progress, node: JsonNode): ChunkChoice | Unframed => {
  const index = countOf(memberOf(node, 'index'));
  const delta = given(memberOf(node, 'delta'));
  if (index === null) return unframed('a choice has no index');
  if (delta !== undefined && delta.kind !== 'object') return unframed('a delta is not an object');
  const list = given(memberOf(delta, 'tool_calls'));
  const functionCall = given(memberOf(delta, 'function_call'));
  if (list !== undefined && list.kind !== 'array') return unframed('tool_calls is not an array');
  const choice = choiceAt(progress, index);
  if ('unframed' in choice) return choice;
  const finishReason = given(memberOf(node, 'finish_reason'));
  return { choice, delta: delta ?? null, finishReason, toolCalls: list?.items ?? [], functionCall };
};

const readChunkChoices = (progress: Progress, list: readonly JsonNode[]): readonly ChunkChoice[] | Unframed => {
  const read: ChunkChoice[] = [];
  for (const node of list) {
    const each = readChunkChoice(progress, node);
    if ('unframed' in each) return each;
    read.push(each);
  }
  return read;
};

/** Clients differ in which choices of a chunk they look at, and in whether they tell choices apart when they put calls together. */
const misplaced = ({ choices }: Progress, read: readonly ChunkChoice[]): string | null => {
  const calling = read.find(({ toolCalls, functionCall }) => toolCalls.length > 0 || functionCall !== undefined);
  if (calling === undefined) return null;
  if (read.length > 1) return 'a chunk with a tool call has more than one choice';
  if (calling.choice.ended !== null) return 'a tool call stands behind the end of its choice';
  const others = [...choices.values()].filter((choice) => choice !== calling.choice);
  return others.some(hasCalls) ? 'tool calls stand in more than one choice of a stream' : null;
};

const beginCall = (progress: Progress, choice: Choice, head: Omit<CallHead, 'behindText'>): HeldCall | Unframed =>
  ++progress.callsCount > limits.toolCallsPerAnswerCount
    ? unframed(TOO_MANY_CALLS)
    : progress.hold.begin({ ...head, behindText: choice.said });

/**
 * The call that an item of `tool_calls` begins or goes on with. Clients differ in whether they join names or take the last one, in whether
 * another id under the same index begins another call, and in whether the index is a name or a place (the vendor's helper for Python puts two
 * calls into one where it is not the place).
 */
const toolCallOf = (progress: Progress, choice: Choice, { index, id, kind, name }: CallItem): HeldCall | Unframed => {
  if (index === null || index >= limits.toolCallsPerAnswerCount) return unframed('a tool call has no index that can be used');
  const known = choice.calls.get(index);
  if (known !== undefined) {
    if (id !== '' && id !== known.callId) return unframed('two tool calls share an index');
    if (name !== '') return unframed('a tool call is named twice');
    return kind === null || kind === known.kind ? known : unframed('a tool call is of two types');
  }
  if (kind === null || !isName(name)) return unframed('a tool call begins without a name');
  if (index !== choice.calls.size) return unframed('the tool calls of a choice are not numbered in order');
  const call = beginCall(progress, choice, { index, kind, name, callId: id });
  if (!('unframed' in call)) choice.calls.set(index, call);
  return call;
};

/** The same for `function_call`, of which a choice has one. It has no id: its result comes back under its name. */
const functionCallOf = (progress: Progress, choice: Choice, name: string): HeldCall | Unframed => {
  if (choice.functionCall !== null) return name === '' ? choice.functionCall : unframed('a tool call is named twice');
  if (!isName(name)) return unframed('a tool call begins without a name');
  const call = beginCall(progress, choice, { index: null, kind: 'function', name, callId: name });
  if (!('unframed' in call)) choice.functionCall = call;
  return call;
};

/** Adds to a call. Some clients begin one as soon as its arguments are whole. */
const extended = ({ hold: held }: Progress, call: HeldCall, text: string): HeldCall | Unframed =>
  held.extend(call, text) ? call : unframed('the arguments of a tool call go on behind their end');

/** Adds what an item says to its call. */
const takeToolCall = (progress: Progress, choice: Choice, node: JsonNode): HeldCall | Unframed => {
  const item = readCallItem(node);
  if ('unframed' in item) return item;
  const call = toolCallOf(progress, choice, item);
  return 'unframed' in call ? call : extended(progress, call, item.text);
};

const takeFunctionCall = (progress: Progress, choice: Choice, node: JsonNode): HeldCall | Unframed => {
  const said = readNamed(node, 'arguments');
  if ('unframed' in said) return said;
  const call = functionCallOf(progress, choice, said.name);
  return 'unframed' in call ? call : extended(progress, call, said.text);
};

const takeCalls = (progress: Progress, { choice, toolCalls, functionCall }: ChunkChoice): readonly HeldPart[] | Unframed => {
  const parts: HeldPart[] = [];
  const known = choice.calls.size;
  for (const [item, node] of toolCalls.entries()) {
    const { size } = choice.calls;
    const call = takeToolCall(progress, choice, node);
    if ('unframed' in call) return call;
    const begins = choice.calls.size > size;
    // The vendor's helper for Python takes the first list as it is, and puts only later ones together.
    if (!begins && (call.index ?? 0) >= known) return unframed('a tool call begins and goes on in one chunk');
    parts.push({ call, item });
  }
  if (functionCall === undefined) return parts;
  const call = takeFunctionCall(progress, choice, functionCall);
  return 'unframed' in call ? call : [...parts, { call, item: null }];
};

const hasContent = (delta: JsonObject): boolean => (textOf(memberOf(delta, 'content')) ?? '') !== '';

/** A delta that says nothing once its calls are taken out, in a chunk that says nothing else. */
const isOnlyCalls = (root: JsonNode, list: readonly JsonNode[]): boolean => {
  const [choice] = list;
  const delta = memberOf(choice, 'delta');
  const says = (node: JsonNode | undefined): boolean => given(node) !== undefined;
  if (list.length !== 1 || says(memberOf(root, 'usage'))) return false;
  if (says(memberOf(choice, 'finish_reason')) || says(memberOf(choice, 'logprobs'))) return false;
  const silent = (name: string): boolean => name === 'role' || callMembers.some((member) => member === name);
  return delta?.kind === 'object' && delta.members.every(({ name, value }) => silent(name) || !says(value));
};

/** Longer ones are not repeated. */
const HEAD_BYTES = 1_024;

/** The members by which clients tell an answer, so that a chunk of ours can repeat them. */
const headOf = (root: JsonNode, data: Uint8Array): string => {
  const members = ['id', 'object', 'created', 'model'].flatMap((name) => {
    const node = memberOf(root, name);
    return node === undefined ? [] : [`"${name}":${Buffer.from(data.subarray(node.start, node.end)).toString()},`];
  });
  const head = members.join('');
  return head.length <= HEAD_BYTES ? head : '';
};

type Outcome = Step | Unframed | Iterable<StreamPiece>;

const hold = (progress: Progress, event: HeldEvent): Outcome =>
  progress.hold.add(event) ? 'held' : unframed(`a part that is held back is larger than ${limits.heldBlockBytes} bytes`);

/** What is no part of the answer keeps its place among what is held. */
const besides = (progress: Progress, unit: StreamEvent): Outcome =>
  progress.hold.isEmpty() ? 'pass' : hold(progress, { unit, parts: [], finishReasons: [], isOnlyCalls: false });

const readChunk = (progress: Progress, unit: StreamEvent, root: JsonNode, list: readonly JsonNode[]): Outcome => {
  const { facts } = progress;
  const choices = readChunkChoices(progress, list);
  if ('unframed' in choices) return choices;
  const places = choices.flatMap(({ delta }) => callMembers.flatMap((name) => memberOf(delta ?? undefined, name) ?? []));
  const problem = misplaced(progress, choices) ?? findHidden(root, new Set(places));
  if (problem !== null) return unframed(problem);
  facts.takeRoot(root);
  let parts: readonly HeldPart[] = [];
  const finishReasons: FinishReason[] = [];
  for (const [place, each] of choices.entries()) {
    const { choice, delta, finishReason } = each;
    if (delta !== null) {
      facts.takeMessage(delta);
      choice.said ||= hasContent(delta);
    }
    const taken = takeCalls(progress, each);
    if ('unframed' in taken) return taken;
    // Only one choice of a chunk may have any.
    if (taken.length > 0) parts = taken;
    if (finishReason === undefined) continue;
    choice.ended ??= callsOf(choice);
    finishReasons.push({ choice: place, calls: choice.ended });
  }
  if (parts.length === 0 && finishReasons.length === 0 && progress.hold.isEmpty()) {
    const [shown] = list;
    if (choices.length === 1) progress.growth.learn(unit, root, shown, choices[0]?.choice.said === true);
    progress.seen = {
      head: () => headOf(root, unit.data ?? nothing),
      choice: countOf(memberOf(shown, 'index')) ?? progress.seen.choice,
      over: false,
    };
    return 'pass';
  }
  const step = hold(progress, { unit, parts, finishReasons, isOnlyCalls: isOnlyCalls(root, list) });
  // Calls stand in one choice, so all of them are whole.
  return step === 'held' && finishReasons.some(({ calls }) => calls.length > 0) ? progress.hold.judge() : step;
};

const nothing = new Uint8Array();

function* finish(progress: Progress, failed: boolean): Iterable<StreamPiece> {
  yield* progress.hold.judge();
  progress.seen = { ...progress.seen, over: true };
  yield endingOf(progress, failed);
}

const endingOf = (progress: Progress, failed: boolean): StreamPiece & { readonly piece: 'ending' } => {
  progress.over = true;
  return { piece: 'ending', bytes: progress.hold.take(), failed };
};

const readError = (progress: Progress, unit: StreamEvent, root: JsonNode): Outcome => {
  const hidden = findHidden(root, new Set());
  if (hidden !== null) return unframed(hidden);
  progress.facts.takeError(root);
  // A call that the error cut off can no longer be judged, so its part of the stream is dropped.
  if (progress.hold.hasWaiting()) progress.hold.drop();
  const step = hold(progress, { unit, parts: [], finishReasons: [], isOnlyCalls: false });
  return step === 'held' ? finish(progress, true) : step;
};

/** Names that all clients pass over; `error` makes some raise what the data say. */
const eventNames: ReadonlySet<string> = new Set(['', 'message', 'error']);

const DONE = Buffer.from('[DONE]');

/** Whether clients take the chunk for an error: they raise whatever stands there and is not false, zero or empty. */
const isError = (root: JsonNode): boolean => {
  const error = memberOf(root, 'error');
  if (error === undefined) return false;
  if (error.kind === 'literal') return error.value === true;
  return !(error.kind === 'string' && error.text === '') && !(error.kind === 'number' && Number(error.source) === 0);
};

const readEvent = (progress: Progress, unit: StreamEvent): Outcome => {
  const { name, data } = unit;
  if (data === null || data.length === 0) return besides(progress, unit);
  if (!eventNames.has(name ?? '')) return unframed('an event has a name that is none of this format');
  if (DONE.equals(data) && name !== 'error') {
    if (progress.over) return 'pass';
    const step = hold(progress, { unit, parts: [], finishReasons: [], isOnlyCalls: false });
    return step === 'held' ? finish(progress, false) : step;
  }
  if (progress.over) return unframed('the answer goes on after its end');
  const root = parseJson(data);
  if (isJsonProblem(root)) return unframed(`an event is not readable: ${describeProblem(root)}`);
  if (root.kind !== 'object') return unframed('a chunk is not an object');
  if (name === 'error' || isError(root)) return readError(progress, unit, root);
  const choices = given(memberOf(root, 'choices'));
  if (choices?.kind === 'array') {
    progress.begun = true;
    return readChunk(progress, unit, root, choices.items);
  }
  if (choices !== undefined) return unframed('choices is not an array');
  const hidden = findHidden(root, new Set());
  if (hidden !== null) return unframed(hidden);
  // What begins with something else is another vendor's stream, of which nothing here would be read.
  if (!progress.begun && textOf(memberOf(root, 'object')) !== CHUNK) return unframed('the stream does not begin with a chunk');
  progress.facts.takeRoot(root);
  progress.facts.note('stream_event', 'without choices');
  return besides(progress, unit);
};

/** What the vendor calls every part of a stream. */
const CHUNK = 'chat.completion.chunk';

export const createFraming = (): Framing<Shown> & { readonly facts: () => AnswerFacts } => {
  const progress: Progress = {
    facts: createFacts(),
    hold: createHold(),
    growth: createGrowth(),
    choices: new Map(),
    callsCount: 0,
    begun: false,
    seen: { head: null, choice: null, over: false },
    over: false,
  };
  return {
    passing: (bytes) => (progress.over || !progress.hold.isEmpty() ? 0 : progress.growth.run(bytes)),
    step: (unit) => {
      const outcome = readEvent(progress, unit);
      return typeof outcome === 'object' && 'unframed' in outcome ? { piece: 'unreadable', problem: outcome.unframed } : outcome;
    },
    atEnd: () => {
      const choices = [...progress.choices.values()];
      if (progress.over) return null;
      if (progress.hold.hasWaiting()) return 'the stream ended inside a tool call';
      if (progress.hold.isEmpty()) return null;
      return choices.length > 0 && choices.every(({ ended }) => ended !== null)
        ? endingOf(progress, false)
        : 'the stream ended before its terminal event';
    },
    seen: () => progress.seen,
    facts: progress.facts.soFar,
  };
};
