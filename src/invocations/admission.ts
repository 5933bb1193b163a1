// The admit stage: whether anything stops the crossing, whether the invocation still lives, and how long the crossing may take.
// What is reserved is given back when the crossing ends, however it ends.

import type { Clock } from '../core/clock.ts';
import type { Denial } from '../core/denial.ts';
import type { FairShare } from '../core/fair-share.ts';
import { createFairShare } from '../core/fair-share.ts';
import type { Invocation } from '../core/principal.ts';
import { label } from '../core/identifier.ts';
import { limits } from '../core/limits.ts';
import type { Admission, Decided } from '../core/stages.ts';
import type { Stoppable } from '../core/stop.ts';
import type { UnderWay } from './under-way.ts';

export interface AdmissionParts {
  readonly clock: Clock;
  readonly lives: (invocation: Invocation) => boolean;
  readonly stopped: (what: Stoppable) => Denial | null;
  readonly underWay: Pick<UnderWay, 'enter'>;
  /** `max_response_time_seconds` of a role; null without one. */
  readonly responseSecondsMax: (role: string) => number | null;
  readonly shares: Shares;
}

/** What all invocations have together, and each a share of. */
export interface Shares {
  /** Bytes of what is asked and answered; of what is asked the server takes them when it begins to read. */
  readonly bodies: FairShare;
  /** Connections to the network that are under way. */
  readonly tunnels: FairShare;
}

export const createShares = (): Shares => ({
  bodies: createFairShare(limits.bodiesInFlightBytes),
  tunnels: createFairShare(limits.tunnelsUnderWayCount),
});

export const createAdmit =
  ({ clock, lives, stopped, underWay, responseSecondsMax, shares }: AdmissionParts): ((decided: Decided) => Admission | Denial) =>
  (decided) => {
    const { crossing, invocation } = decided;
    const what = stoppable(decided);
    const stop = stopped(what);
    if (stop !== null) return stop;
    // A tool call inside a long answer may come to be judged after its invocation has ended.
    if (!lives(invocation)) return { denial: 'unidentified', problem: 'lease_ended' };
    const seconds = responseSecondsMax(invocation.role);
    const deadlineMs = seconds === null ? null : crossing.acceptedMs + seconds * 1_000;
    if (seconds !== null && deadlineMs !== null && clock.monotonicMs() >= deadlineMs) return { denial: 'deadline_exceeded', seconds };
    const isTunnel = crossing.call.action === 'network_connection';
    const against = isTunnel ? shares.tunnels.take(invocation.id, 1) : null;
    if (against !== null) return { denial: 'overloaded', limit: 'tunnels', against };
    let heldBytes = 0;
    const { whenCutOff, leave } = underWay.enter(what);
    return {
      deadlineMs,
      deadlineSeconds: seconds,
      hold: (bytes) => {
        const granted = shares.bodies.take(invocation.id, bytes, 'ending') === null;
        if (granted) heldBytes += bytes;
        return granted;
      },
      whenCutOff,
      release: () => {
        leave();
        shares.bodies.give(invocation.id, heldBytes);
        if (isTunnel) shares.tunnels.give(invocation.id, 1);
      },
    };
  };

/** What of a crossing a stop can name. A tool that the provider runs is stopped with the request that offers it. */
const stoppable = ({ crossing: { call }, invocation, reading, judgement }: Decided): Stoppable => ({
  invocationId: invocation.id,
  agentId: invocation.agent.id,
  role: invocation.role,
  userId: invocation.invoker.userId,
  actors: invocation.actors ?? [],
  model: judgement.candidate?.pin ?? null,
  tools:
    call.action === 'tool_call' ? [call.tool] : (reading?.toolsOffered ?? []).flatMap((tool) => (tool.hosted ? [label(tool.name)] : [])),
});
