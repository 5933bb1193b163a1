// From a judged request to a decision, by one set of policies: the one function that decides, on the way and in replay.
// Deny is the absence of a permit. An agent or role that the config does not know and a policy that errors deny, with a reason.
// A policy that only observes never changes a verdict; what it would have changed stands beside it.

import type { ControlMode, Decision, JudgedRequest, Observed, Verdict } from '../core/decision.ts';
import { isName, label } from '../core/identifier.ts';
import { type UnmetConditions, unmetSentence } from '../core/tool-arguments.ts';
import type { AgentSettings, RoleSettings } from './config.ts';
import { createSlice, type Finding, type Slice } from './evaluate.ts';
import { lookAtArguments, policyPartsFor, type SetPolicy } from './policy-set.ts';
import { type Asked, type QuestionSettings, questionOf, takenApart } from './question.ts';
import { controlActionNames, crossingActions, isCrossing, type PolicyAction } from './schema.ts';
import { createUnmet } from './unmet-conditions.ts';

export interface JudgeSettings extends QuestionSettings {
  readonly agents: Readonly<Record<string, AgentSettings>>;
  readonly agent_roles: Readonly<Record<string, RoleSettings>>;
  readonly policies: { readonly mode: ControlMode };
}

export interface Judge {
  /** Never throws for what a request says. */
  readonly decide: (request: JudgedRequest) => Decision;
  /** Whether what is decided about calls of this tool can depend on their arguments. */
  readonly looksAtArguments: (role: string, tool: string) => boolean;
  /** Parses what crossings, delegation and the control plane will be decided by, so that the first of them need not wait. */
  readonly prepare: () => void;
}

const listed = (ids: readonly string[]): string => (ids.length > 1 ? `${ids[0]} and ${ids.length - 1} more` : (ids[0] ?? ''));

const verdicts: Readonly<Record<Finding['found'], Verdict>> = { permit: 'permit', deny: 'deny', approval: 'approval', error: 'deny' };

const deedOf = ({ action, resource, role, places, port }: Asked): string => {
  if (action === 'invokeModel') return `call the model ${resource.id}${places[0] === undefined ? '' : ` at ${places[0].id}`}`;
  if (action === 'callTool') return `use the tool ${resource.id}`;
  if (action === 'connect') return `connect to ${resource.id}, port ${port}`;
  return action === 'delegate' ? `let the agent ${resource.id} take the role ${role ?? ''}` : `do ${action} on the control plane`;
};

const reasonFor = (finding: Finding, asked: Asked, unmet: UnmetConditions | null): string => {
  if (unmet !== null) return unmetSentence(asked.role ?? '', asked.resource.id, unmet);
  const [who, deed] = [isCrossing(asked.action) ? `the role ${asked.role}` : 'the invoker', deedOf(asked)];
  const Who = `${who[0]?.toUpperCase()}${who.slice(1)}`;
  switch (finding.found) {
    case 'permit':
      return `${Who} may ${deed}: ${listed(finding.ids)}.`;
    case 'approval':
      return `${Who} may ${deed} only with a person's approval: ${listed(finding.ids)}.`;
    case 'deny':
      return finding.ids.length > 0 ? `${Who} may not ${deed}: ${listed(finding.ids)}.` : `No policy permits ${who} to ${deed}.`;
    case 'error':
      return finding.ids.length > 0
        ? `The policy ${listed(finding.ids)} could not be evaluated, so nothing is permitted.`
        : 'The policies could not be evaluated, so nothing is permitted.';
  }
};

/** Why this agent cannot be judged in this role at all; null when it can, or where no agent is asked about. */
const strangerReason = ({ agents, agent_roles: roles }: JudgeSettings, { agent, role }: Asked): string | null => {
  if (agent === null) return null;
  if (!Object.hasOwn(agents, agent)) return `The agent ${label(agent)} is not configured.`;
  if (role === null || !Object.hasOwn(roles, role)) return `The role ${label(role ?? '')} is not configured.`;
  return agents[agent]?.roles.includes(role) === true ? null : `The agent ${agent} may not take the role ${role}.`;
};

