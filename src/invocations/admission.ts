// The admit stage: whether the invocation still lives, and how long the crossing may take.
// What is reserved is given back when the crossing ends, however it ends.

import type { Clock } from '../core/clock.ts';
import type { Denial } from '../core/denial.ts';
import type { Invocation } from '../core/principal.ts';
import type { Admission, Decided } from '../core/stages.ts';

export interface AdmissionParts {
  readonly clock: Clock;
  readonly lives: (invocation: Invocation) => boolean;
  /** `max_response_time_seconds` of a role; null without one. */
  readonly responseSecondsMax: (role: string) => number | null;
}

export const createAdmit =
  ({ clock, lives, responseSecondsMax }: AdmissionParts): ((decided: Decided) => Admission | Denial) =>
  ({ crossing, invocation }) => {
    // A tool call inside a long answer may come to be judged after its invocation has ended.
    if (!lives(invocation)) return { denial: 'unidentified', problem: 'lease_ended' };
    const seconds = responseSecondsMax(invocation.role);
    if (seconds === null) return { deadlineMs: null, deadlineSeconds: null, release: () => undefined };
    const deadlineMs = crossing.acceptedMs + seconds * 1_000;
    if (clock.monotonicMs() >= deadlineMs) return { denial: 'deadline_exceeded', seconds };
    return { deadlineMs, deadlineSeconds: seconds, release: () => undefined };
  };
