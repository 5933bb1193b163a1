// What is held back of a streamed answer of Chat Completions: events, and the calls whose parts stand in them.
// Each call becomes a piece of its own. Its bytes are the events up to its last one; where calls share events, or stand in the ending,
// their pieces are empty and the events follow with the last of them, or with the ending, so that none leaves before all its calls are judged.
// Events in which calls are refused are spliced, and left out where nothing else stands in them. Bounded by `heldBlockBytes`.

import { limits } from '../core/limits.ts';
import type { Splice } from '../core/slot.ts';
import { applySplices } from '../core/slot.ts';
import type { StreamPiece } from '../core/wire-format.ts';
import type { JsonNode, JsonObject } from './json.ts';
import { isJsonProblem, jsonText, memberOf, parseJson } from './json.ts';
import { calledTool } from './openai-chat-answers.ts';
import type { Arguments } from './openai-chat-arguments.ts';
import { createArguments } from './openai-chat-arguments.ts';
import { PARAGRAPH, refuseIn, stopInstead } from './openai-chat-edits.ts';
import type { StreamEvent } from './sse.ts';
import { spliceData } from './sse.ts';

export interface CallHead {
  /** Its place in `tool_calls`; null for a `function_call`. */
  readonly index: number | null;
  readonly kind: 'function' | 'custom';
  readonly name: string;
  readonly callId: string;
  /** Whether its choice had said something before. */
  readonly behindText: boolean;
}

export interface HeldCall extends CallHead {
  /** What has come of its arguments. */
  readonly parts: string[];
  /** The same as JSON; null for the free text of a custom tool. */
  readonly json: Arguments | null;
  /** Places of its first and its last event in the stream of held ones. */
  readonly first: number;
  last: number;
  /** Our sentence, once it is refused. */
  refused: string | null;
}

/** A part of a call, by where it stands in the delta. */
export interface HeldPart {
  readonly call: HeldCall;
  /** Its place among `tool_calls`; null for a `function_call`. */
  readonly item: number | null;
}

/** What was parsed is not kept: it takes far more memory than the bytes, and is wanted again only where calls are refused. */
export interface HeldEvent {
  readonly unit: StreamEvent;
  /** Parts of calls; such an event has one choice. */
  readonly parts: readonly HeldPart[];
  readonly finishReasons: readonly FinishReason[];
  /** Whether it says nothing once its calls are taken out. */
  readonly isOnlyCalls: boolean;
}

export interface FinishReason {
  /** The place of its choice in the event. */
  readonly choice: number;
  /** The calls of the choice that it ends. */
  readonly calls: readonly HeldCall[];
}

export interface Hold {
  readonly isEmpty: () => boolean;
  /** Begins a call in the event that is added next. */
  readonly begin: (head: CallHead) => HeldCall;
  /** Goes on with a call in the event that is added next. False when its arguments were whole already. */
  readonly extend: (call: HeldCall, text: string) => boolean;
  /** False when there is more than may be held. */
  readonly add: (event: HeldEvent) => boolean;
  /** Whether a call waits that was not handed out to be judged. */
  readonly hasWaiting: () => boolean;
  /** A piece for each call that waits, in order; each is made once the one before it is settled. */
  readonly judge: () => Iterable<StreamPiece>;
  /** What is left, once all calls are settled. */
  readonly take: () => Uint8Array;
  /** Lets go of what is held, calls that wait included. */
  readonly drop: () => void;
}

const nothing = new Uint8Array();

const isRefused = ({ refused }: HeldCall): boolean => refused !== null;

/** The sentences that belong at this place, from the calls that begin here. */
const sentencesAt = (at: number, parts: readonly HeldPart[], calls: readonly HeldCall[]): string => {
  let text = '';
  for (const call of new Set(parts.map((part) => part.call))) {
    if (call.first !== at || call.refused === null) continue;
    const earlier = calls.slice(0, calls.indexOf(call)).some(isRefused);
    text += `${call.behindText || earlier ? PARAGRAPH : ''}${call.refused}`;
  }
  return text;
};

/** How far a call moves up to where a refused one stood: some clients keep calls by their place, and would find nothing in one left out. */
const movesUp = ({ index, refused }: HeldCall, calls: readonly HeldCall[]): number =>
  index === null || refused !== null ? 0 : calls.filter((each) => isRefused(each) && each.index !== null && each.index < index).length;

const isObject = (node: JsonNode | undefined): node is JsonObject => node?.kind === 'object';

const itemsOf = (node: JsonNode | undefined): readonly JsonNode[] => (node?.kind === 'array' ? node.items : []);

