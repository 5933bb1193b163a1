// An issuer as a client that signs a person in sees it: found by discovery, asked for tokens, and what it answers judged before it is kept.
// Contract: failures are data. `refused` is the issuer's own word, `unusable` an answer that cannot be taken, `unreachable` none at all,
// `interrupted` a person who did not go through with it.
// Sentences hold the issuer's error code, never its tokens.

import * as oauth from 'oauth4webapi';
import { readFile } from 'node:fs/promises';
import { limits } from '../core/limits.ts';
import { createSend, isLoopback, IssuerProblem, type Way } from './issuer-http.ts';
import type { LoginPlan, SavedLogin } from './saved-login.ts';

export interface IssuerFailure {
  readonly failure: 'refused' | 'unusable' | 'unreachable' | 'interrupted';
  /** The issuer's error code (RFC 6749 section 5.2) when it refused. */
  readonly code: string | null;
  readonly problem: string;
}

export interface Issuer {
  readonly plan: LoginPlan;
  readonly server: oauth.AuthorizationServer;
  readonly client: oauth.Client;
  readonly options: {
    readonly [oauth.customFetch]: (url: string, options: oauth.CustomFetchOptions<string, unknown>) => Promise<Response>;
  };
}

export const isIssuerFailure = (answer: unknown): answer is IssuerFailure =>
  typeof answer === 'object' && answer !== null && 'failure' in answer;

/** A public client has nothing to prove; PKCE and the loopback redirect stand in for it. */
export const noClientSecret = oauth.None();

/** Codes are what the RFCs register; anything else would be the issuer's prose on a terminal. */
const plainCode = (code: string): string => (/^[\w.-]{1,64}$/.test(code) ? code : 'an unknown error');

const refused = (url: string, code: string): IssuerFailure => ({
  failure: 'refused',
  code,
  problem: `The issuer ${url} refuses: ${plainCode(code)}.`,
});

export const unusable = (url: string, why: string): IssuerFailure => ({
  failure: 'unusable',
  code: null,
  problem: `The answer of the issuer ${url} cannot be used: ${why}.`,
});

/** What went wrong in an exchange with the issuer. A bug stays one. */
export const failureOf = (url: string, error: unknown): IssuerFailure => {
  if (error instanceof IssuerProblem)
    return { failure: 'unreachable', code: null, problem: `The issuer cannot be asked. ${error.message}.` };
  if (error instanceof oauth.ResponseBodyError) {
    // An error of the server says nothing about what was asked for.
    if (error.status >= 500) return { failure: 'unreachable', code: null, problem: `The issuer ${url} fails with status ${error.status}.` };
    return refused(url, error.error);
  }
  if (error instanceof oauth.AuthorizationResponseError) return refused(url, error.error);
  if (error instanceof oauth.WWWAuthenticateChallengeError) return refused(url, 'invalid_client');
  if (error instanceof oauth.OperationProcessingError && error.code === oauth.RESPONSE_IS_NOT_CONFORM && error.cause instanceof Response) {
    const { status } = error.cause;
    if (status >= 500 || status === 429)
      return { failure: 'unreachable', code: null, problem: `The issuer ${url} fails with status ${status}.` };
    return unusable(url, `its status is ${status}`);
  }
  if (error instanceof oauth.OperationProcessingError || error instanceof oauth.UnsupportedOperationError)
    return unusable(url, error.message);
  // What the library takes for an address without looking first.
  if (error instanceof TypeError && 'code' in error && error.code === 'ERR_INVALID_URL') return unusable(url, 'an address in it is none');
  throw error;
};

const readAuthorities = async (path: string | null): Promise<string | null> => {
  if (path === null) return null;
  try {
    const text = await readFile(path, 'utf8');
    if (text.length <= limits.trustedCertificatesBytes && text.includes('-----BEGIN CERTIFICATE-----')) return text;
  } catch {
    // Said below.
  }
  throw new IssuerProblem(`${path} cannot be read as certificates in PEM`);
};

