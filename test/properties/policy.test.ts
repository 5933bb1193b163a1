// Properties of deciding, over generated roles and hand-written policies.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import type { Decision, Verdict } from '../../src/core/decision.ts';
import type { Invocation } from '../../src/core/principal.ts';
import { canonicalJson } from '../../src/core/canonical-json.ts';
import { createPolicy, type Policy, type PolicyFile, type PolicySettings } from '../../src/policy/policy.ts';
import { createRuleBook } from '../../src/policy/rule-book.ts';
import { compileRules } from '../../src/policy/rules.ts';
import { casesCount } from '../cases.ts';

const tools = ['a', 'b', 'server/c'] as const;
const models = ['m1', 'm2'] as const;

const invocation: Invocation = {
  id: 'i',
  invoker: { userId: 'p', assurance: 'local_development', issuer: null, groups: [] },
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
    identity: { local_development: true, groups: { g: { agent_roles: ['demo'], control_roles: ['breaker'] } } },
    endpoints: { e: { topology: 'vendor', provider: 'p', region: 'r', models: models.map((pin) => ({ pin })) } },
  }));

const scope = fc.constantFrom(
  'principal, action in Sealwright::Action::"crossing", resource',
  'principal in Sealwright::Role::"demo", action, resource',
  'principal, action == Sealwright::Action::"callTool", resource',
  'principal, action, resource == Sealwright::Tool::"a"',
  'principal, action, resource in Sealwright::Endpoint::"e"',
  'principal in Sealwright::Group::"g", action, resource',
);
const condition = fc.constantFrom(
  '',
  ' when { context.environment == "development" }',
  ' unless { context.assurance == "oidc" }',
  ' when { context.hour < 12 }',
  ' when { 9223372036854775807 + 1 == 0 }',
);
const approval = fc.constantFrom('', ' @approval("someone")');
const forbid = fc.tuple(approval, scope, condition).map(([lifted, where, when]) => ({ lifted, text: `forbid (${where})${when};` }));
const permit = fc.tuple(scope, condition).map(([where, when]) => `permit (${where})${when};`);

const policyOf = (given: PolicySettings, files: readonly PolicyFile[], hour = 0): Policy => {
  const policy = createPolicy(given, files, { wallMs: () => hour * 3_600_000 });
  assert.ok(!('problems' in policy), JSON.stringify(policy));
  return policy;
};

const decisionsOf = (policy: Policy, as = invocation): readonly Decision[] => [
  ...tools.map((tool) => policy.decideTool({ invocation: as, tool })),
  ...models.map(
    (pin) =>
      policy.decideModel({
        invocation: as,
        candidates: [{ endpoint: { id: 'e', topology: 'vendor', provider: 'p', region: 'r', streaming: 'incremental' }, pin, reports: [] }],
      }).decision,
  ),
  policy.decideDelegation({ ...as, agent: as.agent }),
  ...(['stop', 'liftStop', 'readStatus'] as const).map((action) => policy.decideControl({ invoker: as.invoker, action })),
];

const verdictsOf = (given: PolicySettings, files: readonly PolicyFile[]): readonly Verdict[] =>
  decisionsOf(policyOf(given, files)).map(({ verdict }) => verdict);

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
      { numRuns: casesCount(60) },
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
      { numRuns: casesCount(40) },
    );
  });

  it('never gives another verdict because a policy that only observes was added, and says what it would have been', () => {
    let observed = 0;
    const added = fc.oneof(
      forbid,
      permit.map((text) => ({ lifted: '', text })),
    );
    fc.assert(
      fc.property(settings, fc.array(permit, { maxLength: 1 }), added, (given, permits, { lifted, text }) => {
        const base = permits.map((each, index) => ({ name: `${index}.cedar`, text: `@id("p${index}") ${each}` }));
        const extra = (mode: string): readonly PolicyFile[] => [...base, { name: 'x.cedar', text: `@id("added")${lifted}${mode} ${text}` }];
        const before = decisionsOf(policyOf(given, base));
        const watched = decisionsOf(policyOf(given, extra(' @mode("observe")')));
        const enforced = decisionsOf(policyOf(given, extra('')));
        for (const [index, decision] of watched.entries()) {
          assert.deepEqual([decision.verdict, decision.policies], [before[index]?.verdict, before[index]?.policies]);
          assert.equal(decision.observed?.verdict ?? decision.verdict, enforced[index]?.verdict);
          observed += decision.observed === null ? 0 : 1;
        }
      }),
      { numRuns: 30 },
    );
    assert.ok(observed > 0, 'no policy would have changed anything, so nothing was shown');
  });

  it('G-REPLAY-1: gives the same decision again from what a record keeps of the question', () => {
    const invoker = fc.record({
      userId: fc.constantFrom('p', 'q'),
      assurance: fc.constantFrom('oidc', 'local_development', 'workload'),
      issuer: fc.constantFrom('corp', null),
      groups: fc.subarray(['g', 'h']),
    });
    const as = fc.record({
      invoker,
      dataClassification: fc.constantFrom('public', 'restricted'),
      containment: fc.constantFrom('jail', 'advisory'),
    });
    const written = fc.array(
      fc.oneof(
        permit,
        forbid.map(({ text }) => text),
      ),
      { maxLength: 2 },
    );
    fc.assert(
      fc.property(settings, written, as, fc.nat({ max: 23 }), (given, texts, standing, hour) => {
        const files = texts.map((text, index) => ({
          name: `${index}.cedar`,
          text: `@id("p${index}")${index === 1 ? '@mode("observe")' : ''} ${text}`,
        }));
        const rules = compileRules(given, files);
        assert.ok(!('problems' in rules), JSON.stringify(rules));
        const book = createRuleBook(given, rules);
        for (const decision of decisionsOf(policyOf(given, files, hour), { ...invocation, ...standing }))
          assert.deepEqual(book.replay(JSON.parse(canonicalJson(decision.request))), decision);
      }),
      { numRuns: casesCount(30) },
    );
  });
});
