// Keeps an invocation's lease alive for as long as the agent runs: one heartbeat at a time, at the pace that the envelope asked for. A proof of the
// invoker takes as long as its source does, and runs beside the heartbeats, one at a time, too.
// That the invocation ended is told once and is final. An envelope that does not answer is told once per silence; it may come back within the lease,
// and after that the invocation is lost.

import type { ControlClient, OpenedInvocation } from '../client/client.ts';

export interface Lease {
  /** A heartbeat now, out of turn. */
  readonly beat: () => void;
  readonly stop: () => void;
}

export interface LeaseEvents {
  /** `lost`: nobody answered for as long as a lease lasts. */
  readonly onEnded: (because: 'ended' | 'lost') => void;
  readonly onSilence: (problem: string) => void;
  /** The invoker could not be proved again: unless that is mended soon, the envelope ends the invocation. */
  readonly onUnproved: (problem: string) => void;
}

export const keepLease = (
  client: ControlClient,
  opened: OpenedInvocation,
  { onEnded, onSilence, onUnproved }: LeaseEvents,
  monotonicMs: () => number,
): Lease => {
  let underWay = false;
  let silent = false;
  let stopped = false;
  let proving = false;
  let unproved = false;
  const prove = async (): Promise<void> => {
    if (proving || stopped) return;
    proving = true;
    const answer = await client.prove(opened);
    proving = false;
    if (answer === 'proved') unproved = false;
    else if (!unproved && !stopped) {
      unproved = true;
      onUnproved(answer.problem);
    }
  };
  let heardMs = monotonicMs();
  /** Longer than a lease without an answer: whatever comes back will not renew this one. */
  const isOver = (): boolean => monotonicMs() - heardMs > opened.leaseSeconds * 1_000;
  const beatOnce = async (): Promise<void> => {
    underWay = true;
    const answer = await client.heartbeat(opened);
    if (answer === 'prove') void prove();
    underWay = false;
    if (stopped) return;
    if (answer === 'ended') {
      stop();
      onEnded('ended');
    } else if (answer === 'alive' || answer === 'prove') {
      silent = false;
      heardMs = monotonicMs();
    } else if (isOver()) {
      stop();
      onEnded('lost');
    } else if (!silent) {
      silent = true;
      onSilence(answer.problem);
    }
  };
  const beat = (): void => {
    if (!underWay && !stopped) void beatOnce();
  };
  const timer = setInterval(beat, opened.heartbeatSeconds * 1_000);
  const stop = (): void => {
    stopped = true;
    clearInterval(timer);
  };
  return { beat, stop };
};
