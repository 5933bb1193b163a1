// One signal for everything that ends a crossing early: the client went away, or the time that the role may take has passed.
// Disposing it stops the timer; the reason of an abort is kept for the outcome.

import type { Clock } from '../core/clock.ts';

export interface Deadline extends Disposable {
  readonly signal: AbortSignal;
  /** Resolves when the signal aborts. */
  readonly over: Promise<void>;
  readonly passed: () => boolean;
  /** Ends the crossing for a reason of the gate's own. */
  readonly cancel: () => void;
}

/** `deadlineMs` is monotonic; null never passes. */
export const watchDeadline = (clock: Clock, clientGone: AbortSignal, deadlineMs: number | null): Deadline => {
  const ending = new AbortController();
  const over = Promise.withResolvers<void>();
  let passed = false;
  const leave = (): void => {
    ending.abort();
    over.resolve();
  };
  const pass = (): void => {
    passed = true;
    leave();
  };
  if (clientGone.aborted) leave();
  else clientGone.addEventListener('abort', leave, { once: true });
  const leftMs = deadlineMs === null ? null : deadlineMs - clock.monotonicMs();
  if (leftMs !== null && leftMs <= 0) pass();
  const stopTimer = leftMs === null || leftMs <= 0 ? () => undefined : clock.after(leftMs, pass);
  return {
    signal: ending.signal,
    over: over.promise,
    passed: () => passed,
    cancel: leave,
    [Symbol.dispose]: () => {
      stopTimer();
      clientGone.removeEventListener('abort', leave);
    },
  };
};
