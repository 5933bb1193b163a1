// The stock `cedar` command judges what we decide: the packaged tests unchanged, and questions that our own policies answered.
// Needs `cedar` 4.13 on PATH, or its path in SEALWRIGHT_CEDAR; without it the test fails and says how to install it.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';

import { parseConfig } from '../../src/config/config.ts';
import type { Decision } from '../../src/core/decision.ts';
import { controlActions, type ControlAction } from '../../src/core/principal.ts';
import type { ToolArguments } from '../../src/core/tool-arguments.ts';
import type { PolicyFile, PolicySettings } from '../../src/policy/policy.ts';
import { exportForCedar, runPolicyTests, testOf } from '../../src/policy/policy-tests.ts';
import { questionOf, takenApart } from '../../src/policy/question.ts';
import type { Rules } from '../../src/policy/rules.ts';
import { cedar, invocationOf, member, policyOf, policySettings, rehearsal, rulesOf } from '../policy-world.ts';
import { root } from '../project-files.ts';

const scratch = mkdtempSync(join(tmpdir(), 'sealwright-cedar-'));
after(() => rmSync(scratch, { recursive: true, force: true }));

const program = process.env['SEALWRIGHT_CEDAR'] ?? 'cedar';

/** What the stock command says about the tests, over everything that it is given. */
const judged = (rules: Rules, tests: PolicyFile): { readonly status: number | null; readonly output: string } => {
  for (const [name, text] of exportForCedar(rules, [tests])) writeFileSync(join(scratch, name), text);
  const [policies, schema, file] = ['policies.cedar', 'schema.cedarschema', tests.name].map((name) => join(scratch, name));
  const { error, status, stdout, stderr } = spawnSync(
    program,
    ['run-tests', '--policies', policies ?? '', '--schema', schema ?? '', '--tests', file ?? ''],
    { encoding: 'utf8', timeout: 60_000 },
  );
  if (error !== undefined && 'code' in error && error.code === 'ENOENT')
    throw new Error(
      '`cedar` is not installed. Install it with: cargo install cedar-policy-cli --version 4.13.0 --locked --root ~/.cache/sealwright-tools, and put its bin folder on PATH or name the program in SEALWRIGHT_CEDAR.',
    );
  return { status, output: `${stdout}${stderr}` };
};

const example = (name: string): string => readFileSync(`${root}examples/${name}`, 'utf8');

const packaged = (): Rules => {
  const loaded = parseConfig(Buffer.from(example('sealwright.yaml')), '/etc/sealwright');
  assert.ok('config' in loaded, JSON.stringify(loaded));
  return rulesOf(loaded.config, cedar(example('policies/hours.cedar'), 'hours.cedar'));
};

test('the stock command runs the packaged policy tests unchanged, and we agree', () => {
  const tests = { name: 'hours.test.json', text: example('policies/hours.test.json') };
  const { status, output } = judged(packaged(), tests);
  assert.equal(status, 0, output);
  assert.match(output, /results: 2 passed, 0 failed/);
  const report = runPolicyTests(packaged(), [tests]);
  assert.ok('results' in report && report.results.every(({ problem }) => problem === null), JSON.stringify(report));
});

const settings: PolicySettings = policySettings();
const files = [
  cedar(
    [
      '@id("night") forbid (principal, action in Sealwright::Action::"crossing", resource) unless { context.hour >= 6 };',
      '@id("no-crm") @approval("crm") forbid (principal, action, resource in Sealwright::ToolServer::"crm");',
      '@id("proved") forbid (principal, action in Sealwright::Action::"breaker", resource) unless { context.assurance == "workload" };',
      '@id("owned") forbid (principal is Sealwright::Agent, action, resource) unless { principal has owner };',
      '@id("broken") forbid (principal, action, resource == Sealwright::Tool::"overflow") when { 9223372036854775807 + 1 == 0 };',
    ].join('\n'),
  ),
];

