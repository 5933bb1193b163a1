// A stop: what a person ended at once, until another person lifts it.
// Pure; the control plane and its clients both speak of it.

export const stopKinds = ['agent', 'role', 'user', 'invocation', 'model', 'tool', 'all'] as const;
export type StopKind = (typeof stopKinds)[number];

export interface StopScope {
  readonly kind: StopKind;
  /** Null for `all`. For `user` the pseudonym. */
  readonly name: string | null;
}

export interface Stop {
  /** `log_id` of its record. */
  readonly id: string;
  readonly scope: StopScope;
  readonly reason: string;
  /** Pseudonym of who stopped it. */
  readonly author: string;
  /** RFC 3339, UTC. */
  readonly since: string;
}

/** What a stop is held against: an invocation, and of a crossing also the model and the tools that it concerns. */
export interface Stoppable {
  readonly invocationId: string | null;
  readonly agentId: string;
  readonly role: string;
  readonly userId: string;
  /** Those who act for the user: a stop of one of them is meant for what he runs in another's name, too. */
  readonly actors: readonly string[];
  readonly model: string | null;
  readonly tools: readonly string[];
}

export const stopMatches = ({ kind, name }: StopScope, what: Stoppable): boolean => {
  switch (kind) {
    case 'all':
      return true;
    case 'agent':
      return name === what.agentId;
    case 'role':
      return name === what.role;
    case 'user':
      return name !== null && (name === what.userId || what.actors.includes(name));
    case 'invocation':
      return name === what.invocationId;
    case 'model':
      return name === what.model;
    case 'tool':
      return name !== null && what.tools.includes(name);
  }
};

/** `the agent sdk`, or `everything`. */
export const scopeText = ({ kind, name }: StopScope): string => (kind === 'all' ? 'everything' : `the ${kind} ${name}`);
