// A record in the words of a person: who attempted what, what was decided and by which policies, and what to ask whom for.
// Pure. Accepts any JSON object: a member that is missing or of another type is left out of the sentence, never guessed.

import { denialTable, type DenialCode } from '../core/denial.ts';
import type { RuleChange } from '../core/rules.ts';
import { membersOf, type RecordMembers, textOf, textsOf } from './record-members.ts';

export interface Explanation {
  readonly record: string | null;
  readonly verdict: 'permitted' | 'denied' | 'would have been denied' | 'not a decision';
  readonly denial: DenialCode | null;
  /** Who attempted what, and when. */
  readonly attempt: string;
  /** What was decided and why. */
  readonly reason: string;
  /** Policies that determined it; empty when nothing permitted. */
  readonly policies: readonly string[];
  /** Where in the config it would change, such as `agent_roles.demo.allowed_tools`; null where no setting changes it. */
  readonly setting: string | null;
  /** What to do, and whom to ask. */
  readonly next: string;
}

/** What would have given another verdict, all of it together. */
export interface WayOut {
  readonly changes: readonly RuleChange[];
  readonly owner: string | null;
}

const attempted = (record: RecordMembers): string => {
  const tool = textOf(membersOf(record['tool'])['name']);
  const model = textOf(record['model_asked']) ?? textOf(record['model_version']);
  const action = textOf(record['action_type']);
  if (action === 'tool_call') return `a call of the tool ${tool ?? '(unknown)'}`;
  const { name, port } = membersOf(record['destination']);
  if (action === 'network_connection')
    return typeof name === 'string' ? `a connection to ${name}, port ${String(port)}` : 'a connection to a host that could not be read';
  if (action === 'model_request') return `a request to the model ${model ?? '(unknown)'}`;
  const control = textOf(record['control_action']);
  if (control !== null) return `${control} on the control plane`;
  return action === 'invocation' ? 'an invocation' : `a record of kind ${textOf(record['kind']) ?? '(unknown)'}`;
};

const attemptOf = (record: RecordMembers): string => {
  const parts = [attempted(record)];
  const [agent, role, user, when] = ['agent_id', 'agent_role', 'user_id', 'timestamp'].map((name) => textOf(record[name]));
  if (agent) parts.push(`by the agent ${agent}`);
  if (role) parts.push(`in the role ${role}`);
  if (user) parts.push(`for the invoker ${user}`);
  if (when) parts.push(`at ${when}`);
  return `${parts.join(' ')}.`;
};

const isDenialCode = (code: string | null): code is DenialCode => code !== null && Object.hasOwn(denialTable, code);

const settingOf = (denial: DenialCode | null, role: string | null, policies: readonly string[]): string | null => {
  if (role === null) return null;
  const member = `agent_roles.${role}`;
  if (policies.some((id) => id.startsWith(`role/${role}/prohibited/`))) return `${member}.prohibited_tools`;
  if (denial === 'approval_unavailable') return `${member}.requires_human_approval_for`;
  if (policies.length > 0) return null;
  if (denial === 'model_not_permitted') return `${member}.allowed_models`;
  if (denial === 'tool_not_permitted') return `${member}.allowed_tools`;
  if (denial === 'host_not_permitted') return `${member}.allowed_hosts`;
  return denial === 'deadline_exceeded' ? `${member}.max_response_time_seconds` : null;
};

interface Asking {
  readonly denial: DenialCode;
  readonly setting: string | null;
  readonly policies: readonly string[];
  readonly owner: string | null;
  readonly wayOut: WayOut | null;
}

const nextOf = ({ denial, setting, policies, owner, wayOut }: Asking): string => {
  const ask = denial === 'content_not_permitted' ? 'Send it without such content, or ask' : 'Ask';
  const whom = `${ask} ${owner ?? 'whoever owns the config'}`;
  if (wayOut !== null) return `${whom} to ${wayOut.changes.map(({ what }) => what).join(', and to ')}, naming this record.`;
  if (setting !== null) return `${whom} for a change of \`${setting}\`, naming this record.`;
  if (policies.length > 0)
    return `${whom} about the ${policies.length === 1 ? 'policy' : 'policies'} ${policies.join(', ')}, naming this record.`;
  if (denial === 'not_permitted') return `${whom} for a policy that permits it, naming this record.`;
  return denialTable[denial].meaning;
};

