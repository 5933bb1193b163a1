// Who the invoker is: proved by a token of an issuer or by an assertion that a client signed; with `local_development` taken at the runner's word.
// People and programs are known in records by random pseudonyms; the mapping is private and can be erased.
// Whoever cannot be known is a problem, a value, whose message holds nothing of what was sent.

import type { Invoker } from '../core/principal.ts';
import { limits } from '../core/limits.ts';
import { assertedBy } from './client-assertion.ts';
import { type CompactJws, readJws } from './compact-jws.ts';
import type { IdentitySettings, IssuerSettings } from './config.ts';
import type { Claimed, Issuer } from './issuer.ts';
import { claimedBy, signedBy } from './issuer.ts';
import { endedBy, logoutTypes } from './logout-token.ts';
import { openKnown, type StartProblem } from './opening.ts';
import type { IdentityProblem } from './problem.ts';
import { isProblem, missing, refused, unavailable } from './problem.ts';
import { createProofCache } from './proof-cache.ts';
import { createPseudonyms } from './pseudonyms.ts';
import { createSingleUse } from './single-use.ts';
import type { IdentityWorld } from './world.ts';

export { identityFiles } from './opening.ts';
export type { IdentityProblem } from './problem.ts';

export interface Proof {
  readonly invoker: Invoker;
  /** `exp` of the credential in wall milliseconds. */
  readonly expiresMs: number;
  /** SHA-256 in hexadecimal over the issuer's name and `sid`, by which a logout finds what the session opened. */
  readonly sessionDigest: string | null;
  /** Pseudonyms of those who act for the invoker (RFC 8693), outermost first. */
  readonly actors: readonly string[];
}

/** What a credential opens. */
export type Plane = 'invocation' | 'admin';

export interface LoggedOut {
  /** Name under `identity.issuers`. */
  readonly issuer: string;
  /** Null where the token names only a session, or somebody who was never seen here. */
  readonly userId: string | null;
  readonly sessionDigest: string | null;
}

/** How to log in at an issuer. */
export interface LoginOffer {
  readonly issuer: string;
  readonly url: string;
  readonly audience: string;
  readonly admin_audience: string;
  readonly login: NonNullable<IssuerSettings['login']>;
}

export interface Identity {
  /**
   * The invoker behind a name that the runner reports, under `local_development`; a mistake, and rejected, without it. First sight writes
   * the mapping before it answers; rejects where that cannot be written.
   */
  readonly local: (reportedName: string) => Promise<Invoker>;
  /** Who a credential proves, and whether it opens that plane. Never rejects. */
  readonly prove: (credential: string, plane: Plane) => Promise<Proof | IdentityProblem>;
  /** Whose session an issuer says has ended. Never rejects. */
  readonly logout: (logoutToken: string) => Promise<LoggedOut | IdentityProblem>;
  readonly offers: () => readonly LoginOffer[];
  /** `ISSUER:SUBJECT` that a pseudonym stands for. Rejects where the mapping cannot be read. */
  readonly nameOf: (pseudonym: string) => Promise<string | null>;
  /** The pseudonym of `ISSUER:SUBJECT`; null for whoever was never seen. Rejects where the mapping cannot be read. */
  readonly pseudonymOf: (subject: string) => Promise<string | null>;
}

const credentialTypes = ['jwt', 'at+jwt'];
const nobody = missing('No credential was sent. Log in with `sealwright login`, or send a token of an issuer under `identity.issuers`.');
const stranger = refused('The credential is from nobody that the config knows. Get one from an issuer under `identity.issuers`.');
const unwritten = unavailable('Who it is could not be looked up in the private subject map, or not be written there. Look at the disk.');

