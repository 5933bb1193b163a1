// The items of a streamed answer of the OpenAI Responses API as they begin and end, and the calls among them that are still open.
// Items are known by their index, their id, or both; servers that are not the vendor leave out one of them (llama.cpp the index).
// What names two items at once, or an item out of its order, is `unframed`.

import { limits } from '../core/limits.ts';
import type { JsonNode } from './json.ts';
import { countOf, memberOf, textOf } from './json.ts';
import type { TextMessage } from './openai-responses-answers.ts';
import type { Filled } from './openai-responses-events.ts';
import { newFilled } from './openai-responses-events.ts';
import type { HeldCall } from './openai-responses-held.ts';
import type { Unframed } from './openai-responses-items.ts';
import { isHeldType, isNull, unframed } from './openai-responses-items.ts';
import { renderEvent } from './sse.ts';

/** A call from the first of its events on. */
export interface OpenCall {
  readonly held: HeldCall;
  /** Sequence numbers of its events, in their order; empty where the server numbers none. */
  readonly numbers: number[];
  readonly filled: Filled;
  /** Whether its beginning was an event of its own. */
  readonly begun: boolean;
  /** Whether the item with which it ends is the one with which it began. */
  readonly isContinuedBy: (item: JsonNode) => boolean;
}

export interface StreamItem {
  readonly type: string;
  readonly index: number | null;
  readonly id: string | null;
  /** The call that it is, while it is open. */
  call: OpenCall | null;
  done: boolean;
}

const inputOf = (item: JsonNode): JsonNode | undefined => memberOf(item, 'arguments') ?? memberOf(item, 'input');

/** What a beginning item holds of its arguments already; the rest follows, or all of it once more. */
const beginsLike = (added: JsonNode, item: JsonNode): boolean => {
  const begun = inputOf(added);
  const ended = inputOf(item);
  if (isNull(begun)) return true;
  return begun?.kind === ended?.kind && (textOf(ended) ?? '').startsWith(textOf(begun) ?? '');
};

/** Members by which an item says whom it calls, and under which id. */
const heads = ['name', 'namespace', 'server_label', 'call_id'] as const;

/** A beginning may leave a part of it out, and says nothing else than the end does. */
const isHeadOf = (added: JsonNode, item: JsonNode): boolean =>
  heads.every((name) => {
    const begun = memberOf(added, name);
    return isNull(begun) || (begun?.kind === 'string' && begun.text === textOf(memberOf(item, name)));
  });

/** `added` is the item as it began; null when it is done without having begun. */
export const openCall = (added: JsonNode | null): OpenCall => ({
  held: { ended: null },
  numbers: [],
  filled: newFilled(),
  begun: added !== null,
  isContinuedBy: (item) => added === null || (isHeadOf(added, item) && beginsLike(added, item)),
});

export const noteNumber = ({ numbers }: OpenCall, event: JsonNode): void => {
  const number = countOf(memberOf(event, 'sequence_number'));
  if (number !== null) numbers.push(number);
};

export interface StreamItems {
  /** An item that begins. Items are counted upwards. */
  readonly add: (event: JsonNode, item: JsonNode, type: string) => StreamItem | Unframed;
  /** The item that an event is about, by the item in it or by its own words; undefined when it is none that began. */
  readonly find: (event: JsonNode, item?: JsonNode) => StreamItem | Unframed | undefined;
  readonly count: () => number;
}

export const createStreamItems = (): StreamItems => {
  const byIndex = new Map<number, StreamItem>();
  const byId = new Map<string, StreamItem>();
  let lastIndex = -1;
  let count = 0;

  const namesOf = (event: JsonNode, item: JsonNode | undefined) => {
    const index = memberOf(event, 'output_index');
    return {
      index: countOf(index),
      oddIndex: !isNull(index) && countOf(index) === null,
      id: textOf(item === undefined ? memberOf(event, 'item_id') : memberOf(item, 'id')) ?? null,
    };
  };

  return {
    add: (event, item, type) => {
      const { index, oddIndex, id } = namesOf(event, item);
      if (oddIndex || (index !== null && index <= lastIndex)) return unframed('an item has an index out of order');
      if (id !== null && byId.has(id)) return unframed('two items have the same id');
      if (++count > limits.outputItemsCount) return unframed(`there are more than ${limits.outputItemsCount} items`);
      const added: StreamItem = { type, index, id, call: null, done: false };
      if (index !== null) byIndex.set((lastIndex = index), added);
      if (id !== null) byId.set(id, added);
      return added;
    },
    find: (event, item) => {
      const { index, oddIndex, id } = namesOf(event, item);
      const atIndex = index === null ? undefined : byIndex.get(index);
      const ofId = id === null ? undefined : byId.get(id);
      const found = atIndex ?? ofId;
      const differs =
        (atIndex !== undefined && ofId !== undefined && atIndex !== ofId) ||
        (found !== undefined && index !== null && found.index !== null && found.index !== index) ||
        // Servers in front of others give texts a new id with each event; of a call that would leave open which one is meant.
        (found !== undefined && isHeldType(found.type) && id !== null && found.id !== null && found.id !== id);
      return oddIndex || differs ? unframed('an event names two items') : found;
    },
    count: () => count,
  };
};

/** The events of a message as the vendor streams it, under the numbers of the call; the last of them is repeated where the call had fewer. */
export const renderMessage = (
  message: TextMessage,
  { numbers, begun }: Pick<OpenCall, 'numbers' | 'begun'>,
  outputIndex: number | null,
): Uint8Array => {
  const { id, content } = message;
  const [part] = content;
  const { text, logprobs } = part;
  const at = { item_id: id, content_index: 0 };
  const beginning: readonly (readonly [string, object])[] = [
    ['response.output_item.added', { item: { ...message, status: 'in_progress', content: [] } }],
    ['response.content_part.added', { ...at, part: { ...part, text: '' } }],
    ['response.output_text.delta', { ...at, delta: text, logprobs }],
    ['response.output_text.done', { ...at, text, logprobs }],
    ['response.content_part.done', { ...at, part }],
  ];
  const ending = ['response.output_item.done', { item: message }] as const;
  const events = [...(begun ? beginning : []), ending].map(([type, data], place) => {
    const number = numbers[Math.min(place, numbers.length - 1)];
    const counted = {
      ...(number !== undefined && { sequence_number: number }),
      ...(outputIndex !== null && { output_index: outputIndex }),
    };
    return renderEvent(type, { type, ...counted, ...data });
  });
  return Buffer.concat(events);
};