/** Denials that say what policy said. */
export const saidByPolicy: ReadonlySet<string> = new Set<DenialCode>([
  'not_permitted',
  'model_not_permitted',
  'content_not_permitted',
  'tool_not_permitted',
  'host_not_permitted',
  'approval_unavailable',
]);

const byPolicies = (denied: boolean, policies: readonly string[], sentence: string): string => {
  if (policies.length > 0) return ` Decided by ${policies.join(', ')}.`;
  return denied && !sentence.startsWith('No policy permits') ? ' No policy permits it.' : '';
};

/** What to do about a crossing that policy was not asked about. */
const nextUnasked = (denial: DenialCode | null, owner: string | null): string => {
  const ask = `ask ${owner ?? 'whoever owns the config'}`;
  return denial === 'model_not_permitted'
    ? `Correct the name of the model, or ${ask} to list it under \`endpoints\`.`
    : `Correct what was asked for, or ${ask} to change the config, naming this record.`;
};

/** `owner` is who answers for the agent, where the config says so; `wayOut` what would have given another verdict, where that is known. */
export const explain = (record: RecordMembers, owner: string | null = null, wayOut: WayOut | null = null): Explanation => {
  const decision = membersOf(record['decision']);
  const policies = textsOf(decision['policies']);
  const code = textOf(record['denial']);
  const denial = isDenialCode(code) ? code : null;
  const base = { record: textOf(record['log_id']), attempt: attemptOf(record), policies };
  // What was opened, and what was changed on the control plane, says beside it what let its author.
  const beside = textOf(record['kind']) === 'change' || textOf(record['kind']) === 'opened';
  const decides = textOf(record['kind']) === 'decision' || (beside && textOf(decision['verdict']) !== null);
  if (!decides) {
    const decided = textOf(record['decision_log_id']);
    const next = decided === null ? '' : `Its decision: \`sealwright why ${decided}\`.`;
    const reason =
      textOf(record['error_message']) ?? `This record is of kind ${textOf(record['kind']) ?? '(unknown)'} and decides nothing.`;
    return { ...base, verdict: 'not a decision', denial: null, reason, setting: null, next };
  }
  const judged = textOf(decision['verdict']);
  const sentence = textOf(decision['reason']) ?? '';
  if (denial === null && judged === 'permit') {
    return {
      ...base,
      verdict: 'permitted',
      denial: null,
      reason: `${sentence}${byPolicies(false, policies, sentence)}`.trim(),
      setting: null,
      next: '',
    };
  }
  const cause = denial ?? (judged === 'approval' ? 'approval_unavailable' : 'not_permitted');
  // Policy was not asked about a model that no endpoint lists, nor about an agent and a role that the config does not have so.
  const mayBeUnasked = denial === 'model_not_permitted' || denial === 'not_permitted';
  const unasked = mayBeUnasked && decision['request'] === null && policies.length === 0;
  const byPolicy = judged !== null && !unasked && saidByPolicy.has(cause);
  const tried = byPolicy ? wayOut : null;
  const unlisted = unasked && denial === 'model_not_permitted';
  const setting = unlisted ? 'endpoints' : (tried?.changes[0]?.where ?? settingOf(denial ?? cause, textOf(record['agent_role']), policies));
  return {
    ...base,
    verdict: denial === null ? 'would have been denied' : 'denied',
    denial,
    reason: `${sentence}${byPolicy ? byPolicies(true, policies, sentence) : ''}`.trim(),
    setting,
    next: unasked ? nextUnasked(denial, owner) : nextOf({ denial: cause, setting, policies, owner, wayOut: tried }),
  };
};
