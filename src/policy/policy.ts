// May they? One decision function for models and tools: roles compiled to Cedar together with hand-written policies.
// Deny is the absence of a permit. An unknown agent or role, a policy that errors, a model that no endpoint lists: all deny, with a reason.
// Never throws for what a crossing says. Policies that do not validate are problems with file and line, and then there is no policy to ask.

import type { ControlMode, Decision, Verdict } from '../core/decision.ts';
import { goesOn } from '../core/decision.ts';
import type { Candidate } from '../core/endpoint.ts';
import { label } from '../core/identifier.ts';
import { limits } from '../core/limits.ts';
import type { Invocation } from '../core/principal.ts';
import { compileRoles } from './compile-roles.ts';
import type { AgentSettings, RoleSettings } from './config.ts';
import { createSlice, type Finding, type Slice } from './evaluate.ts';
import { type PolicyFile, type PolicyProblem, readPolicyFile, validationProblems, type WrittenPolicy } from './policy-files.ts';
import { judged, type Matter, modelMatter, questionOf, toolMatter } from './question.ts';
import { policyActions } from './schema.ts';

export { loadPolicyFiles, type PolicyFile, type PolicyProblem } from './policy-files.ts';

/** The part of the config that decides; `Config` has it. */
export interface PolicySettings {
  readonly environment: string;
  readonly agents: Readonly<Record<string, AgentSettings>>;
  readonly agent_roles: Readonly<Record<string, RoleSettings>>;
  readonly policies: { readonly mode: ControlMode };
}

export interface ModelDecision {
  readonly decision: Decision;
  /** Where the crossing goes when it goes on; null when it does not. */
  readonly candidate: Candidate | null;
}

export interface Policy {
  /** The first candidate that is permitted, or why none is. `candidates` are the endpoints that list the model, in the order of the config. */
  readonly decideModel: (asked: { readonly invocation: Invocation; readonly candidates: readonly Candidate[] }) => ModelDecision;
  /** `tool` is a canonical name. */
  readonly decideTool: (asked: { readonly invocation: Invocation; readonly tool: string }) => Decision;
  /** What the roles became, as Cedar for people to read. */
  readonly compiledCedar: () => string;
  /** The hand-written files, as they were judged. */
  readonly files: readonly PolicyFile[];
}

const listed = (ids: readonly string[]): string => (ids.length > 1 ? `${ids[0]} and ${ids.length - 1} more` : (ids[0] ?? ''));

const verdicts: Readonly<Record<Finding['found'], Verdict>> = { permit: 'permit', deny: 'deny', approval: 'approval', error: 'deny' };

const reasonFor = (finding: Finding, { role }: Invocation, { deed }: Matter): string => {
  switch (finding.found) {
    case 'permit':
      return `The role ${role} may ${deed}: ${listed(finding.ids)}.`;
    case 'approval':
      return `The role ${role} may ${deed} only with a person's approval: ${listed(finding.ids)}.`;
    case 'deny':
      return finding.ids.length > 0
        ? `The role ${role} may not ${deed}: ${listed(finding.ids)}.`
        : `No policy permits the role ${role} to ${deed}.`;
    case 'error':
      return finding.ids.length > 0
        ? `The policy ${listed(finding.ids)} could not be evaluated, so nothing is permitted.`
        : 'The policies could not be evaluated, so nothing is permitted.';
  }
};

/** Why this agent cannot be judged in this role at all; null when it can. */
const strangerReason = ({ agents, agent_roles: roles }: PolicySettings, { agent, role }: Invocation): string | null => {
  if (!Object.hasOwn(agents, agent.id)) return `The agent ${label(agent.id)} is not configured.`;
  if (!Object.hasOwn(roles, role)) return `The role ${label(role)} is not configured.`;
  return agents[agent.id]?.roles.includes(role) === true ? null : `The agent ${agent.id} may not take the role ${role}.`;
};

/** Decisions for inputs seen before; the oldest goes first. A decision depends on nothing but its inputs, so it never goes stale. */
const createMemory = () => {
  const decisions = new Map<string, Decision>();
  return (key: string, decide: () => Decision): Decision => {
    const known = decisions.get(key);
    if (known !== undefined) return known;
    const decision = decide();
    const oldest = decisions.size >= limits.decisionsCachedCount ? decisions.keys().next() : undefined;
    if (oldest?.done === false) decisions.delete(oldest.value);
    decisions.set(key, decision);
    return decision;
  };
};

