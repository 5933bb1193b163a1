// A policy as deciding sees it, whether it was compiled from the config or written by hand; and which of them a question needs.
// Leaving a policy out changes nothing: only those are left out whose scope cannot hold for the action and the role.

import type { PolicyJson } from '@cedar-policy/cedar-wasm/nodejs';
import { limits } from '../core/limits.ts';
import { controlActions } from '../core/principal.ts';
import {
  appliesTo,
  argumentsFact,
  argumentTypes,
  crossingActions,
  crossingGroup,
  namespace,
  parentTypes,
  policyActions,
  type PolicyAction,
} from './schema.ts';

export interface SetPolicy {
  readonly id: string;
  readonly text: string;
  readonly effect: 'permit' | 'forbid';
  readonly actions: readonly PolicyAction[];
  /** The only role whose crossings its scope can hold for; null where it holds for others too. */
  readonly role: string | null;
  /** Roles for whose crossings it cannot hold. */
  readonly exceptRoles: readonly string[];
  /** What needs a person's approval, where the policy is one that such an approval lifts. */
  readonly approval: string | undefined;
  /** It is evaluated and shown, and never changes a verdict. */
  readonly observes: boolean;
  /** Tools at the arguments of whose calls it looks; null where it looks at none. */
  readonly argumentsOf: ToolScope | null;
}

export type ToolScope = { readonly tool: string } | { readonly server: string } | 'every tool';

/** Those that a question about `action` needs; `role` is that of the agent that crosses, null where none does. */
export const policiesFor = <P extends SetPolicy>(policies: readonly P[], action: PolicyAction, role: string | null): readonly P[] =>
  policies.filter(
    (policy) =>
      policy.actions.includes(action) &&
      (role === null || ((policy.role === null || policy.role === role) && !policy.exceptRoles.includes(role))),
  );

/**
 * The same in two parts where much of it is every role's: what is common stands first, the same for each role, so that it is parsed once. Policies that
 * cannot hold for the role may be in it.
 */
export const policyPartsFor = <P extends SetPolicy>(
  policies: readonly P[],
  action: PolicyAction,
  role: string | null,
): readonly (readonly P[])[] => {
  const needed = policiesFor(policies, action, role);
  const common = role === null ? [] : policies.filter((policy) => policy.role === null && policy.actions.includes(action));
  return common.length < limits.policiesSharedCount ? [needed] : [common, needed.filter((policy) => policy.role !== null)];
};

/** Whether what a role's policies say of a call of this tool can depend on its arguments. */
export const lookAtArguments = (policies: readonly SetPolicy[], role: string, tool: string): boolean =>
  policies.some(
    ({ argumentsOf, role: only, exceptRoles }) =>
      argumentsOf !== null && holdsFor(argumentsOf, tool) && (only === null || only === role) && !exceptRoles.includes(role),
  );

const holdsFor = (scope: ToolScope, tool: string): boolean => {
  if (scope === 'every tool') return true;
  return 'tool' in scope ? scope.tool === tool : tool.startsWith(`${scope.server}/`);
};

type Scope = PolicyJson['principal'] | PolicyJson['resource'];
type NamedEntity = { readonly __entity: { readonly type: string; readonly id: string } } | { readonly type: string; readonly id: string };

/** Cedar's JSON writes an entity in two ways. */
export const plainEntity = (named: NamedEntity): { readonly type: string; readonly id: string } =>
  '__entity' in named ? named['__entity'] : named;

/** The entity that a scope names, if it names one. */
export const scopeEntity = (scope: Scope): { readonly type: string; readonly id: string } | null => {
  if ('entity' in scope) return plainEntity(scope.entity);
  return scope.op === 'is' && scope.in !== undefined && 'entity' in scope.in ? plainEntity(scope.in.entity) : null;
};

const bare = (type: string): string => type.replace(`${namespace}::`, '');

const canBe = (scope: Scope, type: string): boolean => {
  if (scope.op === 'is' && bare(scope.entity_type) !== type) return false;
  const named = scopeEntity(scope);
  if (named === null) return true;
  return bare(named.type) === type || (scope.op !== '==' && (parentTypes[type] ?? []).includes(bare(named.type)));
};

const membersOf = (name: string): readonly PolicyAction[] => {
  if (name === crossingGroup) return crossingActions;
  const members = policyActions.filter((action) => action === name);
  if (members.length > 0) return members;
  return Object.entries(controlActions).flatMap(([action, roles]) =>
    (roles as readonly string[]).includes(name) ? [action as PolicyAction] : [],
  );
};

const namedActions = ({ action }: PolicyJson): readonly PolicyAction[] => {
  if (action.op === 'All') return policyActions;
  const named = 'entities' in action ? action.entities : 'entity' in action ? [action.entity] : [];
  return named.flatMap((each) => membersOf(plainEntity(each).id));
};

/** Whether it asks for arguments anywhere in its conditions: by the fact, or by the name of an entity that holds them. */
const asksForArguments = (value: unknown): boolean => {
  if (typeof value !== 'object' || value === null) return false;
  return Object.entries(value).some(
    ([name, member]) =>
      (name === 'attr' && [member].flat().includes(argumentsFact)) ||
      (name === 'type' && typeof member === 'string' && argumentTypes.includes(bare(member))) ||
      asksForArguments(member),
  );
};

/** The tools that its resource can be. */
const toolsOf = (scope: Scope): ToolScope => {
  const named = scopeEntity(scope);
  if (named === null) return 'every tool';
  return bare(named.type) === 'ToolServer' ? { server: named.id } : { tool: named.id };
};

/** The part of a `SetPolicy` that its scope and its conditions say. */
export const scopeOf = (policy: PolicyJson): Pick<SetPolicy, 'actions' | 'role' | 'exceptRoles' | 'argumentsOf'> => {
  const actions = namedActions(policy).filter((action) => {
    const types = appliesTo(action);
    return canBe(policy.principal, types.principal) && canBe(policy.resource, types.resource);
  });
  const named = scopeEntity(policy.principal);
  const looks = actions.includes('callTool') && asksForArguments(policy.conditions);
  return {
    actions: [...new Set(actions)],
    role: named !== null && bare(named.type) === 'Role' ? named.id : null,
    exceptRoles: [],
    argumentsOf: looks ? toolsOf(policy.resource) : null,
  };
};
