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
  /** Memory for bodies, shared by all crossings. */
  readonly bodies: { readonly reserve: (bytes: number) => boolean; readonly release: (bytes: number) => void };
}

export const createAdmit =
  ({ clock, lives, responseSecondsMax, bodies }: AdmissionParts): ((decided: Decided) => Admission | Denial) =>
  ({ crossing, invocation }) => {
    // A tool call inside a long answer may come to be judged after its invocation has ended.
    if (!lives(invocation)) return { denial: 'unidentified', problem: 'lease_ended' };
    const seconds = responseSecondsMax(invocation.role);
    const deadlineMs = seconds === null ? null : crossing.acceptedMs + seconds * 1_000;
    if (seconds !== null && deadlineMs !== null && clock.monotonicMs() >= deadlineMs) return { denial: 'deadline_exceeded', seconds };
    let heldBytes = 0;
    return {
      deadlineMs,
      deadlineSeconds: seconds,
      hold: (bytes) => {
        const granted = bodies.reserve(bytes);
        if (granted) heldBytes += bytes;
        return granted;
      },
      release: () => bodies.release(heldBytes),
    };
  };
