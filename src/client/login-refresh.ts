// The proof of the invoker from a saved login: as it lies there while it is good, else by its refresh token.
// Contract: one process refreshes at a time, and what the issuer gives is durable before it is used, since it may have ended what was there.
// `fresh` is answered only by what the issuer gave after it was asked for. A login that the issuer ended loses its tokens here, too.

import * as oauth from 'oauth4webapi';
import type { Clock } from '../core/clock.ts';
import { limits } from '../core/limits.ts';
import type { CredentialAnswer, CredentialProblem } from './credential-sources.ts';
import { audienceParameters, discover, failureOf, isIssuerFailure, loginFrom, noClientSecret, type IssuerFailure } from './issuer.ts';
import type { IdentityOffer } from './login.ts';
import { holdingLogin, loginPath, readLogin, savedIssuers, type LoginKeeper, type Plane, type SavedLogin } from './saved-login.ts';

export interface LoginRequest {
  readonly folder: string;
  readonly plane: Plane;
  readonly fresh: boolean;
}

interface LoginSurroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly uid: number | null;
  readonly clock: Clock;
  readonly identity: () => Promise<IdentityOffer | null>;
}

const unavailable = (message: string): CredentialProblem => ({ problem: 'credential_unavailable', message });

const commandFor = ({ issuerName, plane }: { issuerName: string; plane: Plane }): string =>
  `sealwright login --issuer ${issuerName}${plane === 'admin' ? ' --admin' : ''}`;

const ended = (login: SavedLogin, why: string): CredentialProblem => ({
  problem: 'login_ended',
  message: `${why} Sign in again: ${commandFor(login)}`,
});

const isGood = ({ expiresAt }: SavedLogin, clock: Clock, marginMs: number): boolean =>
  expiresAt !== null && expiresAt * 1_000 - marginMs > clock.wallMs();

type Asking = Pick<LoginSurroundings, 'clock' | 'env'>;

/** Asks the issuer with the refresh token; nothing is kept yet. */
const askAgain = async (login: SavedLogin, refreshToken: string, { clock, env }: Asking): Promise<SavedLogin | IssuerFailure> => {
  const issuer = await discover(login, env);
  if (isIssuerFailure(issuer)) return issuer;
  try {
    const { server, client, options } = issuer;
    const additionalParameters = audienceParameters(login);
    const answer = await oauth.refreshTokenGrantRequest(server, client, noClientSecret, refreshToken, { ...options, additionalParameters });
    return loginFrom(issuer, await oauth.processRefreshTokenResponse(server, client, answer), login, clock.wallMs());
  } catch (error) {
    return failureOf(login.issuerUrl, error);
  }
};

const refresh = async (before: SavedLogin, fresh: boolean, keeper: LoginKeeper, asking: Asking): Promise<CredentialAnswer> => {
  const { clock } = asking;
  const login = await keeper.read();
  if ('problem' in login) return unavailable(login.problem);
  if (login.credential === null) return ended(login, 'This login has ended.');
  // Another process refreshed it since we looked, so the issuer gave this one after we were asked.
  const renewed = login.credential !== before.credential || login.refreshToken !== before.refreshToken;
  if (isGood(login, clock, renewed ? 0 : limits.loginMarginMs) && (renewed || !fresh)) return { credential: login.credential };
  const usable = !fresh && isGood(login, clock, 0);
  if (login.refreshToken === null) {
    if (usable) return { credential: login.credential };
    return ended(login, 'The issuer gave this login no refresh token (scope offline_access), so that it cannot be shown to be good still.');
  }
  const answer = await askAgain(login, login.refreshToken, asking);
  if (!isIssuerFailure(answer)) {
    await keeper.write(answer);
    return answer.credential === null ? ended(answer, 'This login has ended.') : { credential: answer.credential };
  }
  if (answer.failure === 'refused' && answer.code === 'invalid_grant') {
    await keeper.write({ ...login, credential: null, refreshToken: null, expiresAt: null });
    return ended(login, `The issuer ${login.issuerUrl} ended this login.`);
  }
  return usable ? { credential: login.credential } : unavailable(answer.problem);
};

/** The issuers whose login may be shown to the envelope, in its own order; those that are saved where it does not say. */
const candidates = (
  offer: IdentityOffer | null,
  saved: readonly string[],
): readonly { readonly name: string; readonly url: string | null }[] =>
  offer === null ? saved.map((name) => ({ name, url: null })) : offer.issuers.filter(({ name }) => saved.includes(name));

const choose = async (
  { folder, plane }: LoginRequest,
  { uid, identity }: LoginSurroundings,
): Promise<(SavedLogin & { readonly path: string }) | CredentialProblem> => {
  const offer = await identity();
  const saved = savedIssuers(folder, plane);
  const [first, ...others] = candidates(offer, saved);
  if (first === undefined)
    return unavailable(
      `You are signed in at ${saved.join(', ')}, whom this envelope does not believe. Sign in where it does: sealwright login`,
    );
  if (offer === null && others.length > 0)
    return unavailable(`You are signed in at ${saved.join(', ')}, and no envelope answers to say which counts.`);
  const path = loginPath(folder, first.name, plane);
  const login = path === null ? { absent: true, problem: `There is no login of ${first.name}.` } : await readLogin(path, uid);
  if ('problem' in login) return unavailable(login.problem);
  // The name is the envelope's; the address is what the person signed in at.
  if (first.url !== null && first.url !== login.issuerUrl)
    return unavailable(
      `The login of ${first.name} is from ${login.issuerUrl}, and this envelope means ${first.url}. Sign in again: ${commandFor(login)}`,
    );
  return { ...login, path: path ?? '' };
};

export const credentialOfLogin = async (request: LoginRequest, surroundings: LoginSurroundings): Promise<CredentialAnswer> => {
  const { folder, fresh } = request;
  const { uid, clock } = surroundings;
  const chosen = await choose(request, surroundings);
  if ('problem' in chosen) return chosen;
  const { path, ...login } = chosen;
  if (login.credential === null) return ended(login, 'This login has ended.');
  if (!fresh && isGood(login, clock, limits.loginMarginMs)) return { credential: login.credential };
  try {
    const answer = await holdingLogin({ folder, path, uid, clock }, (keeper) => refresh(login, fresh, keeper, surroundings));
    return 'credential' in answer || 'message' in answer ? answer : unavailable(answer.problem);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : null;
    if (code === null) throw error;
    return unavailable(`The login at ${path} cannot be kept (${code}). Mend that, and sign in again if it does not help.`);
  }
};
