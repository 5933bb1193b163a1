// What policy said about one crossing, as a value that any engine could have made and any reader can replay.
// The absence of a permit is a deny; there is no other default.

import type { Json } from './canonical-json.ts';

export type Verdict = 'permit' | 'deny' | 'approval';

/** `observe` lets a denied crossing pass and records what would have happened; it stands in every record. */
export type ControlMode = 'enforce' | 'observe';

/** The Cedar request that was judged; values that may be personal are replaced by their digest, so that decisions can be replayed. */
export interface JudgedRequest {
  readonly principal: string;
  readonly action: string;
  readonly resource: string;
  readonly parents: readonly string[];
  readonly context: { readonly [key: string]: Json };
}

export interface Decision {
  readonly verdict: Verdict;
  /** Ids of the policies that determined the verdict; empty when nothing permitted. */
  readonly policies: readonly string[];
  /** One sentence, free of values that the caller chose except labels. */
  readonly reason: string;
  readonly mode: ControlMode;
  readonly request: JudgedRequest | null;
}

/** Whether the crossing goes on: a permit, or anything at all under `observe`. */
export const goesOn = (decision: Decision): boolean => decision.verdict === 'permit' || decision.mode === 'observe';
