// The chain of those who act for the subject (`act`, RFC 8693 section 4.1), outermost first.
// Bounded; who acts for himself, and an actor that is not named, is refused. An actor of another issuer is told apart by its address.

import { limits } from '../core/limits.ts';
import type { Claims, ClaimPath } from './claims.ts';
import { claimAt, isName, isObject } from './claims.ts';
import type { IdentityProblem } from './problem.ts';
import { refused } from './problem.ts';

export interface Delegated {
  /** Name of the issuer in the config, its address, and where it says who somebody is. */
  readonly name: string;
  readonly url: string;
  readonly subjectClaim: ClaimPath;
  /** Who the credential is for, by `subjectClaim`. */
  readonly subject: string;
}

const actorsProblem = (what: string): IdentityProblem =>
  refused(`The credential's chain of actors (\`act\`) ${what}. Ask whoever runs the issuer.`);

/** Keys of the subject map for each actor of `claims`. */
export const actorsOf = (claims: Claims, { name, url, subjectClaim, subject }: Delegated): readonly string[] | IdentityProblem => {
  const actors: string[] = [];
  for (let actor = claims['act']; actor !== undefined;) {
    if (actors.length === limits.delegationChainCount) return actorsProblem(`is longer than ${limits.delegationChainCount}`);
    if (!isObject(actor)) return actorsProblem('is malformed');
    const { iss = url, act } = actor;
    const who = claimAt(actor, subjectClaim);
    if (!isName(iss) || !isName(who)) return actorsProblem('has an actor without a name');
    if (iss === url && who === subject) return actorsProblem('names the subject as an actor for himself');
    // No name of an issuer has a slash, so that nobody's key can be another's.
    actors.push(iss === url ? `${name}:${who}` : `${name}/${encodeURIComponent(iss)}:${who}`);
    actor = act;
  }
  return actors;
};
