// What a stream of the OpenAI Responses API holds back: the events of each tool call until its item is done, and whatever came behind them.
// Calls may be open side by side; they and what came between their events leave together when all are done, in the order of the wire.
// Bounded: past `limits.heldBlockBytes` nothing more is taken, and the stream is not readable.

import { limits } from '../core/limits.ts';
import type { CalledTool, StreamPiece } from '../core/wire-format.ts';
import type { Unframed } from './openai-responses-items.ts';
import { unframed } from './openai-responses-items.ts';

/** A call whose item is done. */
export interface EndedCall {
  /** What it calls; it is released only when all of them are. */
  readonly calls: readonly CalledTool[];
  /** What stands in the place of its events, the same each time; null where it cannot be taken back. `apart`: others stand between them. */
  readonly refuse: (sentence: string, apart: boolean) => Uint8Array | null;
}

/** A call of which events are held. */
export interface HeldCall {
  ended: EndedCall | null;
}

interface HeldEvent {
  readonly raw: Uint8Array;
  /** Null for an event that is no part of a call. */
  readonly call: HeldCall | null;
}

export interface HeldQueue {
  readonly isEmpty: () => boolean;
  /** Adds an event behind whatever is held already. */
  readonly add: (raw: Uint8Array, call: HeldCall | null) => 'held' | Unframed;
  /** Counts an event that is held elsewhere. */
  readonly count: (raw: Uint8Array) => 'held' | Unframed;
  /** Lets go of the calls that are still open: they can no longer be judged. */
  readonly dropOpen: () => void;
  /** What stands before the first open call. Each piece is taken when it is asked for. */
  readonly release: () => Iterable<StreamPiece>;
}

const NOTHING = new Uint8Array();

const sizeOf = (raw: Uint8Array): number => raw.length + limits.heldEventBytes;

const join = (events: readonly HeldEvent[]): Uint8Array => Buffer.concat(events.map(({ raw }) => raw));

/** How many of the first events leave together: none while a call among them is open. */
const groupLength = (events: readonly HeldEvent[]): number => {
  const firstOfCall = events.findIndex(({ call }) => call !== null);
  if (firstOfCall !== 0) return firstOfCall === -1 ? events.length : firstOfCall;
  if (events[0]?.call?.ended === null) return 0;
  const lastOf = new Map(events.map(({ call }, at) => [call, at]));
  let last = 0;
  for (let at = 0; at <= last; at++) {
    const call = events[at]?.call ?? null;
    if (call === null) continue;
    if (call.ended === null) return 0;
    last = Math.max(last, lastOf.get(call) ?? at);
  }
  return last + 1;
};

/**
 * The events without those of refused calls. What stands for a call comes where it ended: a message in one piece, which begins and ends while no
 * other does, is what every client can show.
 */
const replaced = (events: readonly HeldEvent[], refused: ReadonlyMap<HeldCall, readonly string[]>): Uint8Array => {
  const lastOf = new Map(events.map(({ call }, at) => [call, at]));
  const standIns = new Map(
    [...refused].map(([call, sentences]) => [call, call.ended?.refuse([...new Set(sentences)].join('\n'), true) ?? null]),
  );
  const raws = events.flatMap(({ raw, call }, at) => {
    const instead = call === null ? null : (standIns.get(call) ?? null);
    if (instead === null) return [raw];
    return at === lastOf.get(call) ? [instead] : [];
  });
  return Buffer.concat(raws);
};

function* pieces(events: readonly HeldEvent[]): Iterable<StreamPiece> {
  const calls = [...new Set(events.flatMap(({ call }) => call ?? []))];
  const [only] = calls;
  const [called, ...others] = only?.ended?.calls ?? [];
  if (called !== undefined && only !== undefined && others.length === 0 && events.every(({ call }) => call === only)) {
    const bytes = join(events);
    yield { piece: 'tool_call', bytes, call: called, refuse: (sentence) => only.ended?.refuse(sentence, false) ?? bytes };
    return;
  }
  const refused = new Map<HeldCall, readonly string[]>();
  for (const held of calls)
    for (const call of held.ended?.calls ?? []) {
      const refuse = (sentence: string): Uint8Array => {
        refused.set(held, [...(refused.get(held) ?? []), sentence]);
        return NOTHING;
      };
      yield { piece: 'tool_call', bytes: NOTHING, call, refuse };
    }
  yield { piece: 'pass', bytes: refused.size === 0 ? join(events) : replaced(events, refused) };
}

export const createHeldQueue = (): HeldQueue => {
  let events: HeldEvent[] = [];
  let heldBytes = 0;

  const count: HeldQueue['count'] = (raw) => {
    heldBytes += sizeOf(raw);
    return heldBytes > limits.heldBlockBytes ? unframed(`a part that is held back is larger than ${limits.heldBlockBytes} bytes`) : 'held';
  };

  const letGo = (gone: readonly HeldEvent[]): void => {
    for (const { raw } of gone) heldBytes -= sizeOf(raw);
  };

  return {
    isEmpty: () => events.length === 0,
    add: (raw, call) => {
      const counted = count(raw);
      if (counted === 'held') events.push({ raw, call });
      return counted;
    },
    count,
    dropOpen: () => {
      const isOpen = ({ call }: HeldEvent): boolean => call !== null && call.ended === null;
      letGo(events.filter(isOpen));
      events = events.filter((event) => !isOpen(event));
    },
    *release() {
      for (let length = groupLength(events); length > 0; length = groupLength(events)) {
        const group = events.splice(0, length);
        letGo(group);
        yield* pieces(group);
      }
    },
  };
};
