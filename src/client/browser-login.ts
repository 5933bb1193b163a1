// Signing in with the browser of this machine: authorization code with PKCE (RFC 7636), over a loopback redirect.
// Contract: a code is used only with the state, the issuer (RFC 9207) and the nonce that this login began with. Failures are data.

import * as oauth from 'oauth4webapi';
import type { Clock, Random } from '../core/clock.ts';
import {
  audienceParameters,
  failureOf,
  isBrowsable,
  loginFrom,
  noClientSecret,
  unusable,
  type Issuer,
  type IssuerFailure,
} from './issuer.ts';
import { openRedirect } from './loopback-redirect.ts';
import type { SavedLogin } from './saved-login.ts';

export interface BrowserSurroundings {
  readonly clock: Clock;
  readonly random: Random;
  readonly signal: AbortSignal;
  /** Ask for the issuer's consent page, without which some give no refresh token (OpenID Connect Core section 11). */
  readonly consent: boolean;
  /** Told where to sign in; `startUrl` leads there, too, once, and is for whoever opens the browser. */
  readonly show: (url: string, startUrl: string) => void;
}

const urlOf = (endpoint: string, parameters: Readonly<Record<string, string>>, more: URLSearchParams): string => {
  const url = new URL(endpoint);
  for (const [name, value] of [...Object.entries(parameters), ...more]) url.searchParams.set(name, value);
  return url.href;
};

export const signInByBrowser = async (issuer: Issuer, surroundings: BrowserSurroundings): Promise<SavedLogin | IssuerFailure> => {
  const { server, client, options, plan } = issuer;
  const endpoint = server.authorization_endpoint;
  if (!isBrowsable(endpoint, plan)) return unusable(plan.issuerUrl, 'it names no page to sign in on');
  const [state, nonce, verifier] = [oauth.generateRandomState(), oauth.generateRandomNonce(), oauth.generateRandomCodeVerifier()];
  const challenge = await oauth.calculatePKCECodeChallenge(verifier);
  const redirect = await openRedirect({
    ...surroundings,
    state,
    authorizationUrl: (redirectUri) =>
      urlOf(
        endpoint,
        {
          response_type: 'code',
          client_id: plan.clientId,
          redirect_uri: redirectUri,
          scope: plan.scopes.join(' '),
          state,
          nonce,
          code_challenge: challenge,
          code_challenge_method: 'S256',
          ...(surroundings.consent ? { prompt: 'consent' } : {}),
        },
        audienceParameters(plan),
      ),
  });
  try {
    surroundings.show(redirect.authorizationUrl, redirect.startUrl);
    const arrival = await redirect.arrival;
    if ('problem' in arrival) return { failure: 'interrupted', code: null, problem: `${arrival.problem}.` };
    const parameters = oauth.validateAuthResponse(server, client, arrival, state);
    const additionalParameters = audienceParameters(plan);
    const answer = await oauth.authorizationCodeGrantRequest(server, client, noClientSecret, parameters, redirect.redirectUri, verifier, {
      ...options,
      additionalParameters,
    });
    const expected = plan.scopes.includes('openid') ? { expectedNonce: nonce, requireIdToken: true } : {};
    const tokens = await oauth.processAuthorizationCodeResponse(server, client, answer, expected);
    return loginFrom(issuer, tokens, null, surroundings.clock.wallMs());
  } catch (error) {
    return failureOf(plan.issuerUrl, error);
  } finally {
    redirect.close();
  }
};
