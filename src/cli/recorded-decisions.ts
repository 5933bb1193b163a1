// The decisions of policy that a ledger holds, taken out of its records so that they can be made again.
// What was refused for another reason than policy is passed over: no rule decided it. Accepts any record; never throws for what one says.

import type { RuleBook } from '../core/rules.ts';
import { recordsOf, type Ledger, type StoredRecord } from '../ledger/reading.ts';
import { saidByPolicy } from './explanation.ts';
import { membersOf, type RecordMembers, textOf, textsOf } from './record-members.ts';
import { contradictions, entityOf } from './recorded-question.ts';

export interface RecordedDecision {
  readonly origin: string;
  readonly index: number;
  readonly record: string | null;
  readonly release: string | null;
  readonly role: string | null;
  /** Pseudonym of the invoker. */
  readonly user: string | null;
  /** What was asked about, such as `tool get_order_status` or `model m at rehearsal`. */
  readonly what: string;
  readonly verdict: string;
  readonly policies: readonly string[];
  /** Tools that were judged with the request. */
  readonly hostedTools: readonly string[];
  /** Whether `policies` and `hostedTools` are all of them. */
  readonly whole: boolean;
  /** The verdict with the policies that only observe; the same as `verdict` where they make no difference. */
  readonly observed: string;
  readonly request: unknown;
  /** `observe` where a denial did not stop it. */
  readonly mode: string;
  /** Whether it was refused, whatever the verdict says. */
  readonly refused: boolean;
  /** Members of the record that speak of something else than the question. */
  readonly contradictions: readonly string[];
}

const whatOf = (request: RecordMembers): string => {
  const [, action] = entityOf(request['action']);
  const [type, id] = entityOf(request['resource']);
  const parents = Array.isArray(request['parents']) ? request['parents'].map(entityOf) : [];
  const place = parents.find(([parent]) => parent === 'Endpoint');
  if (type === 'Envelope' || type === '') return action || 'unknown';
  const { port } = membersOf(request['context']);
  if (type === 'Host' && typeof port === 'number') return `host ${id}, port ${port}`;
  return `${type.toLowerCase()} ${id}${place === undefined ? '' : ` at ${place[1]}`}`;
};

/** The decision that a record holds; null where it holds none that policy made. */
export const decisionOf = ({ origin, index, members }: StoredRecord): RecordedDecision | null => {
  const decision = membersOf(members['decision']);
  const verdict = textOf(decision['verdict']);
  const denial = textOf(members['denial']);
  if (verdict === null || (denial !== null && !saidByPolicy.has(denial))) return null;
  const { policies, request } = decision;
  return {
    origin,
    index,
    record: textOf(members['log_id']),
    release: textOf(members['release']),
    role: textOf(members['agent_role']),
    user: textOf(members['user_id']),
    what: whatOf(membersOf(request)),
    verdict,
    policies: textsOf(policies),
    hostedTools: textsOf(decision['hosted_tools']),
    whole: decision['truncated'] === undefined,
    observed: textOf(membersOf(decision['observed'])['verdict']) ?? verdict,
    request: request ?? null,
    mode: textOf(decision['mode']) ?? 'enforce',
    refused: denial !== null,
    contradictions: contradictions(members, request),
  };
};

/** Every recorded decision of policy whose record is not older than `from`, an RFC 3339 timestamp; without it, all. */
export function* recordedDecisions(ledger: Ledger, from: string | null, onRecord: () => void): Generator<RecordedDecision, undefined> {
  for (const log of ledger.logs)
    for (const record of recordsOf(ledger, log)) {
      onRecord();
      if (from !== null && (textOf(record.members['timestamp']) ?? '') < from) continue;
      const decision = decisionOf(record);
      if (decision !== null) yield decision;
    }
}

export const recordCount = ({ logs }: Ledger): number => logs.reduce((count, { size }) => count + size, 0);

/** The decision made again by `rules`. */
export const replayed = ({ request, hostedTools, whole }: RecordedDecision, rules: RuleBook): ReturnType<RuleBook['replay']> =>
  whole || hostedTools.length === 0
    ? rules.replay(request, hostedTools)
    : { unanswerable: 'it names only some of the tools that the provider runs' };