export const createIdentity = (settings: IdentitySettings, world: IdentityWorld): Identity | StartProblem => {
  const { clock, readJson } = world;
  const known = openKnown(settings, world);
  if ('problem' in known) return known;
  const pseudonyms = createPseudonyms(world);
  const proofs = createProofCache<Proof>();
  const firstUse = createSingleUse();

  const audienceOf = (plane: Plane, issuer?: IssuerSettings): string =>
    plane === 'admin' ? (issuer?.admin_audience ?? settings.admin_audience) : (issuer?.audience ?? settings.audience);

  const established = async ({ name, assurance, subject, groups, actors, ...rest }: Claimed): Promise<Proof | IdentityProblem> => {
    try {
      const userId = await pseudonyms.of(subject);
      const acting: string[] = [];
      for (const actor of actors) acting.push(await pseudonyms.of(actor));
      return { invoker: { userId, assurance, issuer: name, groups }, actors: acting, ...rest };
    } catch {
      return unwritten;
    }
  };

  const proveAnew = async (credential: string, plane: Plane): Promise<Proof | IdentityProblem> => {
    const jws = readJws(credential, credentialTypes, readJson);
    if (isProblem(jws)) return jws;
    const iss = issOf(jws);
    const client = known.clients.get(iss);
    if (client !== undefined) {
      const asserted = await assertedBy(client, jws, audienceOf(plane), clock.wallMs, firstUse);
      return isProblem(asserted) ? asserted : established(asserted);
    }
    const issuer = known.issuers.get(iss);
    if (issuer === undefined) return stranger;
    const keys = await signedBy(issuer, jws);
    if (isProblem(keys)) return keys;
    const claimed = claimedBy(issuer, jws.claims, audienceOf(plane, issuer.settings), clock.wallMs());
    const proof = isProblem(claimed) ? claimed : await established(claimed);
    if (!isProblem(proof)) proofs.keep(credential, plane, { proof, issuer, keys: keys.digest });
    return proof;
  };

  return {
    local: async (reportedName) => {
      if (settings.local_development !== true) throw new Error('Nobody is taken at their word without `identity.local_development`.');
      const userId = await pseudonyms.of(`local:${reportedName.slice(0, limits.labelCharacters)}`);
      return { userId, assurance: 'local_development', issuer: null, groups: [] };
    },
    prove: async (credential, plane) => {
      if (credential === '') return nobody;
      const kept = proofs.find(credential, plane);
      if (kept === null || kept.proof.expiresMs <= clock.wallMs()) return proveAnew(credential, plane);
      const keys = await kept.issuer.keys.current();
      if (isProblem(keys)) return keys;
      return keys.digest === kept.keys ? kept.proof : proveAnew(credential, plane);
    },
    logout: async (logoutToken) => {
      const jws = readJws(logoutToken, logoutTypes, readJson);
      if (isProblem(jws)) return jws;
      const issuer = known.issuers.get(issOf(jws));
      if (issuer === undefined) return stranger;
      const keys = await signedBy(issuer, jws);
      if (isProblem(keys)) return keys;
      const ended = endedBy(issuer, jws.claims, clock.wallMs(), firstUse);
      if (isProblem(ended)) return ended;
      try {
        const userId = ended.subject === null ? null : await pseudonyms.known(ended.subject);
        // Only now: an issuer that is told to try again sends the same token.
        return ended.use() ?? { issuer: issuer.name, userId, sessionDigest: ended.sessionDigest };
      } catch {
        return unwritten;
      }
    },
    offers: () => [...known.issuers.values()].flatMap((issuer) => offerOf(issuer, audienceOf)),
    nameOf: pseudonyms.subjectOf,
    pseudonymOf: pseudonyms.known,
  };
};

/** Exactly what `iss` says; empty, which is nobody's, where that is no text. */
const issOf = ({ claims: { iss } }: CompactJws): string => (typeof iss === 'string' ? iss : '');

const offerOf = ({ name, settings }: Issuer, audienceOf: (plane: Plane, issuer: IssuerSettings) => string): readonly LoginOffer[] => {
  const { url, login } = settings;
  if (login === undefined) return [];
  return [{ issuer: name, url, audience: audienceOf('invocation', settings), admin_audience: audienceOf('admin', settings), login }];
};
