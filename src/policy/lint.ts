// What looks wrong with hand-written policies though it validates: a policy that adds nothing, a condition that is always the same,
// a permit for everything, a name that the config lacks. Warnings only. Pure; looks at the syntax and never decides.

import type { PolicyJson } from '@cedar-policy/cedar-wasm/nodejs';
import { nearest } from '../core/nearest.ts';
import { opaqueKinds } from '../core/opaque.ts';
import type { CompiledPolicy } from './compile-roles.ts';
import { placeOfPolicy } from './explain.ts';
import { dataClasses, toolOf } from './config.ts';
import { constantOf } from './constant-conditions.ts';
import type { PolicyProblem, WrittenPolicy } from './policy-files.ts';
import { plainEntity, scopeEntity } from './policy-set.ts';
import type { PolicySettings, Rules } from './rules.ts';
import { namespace, policyActions } from './schema.ts';
import { unknownKinds } from './unknown-kinds.ts';

const finding = ({ id, file, line }: WrittenPolicy, message: string): PolicyProblem => ({
  file,
  line,
  message: `the policy ${id} ${message}`,
});

type Scope = PolicyJson['principal'] | PolicyJson['resource'];

const sameEntity = (a: Scope, b: Scope): boolean => {
  const [one, other] = [scopeEntity(a), scopeEntity(b)];
  return one !== null && other !== null && one.type === other.type && one.id === other.id;
};

/** Whether all that `inner` matches, `outer` matches too, as far as the scopes alone say. */
const scopeContains = (outer: Scope, inner: Scope): boolean => {
  if (outer.op === 'All') return true;
  if (outer.op === '==') return inner.op === '==' && sameEntity(outer, inner);
  const typeHolds = outer.op !== 'is' || typeOf(inner) === outer.entity_type;
  if (outer.op === 'is' && outer.in === undefined) return typeHolds;
  return typeHolds && sameEntity(outer, inner);
};

/** The one type that a scope leaves, where it leaves one. */
const typeOf = (scope: Scope): string | null => {
  if (scope.op === 'is') return scope.entity_type;
  return scope.op === '==' ? (scopeEntity(scope)?.type ?? null) : null;
};

interface Read {
  readonly policy: CompiledPolicy | WrittenPolicy;
  readonly json: PolicyJson;
  /** The conditions as one text, empty where there are none: each policy is compared with all others. */
  readonly conditions: string;
}

const readOf = (policy: Read['policy'], json: PolicyJson): Read => ({
  policy,
  json,
  conditions: json.conditions.length === 0 ? '' : JSON.stringify(json.conditions),
});

const containsPolicy = (outer: Read, inner: Read): boolean =>
  (outer.conditions === '' || outer.conditions === inner.conditions) &&
  outer.policy.effect === inner.policy.effect &&
  outer.policy.observes === inner.policy.observes &&
  outer.policy.approval === inner.policy.approval &&
  inner.policy.actions.every((action) => outer.policy.actions.includes(action)) &&
  scopeContains(outer.json.principal, inner.json.principal) &&
  scopeContains(outer.json.resource, inner.json.resource);

/** Of two policies that say the same, the later one is redundant. */
const redundant = (written: readonly WrittenPolicy[], all: readonly Read[]): readonly PolicyProblem[] =>
  written.flatMap((policy) => {
    const inner = readOf(policy, policy.json);
    const at = all.findIndex((each) => each.policy.id === policy.id);
    const outer = all.find(
      (each, index) => each.policy.id !== policy.id && containsPolicy(each, inner) && (index < at || !containsPolicy(inner, each)),
    );
    return outer === undefined
      ? []
      : [
          finding(
            policy,
            `adds nothing: all that it ${policy.effect}s, ${outer.policy.id} ${policy.effect}s (${placeOfPolicy(outer.policy)})`,
          ),
        ];
  });

const constants = (policy: WrittenPolicy): readonly PolicyProblem[] =>
  policy.json.conditions.flatMap(({ kind, body }) => {
    const value = constantOf(body);
    if (value === null) return [];
    const never = value === (kind === 'unless');
    return [finding(policy, `has a condition that is always ${value}, so it ${never ? 'never applies' : 'changes nothing'} (${kind})`)];
  });

const isEverything = ({ principal, resource, conditions }: PolicyJson): boolean =>
  principal.op === 'All' && resource.op === 'All' && conditions.length === 0;

const unconditional = (policy: WrittenPolicy): readonly PolicyProblem[] => {
  if (policy.effect !== 'permit' || !isEverything(policy.json)) return [];
  const what =
    policy.actions.length === policyActions.length ? 'everything to everybody, the control plane too' : 'its actions to everybody';
  return [finding(policy, `permits ${what}: its scope and conditions leave nothing out`)];
};

interface NamedEntity {
  readonly type: string;
  readonly id: string;
}

/** Every entity that a policy names, in scope and conditions. */
const namedIn = (value: unknown): readonly NamedEntity[] => {
  if (Array.isArray(value)) return value.flatMap(namedIn);
  if (typeof value !== 'object' || value === null) return [];
  const { type, id } = value as Partial<NamedEntity>;
  if (typeof type === 'string' && typeof id === 'string') return [plainEntity({ type, id })];
  return Object.values(value).flatMap(namedIn);
};

