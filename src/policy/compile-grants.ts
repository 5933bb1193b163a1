// Who may let which agent take which role, and who may steer the envelope, as Cedar that a person can read.
// Groups permit, an agent's own list of roles forbids all others: what an invoker may do through an agent is what both allow.
// Pure; the output is validated like any other policy.

import { type ControlRole, controlRoles } from '../core/principal.ts';
import { entities, entity, policyText, type PolicyParts } from './cedar-text.ts';
import type { CompiledPolicy, Source } from './compile-roles.ts';
import type { AgentSettings } from './config.ts';
import { controlActionNames, crossingActions, crossingGroup, type PolicyAction } from './schema.ts';

/** What membership of a group grants, as `identity.groups` has it. */
export interface GroupSettings {
  readonly agent_roles: readonly string[];
  /** Without it: every agent. */
  readonly agents?: readonly string[] | undefined;
  readonly control_roles: readonly ControlRole[];
}

/** The part of `identity` that decides. */
export interface IdentityGrants {
  readonly local_development?: boolean | undefined;
  readonly groups: Readonly<Record<string, GroupSettings>>;
}

interface Grant extends Omit<PolicyParts, 'id'> {
  readonly actions: readonly PolicyAction[];
  readonly source: Source;
  readonly exceptRoles?: readonly string[];
}

const compiled = (id: string, { actions, source, exceptRoles = [], ...parts }: Grant): CompiledPolicy => ({
  id,
  effect: parts.effect,
  text: policyText({ id, ...parts }),
  actions,
  role: null,
  exceptRoles,
  approval: undefined,
  observes: false,
  argumentsOf: null,
  source,
});

const delegation = `action == ${entity('Action', 'delegate')}`;

const ofGroup = (group: string, settings: GroupSettings): readonly CompiledPolicy[] => {
  const member = { effect: 'permit', principal: `principal in ${entity('Group', group)}`, resource: 'resource' } as const;
  const { agents } = settings;
  const only = agents === undefined ? '' : ` && resource in ${entities('Agent', agents)}`;
  // Cedar has no empty list: a group that may start no agent gives no role.
  const roles = agents?.length === 0 ? [] : new Set(settings.agent_roles);
  return [
    ...[...roles].map((role) =>
      compiled(`group/${group}/role/${role}`, {
        ...member,
        actions: ['delegate'],
        action: delegation,
        when: `context.role == ${entity('Role', role)}${only}`,
        source: { from: 'group', name: group, list: 'agent_roles', value: role },
      }),
    ),
    ...[...new Set(settings.control_roles)].map((role) =>
      compiled(`group/${group}/control/${role}`, {
        ...member,
        actions: controlActionNames,
        action: `action in ${entity('Action', role)}`,
        source: { from: 'group', name: group, list: 'control_roles', value: role },
      }),
    ),
  ];
};

const ofAgent = (agent: string, { roles }: AgentSettings): readonly CompiledPolicy[] => {
  const always = { effect: 'forbid', source: { from: 'agent', name: agent } } as const;
  const own = entities('Role', [...new Set(roles)]);
  return [
    compiled(`agent/${agent}/roles`, {
      ...always,
      actions: ['delegate'],
      principal: 'principal',
      action: delegation,
      resource: `resource == ${entity('Agent', agent)}`,
      unless: `context.role in ${own}`,
    }),
    compiled(`agent/${agent}/roles/taken`, {
      ...always,
      actions: crossingActions,
      exceptRoles: roles,
      principal: `principal == ${entity('Agent', agent)}`,
      action: `action in ${entity('Action', crossingGroup)}`,
      resource: 'resource',
      unless: `principal in ${own}`,
    }),
  ];
};

/** Nobody is proved, so whoever reaches the envelope may do everything but approve. */
const localDevelopment = (): CompiledPolicy =>
  compiled('identity/local_development', {
    effect: 'permit',
    actions: ['delegate', ...controlActionNames],
    principal: 'principal',
    action: `action in ${entities('Action', ['delegate', ...controlRoles.filter((role) => role !== 'approver')])}`,
    resource: 'resource',
    when: 'context.assurance == "local_development"',
    source: { from: 'local_development' },
  });

/** The policies that groups, agents and `local_development` become, in the order of the settings. What a list repeats counts once. */
export const compileGrants = (identity: IdentityGrants, agents: Readonly<Record<string, AgentSettings>>): readonly CompiledPolicy[] => [
  ...(identity.local_development === true ? [localDevelopment()] : []),
  ...Object.entries(identity.groups).flatMap(([group, settings]) => ofGroup(group, settings)),
  ...Object.entries(agents).flatMap(([agent, settings]) => ofAgent(agent, settings)),
];
