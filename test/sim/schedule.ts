// One seed owns time and order: a virtual clock and a queue of events, from which the seed picks the next.
// Contract: whatever an event sets in motion has come to rest (all microtasks ran) before the next event is picked, so that one seed is one history.
// Events belong to a life; when a life ends, as a process does, its events never happen.

import type { Clock } from '../../src/core/clock.ts';

/** Everything that is left to chance in a run; the same seed and purpose give the same answers. */
export interface Chance {
  /** A whole number from 0 up to, not including, `count`. */
  readonly below: (count: number) => number;
  /** A whole number from `low` to `high`. */
  readonly between: (low: number, high: number) => number;
  readonly happens: (probability: number) => boolean;
  readonly pick: <T>(list: readonly [T, ...T[]]) => T;
  readonly bytes: (count: number) => Uint8Array<ArrayBuffer>;
}

/** FNV-1a over the purpose, so that one seed gives each part of the world numbers of its own. */
const mixed = (seed: number, purpose: string): number => {
  let state = 0x811c9dc5 ^ seed;
  for (const character of purpose) state = Math.imul(state ^ (character.codePointAt(0) ?? 0), 0x01000193);
  return state >>> 0;
};

/** Mulberry32: 32 bits of state are enough to pick among schedules, and are nobody's secret. */
export const createChance = (seed: number, purpose: string): Chance => {
  let state = mixed(seed, purpose);
  const fraction = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let value = Math.imul(state ^ (state >>> 15), state | 1);
    value ^= value + Math.imul(value ^ (value >>> 7), value | 61);
    return ((value ^ (value >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (count: number): number => Math.floor(fraction() * count);
  return {
    below,
    between: (low, high) => low + below(high - low + 1),
    happens: (probability) => fraction() < probability,
    // Null is as good as any other.
    pick: <T>(list: readonly [T, ...T[]]) => list[below(list.length)] as T,
    bytes: (count) => Uint8Array.from({ length: count }, () => below(256)),
  };
};

interface Event {
  readonly what: string;
  readonly dueMs: number;
  readonly life: number;
  readonly run: () => void;
}

/** What a part of the world may ask of time. */
export interface Life {
  readonly clock: Clock;
  /** Something that happens `delayMs` from now, or a little later; the returned function prevents it. */
  readonly later: (what: string, delayMs: number, run: () => void) => () => void;
  readonly pause: (what: string, delayMs: number) => Promise<void>;
  /** How many timers of its clock are set. */
  readonly timers: () => number;
  readonly end: () => void;
}

export interface Schedule {
  readonly begin: () => Life;
  /** Lets one event happen and everything come to rest; false when none is left. */
  readonly step: () => Promise<boolean>;
  readonly nowMs: () => number;
  readonly stepCount: () => number;
}

/** Events this close to each other may happen in any order, the later one first included. */
const jitterMs = 3;

const timer = 'timer';

const atRest = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

export const createSchedule = (chance: Chance, startWallMs: number, told: (line: string) => void): Schedule => {
  let events: Event[] = [];
  let nowMs = 0;
  let stepCount = 0;
  let lives = 0;
  /** Whether a life began since the last event, so that more is set in motion than the queue knows. */
  let begun = false;
  /** Wall time may step; nothing but records may notice. */
  let wallOffsetMs = startWallMs;

  const begin = (): Life => {
    const life = ++lives;
    begun = true;
    let ended = false;
    const later: Life['later'] = (what, delayMs, run) => {
      if (ended) return () => undefined;
      const event: Event = { what, dueMs: nowMs + Math.max(0, delayMs), life, run };
      events.push(event);
      return () => {
        events = events.filter((other) => other !== event);
      };
    };
    return {
      later,
      clock: {
        wallMs: () => wallOffsetMs + Math.floor(nowMs),
        monotonicMs: () => nowMs,
        // A busy process runs its timers late.
        after: (delayMs, run) => later(timer, delayMs + (chance.happens(0.3) ? chance.below(2_500) : 0), run),
      },
      timers: () => events.filter((event) => event.life === life && event.what === timer).length,
      pause: (what, delayMs) => new Promise((resolve) => void later(what, delayMs, resolve)),
      end: () => {
        ended = true;
        events = events.filter((event) => event.life !== life);
      },
    };
  };

  const next = (): Event | undefined => {
    let soonest = Infinity;
    for (const { dueMs } of events) soonest = Math.min(soonest, dueMs);
    const near = events.filter(({ dueMs }) => dueMs <= soonest + jitterMs);
    return near[chance.below(near.length)];
  };

  return {
    begin,
    step: async () => {
      // What was set in motion from outside of an event may only now say what it waits for.
      if (events.length === 0 || begun) await atRest();
      begun = false;
      const event = next();
      if (event === undefined) return false;
      events.splice(events.indexOf(event), 1);
      nowMs = Math.max(nowMs, event.dueMs);
      stepCount += 1;
      if (chance.happens(0.001)) wallOffsetMs += chance.between(-5_000, 3_600_000);
      told(`${String(nowMs).padStart(7)} ms  ${event.what}`);
      event.run();
      await atRest();
      return true;
    },
    nowMs: () => nowMs,
    stepCount: () => stepCount,
  };
};
