// A token of an issuer under `identity.issuers`: signed by one of its keys, meant for this envelope, in time, with the claims that are asked for.
// What it says becomes groups by config alone: a value that the config does not list grants nothing.

import { createHash } from 'node:crypto';
import { limits } from '../core/limits.ts';
import type { Assurance } from '../core/principal.ts';
import type { Claims } from './claims.ts';
import { claimAt, isMeantFor, isName, timesOf } from './claims.ts';
import type { CompactJws } from './compact-jws.ts';
import type { IssuerSettings } from './config.ts';
import { actorsOf } from './delegation.ts';
import type { IssuerKeys } from './issuer-keys.ts';
import type { KeySet } from './key-set.ts';
import { hasNamedKey, isSignedBy } from './key-set.ts';
import type { IdentityProblem } from './problem.ts';
import { isProblem, refused } from './problem.ts';

export interface Issuer {
  readonly name: string;
  readonly settings: IssuerSettings;
  readonly keys: IssuerKeys;
}

/** What a credential proves, before anybody gets a pseudonym. */
export interface Claimed {
  readonly name: string;
  readonly assurance: Assurance;
  /** Key of the private subject map. */
  readonly subject: string;
  readonly groups: readonly string[];
  readonly expiresMs: number;
  readonly sessionDigest: string | null;
  /** Keys of the private subject map. */
  readonly actors: readonly string[];
}

export const subjectKey = (name: string, subject: string): string => `${name}:${subject}`;

export const sessionDigest = (name: string, session: string): string =>
  createHash('sha256')
    .update(JSON.stringify([name, session]))
    .digest('hex');

/** The keys that the signature was verified with. */
export const signedBy = async ({ name, settings, keys }: Issuer, jws: CompactJws): Promise<KeySet | IdentityProblem> => {
  if (!settings.algorithms.some((algorithm) => algorithm === jws.algorithm))
    return refused(`The credential is signed by an algorithm that \`identity.issuers.${name}.algorithms\` does not list.`);
  const set = await keys.current();
  if (isProblem(set)) return set;
  if (await isSignedBy(set, jws)) return set;
  const forged = refused(`No key of the issuer ${name} has signed the credential. Get a new one: \`sealwright login\`.`);
  // Only a key that is not known can be one that the issuer has brought in since.
  if (hasNamedKey(set, jws)) return forged;
  const others = await keys.others(set);
  return others !== null && (await isSignedBy(others, jws)) ? others : forged;
};

/** Whether the claims are a notice of a security event (RFC 8417), such as a logout token, which proves nobody. */
export const isEventNotice = (claims: Claims): boolean => claims['events'] !== undefined;

const lacksRequired = ({ require }: IssuerSettings, claims: Claims): boolean =>
  require.some(({ claim, value }) => {
    const found = claimAt(claims, claim);
    return (typeof found !== 'string' && typeof found !== 'boolean' && typeof found !== 'number') || String(found) !== value;
  });

const groupsOf = ({ groups_claim: path, groups, everyone }: IssuerSettings, claims: Claims): readonly string[] => {
  const found = claimAt(claims, path);
  const values: readonly unknown[] = Array.isArray(found) ? found : [found];
  const mapped = values.flatMap((value) => (typeof value === 'string' && Object.hasOwn(groups, value) ? (groups[value] ?? []) : []));
  return [...new Set([...mapped, ...everyone])].toSorted();
};

/** What the claims of a token that the issuer has signed prove to whoever accepts `audience`. */
export const claimedBy = ({ name, settings }: Issuer, claims: Claims, audience: string, wallMs: number): Claimed | IdentityProblem => {
  if (isEventNotice(claims)) return refused('The credential is a notice of an event. Send an access token or an ID token.');
  if (!isMeantFor(claims, [audience]))
    return refused(`The credential is not meant for this: its \`aud\` lacks the audience that \`identity\` names for the issuer ${name}.`);
  const times = timesOf(claims, { wallMs, skewMs: settings.clock_skew_seconds * 1_000 });
  if ('problem' in times) return times;
  if (times.expiresMs === null) return refused('The credential never expires: it has no `exp`. Ask whoever runs the issuer.');
  const subject = claimAt(claims, settings.subject_claim);
  if (!isName(subject)) return refused(`The credential does not say who it is for in the claim that \`identity.issuers.${name}\` names.`);
  if (lacksRequired(settings, claims))
    return refused(`The credential lacks a claim, or has another value of it, that \`identity.issuers.${name}.require\` asks for.`);
  const { sid } = claims;
  if (sid !== undefined && !isName(sid)) return refused('The credential has a `sid` that names no session. Ask whoever runs the issuer.');
  const groups = groupsOf(settings, claims);
  if (groups.length > limits.groupsPerInvokerCount)
    return refused(`The credential puts its holder into more than ${limits.groupsPerInvokerCount} groups of \`identity.groups\`.`);
  const actors = actorsOf(claims, { name, url: settings.url, subjectClaim: settings.subject_claim, subject });
  if ('problem' in actors) return actors;
  return {
    name,
    assurance: settings.kind === 'people' ? 'oidc' : 'workload',
    subject: subjectKey(name, subject),
    groups,
    expiresMs: times.expiresMs,
    sessionDigest: sid === undefined ? null : sessionDigest(name, sid),
    actors,
  };
};
