// Repeats a call inside `forward` for clients that would repeat it themselves many times over: the same bytes, a few times, with growing waits.
// Only what may pass is repeated, never what the upstream asks not to repeat, nor when it asks for a long wait. Each attempt is counted.

import { unlessAborted } from '../core/abort.ts';
import type { Clock, Random } from '../core/clock.ts';
import type { UpstreamAnswer, UpstreamFailure, UpstreamRequest } from '../core/endpoint.ts';
import { limits } from '../core/limits.ts';

export interface Retrying {
  readonly clock: Clock;
  readonly random: Random;
}

/** Statuses after which the same call may succeed (RFC 9110, section 15; 529 is Anthropic's for an overloaded model). */
const transient: ReadonlySet<number> = new Set([408, 429, 500, 502, 503, 504, 529]);
const transientFailures: ReadonlySet<UpstreamFailure['failure']> = new Set(['unreachable', 'reset']);

type Attempt = UpstreamAnswer | UpstreamFailure;

/** `absorbs` says for which statuses this client must not be left to repeat the call by itself. Rejects never. */
export const sendAgain = async (
  send: (request: UpstreamRequest) => Promise<Attempt>,
  request: UpstreamRequest,
  absorbs: (status: number) => boolean,
  { clock, random }: Retrying,
): Promise<Attempt> => {
  let attempts = 0;
  for (let round = 1; ; round += 1) {
    const answer = await send(request);
    attempts += answer.attempts;
    const waitMs = round < limits.upstreamAttemptsCount ? waitBefore(answer, round, absorbs, { clock, random }) : null;
    if (waitMs === null || request.cancel.aborted) return answer.attempts === attempts ? answer : { ...answer, attempts };
    if ('status' in answer) answer.discard();
    const waited = Promise.withResolvers<void>();
    const stopTimer = clock.after(waitMs, waited.resolve);
    await unlessAborted(waited.promise, request.cancel).catch(() => undefined);
    stopTimer();
    if (request.cancel.aborted) return { failure: 'cancelled', reason: 'The call was cancelled before it was repeated.', attempts };
  }
};

/** Milliseconds to wait before another attempt; null when there is none. */
const waitBefore = (answer: Attempt, round: number, absorbs: (status: number) => boolean, parts: Retrying): number | null => {
  const usually = (): number => limits.retryDelayMs * 2 ** (round - 1) * (0.75 + (parts.random.bytes(1)[0] ?? 0) / 512);
  if ('failure' in answer) return transientFailures.has(answer.failure) && absorbs(BAD_GATEWAY) ? usually() : null;
  if (!transient.has(answer.status) || !absorbs(answer.status) || answer.headers['x-should-retry'] === 'false') return null;
  const askedMs = retryAfterMs(answer.headers, parts.clock);
  if (askedMs === null) return usually();
  return askedMs <= limits.retryAfterMs ? Math.max(askedMs, usually()) : null;
};

const BAD_GATEWAY = 502;

/** What the upstream asks to wait: `retry-after-ms`, or `Retry-After` as seconds or a date (RFC 9110, section 10.2.3). */
const retryAfterMs = (headers: Readonly<Record<string, string>>, clock: Clock): number | null => {
  const milliseconds = headers['retry-after-ms'];
  if (milliseconds !== undefined && /^\d{1,9}(\.\d{1,9})?$/.test(milliseconds)) return Number(milliseconds);
  const asked = headers['retry-after'];
  if (asked === undefined) return null;
  if (/^\d{1,9}(\.\d{1,9})?$/.test(asked)) return Number(asked) * 1_000;
  const at = Date.parse(asked);
  return Number.isNaN(at) ? null : Math.max(0, at - clock.wallMs());
};
