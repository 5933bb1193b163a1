// A program that signs for itself (RFC 7523 section 3), with a key whose public half the config names.
// Short-lived and used once: what was seen is refused until it would have expired.

import { limits } from '../core/limits.ts';
import { isMeantFor, isName, timesOf } from './claims.ts';
import type { CompactJws } from './compact-jws.ts';
import type { ClientSettings } from './config.ts';
import type { Claimed } from './issuer.ts';
import { isEventNotice, subjectKey } from './issuer.ts';
import type { KeySet } from './key-set.ts';
import { isSignedBy } from './key-set.ts';
import type { IdentityProblem } from './problem.ts';
import { refused, unavailable } from './problem.ts';
import type { FirstUse } from './single-use.ts';

export interface Client {
  readonly id: string;
  readonly settings: ClientSettings;
  readonly keys: KeySet;
}

const skewMs = limits.assertionSkewSeconds * 1_000;
const lifetimeMs = limits.assertionLifetimeSeconds * 1_000;

export const assertedBy = async (
  { id, settings, keys }: Client,
  jws: CompactJws,
  audience: string,
  wallMs: () => number,
  firstUse: FirstUse,
): Promise<Claimed | IdentityProblem> => {
  const { claims } = jws;
  if (!settings.algorithms.some((algorithm) => algorithm === jws.algorithm))
    return refused(`The assertion is signed by an algorithm that \`identity.clients.${id}.algorithms\` does not list.`);
  if (!(await isSignedBy(keys, jws))) return refused(`No key in \`identity.clients.${id}.keys\` has signed the assertion.`);
  const nowMs = wallMs();
  if (claims['sub'] !== id) return refused('The assertion speaks for another than its signer: `iss` and `sub` must both be the client id.');
  if (isEventNotice(claims) || claims['act'] !== undefined)
    return refused('The assertion has claims (`act`, `events`) that a client cannot make about itself.');
  if (!isMeantFor(claims, [audience]))
    return refused('The assertion is not meant for this: its `aud` lacks the audience that `identity` names.');
  const times = timesOf(claims, { wallMs: nowMs, skewMs });
  if ('problem' in times) return times;
  const { expiresMs } = times;
  if (expiresMs === null || expiresMs > nowMs + lifetimeMs + skewMs)
    return refused(`The assertion must expire (\`exp\`) within ${limits.assertionLifetimeSeconds} seconds. Sign a new one.`);
  const { jti } = claims;
  if (!isName(jti)) return refused('The assertion has no `jti`, without which it could be used again. Sign a new one with a random `jti`.');
  const use = firstUse(id, jti, expiresMs + skewMs, nowMs);
  if (use === 'again') return refused('The assertion was used before. Sign a new one with another `jti`.');
  if (use === 'full')
    return unavailable('Too many assertions were used within the last minutes to take another. Try again in a few minutes.');
  return {
    name: id,
    assurance: 'client_assertion',
    subject: subjectKey(id, id),
    groups: [...new Set(settings.groups)].toSorted(),
    expiresMs,
    sessionDigest: null,
    actors: [],
  };
};
