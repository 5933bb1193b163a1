// The packaged examples, from file to decision: what the roles say is what the gate would do.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { toolNameWarnings } from '../src/cli/tool-names.ts';
import { parseConfig } from '../src/config/config.ts';
import type { Invocation } from '../src/core/principal.ts';
import { createPolicy, type Policy, type PolicyFile } from '../src/policy/policy.ts';
import { runPolicyTests } from '../src/policy/policy-tests.ts';
import { rulesOf } from './policy-world.ts';

const exampleOf = (name: string): string => readFileSync(new URL(`../examples/${name}`, import.meta.url), 'utf8');

const policyFrom = (text: string, files: readonly PolicyFile[] = []): Policy => {
  const loaded = parseConfig(Buffer.from(text), '/etc/sealwright');
  assert.ok('config' in loaded, JSON.stringify(loaded));
  const policy = createPolicy(loaded.config, files, { wallMs: () => 0 });
  assert.ok(!('problems' in policy), JSON.stringify(policy));
  return policy;
};

const as = (role: string): Invocation => ({
  id: '01900000-0000-7000-8000-000000000000',
  invoker: { userId: 'p-1', assurance: 'local_development', issuer: null, groups: [] },
  agent: { id: 'sdk', client: 'sdk', version: null, digest: null },
  role,
  dataClassification: 'internal',
  containment: 'advisory',
  digestKey: new Uint8Array(32),
});

const rehearsal = {
  endpoint: { id: 'rehearsal', topology: 'self-hosted', provider: 'simulated', region: 'local', streaming: 'incremental' },
  pin: 'simulated-1',
  reports: [],
} as const;

const withRoles = `environment: development
data_dir: ./data
identity: { local_development: true }
agents: { sdk: { client: sdk, roles: [customer_service_agent, financial_analysis_agent, document_processing_agent] } }
endpoints:
  rehearsal: { formats: [anthropic-messages], topology: self-hosted, provider: simulated, region: local, models: [{ pin: simulated-1 }] }
${exampleOf('roles/agent_roles.yaml')}`;

describe('the smallest envelope', () => {
  it('permits the model and the tool of its role and nothing else', () => {
    const policy = policyFrom(exampleOf('sealwright.yaml'));
    const invocation = as('demo');
    assert.equal(policy.decideModel({ invocation, candidates: [rehearsal] }).decision.verdict, 'permit');
    assert.equal(policy.decideModel({ invocation, candidates: [{ ...rehearsal, pin: 'other' }] }).decision.verdict, 'deny');
    assert.equal(policy.decideTool({ invocation, tool: 'get_order_status' }).verdict, 'permit');
    assert.equal(policy.decideTool({ invocation, tool: 'builtin/shell' }).verdict, 'deny');
  });
});

describe('the example policies', () => {
  it('pass their own tests, which exercise each of them', () => {
    const loaded = parseConfig(Buffer.from(exampleOf('sealwright.yaml')), '/etc/sealwright');
    assert.ok('config' in loaded, JSON.stringify(loaded));
    const rules = rulesOf(loaded.config, { name: 'hours.cedar', text: exampleOf('policies/hours.cedar') });
    const report = runPolicyTests(rules, [{ name: 'hours.test.json', text: exampleOf('policies/hours.test.json') }]);
    assert.ok('results' in report, JSON.stringify(report));
    assert.deepEqual([report.results.map(({ problem }) => problem), report.unexercised], [[null, null], []]);
  });
});

describe('the three example roles', () => {
  const policy = policyFrom(withRoles);
  const verdict = (role: string, tool: string, by = policy): string => by.decideTool({ invocation: as(role), tool }).verdict;

  it('let customer service read orders and open tickets, and never touch payment data', () => {
    assert.equal(verdict('customer_service_agent', 'get_order_status'), 'permit');
    assert.equal(verdict('customer_service_agent', 'create_support_ticket'), 'permit');
    assert.equal(verdict('customer_service_agent', 'access_payment_data'), 'deny');
    assert.equal(verdict('customer_service_agent', 'generate_report'), 'deny');
  });

  it('let a prohibition win over a policy that permits everything', () => {
    const wide = policyFrom(withRoles, [{ name: 'wide.cedar', text: '@id("wide") permit (principal, action, resource);' }]);
    assert.equal(verdict('customer_service_agent', 'access_payment_data', wide), 'deny');
    assert.equal(verdict('financial_analysis_agent', 'execute_transactions', wide), 'deny');
    assert.equal(verdict('customer_service_agent', 'generate_report', wide), 'permit');
  });

  it('want a person where a condition is named that nobody has defined', () => {
    assert.equal(verdict('financial_analysis_agent', 'generate_report'), 'approval');
    assert.equal(verdict('document_processing_agent', 'read_document_store'), 'approval');
    assert.equal(verdict('financial_analysis_agent', 'execute_transactions'), 'deny');
  });

  it('call no model until one is allowed', () => {
    const model = (by: Policy) => by.decideModel({ invocation: as('customer_service_agent'), candidates: [rehearsal] }).decision.verdict;
    assert.equal(model(policy), 'deny');
    assert.equal(model(policyFrom(`${withRoles}\nagent_role_defaults: { allowed_models: [simulated-1] }\n`)), 'permit');
  });
});

it('the example of the CLI agents loads, and nothing in it is warned of', () => {
  const loaded = parseConfig(Buffer.from(exampleOf('cli-agents.yaml')), '/');
  assert.ok('config' in loaded, JSON.stringify(loaded));
  assert.deepEqual([...loaded.warnings, ...toolNameWarnings(loaded.config)], []);
});
