import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { canonicalJson } from '../core/canonical-json.ts';
import { goesOn } from '../core/decision.ts';
import type { Candidate, Topology } from '../core/endpoint.ts';
import { label } from '../core/identifier.ts';
import { limits } from '../core/limits.ts';
import type { Invocation } from '../core/principal.ts';
import type { RoleSettings } from './config.ts';
import { createPolicy, type Policy, type PolicyFile, type PolicySettings } from './policy.ts';

const role = (settings: Partial<RoleSettings>): RoleSettings => ({
  allowed_models: [],
  allowed_tools: [],
  prohibited_tools: [],
  requires_human_approval_for: [],
  data_classification: 'internal',
  ...settings,
});

const settings = (changes: Partial<PolicySettings> = {}): PolicySettings => ({
  environment: 'development',
  agents: { sdk: { client: 'sdk', roles: ['demo'] } },
  agent_roles: {
    demo: role({
      allowed_models: ['simulated-1'],
      allowed_tools: ['get_order_status', 'refund'],
      prohibited_tools: ['access_payment_data'],
    }),
    other: role({ allowed_tools: ['delete_everything'] }),
  },
  policies: { mode: 'enforce' },
  identity: { local_development: true, groups: {} },
  endpoints: {},
  ...changes,
});

/** Half past eight, UTC. */
const clock = { wallMs: () => Date.UTC(2026, 10, 21, 8, 30) };

const invocation = (changes: Partial<Invocation> = {}): Invocation => ({
  id: '01900000-0000-7000-8000-000000000000',
  invoker: { userId: 'p-1', assurance: 'local_development', issuer: null, groups: [] },
  agent: { id: 'sdk', client: 'sdk', version: null, digest: null },
  role: 'demo',
  dataClassification: 'internal',
  containment: 'advisory',
  digestKey: new Uint8Array(32),
  ...changes,
});

const candidate = (id: string, pin = 'simulated-1', topology: Topology = 'self-hosted', region = 'local'): Candidate => ({
  endpoint: { id, topology, provider: 'simulated', region, streaming: 'incremental' },
  pin,
  reports: [],
});

const policyOf = (given: PolicySettings, ...files: readonly PolicyFile[]): Policy => {
  const policy = createPolicy(given, files, clock);
  assert.ok(!('problems' in policy), JSON.stringify(policy));
  return policy;
};

const tool = (policy: Policy, name: string, as = invocation()) => policy.decideTool({ invocation: as, tool: name });
const model = (policy: Policy, candidates: readonly Candidate[], as = invocation()) => policy.decideModel({ invocation: as, candidates });

