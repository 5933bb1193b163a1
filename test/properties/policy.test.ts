// Properties of deciding, over generated roles and hand-written policies.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import type { Verdict } from '../../src/core/decision.ts';
import type { Invocation } from '../../src/core/principal.ts';
import { createPolicy, type PolicyFile, type PolicySettings } from '../../src/policy/policy.ts';

const tools = ['a', 'b', 'server/c'] as const;
const models = ['m1', 'm2'] as const;

const invocation: Invocation = {
  id: 'i',
  invoker: { userId: 'p', assurance: 'local_development' },
  agent: { id: 'sdk', client: 'sdk', version: null, digest: null },
  role: 'demo',
  dataClassification: 'internal',
  containment: 'advisory',
  digestKey: new Uint8Array(32),
};

const some = <T>(values: readonly T[]): fc.Arbitrary<T[]> => fc.subarray([...values]);

const settings: fc.Arbitrary<PolicySettings> = fc
  .record({
    allowed_models: some(models),
    allowed_tools: some(tools),
    prohibited_tools: some(tools),
    requires_human_approval_for: some([...tools, 'condition']),
  })
  .map((role) => ({
    environment: 'development',
    agents: { sdk: { client: 'sdk', roles: ['demo'] } },
    agent_roles: { demo: { ...role, data_classification: 'internal' } },
    policies: { mode: 'enforce' },
  }));

const scope = fc.constantFrom(
  'principal, action, resource',
  'principal in Sealwright::Role::"demo", action, resource',
  'principal, action == Sealwright::Action::"callTool", resource',
  'principal, action, resource == Sealwright::Tool::"a"',
  'principal, action, resource in Sealwright::Endpoint::"e"',
);
const condition = fc.constantFrom(
  '',
  ' when { context.environment == "development" }',
  ' unless { context.containment == "jail" }',
  ' when { principal.client == "codex" }',
  ' when { 9223372036854775807 + 1 == 0 }',
);
const approval = fc.constantFrom('', ' @approval("someone")');
const forbid = fc.tuple(approval, scope, condition).map(([lifted, where, when]) => ({ lifted, text: `forbid (${where})${when};` }));
const permit = fc.tuple(scope, condition).map(([where, when]) => `permit (${where})${when};`);

const verdictsOf = (given: PolicySettings, files: readonly PolicyFile[]): readonly Verdict[] => {
  const policy = createPolicy(given, files);
  assert.ok(!('problems' in policy), JSON.stringify(policy));
  return [
    ...tools.map((tool) => policy.decideTool({ invocation, tool }).verdict),
    ...models.map(
      (pin) =>
        policy.decideModel({
          invocation,
          candidates: [
            { endpoint: { id: 'e', topology: 'vendor', provider: 'p', region: 'r', streaming: 'incremental' }, pin, reports: [] },
          ],
        }).decision.verdict,
    ),
  ];
};

describe('policy', () => {
  it('never permits more because a forbid was added', () => {
    let permitted = 0;
    fc.assert(
      fc.property(settings, fc.array(permit, { maxLength: 2 }), forbid, (given, permits, added) => {
        const base = permits.map((text, index) => ({ name: `${index}.cedar`, text: `@id("p${index}") ${text}` }));
        const before = verdictsOf(given, base);
        const after = verdictsOf(given, [...base, { name: 'forbid.cedar', text: `@id("added")${added.lifted} ${added.text}` }]);
        permitted += before.filter((verdict) => verdict === 'permit').length;
        after.forEach((verdict, index) => assert.ok(verdict !== 'permit' || before[index] === 'permit'));
        // An approval is a step towards a permit, so a forbid may not open that door either.
        after.forEach((verdict, index) => assert.ok(verdict !== 'approval' || before[index] !== 'deny'));
      }),
      { numRuns: 60 },
    );
    assert.ok(permitted > 0, 'no case permitted anything, so nothing was shown');
  });

  it('never permits a tool that the role prohibits, whatever else is written', () => {
    fc.assert(
      fc.property(settings, fc.array(permit, { maxLength: 2 }), (given, permits) => {
        const files = permits.map((text, index) => ({ name: `${index}.cedar`, text: `@id("p${index}") ${text}` }));
        const verdicts = verdictsOf(given, files);
        for (const prohibited of given.agent_roles['demo']?.prohibited_tools ?? []) {
          assert.equal(verdicts[tools.findIndex((tool) => tool === prohibited)], 'deny');
        }
      }),
      { numRuns: 40 },
    );
  });
});
