// Remembers the `jti` of what may be used once, until it would have expired. In memory: a restart forgets.
// Bounded for each issuer and client, so that one that signs without end shuts out nobody else; at its bound nothing more of it is taken until
// something expires.

import { limits } from '../core/limits.ts';

/** `full` where there is no room to remember another. */
export type FirstUse = (issuer: string, id: string, untilMs: number, nowMs: number) => 'first' | 'again' | 'full';

/** A sweep looks at all, so that it is not done for each. */
const sweepEveryMs = 1_000;

export const createSingleUse = (): FirstUse => {
  const usedBy = new Map<string, Map<string, number>>();
  let sweptAtMs = Number.NEGATIVE_INFINITY;
  const sweep = (nowMs: number): void => {
    if (Math.abs(nowMs - sweptAtMs) < sweepEveryMs) return;
    sweptAtMs = nowMs;
    for (const used of usedBy.values()) for (const [id, untilMs] of used) if (untilMs <= nowMs) used.delete(id);
  };
  return (issuer, id, untilMs, nowMs) => {
    sweep(nowMs);
    const used = usedBy.get(issuer) ?? new Map<string, number>();
    usedBy.set(issuer, used);
    if (used.has(id)) return 'again';
    if (used.size >= limits.assertionsRememberedCount) return 'full';
    used.set(id, untilMs);
    return 'first';
  };
};
