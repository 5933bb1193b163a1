// What policy said about one crossing, as a value that any engine could have made and any reader can replay.
// The absence of a permit is a deny; there is no other default.

import type { Json } from './canonical-json.ts';
import type { Invoker } from './principal.ts';
import type { UnmetConditions } from './tool-arguments.ts';

export type Verdict = 'permit' | 'deny' | 'approval';

/** `observe` lets a denied crossing pass and records what would have happened; it stands in every record. */
export type ControlMode = 'enforce' | 'observe';

/**
 * The Cedar request that was judged: all of the question that does not come from the release, so that it can be decided again.
 * A value that may be personal is replaced by its digest; a request that holds one cannot be decided again.
 */
export interface JudgedRequest {
  readonly principal: string;
  readonly action: string;
  readonly resource: string;
  /** What principal, resource and invoker are in: role, endpoint, groups. */
  readonly parents: readonly string[];
  /** What proved the invoker, as in `Invoker`. */
  readonly issuer: string | null;
  readonly context: { readonly [key: string]: Json };
}

/** How the digest of a value that may be personal begins in a judged request. */
export const digestPrefix = 'hmac-sha256:';

const digestForm = new RegExp(`^${digestPrefix}[0-9a-f]{64}$`);

/** Names of the members of a request's context whose values are digests. */
export const digestedMembers = ({ context }: Pick<JudgedRequest, 'context'>): readonly string[] =>
  Object.entries(context).flatMap(([name, value]) => (typeof value === 'string' && digestForm.test(value) ? [name] : []));

/** What the verdict would be if the policies that only observe counted too. */
export interface Observed {
  readonly verdict: Verdict;
  readonly policies: readonly string[];
}

export interface Decision {
  readonly verdict: Verdict;
  /** Ids of the policies that determined the verdict; empty when nothing permitted. */
  readonly policies: readonly string[];
  /** One sentence, free of values that the caller chose except labels. */
  readonly reason: string;
  readonly mode: ControlMode;
  readonly request: JudgedRequest | null;
  /** Null where the policies that only observe make no difference. */
  readonly observed: Observed | null;
  /** Tools that the provider would run and that were judged with the request that offers them; absent where there were none. */
  readonly hostedTools?: readonly string[];
  /** Conditions on the tool's arguments, where a call is denied because they are not met. */
  readonly unmet?: UnmetConditions;
}

/** Somebody whom policy let do it. */
export interface Authorised {
  readonly invoker: Invoker;
  readonly decision: Decision;
}

/** Whether the crossing goes on: a permit, or anything at all under `observe`. */
export const goesOn = (decision: Pick<Decision, 'verdict' | 'mode'>): boolean =>
  decision.verdict === 'permit' || decision.mode === 'observe';
