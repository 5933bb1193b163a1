// What must hold of every model request in the moment in which it leaves: permitted, recorded as it is, to where it may go, and not more often than it may.
// Contract: as `invariants.ts`, whose rules these are.

import { limits } from '../../src/core/limits.ts';
import type { Authority, Run } from './authority.ts';
import type { Members } from './dialect.ts';
import type { DurableRecord, Violated } from './evidence.ts';
import { permits } from './evidence.ts';
import type { RecordWatch } from './record-watch.ts';
import type { UpstreamCall } from './upstream.ts';
import { permitted, pinOf, pins, secondsOf, servesAt, upstreamSecret } from './world.ts';

export interface SentView {
  readonly acceptedMs: number;
  readonly run: Run | null;
  readonly gone: AbortSignal;
  /** Every sending so far, this one included. */
  readonly calls: UpstreamCall[];
  /** When each of them left. */
  readonly sentMs: number[];
}

export interface Sending {
  readonly number: number;
  readonly decision: DurableRecord | undefined;
  /** Keyed digest of the body. */
  readonly keyed: string;
}

export interface SendingParts {
  readonly authority: Authority;
  readonly records: RecordWatch;
  readonly violated: Violated;
  readonly count: (what: string) => void;
  readonly nowMs: () => number;
}

/** How every picture of a run begins, in base64. */
const pictureMark = Buffer.from('picture ').toString('base64').slice(0, 10);

/** The place in the world to which a call went. */
const placeOf = ({ outbound }: UpstreamCall): string => outbound.origin.hostname.replace('.test', '');

export const createSendingRules = ({ authority, records, violated, count, nowMs }: SendingParts) => {
  /** What is sent again is sent so often at most, and after a wait that grows, or as long as was asked for. */
  const lookAtRepeated = ({ calls, sentMs }: SentView, number: number): void => {
    sentMs.push(nowMs());
    const [before, now] = sentMs.slice(-2);
    if (now === undefined || before === undefined) return;
    count('sent again');
    if (calls.at(-2)?.isFinal === true) violated('only what may pass is sent again', `call ${number}`);
    const leastMs = Math.max(calls.at(-2)?.asksToWaitMs ?? 0, 0.75 * limits.retryDelayMs * 2 ** (calls.length - 2));
    if (now - before < leastMs) violated('what is sent again waits first', `call ${number} after ${now - before} of ${leastMs} ms`);
    if (calls.length > limits.upstreamAttemptsCount) violated('a call is sent so often at most', `call ${number}: ${calls.length} times`);
  };

  const lookAtDecision = ({ number, decision, keyed }: Sending, call: UpstreamCall): void => {
    const { model } = call;
    if (decision === undefined || !permits(decision)) return violated('no upstream byte without a durable intent', `call ${number}`);
    const { body } = decision;
    if (body['masked'] !== undefined) count('left out');
    if (body['request_digest'] !== keyed) violated('the intent names the digest of what was sent', `call ${number}`);
    if ((body['endpoint'] as Members)['id'] !== placeOf(call)) violated('the intent names the place that is asked', `call ${number}`);
    if (body['model_version'] !== model) violated('the intent names the model that is asked', `call ${number}, ${model}`);
    if (pinOf[String(body['model_asked'])] !== model) violated('a call reaches the model that it names', `call ${number}, ${model}`);
  };

  return (view: SentView, call: UpstreamCall, sending: Sending): void => {
    const { outbound, model } = call;
    const { run, gone, calls, acceptedMs } = view;
    const { number } = sending;
    const role = run?.role ?? '';
    const seconds = secondsOf(role);
    // No timer is needed to see that there is no time left.
    if (seconds !== null && calls.length === 1 && nowMs() >= acceptedMs + seconds * 1_000)
      violated('what is late is not begun', `call ${number} goes upstream`);
    lookAtRepeated(view, number);
    lookAtDecision(sending, call);
    // What was permitted before may be repeated, and its end is told.
    if (records.isSealed() && calls.length === 1) violated('nothing crosses after a failed sync', `call ${number} went upstream`);
    if (!permitted(role, { model })) violated('a forbidden model is never called', `call ${number}`);
    if (!pins.includes(model)) violated('a model is asked for by its pin', `call ${number}, ${model}`);
    if (!servesAt(placeOf(call), call.dialect.format, model)) violated('a model is asked for where it runs', `call ${number}, ${model}`);
    if (Buffer.from(outbound.body).includes(pictureMark) && !permitted(role, { picturesTo: model }))
      violated('what may not be sent is not sent', `call ${number} shows a picture`);
    if (run !== null && (authority.isOver(run) || authority.isStopped(run, { model })))
      violated('what is stopped or has ended sends nothing', `call ${number}`);
    if (gone.aborted) violated('nothing is sent for a client that has left', `call ${number}`);
    const shown = JSON.stringify([outbound.headers, outbound.path]);
    if (/sw_[A-Za-z0-9_-]{43}/.test(shown)) violated("the caller's credential is never forwarded", `call ${number}`);
    if (!shown.includes(upstreamSecret)) violated('a provider is shown the key that is kept for it', `call ${number}`);
  };
};
