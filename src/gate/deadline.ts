// One signal for everything that ends a crossing early: the client went away, the time that the role may take has passed,
// or it was cut off: stopped by a person, or its invocation has ended. Disposing it stops timer and listening; the reason of an abort is kept.

import type { Clock } from '../core/clock.ts';
import type { Denial } from '../core/denial.ts';
import type { Admission } from '../core/stages.ts';

export interface Deadline extends Disposable {
  readonly signal: AbortSignal;
  /** Resolves when the signal aborts. */
  readonly over: Promise<void>;
  /** Why the envelope ended the crossing; null where it did not. */
  readonly denial: () => Denial | null;
  /** Ends the crossing for a reason of the gate's own. */
  readonly cancel: () => void;
}

type Watched = Pick<Admission, 'deadlineMs' | 'deadlineSeconds' | 'whenCutOff'>;

export const watchDeadline = (clock: Clock, clientGone: AbortSignal, { deadlineMs, deadlineSeconds, whenCutOff }: Watched): Deadline => {
  const ending = new AbortController();
  const over = Promise.withResolvers<void>();
  let denial: Denial | null = null;
  const leave = (): void => {
    // The client's own where it has gone: a reason is an error with a stack, and most tunnels end so.
    ending.abort(clientGone.reason);
    over.resolve();
  };
  const deny = (why: Denial): void => {
    // What has ended already keeps the reason that it ended for.
    if (!ending.signal.aborted) denial = why;
    leave();
  };
  if (clientGone.aborted) leave();
  else clientGone.addEventListener('abort', leave, { once: true });
  const pass = (): void => deny({ denial: 'deadline_exceeded', seconds: deadlineSeconds ?? 0 });
  const leftMs = deadlineMs === null ? null : deadlineMs - clock.monotonicMs();
  if (leftMs !== null && leftMs <= 0) pass();
  const stopTimer = leftMs === null || leftMs <= 0 ? () => undefined : clock.after(leftMs, pass);
  const stopListening = whenCutOff(deny);
  return {
    signal: ending.signal,
    over: over.promise,
    denial: () => denial,
    cancel: leave,
    [Symbol.dispose]: () => {
      stopTimer();
      stopListening();
      clientGone.removeEventListener('abort', leave);
    },
  };
};
