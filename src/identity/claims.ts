// Reading the claims of a JWT that was verified or is about to be: by path, as text, as a time, as an audience.
// Pure. Whatever does not have the form that its RFC gives it is no claim; nothing is coerced, nothing throws.

import { limits } from '../core/limits.ts';
import type { IdentityProblem } from './problem.ts';
import { refused } from './problem.ts';

export type Claims = Readonly<Record<string, unknown>>;

export const isObject = (value: unknown): value is Claims => typeof value === 'object' && value !== null && !Array.isArray(value);

/** Members joined by dots, or each by itself where they have dots. */
export type ClaimPath = string | readonly string[];

export const claimAt = (claims: Claims, path: ClaimPath): unknown => {
  let value: unknown = claims;
  for (const member of typeof path === 'string' ? path.split('.') : path) {
    if (!isObject(value) || !Object.hasOwn(value, member)) return undefined;
    value = value[member];
  }
  return value;
};

/** Text that can name something: of bounded length, and nothing that a terminal or a file would take for a command. */
export const isName = (value: unknown): value is string =>
  typeof value === 'string' && value !== '' && value.length <= limits.claimCharacters && value.isWellFormed() && !/\p{Cc}/u.test(value);

/** The latest time that JavaScript can tell. */
const secondsMax = 8.64e12;

/** A NumericDate (RFC 7519 section 2) in wall milliseconds; null for anything else. */
const instantOf = (value: unknown): number | null =>
  typeof value === 'number' && value >= 0 && value <= secondsMax ? Math.trunc(value * 1_000) : null;

export interface Now {
  readonly wallMs: number;
  readonly skewMs: number;
}

export interface Times {
  readonly expiresMs: number | null;
  readonly issuedMs: number | null;
}

const renew = 'Get a new one: `sealwright login`, or the way in which the platform gives them.';

/** `exp`, `nbf` and `iat` where they stand (RFC 7519 sections 4.1.4 to 4.1.6). */
export const timesOf = (claims: Claims, { wallMs, skewMs }: Now): Times | IdentityProblem => {
  const read = (name: string): number | null | undefined => (claims[name] === undefined ? null : (instantOf(claims[name]) ?? undefined));
  const [expiresMs, beginsMs, issuedMs] = [read('exp'), read('nbf'), read('iat')];
  if (expiresMs === undefined || beginsMs === undefined || issuedMs === undefined)
    return refused('The credential has an `exp`, `nbf` or `iat` that is no time. Ask whoever runs the issuer.');
  if (expiresMs !== null && expiresMs + skewMs <= wallMs) return refused(`The credential has expired. ${renew}`);
  if (Math.max(beginsMs ?? 0, issuedMs ?? 0) - skewMs > wallMs)
    return refused('The credential is not valid yet. Compare the clock of this machine with the clock of its issuer.');
  return { expiresMs, issuedMs };
};

/** Whether one of `audiences` is in `aud`, which is a text or a list of texts (RFC 7519 section 4.1.3). */
export const isMeantFor = (claims: Claims, audiences: readonly string[]): boolean => {
  const aud = claims['aud'];
  const named: readonly unknown[] = typeof aud === 'string' ? [aud] : Array.isArray(aud) ? aud : [];
  return named.every((each) => typeof each === 'string') && named.some((each) => audiences.includes(each));
};
