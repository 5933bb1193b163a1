// Content that was denied, so that it is recognised when the agent brings it along with a next turn: by digest and by invocation, never what it says.
// A part is brought along where what was said last in the denied request stands behind it, and something else behind that; sent anew, it is no
// earlier turn's. Bounded: the oldest is forgotten and then denied again. Lives in memory, so that after a restart it is denied once more.

import { limits } from '../core/limits.ts';
import type { OpaqueContent, OpaquePart, Passage } from '../core/opaque.ts';
import type { Invocation } from '../core/principal.ts';
import type { KeyedDigest } from '../core/record.ts';

export interface DeniedContent {
  readonly remember: (invocation: Invocation, content: OpaqueContent, parts: readonly OpaquePart[]) => void;
  /** Parts that were denied in an earlier turn. */
  readonly broughtAlong: (invocation: Invocation, content: OpaqueContent) => readonly OpaquePart[];
  /** Lets go of what is remembered of an invocation that has ended. */
  readonly forget: (invocationId: string) => void;
}

/** By the digest of a part, and of what was said last when it was denied: how often that was said from the part on. The oldest come first. */
type Memory = Map<string, Map<string, number>>;

/** Forgets the oldest until no more than `most` are left, and says how many that are. */
const bound = (memory: Memory, most: number): number => {
  let count = [...memory.values()].reduce((sum, lasts) => sum + lasts.size, 0);
  for (const [denied, lasts] of memory) {
    for (const last of lasts.keys()) {
      if (count <= most) return count;
      lasts.delete(last);
      count -= 1;
    }
    memory.delete(denied);
  }
  return count;
};

export const createDeniedContent = (
  digest: KeyedDigest,
  most: Readonly<Record<'deniedContentPerInvocationCount' | 'deniedContentCount', number>> = limits,
): DeniedContent => {
  /** The one that was denied something longest ago comes first. */
  const memories = new Map<string, { readonly memory: Memory; readonly count: number }>();
  let total = 0;

  const forget = (id: string): void => {
    total -= memories.get(id)?.count ?? 0;
    memories.delete(id);
  };

  const keep = (id: string, memory: Memory): void => {
    forget(id);
    const count = bound(memory, most.deniedContentPerInvocationCount);
    memories.set(id, { memory, count });
    total += count;
    for (const oldest of memories.keys()) {
      if (total <= most.deniedContentCount) return;
      forget(oldest);
    }
  };

  return {
    remember: (invocation, content, parts) => {
      const conversation = content.conversation();
      const [first] = parts;
      if (conversation.length === 0 || first === undefined) return;
      const memory: Memory = memories.get(invocation.id)?.memory ?? new Map<string, Map<string, number>>();
      const digestOf = ({ identity }: Passage): string => digest(invocation, identity());
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
      keep(invocation.id, memory);
    },

    broughtAlong: (invocation, content) => {
      const memory = memories.get(invocation.id)?.memory;
      if (memory === undefined || content.parts.length === 0) return [];
      const digestOf = ({ identity }: Passage): string => digest(invocation, identity());
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