describe('what a role says', () => {
  const policy = policyOf(settings());

  it('permits an allowed model and names the policy that did', () => {
    const { decision, candidate: chosen } = model(policy, [candidate('rehearsal')]);
    assert.equal(decision.verdict, 'permit');
    assert.deepEqual(decision.policies, ['role/demo/model/simulated-1']);
    assert.equal(chosen?.endpoint.id, 'rehearsal');
    assert.deepEqual(decision.request, {
      principal: 'Sealwright::Agent::"sdk"',
      action: 'Sealwright::Action::"invokeModel"',
      resource: 'Sealwright::Model::"simulated-1"',
      parents: ['Sealwright::Role::"demo"', 'Sealwright::Endpoint::"rehearsal"'],
      issuer: null,
      context: {
        invoker: 'Sealwright::Invoker::"p-1"',
        assurance: 'local_development',
        environment: 'development',
        hour: 8,
        data_classification: 'internal',
        containment: 'advisory',
        labels: ['Sealwright::DataLabel::"internal"'],
        endpoint: { topology: 'self-hosted', provider: 'simulated', region: 'local' },
        not_inspected: [],
      },
    });
  });

  it('permits an allowed tool', () => assert.equal(tool(policy, 'get_order_status').verdict, 'permit'));

  it('G-DECIDE-1: denies a tool that it does not name, and says that nothing permits it', () => {
    const decision = tool(policy, 'delete_everything');
    assert.equal(decision.verdict, 'deny');
    assert.deepEqual(decision.policies, []);
    assert.equal(decision.reason, 'No policy permits the role demo to use the tool delete_everything.');
  });

  it('denies a tool whose name is not kept, so that no prohibition is passed by under a strange name', () => {
    const wide = {
      name: 'wide.cedar',
      text: `
      @id("wide") permit (principal, action == Sealwright::Action::"callTool", resource);
      @id("no-crm") forbid (principal, action, resource in Sealwright::ToolServer::"crm");`,
    };
    const open = policyOf(settings(), wide);
    assert.equal(tool(open, 'lookup').verdict, 'permit');
    assert.deepEqual(tool(open, 'crm/delete').policies, ['no-crm']);
    for (const name of [
      'crm/delete everything',
      'crm/delete@all.now',
      'sk-delete',
      `crm/${'x'.repeat(limits.labelCharacters)}`,
      label('a b'),
    ]) {
      const { verdict, reason, request } = tool(open, name);
      assert.deepEqual([verdict, reason], ['deny', 'The tool has no name that a policy could speak of, so nothing permits it.']);
      assert.equal(request?.resource, `Sealwright::Tool::"${label(name)}"`);
    }
  });

  it('denies a model that it does not name', () =>
    assert.equal(model(policy, [candidate('rehearsal', 'other-1')]).decision.verdict, 'deny'));

  it('denies a model that no endpoint lists, also under observe, because there is nowhere to go', () => {
    for (const mode of ['enforce', 'observe'] as const) {
      const { decision, candidate: chosen } = model(policyOf(settings({ policies: { mode } })), []);
      assert.equal(goesOn(decision), false);
      assert.equal(chosen, null);
    }
  });

  it('denies an agent, a role and a pair of them that the config does not know', () => {
    const agent = (id: string) => invocation({ agent: { id, client: 'sdk', version: null, digest: null } });
    assert.match(tool(policy, 'get_order_status', agent('stranger')).reason, /agent stranger is not configured/);
    assert.match(tool(policy, 'get_order_status', agent('constructor')).reason, /agent constructor is not configured/);
    assert.match(tool(policy, 'get_order_status', invocation({ role: 'toString' })).reason, /role toString is not configured/);
    assert.match(tool(policy, 'delete_everything', invocation({ role: 'other' })).reason, /agent sdk may not take the role other/);
    assert.equal(tool(policy, 'delete_everything', invocation({ role: 'other' })).verdict, 'deny');
  });

  it('keeps prose that a model calls a tool out of the decision', () => {
    const decision = tool(policy, 'not a tool: 1, 2; 3');
    assert.equal(decision.verdict, 'deny');
    assert.doesNotMatch(canonicalJson(decision), /1, 2; 3/);
  });

  it('compiles to Cedar that a person can read', () => {
    assert.match(
      policy.compiledCedar(),
      /@id\("role\/demo\/tool\/get_order_status"\)\npermit \(\n {2}principal in Sealwright::Role::"demo",\n {2}action == Sealwright::Action::"callTool",\n {2}resource == Sealwright::Tool::"get_order_status"\n\);/,
    );
  });

  it('remembers decisions by every input that a policy can ask for', () => {
    const agents = { sdk: { client: 'sdk', roles: ['demo'] }, codex: { client: 'codex', roles: ['demo'], owner: 'it' } } as const;
    const asking = (condition: string) =>
      policyOf(settings({ agents }), {
        name: 'ask.cedar',
        text: `@id("ask") forbid (principal, action in Sealwright::Action::"crossing", resource) when { ${condition} };`,
      });
    const by = (changes: Partial<Invocation['invoker']>) =>
      invocation({ invoker: { userId: 'p-1', assurance: 'oidc', issuer: 'corp', groups: [], ...changes } });
    const codex = invocation({ agent: { id: 'codex', client: 'codex', version: null, digest: null } });
    const others: readonly (readonly [string, Invocation])[] = [
      ['context.invoker == Sealwright::Invoker::"p-2"', by({ userId: 'p-2' })],
      ['context.invoker in Sealwright::Group::"contractors"', by({ groups: ['contractors', 'staff'] })],
      ['context.invoker.issuer == "corp"', by({})],
      ['context.assurance == "workload"', by({ assurance: 'workload' })],
      ['principal.client == "codex"', codex],
      ['principal has owner && principal.owner == "it"', codex],
      ['context.labels.contains(Sealwright::DataLabel::"public")', invocation({ dataClassification: 'public' })],
      ['context.data_classification == "restricted"', invocation({ dataClassification: 'restricted' })],
      ['context.containment == "jail"', invocation({ containment: 'jail' })],
    ];
    for (const [condition, other] of others) {
      const asked = asking(condition);
      const verdicts = [invocation(), other, invocation()].map((each) => tool(asked, 'get_order_status', each).verdict);
      assert.deepEqual(verdicts, ['permit', 'deny', 'permit'], condition);
    }
    const places: readonly (readonly [string, Candidate])[] = [
      ['context.endpoint.topology == "vendor"', candidate('e', 'simulated-1', 'vendor')],
      ['context.endpoint.region == "us"', candidate('e', 'simulated-1', 'self-hosted', 'us')],
      ['resource in Sealwright::Endpoint::"other"', candidate('other')],
    ];
    for (const [condition, other] of places) {
      const asked = policyOf(settings(), {
        name: 'ask.cedar',
        text: `@id("ask") forbid (principal, action == Sealwright::Action::"invokeModel", resource) when { ${condition} };`,
      });
      const verdicts = [candidate('e'), other, candidate('e')].map((each) => model(asked, [each]).decision.verdict);
      assert.deepEqual(verdicts, ['permit', 'deny', 'permit'], condition);
    }
  });

  it('goes on deciding when more inputs came than it remembers', () => {
    for (let count = 0; count <= limits.decisionsCachedCount; count += 1) {
      const decision = tool(
        policy,
        'get_order_status',
        invocation({ agent: { id: `no-${count}`, client: 'sdk', version: null, digest: null } }),
      );
      assert.equal(decision.verdict, 'deny');
    }
    assert.equal(tool(policy, 'get_order_status').verdict, 'permit');
  });
});

