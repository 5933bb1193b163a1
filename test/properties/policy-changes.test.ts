// Properties of what is told about other rules: impact and explain answer as the envelope would, over generated configs and policies.
// A change that is printed is carried out by its words alone, on the config and the policies, and the question is asked anew.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import type { Decision } from '../../src/core/decision.ts';
import type { Invocation } from '../../src/core/principal.ts';
import type { RuleChange } from '../../src/core/rules.ts';
import type { Policy, PolicyFile, PolicySettings } from '../../src/policy/policy.ts';
import { bookOf, invocationOf, member, policyOf, rehearsal } from '../policy-world.ts';

const some = <T>(values: readonly T[]): fc.Arbitrary<T[]> => fc.subarray([...values]);
const tools = ['a', 'b', 'server/c'] as const;
const pins = ['m1', 'm2'] as const;

const role = fc
  .record({
    allowed_models: some(pins),
    allowed_tools: some(tools),
    prohibited_tools: some(tools),
    requires_human_approval_for: some([...tools, 'condition']),
  })
  .map((lists) => ({ ...lists, data_classification: 'internal' as const }));
const group = fc.record(
  {
    agent_roles: some(['demo', 'other']),
    agents: some(['sdk', 'codex']),
    control_roles: some(['operator', 'breaker', 'approver'] as const),
  },
  { requiredKeys: ['agent_roles', 'control_roles'] },
);

const settings: fc.Arbitrary<PolicySettings> = fc
  .record({
    roles: fc.record({ demo: role, other: role }),
    groups: fc.record({ g: group, h: group }),
    taken: fc.subarray(['demo', 'other'], { minLength: 1 }),
    local: fc.boolean(),
    mode: fc.constantFrom('enforce' as const, 'enforce' as const, 'observe' as const),
  })
  .map(({ roles, groups, taken, local, mode }) => ({
    environment: 'development',
    agents: { sdk: { client: 'sdk', roles: taken } },
    agent_roles: roles,
    policies: { mode },
    identity: { local_development: local, groups },
    endpoints: { rehearsal: { topology: 'self-hosted', provider: 'simulated', region: 'local', models: pins.map((pin) => ({ pin })) } },
  }));

const scope = fc.constantFrom(
  'principal, action in Sealwright::Action::"crossing", resource',
  'principal in Sealwright::Role::"demo", action, resource',
  'principal, action == Sealwright::Action::"delegate", resource',
  'principal, action, resource in Sealwright::ToolServer::"server"',
  'principal in Sealwright::Group::"g", action, resource',
  'principal, action in Sealwright::Action::"approver", resource',
);
const kind = fc.constantFrom('permit', 'forbid', '@approval("x") forbid', '@mode("observe") forbid', '@mode("observe") permit');
const condition = fc.constantFrom('', ' when { context.hour < 12 }', ' when { 9223372036854775807 + 1 == 0 }');
const files: fc.Arbitrary<readonly PolicyFile[]> = fc
  .array(fc.tuple(kind, scope, condition), { maxLength: 2 })
  .map((each) =>
    each.map(([what, where, when], index) => ({ name: `${index}.cedar`, text: `@id("p${index}") ${what} (${where})${when};` })),
  );

const standing = fc
  .record({
    role: fc.constantFrom('demo', 'other'),
    groups: some(['g', 'h']),
    proved: fc.boolean(),
  })
  .map(({ role: taken, groups, proved }) =>
    invocationOf({
      role: taken,
      invoker: proved ? member(...groups) : { userId: 'user_1', assurance: 'local_development', issuer: null, groups: [] },
    }),
  );

type Ask = (policy: Policy, as: Invocation) => Decision;
const questions: readonly Ask[] = [
  ...tools.map(
    (tool): Ask =>
      ({ decideTool }, as) =>
        decideTool({ invocation: as, tool }),
  ),
  ...pins.map(
    (pin): Ask =>
      ({ decideModel }, as) =>
        decideModel({ invocation: as, candidates: [rehearsal(pin)] }).decision,
  ),
  ({ decideDelegation }, as) => decideDelegation(as),
  ...(['stop', 'liftStop', 'readStatus'] as const).map(
    (action): Ask =>
      ({ decideControl }, { invoker }) =>
        decideControl({ invoker, action }),
  ),
];