const memoryKey = (
  { agent, role, invoker, dataClassification, containment }: Invocation,
  { action, resource, resourceParent, place }: Matter,
): string =>
  JSON.stringify([
    action,
    agent.id,
    agent.client,
    role,
    invoker.userId,
    invoker.assurance,
    dataClassification,
    containment,
    resource.id,
    resourceParent?.id,
    place?.topology,
    place?.provider,
    place?.region,
  ]);

const sliceName = (action: string, role: string): string => `${action} ${role}`;

/** One slice for each action and role: the role's own policies for the action, and every hand-written one that applies to it. */
const createSlices = (settings: PolicySettings, policies: readonly WrittenPolicy[]): ReadonlyMap<string, Slice> => {
  const compiled = compileRoles(settings.agent_roles);
  const slices = policyActions.flatMap((action) => {
    const byHand = policies.filter(({ actions }) => actions.includes(action));
    return Object.keys(settings.agent_roles).map((role) => {
      const own = compiled.filter((policy) => policy.role === role && policy.action === action);
      return [sliceName(action, role), createSlice([...own, ...byHand])] as const;
    });
  });
  return new Map(slices);
};

const readFiles = (
  files: readonly PolicyFile[],
): { readonly policies: readonly WrittenPolicy[]; readonly problems: readonly PolicyProblem[] } => {
  const fileOf = new Map<string, string>();
  const policies: WrittenPolicy[] = [];
  const problems: PolicyProblem[] = [];
  for (const file of files) {
    const read = readPolicyFile(file);
    problems.push(...read.problems);
    for (const policy of read.policies) {
      const other = fileOf.get(policy.id);
      if (other !== undefined)
        problems.push({ file: file.path ?? file.name, line: null, message: `the id ${policy.id} already stands in ${other}` });
      fileOf.set(policy.id, file.name);
      policies.push(policy);
    }
  }
  return { policies, problems };
};

const cedarText = (settings: PolicySettings): string =>
  compileRoles(settings.agent_roles)
    .map(({ text }) => `${text}\n`)
    .join('\n');

/** Compiles roles, reads and validates the hand-written `files`, and parses everything once. */
export const createPolicy = (
  settings: PolicySettings,
  files: readonly PolicyFile[],
): Policy | { readonly problems: readonly PolicyProblem[] } => {
  const compiled = cedarText(settings);
  const { policies, problems } = readFiles(files);
  const all = [...problems, ...validationProblems({ name: 'agent_roles', text: compiled })];
  if (all.length > 0) return { problems: all };
  const slices = createSlices(settings, policies);
  const remember = createMemory();
  const { mode } = settings.policies;

  const judge = (invocation: Invocation, matter: Matter): Decision => {
    const stranger = strangerReason(settings, invocation);
    const slice = slices.get(sliceName(matter.action, invocation.role));
    if (stranger !== null || slice === undefined) {
      return { verdict: 'deny', policies: [], reason: stranger ?? 'No policy knows this role.', mode, request: null };
    }
    const question = questionOf(settings.environment, invocation, matter);
    const finding = slice(question);
    return {
      verdict: verdicts[finding.found],
      policies: finding.ids,
      reason: reasonFor(finding, invocation, matter),
      mode,
      request: judged(matter, question, invocation),
    };
  };

  const decide = (invocation: Invocation, matter: Matter): Decision =>
    remember(memoryKey(invocation, matter), () => judge(invocation, matter));

  return {
    decideModel: ({ invocation, candidates }) => {
      let first: ModelDecision | undefined;
      for (const candidate of candidates) {
        const decision = decide(invocation, modelMatter(candidate));
        if (decision.verdict === 'permit') return { decision, candidate };
        first ??= { decision, candidate: goesOn(decision) ? candidate : null };
      }
      if (first !== undefined) return first;
      // Nowhere to go: not a matter of policy, so observing cannot let it pass.
      return {
        decision: { verdict: 'deny', policies: [], reason: 'No endpoint lists this model.', mode: 'enforce', request: null },
        candidate: null,
      };
    },
    decideTool: ({ invocation, tool }) => decide(invocation, toolMatter(label(tool))),
    compiledCedar: () => compiled,
    files,
  };
};