const isConfigured = ({ agent, role }: Asked, { agents, agent_roles: roles }: JudgeSettings): boolean =>
  Object.hasOwn(agents, agent ?? '') && Object.hasOwn(roles, role ?? '');

/** A prohibition of a tool, or of a server's tools, could not hold for a call whose name is not kept. */
const isNameless = ({ action, resource }: Asked): boolean => action === 'callTool' && !isName(label(resource.id));

/** Observing is for what an agent does: nobody steers the envelope without a permit. */
const modeFor = (asked: Asked | null, { policies }: JudgeSettings): ControlMode =>
  asked !== null && (asked.action === 'delegate' || isCrossing(asked.action)) ? policies.mode : 'enforce';

/** What one slice answers, with and without the policies that only observe. */
interface Slices {
  readonly enforced: Slice;
  /** Null where no policy of the slice only observes. */
  readonly all: Slice | null;
}

const createSlices = (policies: readonly SetPolicy[]): ((action: PolicyAction, role: string | null) => Slices) => {
  const made = new Map<string, Slices>();
  return (action, role) => {
    const name = `${action} ${role}`;
    const known = made.get(name);
    if (known !== undefined) return known;
    const parts = policyPartsFor(policies, action, role);
    const enforced = parts.map((part) => part.filter(({ observes }) => !observes));
    const watches = parts.some((part) => part.some(({ observes }) => observes));
    const slices = { enforced: createSlice(...enforced), all: watches ? createSlice(...parts) : null };
    made.set(name, slices);
    return slices;
  };
};

const words: Readonly<Record<Verdict, string>> = {
  permit: 'it would be permitted',
  deny: 'it would be denied',
  approval: "it would need a person's approval",
};

const observing = ({ verdict, policies }: Observed): string =>
  ` If the policies that only observe counted, ${words[verdict]}${policies.length === 0 ? '' : `: ${listed(policies)}`}.`;

/** Decides by `policies`; parses a slice of them when it is first needed. */
export const createJudge = (settings: JudgeSettings, policies: readonly SetPolicy[]): Judge => {
  const slicesFor = createSlices(policies);
  const looking = policies.filter(({ argumentsOf }) => argumentsOf !== null);
  const unmetOf = createUnmet(policies);
  const decide = (request: JudgedRequest): Decision => {
    const asked = takenApart(request);
    const mode = modeFor(asked, settings);
    const refused = (reason: string): Decision => ({ verdict: 'deny', policies: [], reason, mode, request, observed: null });
    if (asked === null) return refused('The request cannot be read, so nothing is permitted.');
    if (isNameless(asked)) return refused('The tool has no name that a policy could speak of, so nothing permits it.');
    const stranger = strangerReason(settings, asked);
    // Cedar speaks of agents and roles that the config has; of others there is nothing to ask.
    if (stranger !== null && !isConfigured(asked, settings)) return refused(stranger);
    const { enforced, all } = slicesFor(asked.action, isCrossing(asked.action) ? asked.role : null);
    const question = questionOf(request, asked, settings);
    const found = enforced(question);
    const verdict = stranger === null ? verdicts[found.found] : 'deny';
    const nothing = found.found === 'deny' && found.ids.length === 0;
    const unmet = stranger === null && nothing ? unmetOf(asked, question) : null;
    const also = all?.(question) ?? found;
    const differs = stranger === null && verdicts[also.found] !== verdict;
    const observed = differs ? { verdict: verdicts[also.found], policies: also.ids } : null;
    return {
      verdict,
      policies: stranger !== null && found.found !== 'deny' ? [] : found.ids,
      reason: `${stranger ?? reasonFor(found, asked, unmet)}${observed === null ? '' : observing(observed)}`,
      mode,
      request,
      observed,
      ...(unmet === null ? {} : { unmet }),
    };
  };
  const prepare = (): void => {
    for (const role of Object.keys(settings.agent_roles)) for (const action of crossingActions) slicesFor(action, role);
    for (const action of ['delegate', ...controlActionNames] as const) slicesFor(action, null);
  };
  return { decide, looksAtArguments: (role, tool) => lookAtArguments(looking, role, tool), prepare };
};
