// What commands learn from a set of rules about a question that was asked before: the decision anew, what made it, what would change it.
// Types only; `policy` answers them.

import type { Decision, Verdict } from './decision.ts';

/** Why a question cannot be asked again. */
export interface Unanswerable {
  readonly unanswerable: string;
}

/** A policy that determined a decision. */
export interface Ruling {
  readonly id: string;
  readonly effect: 'permit' | 'forbid';
  /** The setting that it comes from, or the file and line. */
  readonly place: string;
  readonly text: string;
  readonly observes: boolean;
}

export interface RuleChange {
  /** What to do, such as ``add `m` to `agent_roles.demo.allowed_models` ``. */
  readonly what: string;
  /** The setting, or the file and line. */
  readonly where: string;
}

/** Changes that together give another verdict; that they do was found out by deciding again. */
export interface Flip {
  readonly changes: readonly RuleChange[];
  readonly verdict: Verdict;
}

export interface Ruled {
  readonly decision: Decision;
  readonly rulings: readonly Ruling[];
  /** What the policies could see, by name. */
  readonly facts: readonly (readonly [name: string, value: string])[];
  /** Empty where no change of one setting or policy gives another verdict. */
  readonly flips: readonly Flip[];
  /** Who answers for the agent, where the rules say so. */
  readonly owner: string | null;
  /** The question and its answer in the form of `cedar run-tests`. */
  readonly asTest: () => unknown;
}

/** One set of rules: those of a release, or those that a config and a folder would make. */
export interface RuleBook {
  /** Decides the request of a record again, with the tools that were judged beside it. Accepts any value; never throws for what it says. */
  readonly replay: (request: unknown, hostedTools?: readonly string[]) => Decision | Unanswerable;
  readonly explain: (request: unknown) => Ruled | Unanswerable;
}
