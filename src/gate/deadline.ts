// One signal for everything that ends a crossing early: the client went away, or the time that the role may take has passed.
// Disposing it stops the timer; the reason of an abort is kept for the outcome.

import type { Clock } from '../core/clock.ts';

export interface Deadline extends Disposable {
  readonly signal: AbortSignal;
  readonly passed: () => boolean;
  /** Ends the crossing for a reason of the gate's own. */
  readonly cancel: () => void;
}

/** `deadlineMs` is monotonic; null never passes. */
export const watchDeadline = (clock: Clock, clientGone: AbortSignal, deadlineMs: number | null): Deadline => {
  const ending = new AbortController();
  let passed = false;
  const leave = (): void => ending.abort();
  if (clientGone.aborted) leave();
  else clientGone.addEventListener('abort', leave, { once: true });
  const stopTimer =
    deadlineMs === null
      ? () => undefined
      : clock.after(Math.max(0, deadlineMs - clock.monotonicMs()), () => {
          passed = true;
          ending.abort();
        });
  return {
    signal: ending.signal,
    passed: () => passed,
    cancel: leave,
    [Symbol.dispose]: () => {
      stopTimer();
      clientGone.removeEventListener('abort', leave);
    },
  };
};
