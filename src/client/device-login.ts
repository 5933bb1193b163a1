// Signing in on another device (RFC 8628): this machine shows a code, and asks the issuer until somebody entered it there.
// Contract: asks no faster than the issuer wants, and no longer than the code lives. Failures are data.

import * as oauth from 'oauth4webapi';
import type { Clock } from '../core/clock.ts';
import { limits } from '../core/limits.ts';
import {
  audienceParameters,
  failureOf,
  isBrowsable,
  isIssuerFailure,
  loginFrom,
  noClientSecret,
  unusable,
  type Issuer,
  type IssuerFailure,
} from './issuer.ts';
import type { SavedLogin } from './saved-login.ts';

export interface ShownCode {
  readonly userCode: string;
  readonly url: string;
  /** The same with the code in it, where the issuer has such a page. */
  readonly urlWithCode: string | null;
  readonly expiresInMs: number;
}

export interface DeviceSurroundings {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly show: (code: ShownCode) => void;
}

/** RFC 8628 section 3.5: what applies where the issuer says nothing, and what `slow_down` adds. */
const intervalSeconds = 5;
const slowerMs = 5_000;

const pause = (clock: Clock, ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) return resolve();
    let cancel = (): void => undefined;
    const end = (): void => {
      cancel();
      signal.removeEventListener('abort', end);
      resolve();
    };
    signal.addEventListener('abort', end);
    cancel = clock.after(ms, end);
  });

const begin = async ({ server, client, options, plan }: Issuer): Promise<oauth.DeviceAuthorizationResponse | IssuerFailure> => {
  if (server.device_authorization_endpoint === undefined) return unusable(plan.issuerUrl, 'it offers no sign-in on another device');
  try {
    const parameters = audienceParameters(plan);
    parameters.set('scope', plan.scopes.join(' '));
    const answer = await oauth.deviceAuthorizationRequest(server, client, noClientSecret, parameters, options);
    return await oauth.processDeviceAuthorizationResponse(server, client, answer);
  } catch (error) {
    return failureOf(plan.issuerUrl, error);
  }
};

const askOnce = async (issuer: Issuer, deviceCode: string, nowMs: number): Promise<SavedLogin | IssuerFailure> => {
  const { server, client, options, plan } = issuer;
  try {
    const additionalParameters = audienceParameters(plan);
    const answer = await oauth.deviceCodeGrantRequest(server, client, noClientSecret, deviceCode, { ...options, additionalParameters });
    return loginFrom(issuer, await oauth.processDeviceCodeResponse(server, client, answer), null, nowMs);
  } catch (error) {
    return failureOf(plan.issuerUrl, error);
  }
};

/** How long to wait before asking again; null when there is no use in it. */
const nextPauseMs = ({ failure, code }: IssuerFailure, pauseMs: number): number | null => {
  if (code === 'authorization_pending') return pauseMs;
  if (code === 'slow_down') return Math.min(pauseMs + slowerMs, limits.devicePollMs);
  return failure === 'unreachable' ? Math.min(pauseMs * 2, limits.devicePollMs) : null;
};

/** Printable ASCII, so that what the issuer chose cannot rewrite a terminal. */
const isPlain = (text: string): boolean => /^[\x20-\x7e]{1,512}$/.test(text);

export const signInByDevice = async (issuer: Issuer, { clock, signal, show }: DeviceSurroundings): Promise<SavedLogin | IssuerFailure> => {
  const { plan } = issuer;
  const begun = await begin(issuer);
  if (isIssuerFailure(begun)) return begun;
  const { user_code: userCode, verification_uri: url, verification_uri_complete: complete = '', device_code: deviceCode } = begun;
  if (!isPlain(userCode) || !isBrowsable(url, plan) || !isPlain(url)) return unusable(plan.issuerUrl, 'its code or page cannot be shown');
  const expiresInMs = Math.min(begun.expires_in * 1_000, limits.deviceCodeMs);
  show({ userCode, url, urlWithCode: isBrowsable(complete, plan) && isPlain(complete) ? complete : null, expiresInMs });
  const untilMs = clock.monotonicMs() + expiresInMs;
  let pauseMs = Math.min((begun.interval ?? intervalSeconds) * 1_000, limits.devicePollMs);
  let last: SavedLogin | IssuerFailure | null = null;
  while (clock.monotonicMs() + pauseMs < untilMs) {
    await pause(clock, pauseMs, signal);
    if (signal.aborted) return { failure: 'interrupted', code: null, problem: 'Signing in was interrupted.' };
    last = await askOnce(issuer, deviceCode, clock.wallMs());
    const nextMs = isIssuerFailure(last) ? nextPauseMs(last, pauseMs) : null;
    if (nextMs === null) return last;
    pauseMs = nextMs;
  }
  if (last !== null && isIssuerFailure(last) && last.failure === 'unreachable') return last;
  return { failure: 'interrupted', code: 'expired_token', problem: `The code ${userCode} was not entered in time.` };
};