/** The splices on the data of an event in whose choice calls are refused or moved. */
const editCalls = (
  data: Uint8Array,
  choice: JsonNode | undefined,
  parts: readonly HeldPart[],
  calls: readonly HeldCall[],
  text: string,
) => {
  const delta = memberOf(choice, 'delta');
  const items = itemsOf(memberOf(delta, 'tool_calls'));
  const refused = new Set<JsonNode>();
  const splices: Splice[] = [];
  for (const { call, item } of parts) {
    const node = item === null ? memberOf(delta, 'function_call') : items[item];
    const place = memberOf(node, 'index');
    const up = movesUp(call, calls);
    if (node !== undefined && isRefused(call)) refused.add(node);
    if (place !== undefined && call.index !== null && up > 0)
      splices.push({ start: place.start, end: place.end, replacement: jsonText(call.index - up) });
  }
  return refused.size > 0 && isObject(delta) ? [...splices, ...refuseIn(delta, data, refused, text)] : splices;
};

const render = ({ unit, parts, finishReasons, isOnlyCalls }: HeldEvent, at: number, calls: readonly HeldCall[]): Uint8Array => {
  const refused = parts.filter(({ call }) => isRefused(call));
  const ended = finishReasons.filter((each) => each.calls.length > 0 && each.calls.every(isRefused));
  if (ended.length === 0 && refused.length === 0 && parts.every(({ call }) => movesUp(call, calls) === 0)) return unit.raw;
  const text = sentencesAt(at, refused, calls);
  if (text === '' && isOnlyCalls && refused.length === parts.length) return nothing;
  const data = unit.data ?? nothing;
  const root = parseJson(data);
  const choices = isJsonProblem(root) ? [] : itemsOf(memberOf(root, 'choices'));
  const splices = parts.length === 0 ? [] : editCalls(data, choices[0], parts, calls, text);
  for (const { choice } of ended) splices.push(...stopInstead(memberOf(choices[choice], 'finish_reason')));
  return applySplices(unit.raw, spliceData(unit, splices));
};

export const createHold = (): Hold => {
  /** The events that are held, from the one at place `from`. */
  let events: HeldEvent[] = [];
  let from = 0;
  let bytesCount = 0;
  let endingFrom = Number.POSITIVE_INFINITY;
  let calls: HeldCall[] = [];
  let judgedCount = 0;

  const nextPlace = (): number => from + events.length;

  /** Takes the events before `place`, and renders them when asked. */
  const takeUpTo = (place: number): (() => Uint8Array) => {
    const start = from;
    const taken = events.slice(0, place - from);
    events = events.slice(taken.length);
    from += taken.length;
    for (const { unit } of taken) bytesCount -= unit.raw.length + limits.heldEventBytes;
    return () => Buffer.concat(taken.map((event, index) => render(event, start + index, calls)));
  };

  const pieceOf = (call: HeldCall, rendered: () => Uint8Array): StreamPiece => ({
    piece: 'tool_call',
    bytes: rendered(),
    call: calledTool(call.kind, call, call.parts.join('')),
    refuse: (sentence) => {
      call.refused = sentence;
      return rendered();
    },
  });

  return {
    isEmpty: () => events.length === 0,
    begin: (head) => {
      const json = head.kind === 'function' ? createArguments() : null;
      const call: HeldCall = { ...head, parts: [], json, first: nextPlace(), last: nextPlace(), refused: null };
      calls.push(call);
      return call;
    },
    extend: (call, text) => {
      if (text !== '') call.parts.push(text);
      call.last = nextPlace();
      return call.json === null || call.json.take(text);
    },
    add: (event) => {
      if (event.finishReasons.length > 0) endingFrom = Math.min(endingFrom, nextPlace());
      events.push(event);
      bytesCount += event.unit.raw.length + limits.heldEventBytes;
      return bytesCount <= limits.heldBlockBytes;
    },
    hasWaiting: () => judgedCount < calls.length,
    *judge() {
      let last = -1;
      while (judgedCount < calls.length) {
        const call = calls[judgedCount++];
        if (call === undefined) return;
        last = Math.max(last, call.last);
        const next = calls[judgedCount];
        const isWhole = last < endingFrom && (next === undefined || next.first > last);
        yield pieceOf(call, isWhole ? takeUpTo(last + 1) : () => nothing);
      }
    },
    take: () => takeUpTo(nextPlace())(),
    drop: () => {
      takeUpTo(nextPlace());
      calls = calls.slice(0, judgedCount);
    },
  };
};