interface Rules {
  readonly settings: PolicySettings;
  readonly files: readonly PolicyFile[];
  readonly groups: readonly string[];
}

/** The rules after a change, as somebody would make it who was only told what it says. */
const carriedOut = (rules: Rules, { what }: RuleChange): Rules => {
  const [, joined] = /^let the invoker be in the group `(\w+)`$/.exec(what) ?? [];
  if (joined !== undefined) return { ...rules, groups: [...rules.groups, joined] };
  const [, narrowed] = /^take out or narrow the policy `p(\d)` \(\d\.cedar:1\)$/.exec(what) ?? [];
  if (narrowed !== undefined) return { ...rules, files: rules.files.filter(({ name }) => name !== `${narrowed}.cedar`) };
  const changed = structuredClone(rules.settings) as unknown as Record<string, Record<string, unknown>>;
  if (what === 'take out `identity.local_development`') {
    delete changed['identity']?.['local_development'];
    return { ...rules, settings: changed as unknown as PolicySettings };
  }
  const [, verb, value = '', path = ''] = /^(add|take) `([\w/]+)` (?:to|out of) `([\w.]+)`$/.exec(what) ?? assert.fail(what);
  const steps = path.split('.');
  const last = steps.pop() ?? '';
  const owner = steps.reduce<Record<string, unknown>>((at, step) => at[step] as Record<string, unknown>, changed);
  const list = owner[last] as string[];
  owner[last] = verb === 'add' ? [...list, value] : list.filter((entry) => entry !== value);
  return { ...rules, settings: changed as unknown as PolicySettings };
};

describe('what is told about other rules', () => {
  it('G-REPLAY-1: a recorded question gets from other rules what those would have decided then, so impact lists each flip and no other', () => {
    let flipped = 0;
    fc.assert(
      fc.property(settings, files, settings, files, standing, (before, policies, after, others, as) => {
        const [then, candidate, book] = [policyOf(before, ...policies), policyOf(after, ...others), bookOf(after, ...others)];
        for (const ask of questions) {
          const [was, would] = [ask(then, as), ask(candidate, as)];
          assert.deepEqual(book.replay(structuredClone(was.request)), would);
          flipped += was.verdict === would.verdict ? 0 : 1;
        }
      }),
      { numRuns: 20 },
    );
    assert.ok(flipped > 0, 'nothing flipped, so nothing was shown');
  });

  it('each change that is printed gives the verdict that it promises, carried out by its words', () => {
    let [toPermit, toDeny] = [0, 0];
    fc.assert(
      fc.property(settings, files, standing, fc.constantFrom(...questions), (given, written, as, ask) => {
        const decision = ask(policyOf(given, ...written), as);
        const ruled = bookOf(given, ...written).explain(decision.request);
        assert.ok(!('unanswerable' in ruled), JSON.stringify(ruled));
        assert.deepEqual(ruled.decision, decision);
        for (const { changes, verdict } of ruled.flips) {
          const rules = changes.reduce(carriedOut, { settings: given, files: written, groups: as.invoker.groups });
          const after = ask(policyOf(rules.settings, ...rules.files), { ...as, invoker: { ...as.invoker, groups: rules.groups } });
          assert.equal(after.verdict, verdict, JSON.stringify(changes));
          assert.notEqual(after.verdict === 'permit', decision.verdict === 'permit');
          if (verdict === 'permit') toPermit += 1;
          else toDeny += 1;
        }
      }),
      { numRuns: 40 },
    );
    assert.ok(toPermit > 0 && toDeny > 0, `${toPermit} would permit, ${toDeny} would deny: too little was shown`);
  });
});