/** Finds out where the issuer is asked for what. */
export const discover = async (plan: LoginPlan, env: Way['env']): Promise<Issuer | IssuerFailure> => {
  const url = URL.parse(plan.issuerUrl);
  if (url === null) return unusable(plan.issuerUrl, 'its URL is none');
  try {
    const send = createSend(url, { ca: await readAuthorities(plan.caFile), env });
    const plain = url.protocol === 'http:' && isLoopback(url);
    const options = {
      [oauth.customFetch]: (target: string, { method, headers, body }: oauth.CustomFetchOptions<string, unknown>) =>
        send(target, { method, headers, body: body instanceof URLSearchParams ? body : undefined }),
      [oauth.allowInsecureRequests]: plain,
    };
    const server = await oauth.processDiscoveryResponse(url, await oauth.discoveryRequest(url, options));
    return { plan, server, client: { client_id: plan.clientId }, options };
  } catch (error) {
    return failureOf(plan.issuerUrl, error);
  }
};

/** The claims of a JWT, not verified; null for what is none. */
export const claimsOf = (credential: string): { readonly [name: string]: unknown } | null => {
  try {
    const [, payload = '', signature = ''] = credential.split('.');
    const claims: unknown = signature === '' ? null : JSON.parse(Buffer.from(payload, 'base64url').toString('utf8'));
    return typeof claims === 'object' && claims !== null && !Array.isArray(claims)
      ? (claims as { readonly [name: string]: unknown })
      : null;
  } catch {
    return null;
  }
};

/** Whether a person may be sent there: a page over TLS, or on this machine where the issuer is. */
export const isBrowsable = (address: string | undefined, { issuerUrl }: LoginPlan): address is string => {
  const url = URL.parse(address ?? '');
  if (url === null || url.username !== '' || url.password !== '') return false;
  return url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url) && issuerUrl.startsWith('http:'));
};

/** The parameters by which the audience is asked for: only an absolute URI can be (RFC 8707 section 2). */
export const audienceParameters = ({ resource, audience }: LoginPlan): URLSearchParams =>
  new URLSearchParams(resource && URL.canParse(audience) ? { resource: audience } : {});

const expiryOf = (
  claims: { readonly [name: string]: unknown },
  { expires_in }: oauth.TokenEndpointResponse,
  nowMs: number,
): number | null => {
  if (typeof claims['exp'] === 'number' && Number.isFinite(claims['exp'])) return claims['exp'];
  return expires_in === undefined ? null : Math.floor(nowMs / 1_000) + expires_in;
};

/** What the issuer gave, as it is kept; `before` is what it replaces, whose refresh token stays good where no new one came. */
export const loginFrom = (
  { plan }: Issuer,
  answer: oauth.TokenEndpointResponse,
  before: SavedLogin | null,
  nowMs: number,
): SavedLogin | IssuerFailure => {
  const { issuerUrl, token } = plan;
  const credential = answer[token];
  const said = token === 'id_token' ? 'ID token' : 'access token';
  if (answer.token_type !== 'bearer') return unusable(issuerUrl, 'its token is bound to a key, which the envelope does not take');
  if (credential === undefined) return unusable(issuerUrl, `it holds no ${said}`);
  if (credential.length > limits.credentialBytes || !/^[\x21-\x7e]+$/.test(credential))
    return unusable(issuerUrl, `its ${said} is too long or no token`);
  const claims = claimsOf(credential);
  if (claims === null)
    return unusable(issuerUrl, `its ${said} is no JWT, so that nobody can verify it; see \`login\` under \`identity.issuers\``);
  const earlier = before === null ? null : claimsOf(before.credential ?? '');
  if (earlier !== null && earlier['sub'] !== claims['sub']) return unusable(issuerUrl, 'its new token is somebody else’s');
  return {
    ...plan,
    credential,
    refreshToken: answer.refresh_token ?? before?.refreshToken ?? null,
    expiresAt: expiryOf(claims, answer, nowMs),
  };
};
