// May they? One decision function for models, tools, delegation and the control plane: what the config became and hand-written policies.
// Deny is the absence of a permit. An unknown agent or role, a policy that errors, a model that no endpoint lists: all deny, with a reason.
// Never throws for what a crossing says. Policies that do not validate are problems with file and line, and then there is no policy to ask.

import type { Clock } from '../core/clock.ts';
import type { Decision, JudgedRequest } from '../core/decision.ts';
import type { Destination } from '../core/destination.ts';
import { goesOn } from '../core/decision.ts';
import type { Candidate } from '../core/endpoint.ts';
import { label } from '../core/identifier.ts';
import { limits } from '../core/limits.ts';
import type { Agent, ControlAction, Invocation, Invoker } from '../core/principal.ts';
import type { PolicyFile, PolicyProblem } from './policy-files.ts';
import type { ModelQuestion, ToolQuestion } from './decide.ts';
import {
  controlRequest,
  delegationRequest,
  hostRequest,
  hourOf,
  modelRequest,
  type Moment,
  type Standing,
  toolRequest,
  withoutPersonal,
} from './question.ts';
import { createJudge } from './judge.ts';
import { compileRules, type PolicySettings } from './rules.ts';

export { loadPolicyFiles, type PolicyFile, type PolicyProblem } from './policy-files.ts';
export type { PolicySettings } from './rules.ts';

export interface ModelDecision {
  readonly decision: Decision;
  /** Where the crossing goes when it goes on; null when it does not. */
  readonly candidate: Candidate | null;
}

export interface Policy {
  /** The first candidate that is permitted, or why none is. `candidates` are the endpoints that list the model, in the order of the config. */
  readonly decideModel: (asked: ModelQuestion) => ModelDecision;
  /** A question that holds arguments keeps digests in their place. */
  readonly decideTool: (asked: ToolQuestion) => Decision;
  /** May the agent connect to this host and port? */
  readonly decideConnection: (asked: { readonly invocation: Invocation; readonly destination: Destination }) => Decision;
  /** May this invoker let this agent take this role? Asked when an invocation is opened. */
  readonly decideDelegation: (asked: {
    readonly invoker: Invoker;
    readonly agent: Agent;
    readonly role: string;
    readonly containment: Invocation['containment'];
    readonly dataClassification: string;
  }) => Decision;
  /** May this invoker do this on the control plane? Always enforced. */
  readonly decideControl: (asked: { readonly invoker: Invoker; readonly action: ControlAction }) => Decision;
  /** What the config became, as Cedar for people to read. */
  readonly compiledCedar: () => string;
  /** The hand-written files, as they were judged. */
  readonly files: readonly PolicyFile[];
}

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

const invokerKey = ({ userId, assurance, issuer, groups }: Invoker): readonly unknown[] => [userId, assurance, issuer, groups];

/** Of an invocation it is asked for with each crossing. */
const standingTexts = new WeakMap<Standing, string>();

const standingKey = (standing: Standing): string => {
  const known = standingTexts.get(standing);
  if (known !== undefined) return known;
  const { agent, role, invoker, dataClassification, containment } = standing;
  const text = JSON.stringify([agent.id, role, dataClassification, containment, ...invokerKey(invoker)]);
  standingTexts.set(standing, text);
  return text;
};

/** Compiles the config, reads and validates the hand-written `files`, and parses everything once. */
export const createPolicy = (
  settings: PolicySettings,
  files: readonly PolicyFile[],
  clock: Pick<Clock, 'wallMs'>,
): Policy | { readonly problems: readonly PolicyProblem[] } => {
  const rules = compileRules(settings, files);
  if ('problems' in rules) return rules;
  const judge = createJudge(settings, rules.policies);
  judge.prepare();
  const remember = createMemory();
  const { environment } = settings;

  const momentNow = (): Moment => ({ environment, hour: hourOf(clock.wallMs()) });
  /** `of`: who asks, as JSON, like what is asked: one behind the other they are read in one way only. */
  const decide = (what: string, inputs: readonly unknown[], of: string, request: (moment: Moment) => JudgedRequest): Decision => {
    const moment = momentNow();
    return remember(`${JSON.stringify([what, moment.hour, ...inputs])}${of}`, () => judge.decide(request(moment)));
  };

  return {
    decideModel: ({ invocation, candidates, notInspected = [] }) => {
      let first: ModelDecision | undefined;
      for (const candidate of candidates) {
        const { id, topology, provider, region } = candidate.endpoint;
        const inputs = [candidate.pin, id, topology, provider, region, notInspected];
        const decision = decide('model', inputs, standingKey(invocation), (moment) =>
          modelRequest(invocation, moment, candidate, notInspected),
        );
        if (decision.verdict === 'permit') return { decision, candidate };
        first ??= { decision, candidate: goesOn(decision) ? candidate : null };
      }
      if (first !== undefined) return first;
      // Nowhere to go: not a matter of policy, so observing cannot let it pass.
      const reason = 'No endpoint lists this model.';
      return { decision: { verdict: 'deny', policies: [], reason, mode: 'enforce', request: null, observed: null }, candidate: null };
    },
    decideTool: ({ invocation, tool, given = () => null }) => {
      const name = label(tool);
      const seen = judge.looksAtArguments(invocation.role, name) ? given() : undefined;
      if (seen === undefined || seen === null)
        return decide('tool', [name, seen], standingKey(invocation), (moment) => toolRequest(invocation, moment, name, seen));
      // What a call says is seldom said again, and is not kept.
      const request = toolRequest(invocation, momentNow(), name, seen);
      return { ...judge.decide(request), request: { ...request, context: withoutPersonal(request.context, invocation.digestKey) } };
    },
    decideConnection: ({ invocation, destination }) =>
      decide('connect', [destination.name, destination.port], standingKey(invocation), (moment) =>
        hostRequest(invocation, moment, destination),
      ),
    decideDelegation: (standing) => decide('delegate', [], standingKey(standing), (moment) => delegationRequest(standing, moment)),
    decideControl: ({ invoker, action }) =>
      decide('control', [action], JSON.stringify(invokerKey(invoker)), (moment) => controlRequest(invoker, moment, action)),
    compiledCedar: () => rules.compiledCedar,
    files,
  };
};
