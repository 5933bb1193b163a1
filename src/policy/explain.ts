// What made a decision and what would change it, for the person who was refused and the one who writes the rules.
// Pure. Each change is one of a single setting or policy, and is told only after deciding again with it gave the other verdict.

import type { Decision, JudgedRequest } from '../core/decision.ts';
import type { Flip, Ruled, RuleChange, Ruling } from '../core/rules.ts';
import { entity } from './cedar-text.ts';
import { type Change, permitting, type RuleState, undoing } from './changes-of-rules.ts';
import { type CompiledPolicy, settingOf } from './compile-roles.ts';
import type { Question } from './evaluate.ts';
import { createJudge, type Judge } from './judge.ts';
import { testOf } from './policy-tests.ts';
import type { WrittenPolicy } from './policy-files.ts';
import { questionOf, takenApart } from './question.ts';
import { compileConfig, type PolicySettings, type Rules } from './rules.ts';

export const placeOfPolicy = (policy: CompiledPolicy | WrittenPolicy): string => {
  if ('source' in policy) return settingOf(policy.source);
  return policy.line === null ? policy.file : `${policy.file}:${policy.line}`;
};

const rulingOf = (policy: CompiledPolicy | WrittenPolicy): Ruling => ({
  id: policy.id,
  effect: policy.effect,
  place: placeOfPolicy(policy),
  text: policy.text,
  observes: policy.observes,
});

const shown = (value: unknown): string => {
  if (typeof value === 'object' && value !== null && '__entity' in value) {
    const { type, id } = value['__entity'] as { readonly type: string; readonly id: string };
    return `${type}::${JSON.stringify(id)}`;
  }
  if (Array.isArray(value)) return `[${value.map(shown).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  return Object.entries(value)
    .map(([name, member]) => `${name} ${shown(member)}`)
    .join(', ');
};

/** Everything that a policy could have asked for. */
const factsOf = ({ principal, action, resource, context, entities }: Question): Ruled['facts'] => {
  const facts: (readonly [string, string])[] = [
    ['principal', shown({ __entity: principal })],
    ['action', shown({ __entity: action })],
    ['resource', shown({ __entity: resource })],
  ];
  for (const { uid, attrs, parents, tags = {} } of entities) {
    const name = shown({ __entity: '__entity' in uid ? uid['__entity'] : uid });
    if (parents.length > 0) facts.push([`${name} in`, parents.map((parent) => shown({ __entity: parent })).join(', ')]);
    if (Object.keys(attrs).length > 0) facts.push([name, shown(attrs)]);
    for (const [tag, value] of Object.entries(tags)) facts.push([`${name} ${JSON.stringify(tag)}`, shown(value)]);
  }
  for (const [name, value] of Object.entries(context)) facts.push([`context.${name}`, shown(value)]);
  return facts;
};

/** The policies as they are with the changes of `state`: what the config becomes is replaced, taken-out ones are left out. */
const policiesIn = (state: RuleState, settings: PolicySettings, rules: Rules): Rules['policies'] => {
  const [before, after] = [compileConfig(settings), compileConfig(state.settings)];
  const textOf = new Map(before.map(({ id, text }) => [id, text]));
  const left = new Set(after.map(({ id }) => id));
  const changed = new Map(after.filter(({ id, text }) => textOf.get(id) !== text).map((policy) => [policy.id, policy]));
  const kept = rules.policies.filter(({ id }) => !state.removed.has(id) && !changed.has(id) && (left.has(id) || !textOf.has(id)));
  return [...kept, ...changed.values()];
};

interface Attempt {
  readonly state: RuleState;
  readonly changes: readonly RuleChange[];
  readonly decision: Decision;
}

/** More are not tried: who needs five changes at once needs another role. */
const changesMax = 4;
const flipsMax = 8;

const requestIn = (request: JudgedRequest, { groups }: RuleState): JudgedRequest => ({
  ...request,
  parents: [...request.parents, ...groups.map((group) => entity('Group', group))],
});

/** Decides `request` with and without changes, and finds those that give the other verdict. */
export const explainWith = (settings: PolicySettings, rules: Rules, judge: Judge, request: JudgedRequest): Ruled => {
  const byId = new Map(rules.policies.map((policy) => [policy.id, policy]));
  const decision = judge.decide(request);
  const attempt = (before: Attempt, change: Change): Attempt => {
    const state = change.apply(before.state);
    const again = createJudge(state.settings, policiesIn(state, settings, rules));
    const changes = [...before.changes, ...change.changes];
    return { state, changes, decision: again.decide(requestIn(request, state)) };
  };
  const start: Attempt = { state: { settings, removed: new Set(), groups: [] }, changes: [], decision };

  const flips: Flip[] = [];
  const wanted = (verdict: Decision['verdict']): boolean => (decision.verdict === 'permit') !== (verdict === 'permit');
  const follow = (from: Attempt, depth: number): void => {
    if (flips.length >= flipsMax || depth > changesMax) return;
    if (wanted(from.decision.verdict)) {
      flips.push({ changes: from.changes, verdict: from.decision.verdict });
      return;
    }
    const determining = from.decision.policies.flatMap((id) => byId.get(id) ?? []);
    if (decision.verdict === 'permit') {
      const step = undoing(
        determining.filter(({ effect }) => effect === 'permit'),
        request,
      );
      if (step !== null) follow(attempt(from, step), depth + 1);
      return;
    }
    const forbids = determining.filter(({ effect }) => effect === 'forbid');
    // Where only permits are named in a denial, they could not be evaluated.
    const inTheWay = forbids.length > 0 ? forbids : determining;
    const steps =
      inTheWay.length > 0 ? [undoing(inTheWay, request)] : permitting(from.state, { ...from.decision, request }).slice(0, flipsMax);
    for (const step of steps) if (step !== null) follow(attempt(from, step), depth + 1);
  };
  follow(start, 0);
  const asked = takenApart(request);
  const question = asked === null ? null : questionOf(request, asked, settings);
  const named = [...decision.policies, ...(decision.observed?.policies ?? [])];
  return {
    decision,
    rulings: [...new Set(named)].flatMap((id) => byId.get(id) ?? []).map(rulingOf),
    facts: question === null ? [] : factsOf(question),
    flips,
    owner: settings.agents[asked?.agent ?? '']?.owner ?? null,
    asTest: () => (question === null ? null : testOf(rules, decision.reason, question)),
  };
};