describe('the order of endpoints', () => {
  const onlyLocal = {
    name: 'residency.cedar',
    text: '@id("residency")\nforbid (principal, action == Sealwright::Action::"invokeModel", resource)\nunless { context.endpoint.region == "eu" };\n',
  };

  it('sends a model to the first listed endpoint that is permitted', () => {
    const policy = policyOf(settings(), onlyLocal);
    const { decision, candidate: chosen } = model(policy, [
      candidate('us', 'simulated-1', 'vendor', 'us'),
      candidate('eu', 'simulated-1', 'vendor', 'eu'),
    ]);
    assert.equal(decision.verdict, 'permit');
    assert.equal(chosen?.endpoint.id, 'eu');
  });

  it('names the policy that forbids where no endpoint is permitted', () => {
    const { decision, candidate: chosen } = model(policyOf(settings(), onlyLocal), [candidate('us', 'simulated-1', 'vendor', 'us')]);
    assert.equal(decision.verdict, 'deny');
    assert.deepEqual(decision.policies, ['residency']);
    assert.equal(chosen, null);
  });

  it('lets a policy name an endpoint', () => {
    const policy = policyOf(settings(), {
      name: 'endpoints.cedar',
      text: '@id("not-us") forbid (principal, action, resource in Sealwright::Endpoint::"us");',
    });
    assert.equal(model(policy, [candidate('us')]).decision.verdict, 'deny');
    assert.equal(model(policy, [candidate('eu')]).decision.verdict, 'permit');
  });
});

describe('prohibitions and approvals', () => {
  const permitAll = { name: 'wide.cedar', text: '@id("wide") permit (principal, action, resource);' };

  it('prohibits a tool whatever else permits it', () => {
    const decision = tool(policyOf(settings(), permitAll), 'access_payment_data');
    assert.equal(decision.verdict, 'deny');
    assert.deepEqual(decision.policies, ['role/demo/prohibited/access_payment_data']);
  });

  it('wants a person for a tool that needs approval, also where a hand-written policy permits it', () => {
    const given = settings({
      agent_roles: { demo: role({ allowed_tools: ['refund'], requires_human_approval_for: ['refund', 'server/other'] }) },
    });
    const decision = tool(policyOf(given, permitAll), 'refund');
    assert.equal(decision.verdict, 'approval');
    assert.deepEqual(decision.policies, ['role/demo/approval/refund', 'role/demo/tool/refund', 'wide']);
    assert.equal(goesOn(decision), false);
    assert.equal(tool(policyOf(given, permitAll), 'server/other').verdict, 'approval');
  });

  it('denies what approval alone would not permit', () => {
    const given = settings({ agent_roles: { demo: role({ requires_human_approval_for: ['server/other'] }) } });
    const decision = tool(policyOf(given), 'server/other');
    assert.equal(decision.verdict, 'deny');
    assert.deepEqual(decision.policies, []);
  });

  it('takes a condition that is not defined to hold for every tool of the role', () => {
    const given = settings({
      agent_roles: {
        demo: role({ allowed_models: ['simulated-1'], allowed_tools: ['report'], requires_human_approval_for: ['over_threshold'] }),
      },
    });
    const policy = policyOf(given);
    assert.equal(tool(policy, 'report').verdict, 'approval');
    assert.equal(tool(policy, 'unknown').verdict, 'deny');
    assert.equal(model(policy, [candidate('rehearsal')]).decision.verdict, 'permit');
  });

  it('denies what a person can lift where something else forbids it too, and names both', () => {
    const given = settings({
      agent_roles: { demo: role({ allowed_tools: ['refund'], prohibited_tools: ['refund'], requires_human_approval_for: ['refund'] }) },
    });
    const decision = tool(policyOf(given), 'refund');
    assert.equal(decision.verdict, 'deny');
    assert.deepEqual(decision.policies, ['role/demo/approval/refund', 'role/demo/prohibited/refund']);
  });

  it('lets a hand-written forbid be one that a person can lift', () => {
    const policy = policyOf(settings(), {
      name: 'refunds.cedar',
      text: '@id("refunds") @approval("refund") forbid (principal, action, resource == Sealwright::Tool::"refund");',
    });
    assert.equal(tool(policy, 'refund').verdict, 'approval');
    assert.equal(tool(policy, 'get_order_status').verdict, 'permit');
  });
});

