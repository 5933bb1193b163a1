// Roles as Cedar that a person can read: one policy for each thing that a role allows, prohibits or wants approved.
// The id says where a policy comes from, such as `role/demo/tool/get_order_status`. Pure; the output is validated like any other policy.

import { approvalSubjects, type RoleSettings } from './config.ts';
import { namespace, type PolicyAction } from './schema.ts';

export interface CompiledPolicy {
  readonly id: string;
  readonly role: string;
  readonly action: PolicyAction;
  readonly text: string;
  /** What needs a person's approval, where the policy is one that such an approval lifts. */
  readonly approval: string | undefined;
}

interface Rule {
  readonly id: string;
  readonly effect: 'permit' | 'forbid';
  readonly action: PolicyAction;
  readonly resource: string | null;
  readonly approval?: string;
}

const entity = (type: string, id: string): string => `${namespace}::${type}::${JSON.stringify(id)}`;

const policyText = (role: string, rule: Rule): string =>
  [
    `@id(${JSON.stringify(rule.id)})`,
    ...(rule.approval === undefined ? [] : [`@approval(${JSON.stringify(rule.approval)})`]),
    `${rule.effect} (`,
    `  principal in ${entity('Role', role)},`,
    `  action == ${entity('Action', rule.action)},`,
    rule.resource === null ? '  resource' : `  resource == ${rule.resource}`,
    ');',
  ].join('\n');

const rulesOf = (id: string, role: RoleSettings, roles: Readonly<Record<string, RoleSettings>>): readonly Rule[] => {
  const { tools, conditions } = approvalSubjects(role, roles);
  const toolRule = (effect: Rule['effect'], word: string, tool: string): Rule => ({
    id: `role/${id}/${word}/${tool}`,
    effect,
    action: 'callTool',
    resource: entity('Tool', tool),
  });
  return [
    ...role.allowed_models.map((model): Rule => ({
      id: `role/${id}/model/${model}`,
      effect: 'permit',
      action: 'invokeModel',
      resource: entity('Model', model),
    })),
    ...role.allowed_tools.map((tool) => toolRule('permit', 'tool', tool)),
    ...role.prohibited_tools.map((tool) => toolRule('forbid', 'prohibited', tool)),
    ...tools.map((tool) => ({ ...toolRule('forbid', 'approval', tool), approval: tool })),
    // A condition that is not defined cannot be found unmet, so it holds for every tool.
    ...conditions.map((condition): Rule => ({ ...toolRule('forbid', 'approval', condition), resource: null, approval: condition })),
  ];
};

/** Every role's policies, in the order of the settings. A name that a list repeats counts once. */
export const compileRoles = (roles: Readonly<Record<string, RoleSettings>>): readonly CompiledPolicy[] =>
  Object.entries(roles).flatMap(([role, settings]) => {
    const byId = new Map(rulesOf(role, settings, roles).map((rule) => [rule.id, rule]));
    return [...byId.values()].map((rule) => ({
      id: rule.id,
      role,
      action: rule.action,
      text: policyText(role, rule),
      approval: rule.approval,
    }));
  });
