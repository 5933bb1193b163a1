// Remembers the `jti` of what may be used once, until it would have expired. In memory: a restart forgets.
// Bounded; when the bound is reached nothing more is taken until something expires.

import { limits } from '../core/limits.ts';

/** `full` where there is no room to remember another. */
export type FirstUse = (issuer: string, id: string, untilMs: number, nowMs: number) => 'first' | 'again' | 'full';

/** A sweep looks at all, so that it is not done for each. */
const sweepEveryMs = 1_000;

export const createSingleUse = (): FirstUse => {
  const used = new Map<string, number>();
  let sweptAtMs = Number.NEGATIVE_INFINITY;
  const sweep = (nowMs: number): void => {
    if (Math.abs(nowMs - sweptAtMs) < sweepEveryMs) return;
    sweptAtMs = nowMs;
    for (const [key, untilMs] of used) if (untilMs <= nowMs) used.delete(key);
  };
  return (issuer, id, untilMs, nowMs) => {
    sweep(nowMs);
    const key = JSON.stringify([issuer, id]);
    if (used.has(key)) return 'again';
    if (used.size >= limits.assertionsRememberedCount) return 'full';
    used.set(key, untilMs);
    return 'first';
  };
};