describe('observe', () => {
  it('G-DECIDE-3: passes what it denies and says so', () => {
    const policy = policyOf(settings({ policies: { mode: 'observe' } }));
    const decision = tool(policy, 'delete_everything');
    assert.deepEqual([decision.verdict, decision.mode, goesOn(decision)], ['deny', 'observe', true]);
    const { candidate: chosen } = model(policy, [candidate('rehearsal', 'other-1')]);
    assert.equal(chosen?.pin, 'other-1');
  });
});

describe('a policy that only observes', () => {
  const watching = (text: string, mode: 'enforce' | 'observe' = 'enforce') =>
    policyOf(settings({ policies: { mode } }), { name: 'watch.cedar', text: `@id("watch") @mode("observe") ${text}` });
  const noTool = 'forbid (principal, action == Sealwright::Action::"callTool", resource);';

  it('G-DECIDE-3: never changes a verdict, and the decision says what it would have been', () => {
    const decision = tool(watching(noTool), 'get_order_status');
    assert.deepEqual([decision.verdict, decision.policies], ['permit', ['role/demo/tool/get_order_status']]);
    assert.deepEqual(decision.observed, { verdict: 'deny', policies: ['watch'] });
    assert.match(decision.reason, /If the policies that only observe counted, it would be denied: watch\.$/);
  });

  it('is silent where it makes no difference', () => {
    const decision = tool(watching(noTool), 'delete_everything');
    assert.deepEqual([decision.verdict, decision.observed], ['deny', null]);
    assert.doesNotMatch(decision.reason, /observe/);
  });

  it('permits nothing that nothing else permits', () => {
    const decision = tool(watching('permit (principal, action, resource);'), 'delete_everything');
    assert.deepEqual([decision.verdict, decision.observed?.verdict, goesOn(decision)], ['deny', 'permit', false]);
  });

  it('denies nothing when it errs', () => {
    const decision = tool(watching('forbid (principal, action, resource) when { 9223372036854775807 + 1 == 0 };'), 'get_order_status');
    assert.deepEqual([decision.verdict, decision.observed], ['permit', { verdict: 'deny', policies: ['watch'] }]);
  });
});

describe('time', () => {
  it('enters as the hour in UTC, and a decision of another hour is another one', () => {
    let nowMs = Date.UTC(2026, 10, 21, 6, 59, 59, 999);
    const text = '@id("day") forbid (principal, action in Sealwright::Action::"crossing", resource) unless { context.hour >= 7 };';
    const policy = createPolicy(settings(), [{ name: 'day.cedar', text }], { wallMs: () => nowMs });
    assert.ok(!('problems' in policy), JSON.stringify(policy));
    assert.equal(tool(policy, 'get_order_status').verdict, 'deny');
    nowMs += 1;
    assert.equal(tool(policy, 'get_order_status').verdict, 'permit');
  });
});

describe('errors', () => {
  // Passes strict validation, and overflows when it is evaluated.
  const overflow = 'when { 9223372036854775807 + 1 == 0 }';

  it('G-DECIDE-1: denies when a forbid errs, although Cedar would leave it out, and names it', () => {
    const decision = tool(
      policyOf(settings(), { name: 'e.cedar', text: `@id("broken") forbid (principal, action, resource) ${overflow};` }),
      'get_order_status',
    );
    assert.equal(decision.verdict, 'deny');
    assert.deepEqual(decision.policies, ['broken']);
    assert.match(decision.reason, /The policy broken could not be evaluated/);
  });

  it('denies when a permit errs beside one that permits', () => {
    const policy = policyOf(settings(), { name: 'e.cedar', text: `@id("broken") permit (principal, action, resource) ${overflow};` });
    assert.equal(tool(policy, 'get_order_status').verdict, 'deny');
  });
});
