// Roles as Cedar that a person can read: one policy for each thing that a role allows, prohibits or wants approved.
// The id says where a policy comes from, such as `role/demo/tool/get_order_status`. Pure; the output is validated like any other policy.

import { entity, policyText } from './cedar-text.ts';
import { type ArgumentCondition, compileConditions, givenArguments } from './compile-conditions.ts';
import { type HostRule, hostRulesOf, hostRuleText } from './allowed-hosts.ts';
import { type AllowedTool, approvalSubjects, type RoleSettings } from './config.ts';
import type { SetPolicy } from './policy-set.ts';
import type { PolicyAction } from './schema.ts';

export type RoleList = 'allowed_models' | 'allowed_tools' | 'prohibited_tools' | 'requires_human_approval_for' | 'allowed_hosts';

/** An entry of `allowed_tools` with conditions. */
export interface ConditionalEntry {
  /** Place in the list, from 0. */
  readonly index: number;
  readonly conditions: readonly ArgumentCondition[];
}

/** The setting that a policy comes from; `value` is its entry in the list there. */
export type Source =
  | {
      readonly from: 'role';
      readonly name: string;
      readonly list: RoleList;
      readonly value: string;
      /** The entry, where it is one with conditions. */
      readonly entry?: ConditionalEntry;
    }
  | { readonly from: 'group'; readonly name: string; readonly list: 'agent_roles' | 'control_roles'; readonly value: string }
  | { readonly from: 'agent'; readonly name: string }
  | { readonly from: 'local_development' }
  /** Compiled by another version, which had it otherwise. */
  | { readonly from: 'config' };

/** A policy that the config became. */
export interface CompiledPolicy extends SetPolicy {
  readonly source: Source;
}

/** Path of the setting, such as `agent_roles.demo.allowed_tools`. */
export const settingOf = (source: Source): string => {
  switch (source.from) {
    case 'role':
      return `agent_roles.${source.name}.${source.list}${source.entry === undefined ? '' : `[${source.entry.index}]`}`;
    case 'group':
      return `identity.groups.${source.name}.${source.list}`;
    case 'agent':
      return `agents.${source.name}.roles`;
    case 'local_development':
      return 'identity.local_development';
    case 'config':
      return 'the config';
  }
};

interface Rule {
  readonly word: string;
  readonly list: RoleList;
  readonly value: string;
  readonly effect: 'permit' | 'forbid';
  readonly action: PolicyAction;
  /** Scope of the resource. */
  readonly resource: string;
  readonly when?: readonly string[];
  readonly approval?: string;
  readonly entry?: ConditionalEntry;
}

const compiled = (role: string, rule: Rule): CompiledPolicy => {
  const { list, value, effect, action, resource, when, approval, entry } = rule;
  const id = `role/${role}/${keyOf(rule)}`;
  return {
    id,
    effect,
    text: policyText({
      id,
      effect,
      ...(approval === undefined ? {} : { approval }),
      principal: `principal in ${entity('Role', role)}`,
      action: `action == ${entity('Action', action)}`,
      resource,
      ...(when === undefined ? {} : { when }),
    }),
    actions: [action],
    role,
    exceptRoles: [],
    approval,
    observes: false,
    argumentsOf: entry === undefined ? null : { tool: value },
    source: { from: 'role', name: role, list, value, ...(entry === undefined ? {} : { entry }) },
  };
};

/** What comes behind the role in an id. Of a tool with conditions the place in the list comes first: the name of a tool may end like a number. */
const keyOf = ({ word, value, entry }: Rule): string => `${word}/${entry === undefined ? '' : `${entry.index}/`}${value}`;

/** A host is in each domain above it, and also in itself, which a wildcard does not mean. */
const hostPermit = (rule: HostRule): Rule => {
  const { host, wildcard, ports } = rule;
  const named = entity('Host', host.name);
  const atPort = ports.length === 1 ? `context.port == ${ports[0]}` : `[${ports.join(', ')}].contains(context.port)`;
  return {
    word: 'host',
    list: 'allowed_hosts',
    value: hostRuleText(rule),
    effect: 'permit',
    action: 'connect',
    resource: `resource ${wildcard ? 'in' : '=='} ${named}`,
    when: wildcard ? [`resource != ${named}`, atPort] : [atPort],
  };
};

const rulesOf = (role: RoleSettings, roles: Readonly<Record<string, RoleSettings>>): readonly Rule[] => {
  const { tools, conditions } = approvalSubjects(role, roles);
  const toolRule = (effect: Rule['effect'], word: string, list: RoleList, tool: string): Rule => ({
    word,
    list,
    value: tool,
    effect,
    action: 'callTool',
    resource: `resource == ${entity('Tool', tool)}`,
  });
  const allowed = (entry: AllowedTool, index: number): Rule => {
    if (typeof entry === 'string') return toolRule('permit', 'tool', 'allowed_tools', entry);
    const { tool, when } = entry;
    const conditions = compileConditions(when);
    return {
      ...toolRule('permit', 'when', 'allowed_tools', tool),
      when: [givenArguments, ...conditions.map(({ cedar }) => cedar)],
      entry: { index, conditions },
    };
  };
  const approval = (subject: string): Rule => ({
    ...toolRule('forbid', 'approval', 'requires_human_approval_for', subject),
    approval: subject,
  });
  return [
    ...role.allowed_models.map((model): Rule => ({
      word: 'model',
      list: 'allowed_models',
      value: model,
      effect: 'permit',
      action: 'invokeModel',
      resource: `resource == ${entity('Model', model)}`,
    })),
    ...role.allowed_tools.map((entry, index) => allowed(entry, index)),
    ...role.prohibited_tools.map((tool) => toolRule('forbid', 'prohibited', 'prohibited_tools', tool)),
    ...tools.map(approval),
    // A condition that is not defined cannot be found unmet, so it holds for every tool.
    ...conditions.map((condition): Rule => ({ ...approval(condition), resource: 'resource' })),
    ...hostRulesOf(role.allowed_hosts ?? []).map(hostPermit),
  ];
};

/** Every role's policies, in the order of the settings. A name that a list repeats counts once. */
export const compileRoles = (roles: Readonly<Record<string, RoleSettings>>): readonly CompiledPolicy[] =>
  Object.entries(roles).flatMap(([role, settings]) => [
    ...new Map(rulesOf(settings, roles).map((rule) => [keyOf(rule), compiled(role, rule)])).values(),
  ]);
