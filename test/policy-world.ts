// A config as policy sees it, with agents, roles and groups to ask about, and who asks: for the tests of deciding and of deciding again.
// What a test wants otherwise it passes in; a set of rules that does not validate fails the test.

import assert from 'node:assert/strict';
import type { Invocation, Invoker } from '../src/core/principal.ts';
import type { RuleBook } from '../src/core/rules.ts';
import { createPolicy, type Policy, type PolicyFile, type PolicySettings } from '../src/policy/policy.ts';
import { createRuleBook } from '../src/policy/rule-book.ts';
import { compileRules, type Rules } from '../src/policy/rules.ts';

const role = {
  allowed_models: ['simulated-1'],
  allowed_tools: ['get_order_status', 'refund', 'crm/read'],
  prohibited_tools: ['access_payment_data'],
  requires_human_approval_for: ['refund'],
  data_classification: 'internal',
} as const;

export const policySettings = (changes: Partial<PolicySettings> = {}): PolicySettings => ({
  environment: 'development',
  agents: {
    sdk: { client: 'sdk', roles: ['demo'], owner: 'platform-team', version: '1.2' },
    codex: { client: 'codex', roles: ['demo', 'other.role'] },
  },
  agent_roles: { demo: role, 'other.role': { ...role, allowed_models: [], allowed_tools: [] } },
  policies: { mode: 'enforce' },
  identity: {
    groups: {
      engineers: { agent_roles: ['demo'], control_roles: ['operator'] },
      contractors: { agent_roles: ['other.role'], agents: ['codex'], control_roles: [] },
      approvers: { agent_roles: [], control_roles: ['approver'] },
    },
  },
  endpoints: {
    rehearsal: {
      topology: 'self-hosted',
      provider: 'simulated',
      region: 'local',
      models: [{ pin: 'simulated-1' }, { pin: 'simulated-2' }],
    },
  },
  ...changes,
});

export const rehearsal = (pin = 'simulated-1') =>
  ({
    endpoint: { id: 'rehearsal', topology: 'self-hosted', provider: 'simulated', region: 'local', streaming: 'incremental' },
    pin,
    reports: [],
  }) as const;

export const member = (...groups: readonly string[]): Invoker => ({ userId: 'user_1', assurance: 'oidc', issuer: 'corp', groups });

export const invocationOf = (changes: Partial<Invocation> = {}): Invocation => ({
  id: '01900000-0000-7000-8000-000000000000',
  invoker: member('engineers'),
  agent: { id: 'sdk', client: 'sdk', version: '1.2', digest: null },
  role: 'demo',
  dataClassification: 'internal',
  containment: 'advisory',
  digestKey: new Uint8Array(32),
  ...changes,
});

/** Half past eight, UTC. */
export const morning = { wallMs: () => Date.UTC(2026, 10, 21, 8, 30) };

export const cedar = (text: string, name = 'extra.cedar'): PolicyFile => ({ name, text });

export const policyOf = (settings: PolicySettings, ...files: readonly PolicyFile[]): Policy => {
  const policy = createPolicy(settings, files, morning);
  assert.ok(!('problems' in policy), JSON.stringify(policy));
  return policy;
};

export const rulesOf = (settings: PolicySettings, ...files: readonly PolicyFile[]): Rules => {
  const rules = compileRules(settings, files);
  assert.ok(!('problems' in rules), JSON.stringify(rules));
  return rules;
};

export const bookOf = (settings: PolicySettings, ...files: readonly PolicyFile[]): RuleBook =>
  createRuleBook(settings, rulesOf(settings, ...files));
