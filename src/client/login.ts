// Signing a person in at an issuer and out again: the plan that follows from what the envelope offers, the way there, and what is kept.
// Contract: failures are data with a sentence that says what to do. Tokens go to the issuer and to the login's file, nowhere else.

import * as oauth from 'oauth4webapi';
import type { Clock } from '../core/clock.ts';
import { nearest } from '../core/nearest.ts';
import { signInByBrowser, type BrowserSurroundings } from './browser-login.ts';
import { signInByDevice, type DeviceSurroundings } from './device-login.ts';
import { claimsOf, discover, failureOf, isIssuerFailure, noClientSecret, unusable, type IssuerFailure } from './issuer.ts';
import { holdingLogin, loginPath, loginsFolder, savedIssuers, type LoginPlan, type Plane, type SavedLogin } from './saved-login.ts';

export { claimsOf, isIssuerFailure, type IssuerFailure } from './issuer.ts';
export { openBrowser } from './open-browser.ts';
export { loginsFolder, savedIssuers } from './saved-login.ts';
export type { LoginPlan, Plane, SavedLogin } from './saved-login.ts';
export type { ShownCode } from './device-login.ts';

export interface LoginOffer {
  readonly client_id: string;
  /** Null where it is the same. */
  readonly admin_client_id: string | null;
  readonly token: 'id_token' | 'access_token';
  readonly scopes: readonly string[];
  readonly resource: boolean;
}

/** What `GET /identity` of an envelope answers: whom it believes, and how a person signs in there. */
export interface IdentityOffer {
  readonly local_development: boolean;
  readonly audience: string;
  readonly admin_audience: string;
  readonly reprove_minutes: number;
  readonly issuers: readonly {
    readonly name: string;
    readonly url: string;
    /** Null where it is that of all issuers. */
    readonly audience: string | null;
    readonly admin_audience: string | null;
    readonly login: LoginOffer | null;
  }[];
}

export interface Wanted {
  /** Name under `identity.issuers`; null for the only one. */
  readonly issuer: string | null;
  readonly plane: Plane;
  readonly caFile: string | null;
}

interface Problem {
  readonly problem: string;
}

/** The plan for the issuer that is wanted, as the envelope offers it. */
export const planFromOffer = (offer: IdentityOffer, { issuer, plane, caFile }: Wanted): LoginPlan | Problem => {
  if (offer.local_development)
    return { problem: 'This envelope is for local development and asks nobody who they are; there is nothing to sign in to.' };
  const names = offer.issuers.filter(({ login }) => login !== null).map(({ name }) => name);
  if (names.length === 0)
    return {
      problem:
        'This envelope offers no sign-in: no issuer in its config has `login`. Get a token another way, and name it with --token-file.',
    };
  if (issuer === null && names.length > 1)
    return { problem: `This envelope offers several issuers. Name one with --issuer: ${names.join(', ')}.` };
  const found = offer.issuers.find(({ name }) => name === (issuer ?? names[0]));
  if (found === undefined || found.login === null) {
    const meant = nearest(issuer ?? '', names);
    return {
      problem: `This envelope offers no sign-in at ${issuer}. ${meant === undefined ? `It offers ${names.join(', ')}.` : `Did you mean ${meant}?`}`,
    };
  }
  const { login } = found;
  const admin = plane === 'admin';
  return {
    issuerName: found.name,
    issuerUrl: found.url,
    plane,
    clientId: admin ? (login.admin_client_id ?? login.client_id) : login.client_id,
    audience: admin ? (found.admin_audience ?? offer.admin_audience) : (found.audience ?? offer.audience),
    token: login.token,
    scopes: login.scopes,
    resource: login.resource,
    caFile,
  };
};

export interface LoginSurroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly home: string;
  readonly uid: number | null;
  readonly clock: Clock;
}

export type LoginWay =
  | ({ readonly by: 'browser' } & Omit<BrowserSurroundings, 'clock'>)
  | ({ readonly by: 'device' } & Omit<DeviceSurroundings, 'clock'>);

