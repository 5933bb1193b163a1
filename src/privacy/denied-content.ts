// Content that was denied, so that it is recognised when the agent brings it along with a next turn, in this run or in a later one of the same
// person, agent and role: by digest, never what it says. A part is brought along where what was said last in the denied request stands behind it, and
// something else behind that; sent anew, it is no earlier turn's. Bounded: the oldest is forgotten and then denied again.

import { limits } from '../core/limits.ts';
import type { OpaqueContent, OpaquePart, Passage } from '../core/opaque.ts';
import type { Invocation } from '../core/principal.ts';
import type { DeniedContentBounds, DeniedContentWorld } from './denied-memories.ts';
import { createDeniedMemories } from './denied-memories.ts';

export interface DeniedContent {
  /** Fetches what the invoker was denied in earlier runs. To be awaited before the invocation runs; does not reject. */
  readonly recall: (invocation: Invocation) => Promise<void>;
  readonly remember: (invocation: Invocation, content: OpaqueContent, parts: readonly OpaquePart[]) => void;
  /** Parts that were denied in an earlier turn. */
  readonly broughtAlong: (invocation: Invocation, content: OpaqueContent) => readonly OpaquePart[];
  /** Lets go of what is held for an invocation that has ended. */
  readonly forget: (invocationId: string) => void;
  /** Resolves when what is remembered is written, as far as it can be. */
  readonly flush: () => Promise<void>;
}

export const createDeniedContent = (world: DeniedContentWorld, most: DeniedContentBounds = limits): DeniedContent => {
  const { recall, of, keep, forget, flush } = createDeniedMemories(world, most);
  return {
    recall,

    remember: (invocation, content, parts) => {
      const conversation = content.conversation();
      const [first] = parts;
      const held = of(invocation.id);
      if (held === undefined || conversation.length === 0 || first === undefined) return;
      const { memory, digest } = held;
      const digestOf = ({ identity }: Passage): string => digest(identity());
      const [last = '', ends = []] = [...placesFrom(first, conversation, digestOf)].at(-1) ?? [];
      let behind = 0;
      for (const part of parts) {
        while ((ends[behind] ?? part.end) < part.end) behind++;
        const denied = digestOf(part);
        const lasts = memory.get(denied) ?? new Map<string, number>();
        memory.delete(denied);
        lasts.delete(last);
        // Of parts that say the same the last decides: the others stand before it.
        memory.set(denied, lasts.set(last, ends.length - behind));
      }
      keep(invocation.id);
    },

    broughtAlong: (invocation, content) => {
      const held = of(invocation.id);
      if (held === undefined || held.memory.size === 0 || content.parts.length === 0) return [];
      const { memory, digest } = held;
      const digestOf = ({ identity }: Passage): string => digest(identity());
      const known = content.parts.flatMap((part) => {
        const lasts = memory.get(digestOf(part));
        return lasts === undefined ? [] : [{ part, lasts }];
      });
      const [first] = known;
      if (first === undefined) return [];
      // Nothing stands behind the very last.
      const places = placesFrom(first.part, content.conversation().slice(0, -1), digestOf);
      const isEarlier = (part: OpaquePart, [last, times]: readonly [string, number]): boolean =>
        (places.get(last)?.at(-times) ?? 0) >= part.end;
      return known.flatMap(({ part, lasts }) => ([...lasts].some((each) => isEarlier(part, each)) ? [part] : []));
    },

    forget,
    flush,
  };
};

/** Where the passages from `first` on end, by what they say; what was said last comes last. */
const placesFrom = (
  first: OpaquePart,
  conversation: readonly Passage[],
  digestOf: (passage: Passage) => string,
): ReadonlyMap<string, readonly number[]> => {
  const places = new Map<string, number[]>();
  for (const passage of conversation) {
    if (passage.end < first.end) continue;
    const said = digestOf(passage);
    const ends = places.get(said) ?? [];
    ends.push(passage.end);
    places.delete(said);
    places.set(said, ends);
  }
  return places;
};
