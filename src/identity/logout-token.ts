// A logout token, by which an issuer says that somebody's session has ended (OpenID Connect Back-Channel Logout 1.0 section 2.6).
// Judged once its signature was verified; used once. It ends things and opens nothing.

import { limits } from '../core/limits.ts';
import { claimAt, type Claims, isMeantFor, isName, isObject, timesOf } from './claims.ts';
import type { Issuer } from './issuer.ts';
import { sessionDigest, subjectKey } from './issuer.ts';
import type { IdentityProblem } from './problem.ts';
import { refused, unavailable } from './problem.ts';
import type { FirstUse } from './single-use.ts';

/** Kinds of JWT that a logout token may say that it is (section 2.4). */
export const logoutTypes = ['jwt', 'logout+jwt'] as const;

const event = 'http://schemas.openid.net/event/backchannel-logout';
const lifetimeMs = limits.assertionLifetimeSeconds * 1_000;

export interface Ended {
  /** Key of the private subject map; null where only a session is named. */
  readonly subject: string | null;
  readonly sessionDigest: string | null;
  /** Takes the one use that the token is good for; why not, where there is none. */
  readonly use: () => IdentityProblem | null;
}

const isLogout = ({ events, nonce }: Claims): boolean =>
  nonce === undefined && isObject(events) && Object.hasOwn(events, event) && isObject(events[event]);

export const endedBy = ({ name, settings }: Issuer, claims: Claims, wallMs: number, firstUse: FirstUse): Ended | IdentityProblem => {
  const { login, subject_claim: subjectClaim } = settings;
  if (!isLogout(claims)) return refused('This is no logout token: it must name the event of a back-channel logout, and have no `nonce`.');
  const clients = [login?.client_id, login?.admin_client_id].filter((id) => id !== undefined);
  if (!isMeantFor(claims, clients))
    return refused(`The logout token is not meant for a client that \`identity.issuers.${name}.login\` names.`);
  const skewMs = settings.clock_skew_seconds * 1_000;
  const times = timesOf(claims, { wallMs, skewMs });
  if ('problem' in times) return times;
  const untilMs = (times.issuedMs ?? 0) + lifetimeMs + skewMs;
  if (untilMs <= wallMs) return refused('The logout token does not say when it was issued (`iat`), or it is too old.');
  const { sub, sid, jti } = claims;
  if ((sub === undefined && sid === undefined) || (sub !== undefined && !isName(sub)) || (sid !== undefined && !isName(sid)))
    return refused('The logout token names neither a subject nor a session.');
  if (!isName(jti)) return refused('The logout token has no `jti`, without which it could be used again.');
  const use = (): IdentityProblem | null => {
    const first = firstUse(name, jti, untilMs, wallMs);
    if (first === 'again') return refused('The logout token was used before.');
    return first === 'full' ? unavailable('Too many logout tokens came within the last minutes to take another. Send it again.') : null;
  };
  const who = claimAt(claims, subjectClaim);
  return { subject: isName(who) ? subjectKey(name, who) : null, sessionDigest: sid === undefined ? null : sessionDigest(name, sid), use };
};