const decisions = (): readonly Decision[] => {
  const policy = policyOf(settings, ...files);
  const people = [member('engineers'), member('contractors'), member('approvers', 'engineers'), member()];
  const agents = ['sdk', 'codex'].map((id) => ({ id, client: 'sdk', version: null, digest: null }) as const);
  const tools = ['get_order_status', 'refund', 'crm/read', 'access_payment_data', 'unknown', 'overflow'];
  return people.flatMap((invoker) => [
    ...agents.flatMap((agent) =>
      ['demo', 'other.role'].flatMap((role) => [
        ...tools.map((tool) => policy.decideTool({ invocation: invocationOf({ invoker, agent, role }), tool })),
        ...['simulated-1', 'simulated-2'].map(
          (pin) => policy.decideModel({ invocation: invocationOf({ invoker, agent, role }), candidates: [rehearsal(pin)] }).decision,
        ),
        policy.decideDelegation({ invoker, agent, role, containment: 'jail', dataClassification: 'internal' }),
      ]),
    ),
    ...(Object.keys(controlActions) as ControlAction[]).map((action) => policy.decideControl({ invoker, action })),
  ]);
};

test('the stock command gives the verdict that we recorded, for crossings, delegation and the control plane', () => {
  const rules = rulesOf(settings, ...files);
  const tests = decisions().map((decision, index) => {
    const asked = decision.request === null ? null : takenApart(decision.request);
    assert.ok(decision.request !== null && asked !== null);
    const own = testOf(rules, `${index}: ${decision.reason}`, questionOf(decision.request, asked, settings)) as {
      readonly num_errors: number;
    };
    // An error denies with us; the stock command leaves the policy out.
    return own.num_errors > 0 ? own : { ...own, decision: decision.verdict === 'permit' ? 'allow' : 'deny' };
  });
  assert.ok(tests.length > 150, `only ${tests.length} questions`);
  const { status, output } = judged(rules, { name: 'all.test.json', text: JSON.stringify(tests) });
  assert.equal(status, 0, output);
  assert.match(output, new RegExp(`results: ${tests.length} passed, 0 failed`));
});

test('the stock command gives our verdict for calls whose arguments policies look at', () => {
  const base = policySettings();
  const { demo } = base.agent_roles;
  assert.ok(demo);
  const when = {
    amount: { at_least: 1, at_most: 500 },
    'odd "name"\n\\*': ['*"\\\n', 'x', 1, true],
    path: { like: 's*c/*', starts_with: 'src/*' },
    force: { absent: true },
  } as const;
  const conditional: PolicySettings = {
    ...base,
    agent_roles: {
      demo: {
        ...demo,
        requires_human_approval_for: [],
        allowed_tools: [
          { tool: 'transfer', when },
          { tool: 'transfer', when: { note: 'Grüße 👋' } },
        ],
      },
    },
  };
  const own = cedar(
    '@id("own") forbid (principal, action == Sealwright::Action::"callTool", resource) unless { context has arguments && context.arguments.names.contains("amount") };',
  );
  const rules = rulesOf(conditional, own);
  const policy = policyOf(conditional, own);
  const met = { amount: 500, 'odd "name"\n\\*': '*"\\\n', path: 'src/*.ts' } as const;
  const calls: readonly (ToolArguments | null)[] = [
    null,
    {},
    met,
    { ...met, path: 'src/x.ts', note: null },
    { ...met, amount: 501 },
    { ...met, amount: '5' },
    { ...met, Force: false },
    { note: 'Grüße 👋' },
    { note: 'Grüße 👋', amount: null },
    { __proto__: null, constructor: 1, amount: -1 },
  ];
  const tests = calls.map((given, index) => {
    const { verdict, request } = policy.decideTool({ invocation: invocationOf(), tool: 'transfer', given: () => given });
    assert.ok(request);
    const whole = { ...request, context: { ...request.context, arguments: given } };
    const asked = takenApart(whole);
    assert.ok(asked);
    const test = testOf(rules, String(index), questionOf(whole, asked, conditional)) as object;
    return { ...test, decision: verdict === 'permit' ? 'allow' : 'deny' };
  });
  const permitted = tests.flatMap(({ decision }, index) => (decision === 'allow' ? [index] : []));
  assert.deepEqual(permitted, [2, 8]);
  const { status, output } = judged(rules, { name: 'arguments.test.json', text: JSON.stringify(tests) });
  assert.equal(status, 0, output);
  assert.match(output, new RegExp(`results: ${tests.length} passed, 0 failed`));
});

test('the stock command refuses a test that expects another verdict', () => {
  const tests = { name: 'wrong.test.json', text: example('policies/hours.test.json').replace('"decision": "allow"', '"decision": "deny"') };
  const { status, output } = judged(packaged(), tests);
  assert.notEqual(status, 0);
  assert.match(output, /1 failed/);
});
