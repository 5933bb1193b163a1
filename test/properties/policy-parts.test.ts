// Properties of slices that come in parts: what is decided does not depend on how the policies are divided.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import type { Decision } from '../../src/core/decision.ts';
import { limits } from '../../src/core/limits.ts';
import { createSlice } from '../../src/policy/evaluate.ts';
import type { PolicyFile, PolicySettings } from '../../src/policy/policy.ts';
import { policiesFor, policyPartsFor } from '../../src/policy/policy-set.ts';
import { questionOf, takenApart, toolRequest } from '../../src/policy/question.ts';
import { cedar, invocationOf, member, policyOf, policySettings, rulesOf } from '../policy-world.ts';

const base = policySettings();
const demo = base.agent_roles['demo'];
assert.ok(demo);
const settings: PolicySettings = {
  ...base,
  agents: { sdk: { client: 'sdk', roles: ['demo', 'other'] }, codex: { client: 'codex', roles: ['other'] } },
  agent_roles: {
    demo: { ...demo, requires_human_approval_for: ['refund'] },
    other: { ...demo, allowed_tools: ['crm/read'], prohibited_tools: ['refund'], requires_human_approval_for: [] },
  },
};
const tools = ['get_order_status', 'refund', 'crm/read', 'access_payment_data', 'unknown'] as const;
const moment = { environment: 'development', hour: 8 };

const scope = fc.constantFrom(
  'principal, action in Sealwright::Action::"crossing", resource',
  'principal in Sealwright::Role::"demo", action in Sealwright::Action::"crossing", resource',
  'principal, action == Sealwright::Action::"callTool", resource == Sealwright::Tool::"refund"',
  'principal, action == Sealwright::Action::"callTool", resource in Sealwright::ToolServer::"crm"',
  'principal == Sealwright::Agent::"codex", action in Sealwright::Action::"crossing", resource',
);
const kind = fc.constantFrom('permit', 'forbid', '@approval("x") forbid', '@approval("y") forbid');
const condition = fc.constantFrom(
  '',
  ' when { context.hour < 12 }',
  ' unless { context.hour < 12 }',
  ' when { 9223372036854775807 + 1 == 0 }',
);
const file = fc
  .array(fc.tuple(kind, scope, condition), { maxLength: 5 })
  .map((each): PolicyFile => cedar(each.map(([what, where, when], index) => `@id("p${index}") ${what} (${where})${when};`).join('\n')));

/** So many that no role's slice is parsed whole; none of them ever applies. */
const many = cedar(
  Array.from(
    { length: limits.policiesSharedCount },
    (_, index) =>
      `@id("m${index}") ${index % 2 === 0 ? 'forbid' : 'permit'} (principal, action in Sealwright::Action::"crossing", resource) when { context.assurance == "x${index}" };`,
  ).join('\n'),
  'many.cedar',
);

const questions = (role: string) =>
  tools.map((tool) => {
    const request = toolRequest(invocationOf({ role, invoker: member('engineers') }), moment, tool);
    const asked = takenApart(request);
    assert.ok(asked);
    return questionOf(request, asked, settings);
  });

describe('a slice in parts', () => {
  it('finds what it finds whole, however the policies are divided', () => {
    const seen = new Set<string>();
    fc.assert(
      fc.property(file, fc.array(fc.nat({ max: 2 }), { minLength: 30, maxLength: 30 }), (written, places) => {
        const policies = policiesFor(rulesOf(settings, written).policies, 'callTool', 'demo');
        const parts = [0, 1, 2].map((part) => policies.filter((_, index) => places[index % places.length] === part));
        const [whole, divided] = [createSlice(policies), createSlice(...parts)];
        for (const question of questions('demo')) {
          const found = whole(question);
          seen.add(found.found);
          const also = divided(question);
          // What wants approval is listed before what would permit, each in the order of its set.
          const sorted = (finding: typeof found): unknown => ({
            ...finding,
            ...('subjects' in finding ? { subjects: finding.subjects.toSorted() } : {}),
          });
          assert.deepEqual(sorted(also), sorted(found));
        }
      }),
      { numRuns: 60 },
    );
    assert.deepEqual([...seen].toSorted(), ['approval', 'deny', 'error', 'permit']);
  });

  it('decides for every role as without the policies that made it one', () => {
    fc.assert(
      fc.property(file, (written) => {
        const [few, lots] = [policyOf(settings, written), policyOf(settings, written, many)];
        const decided = ({ verdict, policies, reason, observed }: Decision): unknown => ({ verdict, policies, reason, observed });
        for (const role of ['demo', 'other'])
          for (const agent of ['sdk', 'codex'])
            for (const tool of tools) {
              const invocation = invocationOf({ role, agent: { id: agent, client: 'sdk', version: null, digest: null } });
              assert.deepEqual(decided(lots.decideTool({ invocation, tool })), decided(few.decideTool({ invocation, tool })));
            }
      }),
      { numRuns: 15 },
    );
  });

  it('has what is common to all roles as one part, the same for each, where there is much of it', () => {
    const { policies } = rulesOf(settings, many);
    const [forDemo, forOther] = ['demo', 'other'].map((role) => policyPartsFor(policies, 'callTool', role));
    assert.deepEqual([forDemo?.length, forOther?.length], [2, 2]);
    assert.deepEqual(forDemo?.[0], forOther?.[0]);
    assert.ok((forDemo?.[0]?.length ?? 0) >= limits.policiesSharedCount);
    assert.ok(forDemo?.[1]?.every(({ role }) => role === 'demo'));
    assert.equal(policyPartsFor(rulesOf(settings).policies, 'callTool', 'demo').length, 1);
    assert.equal(policyPartsFor(policies, 'stop', null).length, 1);
  });
});
