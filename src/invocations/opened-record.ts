// An `opened` record that was read back: the invocation that it speaks of, what it is recognised by, and what its end repeats of it.
// Pure. What does not have the form of one gives null.

import type { Assurance, Invocation } from '../core/principal.ts';
import { agentClients, assurances } from '../core/principal.ts';
import { identifyingMembers } from '../core/record.ts';

/** Members of a record as they were read back. */
export type Members = Readonly<Record<string, unknown>>;

/** What a `closed` record repeats of an `opened` one that was read back. */
export const repeated = (record: Members): Record<string, unknown> => ({
  ...Object.fromEntries(identifyingMembers.map((name) => [name, record[name] ?? null])),
  source: 'envelope',
  decision: null,
});

/** What is kept of an open invocation to recognise it by: SHA-256 digests in hexadecimal. */
export interface KeptDigests {
  readonly credentialDigest: string;
  readonly runnerKeyDigest: string | null;
  readonly sessionDigest: string | null;
}

const text = (value: unknown): string | null => (typeof value === 'string' ? value : null);
const texts = (value: unknown): readonly string[] =>
  Array.isArray(value) ? value.filter((each): each is string => typeof each === 'string') : [];
const oneOf = <T extends string>(known: readonly T[], value: unknown): T | undefined => known.find((each) => each === value);

/** The invocation that an `opened` record speaks of; null when the record does not have the form. */
export const invocationOf = (
  record: Members,
): { readonly invocation: Omit<Invocation, 'digestKey'>; readonly kept: KeptDigests } | null => {
  const id = text(record['invocation_id']);
  const credentialDigest = text(record['credential_digest']);
  const agentId = text(record['agent_id']);
  const client = oneOf(agentClients, record['agent_client']);
  const assurance: Assurance | undefined = oneOf(assurances, record['user_assurance']);
  const role = text(record['agent_role']);
  const userId = text(record['user_id']);
  if (id === null || credentialDigest === null || agentId === null || role === null || userId === null) return null;
  if (client === undefined || assurance === undefined) return null;
  const groups = texts(record['user_groups']);
  const actors = texts(record['user_actors']);
  return {
    kept: {
      credentialDigest,
      runnerKeyDigest: text(record['runner_key_digest']),
      sessionDigest: text(record['user_session_digest']),
    },
    invocation: {
      id,
      invoker: { userId, assurance, issuer: text(record['user_issuer']), groups },
      ...(actors.length > 0 && { actors }),
      agent: { id: agentId, client, version: text(record['agent_version']), digest: text(record['agent_digest']) },
      role,
      dataClassification: text(record['data_classification']) ?? 'restricted',
      containment: record['containment'] === 'jail' ? 'jail' : 'advisory',
    },
  };
};