const placeOf = (issuerName: string, plane: Plane, { env, home, uid, clock }: LoginSurroundings) => {
  const folder = loginsFolder(env, home);
  const path = loginPath(folder, issuerName, plane);
  return path === null ? null : { folder, path, uid, clock };
};

const notKept = (problem: string): IssuerFailure => ({ failure: 'unusable', code: null, problem });

/** Signs in and keeps the login, in place of one of the same issuer and plane. Rejects only where the disk fails. */
export const signIn = async (plan: LoginPlan, way: LoginWay, surroundings: LoginSurroundings): Promise<SavedLogin | IssuerFailure> => {
  const place = placeOf(plan.issuerName, plan.plane, surroundings);
  if (place === null) return notKept(`A login cannot be kept under the name ${plan.issuerName}.`);
  // Nobody is sent to a browser for what then cannot be kept.
  const keepable = await holdingLogin(place, () => Promise.resolve(null));
  if (keepable !== null) return notKept(keepable.problem);
  const issuer = await discover(plan, surroundings.env);
  if (isIssuerFailure(issuer)) return issuer;
  const { clock } = surroundings;
  const login = await (way.by === 'browser' ? signInByBrowser(issuer, { ...way, clock }) : signInByDevice(issuer, { ...way, clock }));
  if (isIssuerFailure(login)) return login;
  const kept = await holdingLogin(place, ({ write }) => write(login));
  return kept === undefined ? login : notKept(kept.problem);
};

/** What a person should know of a login that the envelope may not take, or not for long; null when nothing. */
export const cautionOf = ({ credential, audience, refreshToken, scopes }: SavedLogin): string | null => {
  const { aud } = claimsOf(credential ?? '') ?? {};
  const named = (Array.isArray(aud) ? aud : [aud]).filter((each) => typeof each === 'string');
  if (!named.includes(audience))
    return `The token is for ${named.join(', ') || 'nobody'}, and the envelope takes those for ${audience}. See \`login\` under \`identity.issuers\`.`;
  if (refreshToken !== null) return null;
  const remedy = scopes.includes('offline_access')
    ? 'Some issuers give one only with --consent.'
    : 'The scope offline_access asks for one.';
  return `The issuer gave no refresh token, so this login ends with its token. ${remedy}`;
};

/** A refresh token stands for the whole login. An access token that is a JWT is rarely revoked, an ID token never. */
const revocable = ({ refreshToken, credential, token }: SavedLogin): string | null =>
  refreshToken ?? (token === 'access_token' ? credential : null);

const revoke = async (login: SavedLogin, env: LoginSurroundings['env']): Promise<IssuerFailure | null> => {
  const token = revocable(login);
  if (token === null) return null;
  const issuer = await discover(login, env);
  if (isIssuerFailure(issuer)) return issuer;
  const { server, client, options } = issuer;
  if (server.revocation_endpoint === undefined) return unusable(login.issuerUrl, 'it offers no revocation');
  try {
    await oauth.processRevocationResponse(await oauth.revocationRequest(server, client, noClientSecret, token, options));
    return null;
  } catch (error) {
    return failureOf(login.issuerUrl, error);
  }
};

export interface SignedOut {
  readonly issuerName: string;
  /** Why the issuer may still believe its tokens; null when it revoked them. */
  readonly notRevoked: string | null;
}

/** Ends a login at the issuer, as far as that can be had, and deletes it here. */
export const signOut = async (issuerName: string, plane: Plane, surroundings: LoginSurroundings): Promise<SignedOut | Problem> => {
  const place = placeOf(issuerName, plane, surroundings);
  if (place === null || !savedIssuers(place.folder, plane).includes(issuerName)) return { problem: `There is no login of ${issuerName}.` };
  const answer = await holdingLogin(place, async ({ read, remove }) => {
    const login = await read();
    // Deleted whatever the issuer says: the person wants it gone from here.
    await remove();
    const failure = 'problem' in login ? notKept(login.problem) : await revoke(login, surroundings.env);
    return { issuerName, notRevoked: failure?.problem ?? null };
  });
  return answer;
};
