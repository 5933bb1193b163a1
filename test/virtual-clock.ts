// A clock that only moves when a test moves it. Timers fire in the order of their time.
// Beside it bytes that look random and repeat from run to run.

import type { Clock, Random } from '../src/core/clock.ts';

export interface VirtualClock extends Clock {
  /** Lets time pass and fires what falls due. */
  readonly advance: (ms: number) => void;
}

export const createVirtualClock = (startWallMs = Date.UTC(2026, 0, 15)): VirtualClock => {
  let nowMs = 0;
  let timers: { readonly dueMs: number; readonly run: () => void }[] = [];
  return {
    wallMs: () => startWallMs + nowMs,
    monotonicMs: () => nowMs,
    after: (delayMs, run) => {
      const timer = { dueMs: nowMs + delayMs, run };
      timers.push(timer);
      return () => {
        timers = timers.filter((other) => other !== timer);
      };
    },
    advance: (ms) => {
      const untilMs = nowMs + ms;
      for (;;) {
        const [next] = timers.filter(({ dueMs }) => dueMs <= untilMs).toSorted((a, b) => a.dueMs - b.dueMs);
        if (next === undefined) break;
        timers = timers.filter((timer) => timer !== next);
        nowMs = Math.max(nowMs, next.dueMs);
        next.run();
      }
      nowMs = untilMs;
    },
  };
};

/** A clock of a process that stands still: time passes, then the timers that have become due fire, all of them late. */
export interface HaltingClock extends Clock {
  readonly standStill: (ms: number) => void;
}

export const createHaltingClock = (): HaltingClock => {
  let nowMs = 0;
  let timers: { readonly dueMs: number; readonly run: () => void }[] = [];
  return {
    wallMs: () => nowMs,
    monotonicMs: () => nowMs,
    after: (delayMs, run) => {
      const timer = { dueMs: nowMs + delayMs, run };
      timers.push(timer);
      return () => void (timers = timers.filter((other) => other !== timer));
    },
    standStill: (ms) => {
      nowMs += ms;
      const due = timers.filter(({ dueMs }) => dueMs <= nowMs);
      timers = timers.filter(({ dueMs }) => dueMs > nowMs);
      for (const { run } of due) run();
    },
  };
};

/** Bytes that differ from call to call and repeat from run to run. */
export const createCountingRandom = (): Random => {
  let count = 0;
  return {
    bytes: (length) => {
      count += 1;
      return Uint8Array.from({ length }, (_, index) => (count * 31 + index * 7) & 0xff);
    },
  };
};
