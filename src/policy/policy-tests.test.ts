import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { cedar, policySettings, rulesOf } from '../../test/policy-world.ts';
import { exportForCedar, runPolicyTests, type TestReport } from './policy-tests.ts';

const settings = policySettings();
const rules = rulesOf(
  settings,
  cedar(
    [
      '@id("night") forbid (principal, action in Sealwright::Action::"crossing", resource) unless { context.hour >= 6 };',
      '@id("watch") @mode("observe") forbid (principal, action == Sealwright::Action::"callTool", resource);',
      '@id("idle") forbid (principal, action == Sealwright::Action::"connect", resource);',
    ].join('\n'),
  ),
);

const entityOf = (type: string, id: string, attrs: object = {}, ...parents: readonly (readonly [string, string])[]) => ({
  uid: { type: `Sealwright::${type}`, id },
  attrs,
  parents: parents.map(([parentType, parentId]) => ({ type: `Sealwright::${parentType}`, id: parentId })),
});

const asking = (tool: string, hour: number, expected: object) => ({
  name: `${tool} at ${hour}`,
  request: {
    principal: 'Sealwright::Agent::"sdk"',
    action: 'Sealwright::Action::"callTool"',
    resource: `Sealwright::Tool::"${tool}"`,
    context: {
      invoker: { __entity: { type: 'Sealwright::Invoker', id: 'user_1' } },
      assurance: 'oidc',
      environment: 'development',
      hour,
      data_classification: 'internal',
      containment: 'advisory',
      labels: [],
    },
  },
  entities: [
    entityOf('Agent', 'sdk', { client: 'sdk' }, ['Role', 'demo']),
    entityOf('Invoker', 'user_1', { issuer: 'corp', assurance: 'oidc' }),
  ],
  decision: 'allow',
  reason: [],
  num_errors: 0,
  ...expected,
});

const file = (...cases: readonly unknown[]) => ({ name: 'a.test.json', text: JSON.stringify(cases) });
const reportOf = (...cases: readonly unknown[]): TestReport => {
  const report = runPolicyTests(rules, [file(...cases)]);
  return 'problems' in report ? assert.fail(JSON.stringify(report.problems)) : report;
};
const problemOf = (test: unknown): string | null | undefined => reportOf(test).results[0]?.problem;

describe('a test in the form of cedar run-tests', () => {
  it('passes where decision, reasons and errors are as expected, and reasons need not be all', () => {
    assert.equal(problemOf(asking('get_order_status', 9, { reason: ['role/demo/tool/get_order_status'] })), null);
    assert.equal(problemOf(asking('get_order_status', 9, {})), null);
    assert.equal(problemOf(asking('get_order_status', 3, { decision: 'deny', reason: ['night'] })), null);
  });

  it('says what was found instead', () => {
    assert.match(problemOf(asking('get_order_status', 3, {})) ?? '', /^expected allow, found deny by night$/);
    assert.match(problemOf(asking('get_order_status', 9, { reason: ['night'] })) ?? '', /by night too, found allow by role\/demo\/tool/);
    assert.match(problemOf(asking('get_order_status', 9, { num_errors: 1 })) ?? '', /expected 1 errors, found 0/);
    assert.match(
      problemOf({ ...asking('t', 9, {}), entities: [entityOf('Agent', 'sdk', { colour: 'red' })] }) ?? '',
      /^the question is not one of the schema/,
    );
  });

  it('may expect what the policies that only observe would do', () => {
    assert.equal(problemOf(asking('get_order_status', 9, { observed: { decision: 'deny', reason: ['watch'] } })), null);
    assert.match(
      problemOf(asking('get_order_status', 9, { observed: { decision: 'allow' } })) ?? '',
      /expected allow, found deny by watch/,
    );
  });

  it('reads ids with the escapes of Cedar', () => {
    const test = asking('t', 9, { decision: 'deny' });
    assert.equal(problemOf({ ...test, request: { ...test.request, resource: 'Sealwright::Tool::"a\\u{62}c\\0"' } }), null);
  });

  it('is a problem with its number where it cannot be read', () => {
    const good = asking('t', 9, {});
    const bad: readonly (readonly [unknown, RegExp])[] = [
      [7, /test 2: must be an object/],
      [{ ...good, decision: 'permit' }, /decision must be "allow" or "deny"/],
      [{ ...good, reason: 'night' }, /reason must be a list of ids/],
      [{ ...good, num_errors: undefined }, /num_errors must be a number/],
      [{ ...good, entities: {} }, /entities must be a list/],
      [{ ...good, request: { ...good.request, principal: 'sdk' } }, /request\.principal must be an entity/],
      [{ ...good, request: { ...good.request, context: null } }, /with a context/],
      [{ ...good, observed: true }, /observed must be an object/],
    ];
    for (const [value, expected] of bad) {
      const report = runPolicyTests(rules, [file(good, value)]);
      assert.ok('problems' in report, JSON.stringify(value));
      assert.match(report.problems.map(({ message }) => message).join('\n'), expected);
    }
    for (const text of ['{', '{}']) assert.ok('problems' in runPolicyTests(rules, [{ name: 'b.test.json', text }]));
  });
});

describe('coverage', () => {
  it('names each hand-written policy that determined no test, with its place', () => {
    const { unexercised, unexercisedCompiled } = reportOf(
      asking('get_order_status', 9, {}),
      asking('get_order_status', 3, { decision: 'deny' }),
    );
    assert.deepEqual(unexercised, [{ id: 'idle', file: 'extra.cedar', line: 3 }]);
    assert.ok(unexercisedCompiled.includes('role/demo/model/simulated-1'));
    assert.ok(!unexercisedCompiled.includes('role/demo/tool/get_order_status'));
  });

  it('counts no policy for a test that only looks at another', () => {
    assert.deepEqual(
      reportOf().unexercised.map(({ id }) => id),
      ['night', 'watch', 'idle'],
    );
  });
});

describe('what is written out for the stock tool', () => {
  it('is schema, policies and tests, without the policies that only observe', () => {
    const files = exportForCedar(rules, [file(asking('t', 9, {}))]);
    assert.deepEqual([...files.keys()], ['schema.cedarschema', 'policies.cedar', 'a.test.json']);
    assert.match(files.get('policies.cedar') ?? '', /@id\("role\/demo\/tool\/get_order_status"\)[\s\S]*@id\("night"\)/);
    assert.doesNotMatch(files.get('policies.cedar') ?? '', /watch/);
  });
});
