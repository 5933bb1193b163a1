// The slots of a streamed answer, found in the bytes of its pieces when somebody asks, so that whoever does not ask pays nothing.
// A format says what of an event is text, and which text of the whole answer a delta continues.
// Reads nothing but the given bytes; what is no event, or no JSON, has no slots. Never throws.

import type { Slot } from '../core/slot.ts';
import type { StreamReader, StreamSlot } from '../core/wire-format.ts';
import type { JsonNode } from './json.ts';
import { countOf, isJsonProblem, memberOf, parseJson } from './json.ts';
import { createStreamDecoder, isStreamProblem } from './sse.ts';

/** The slots of one event; paths and ranges lead into its data. */
export type EventSlots = (event: JsonNode) => readonly StreamSlot[];

export const slotsInEvents =
  (slotsOf: EventSlots): StreamReader['slots'] =>
  (bytes) => {
    const { push, end } = createStreamDecoder();
    const slots: StreamSlot[] = [];
    let at = 0;
    for (const unit of [...push(bytes), ...end()]) {
      if (isStreamProblem(unit)) break;
      const event = unit.data === null ? null : parseJson(unit.data);
      const by = at + unit.dataAt;
      if (event !== null && !isJsonProblem(event))
        for (const slot of slotsOf(event)) slots.push({ ...slot, start: slot.start + by, end: slot.end + by });
      at += unit.raw.length;
    }
    return slots;
  };

/** `place` says which text a slot continues, by its path. */
export const continuing = (slots: readonly Slot[], place: (path: string) => string | null): readonly StreamSlot[] =>
  slots.map((slot) => ({ ...slot, continues: place(slot.path) }));

/** The indexes that the items of a list give themselves, or their positions: in an event an item need not stand where it stands in the answer. */
export const indexesOf = (list: JsonNode | undefined): readonly number[] =>
  list?.kind === 'array' ? list.items.map((item, position) => countOf(memberOf(item, 'index')) ?? position) : [];

/** A path, with the position behind `before` in it replaced by the index of that item. */
export const atIndex = (path: string, before: string, indexes: readonly number[]): string => {
  if (!path.startsWith(`${before}/`)) return path;
  const [position = '', ...rest] = path.slice(before.length + 1).split('/');
  return [before, indexes[Number(position)] ?? position, ...rest].join('/');
};
