// Roles as a config has them, compiled to Cedar and asked about every tool and model that they name: the answers are those that the lists say in plain words.
// Input: the JSON of one role. What the schema does not take is not asked.

import assert from 'node:assert/strict';
import { z } from 'zod';
import { agentRolesConfig, completeRoles, toolOf, type RoleSettings } from '../../../src/policy/config.ts';
import { createPolicy } from '../../../src/policy/policy.ts';
import { invocationOf, morning, policySettings, rehearsal } from '../../policy-world.ts';
import type { Target } from '../target.ts';

const settings = policySettings({
  agents: { sdk: { client: 'sdk', roles: ['demo'] } },
  identity: { groups: { engineers: { agent_roles: ['demo'], control_roles: [] } } },
});

const schema = z.record(z.string(), z.unknown());

const roleIn = (text: string): unknown => {
  try {
    return schema.parse(JSON.parse(text));
  } catch {
    return null;
  }
};

/** Whether the lists let the role use the tool, read as plainly as they are written. What needs approval and is no tool stands for every tool. */
const isAllowed = (role: RoleSettings, tool: string): boolean => {
  const { allowed_tools: allowed, prohibited_tools: prohibited, requires_human_approval_for: approval } = role;
  const isTool = (name: string): boolean =>
    name.includes('/') || prohibited.includes(name) || allowed.some((entry) => toolOf(entry) === name);
  return allowed.includes(tool) && !prohibited.includes(tool) && !approval.includes(tool) && approval.every(isTool);
};

const check = (input: Uint8Array): void => {
  const parsed = agentRolesConfig.safeParse({ demo: roleIn(Buffer.from(input).toString()) });
  if (!parsed.success) return;
  const role = completeRoles(parsed.data, undefined)['demo'] ?? assert.fail('a role is lost');
  const policy = createPolicy({ ...settings, agent_roles: { demo: role } }, [], morning);
  if ('problems' in policy) return assert.ok(policy.problems.every(({ message }) => message.length > 0));
  const named = [...role.allowed_tools.map(toolOf), ...role.prohibited_tools, ...role.requires_human_approval_for];
  for (const tool of new Set([...named, 'a tool of nobody', 'builtin/shell'])) {
    const { verdict } = policy.decideTool({ invocation: invocationOf(), tool });
    assert.equal(verdict === 'permit', isAllowed(role, tool), `${JSON.stringify(tool)}: ${verdict}`);
  }
  for (const pin of ['simulated-1', 'simulated-2']) {
    const { decision } = policy.decideModel({ invocation: invocationOf(), candidates: [rehearsal(pin)] });
    assert.equal(decision.verdict === 'permit', role.allowed_models.includes(pin), pin);
  }
  return undefined;
};

export const target: Target = {
  kind: 'json',
  bytesMax: 2_048,
  seeds: () =>
    [
      { allowed_models: ['simulated-1'], allowed_tools: ['a', 'crm/read'], prohibited_tools: ['b'], requires_human_approval_for: ['a'], data_classification: 'internal' },
      { allowed_tools: ['a', { tool: 'b', when: { amount: { at_most: 5 } } }], prohibited_tools: [] },
      { allowed_tools: [], allowed_hosts: ['example.com', { host: '*.example.org', ports: [8443] }] },
    ].map((role) => Buffer.from(JSON.stringify(role))),
  words: ['"; permit(principal,action,resource); //', '\\u{0}', '\u202E', '"', '\\', '*', 'Sealwright::Tool::"a"'],
  check,
}; // prettier-ignore