type KnownNames = Readonly<Record<string, { readonly where: string; readonly names: readonly string[] }>>;

const knownNames = ({ agents, agent_roles: roles, identity, endpoints }: PolicySettings): KnownNames => {
  const tools = Object.values(roles).flatMap((role) => [
    ...role.allowed_tools.map(toolOf),
    ...role.prohibited_tools,
    ...role.requires_human_approval_for,
  ]);
  const servers = tools.flatMap((tool) => (tool.includes('/') ? [tool.slice(0, tool.indexOf('/'))] : []));
  return {
    Agent: { where: 'under agents', names: Object.keys(agents) },
    Role: { where: 'under agent_roles', names: Object.keys(roles) },
    Group: { where: 'under identity.groups', names: Object.keys(identity.groups) },
    Endpoint: { where: 'under endpoints', names: Object.keys(endpoints) },
    Model: {
      where: 'the pin of a model under endpoints',
      names: Object.values(endpoints).flatMap(({ models }) => models.map(({ pin }) => pin)),
    },
    Tool: { where: 'a tool that a role names', names: [...new Set(tools)] },
    ToolServer: { where: 'the server of a tool that a role names', names: [...new Set(servers)] },
    DataLabel: { where: 'a class of data', names: dataClasses },
    Envelope: { where: 'the envelope, which is "this"', names: ['this'] },
  };
};

const unknownNames = (policy: WrittenPolicy, known: KnownNames): readonly PolicyProblem[] => {
  const { principal, resource, conditions } = policy.json;
  const named = namedIn([principal, resource, conditions]);
  const each = new Map(named.map((entity) => [`${entity.type} ${entity.id}`, entity]));
  return [...each.values()].flatMap(({ type, id }) => {
    const name = type.replace(`${namespace}::`, '');
    const list = known[name];
    if (list === undefined || list.names.includes(id)) return [];
    const meant = nearest(id, list.names);
    return [
      finding(
        policy,
        `names the ${name} ${JSON.stringify(id)}, which is not ${list.where}${meant === undefined ? '' : `; did you mean ${meant}?`}`,
      ),
    ];
  });
};

const strangeKinds = (policy: WrittenPolicy): readonly PolicyProblem[] =>
  unknownKinds(policy.json.conditions).map((kind) => {
    const meant = nearest(kind, Object.keys(opaqueKinds));
    const hint = meant === undefined ? '' : `; did you mean ${meant}?`;
    return finding(policy, `asks whether ${JSON.stringify(kind)} was not inspected, which is no kind of content${hint}`);
  });

const observing = (policy: WrittenPolicy): readonly PolicyProblem[] =>
  policy.observes ? [finding(policy, 'only observes (@mode("observe")): it changes no verdict')] : [];

const jsonOfCompiled = (policy: CompiledPolicy): Read | null => {
  // What the config became is read from its own parts: no condition of it is simple enough to contain a hand-written one.
  if (policy.role === null || policy.actions.length !== 1 || policy.source.from !== 'role') return null;
  const [action = ''] = policy.actions;
  if (action === 'connect') return null;
  const resource = policy.effect === 'forbid' && policy.source.list === 'requires_human_approval_for' ? null : policy.source.value;
  const type = action === 'invokeModel' ? 'Model' : 'Tool';
  const read = readOf(policy, {
    effect: policy.effect,
    principal: { op: 'in', entity: { type: `${namespace}::Role`, id: policy.role } },
    action: { op: '==', entity: { type: `${namespace}::Action`, id: action } },
    resource: resource === null ? { op: 'All' } : { op: '==', entity: { type: `${namespace}::${type}`, id: resource } },
    conditions: [],
  });
  // Conditions that no hand-written policy writes the same way.
  return policy.source.entry === undefined ? read : { ...read, conditions: policy.text };
};

/** A permit without conditions for what the config allows only under some. */
const moot = (written: readonly WrittenPolicy[], all: readonly Read[]): readonly PolicyProblem[] => {
  const conditional = all.filter(({ policy }) => 'source' in policy && policy.source.from === 'role' && policy.source.entry !== undefined);
  return written.flatMap((policy) => {
    const outer = readOf(policy, policy.json);
    return conditional
      .filter((inner) => outer.conditions === '' && containsPolicy(outer, inner))
      .map((inner) =>
        finding(
          policy,
          `permits what ${inner.policy.id} permits only under conditions (${placeOfPolicy(inner.policy)}), which it makes moot`,
        ),
      );
  });
};

/** Warnings about the hand-written policies of a set, with file and line. */
export const lintPolicies = (settings: PolicySettings, { policies }: Rules): readonly PolicyProblem[] => {
  const written = policies.filter((policy) => 'json' in policy);
  const all = policies.flatMap((policy) => ('json' in policy ? [readOf(policy, policy.json)] : (jsonOfCompiled(policy) ?? [])));
  const known = knownNames(settings);
  return [
    ...written.flatMap((policy) => [
      ...unconditional(policy),
      ...constants(policy),
      ...unknownNames(policy, known),
      ...strangeKinds(policy),
      ...observing(policy),
    ]),
    ...redundant(written, all),
    ...moot(written, all),
  ].toSorted((a, b) => (a.file === b.file ? (a.line ?? 0) - (b.line ?? 0) : a.file < b.file ? -1 : 1));
};
