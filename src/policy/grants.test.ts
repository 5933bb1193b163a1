import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type ControlAction, controlActions, controlRoles, type Invoker } from '../core/principal.ts';
import { createPolicy, type Policy, type PolicyFile, type PolicySettings } from './policy.ts';
import { compileConfig } from './rules.ts';

const role = {
  allowed_models: ['m'],
  allowed_tools: ['t'],
  prohibited_tools: [],
  requires_human_approval_for: [],
  data_classification: 'internal',
} as const;

const settings = (changes: Partial<PolicySettings> = {}): PolicySettings => ({
  environment: 'development',
  agents: { sdk: { client: 'sdk', roles: ['demo'] }, codex: { client: 'codex', roles: ['demo', 'other'] } },
  agent_roles: { demo: role, other: role },
  policies: { mode: 'enforce' },
  identity: {
    groups: {
      engineers: { agent_roles: ['demo', 'other'], control_roles: [] },
      contractors: { agent_roles: ['demo'], agents: ['codex'], control_roles: [] },
      nobody: { agent_roles: ['demo'], agents: [], control_roles: [] },
      ...Object.fromEntries(controlRoles.map((name) => [name, { agent_roles: [], control_roles: [name] }])),
    },
  },
  endpoints: {},
  ...changes,
});

const policyOf = (given: PolicySettings, ...files: readonly PolicyFile[]): Policy => {
  const policy = createPolicy(given, files, { wallMs: () => 0 });
  assert.ok(!('problems' in policy), JSON.stringify(policy));
  return policy;
};

const member = (...groups: readonly string[]): Invoker => ({ userId: 'p-1', assurance: 'oidc', issuer: 'corp', groups });
const unproved: Invoker = { userId: 'p-1', assurance: 'local_development', issuer: null, groups: [] };

const delegation = (policy: Policy, invoker: Invoker, agent = 'codex', asRole = 'demo') =>
  policy.decideDelegation({
    invoker,
    agent: { id: agent, client: 'codex', version: null, digest: null },
    role: asRole,
    containment: 'advisory',
    dataClassification: 'internal',
  });

const local = settings({ identity: { local_development: true, groups: {} } });
const overflow = 'when { 9223372036854775807 + 1 == 0 }';

describe('who may let an agent take a role', () => {
  const policy = policyOf(settings());

  it('is one policy for what a list says twice, as the stock tool wants it', () => {
    const groups = { g: { agent_roles: ['demo', 'demo'], control_roles: ['breaker', 'breaker'] } } as const;
    const repeating = settings({ identity: { groups }, agents: { sdk: { client: 'sdk', roles: ['demo', 'demo'] } } });
    const ids = compileConfig(repeating).map(({ id }) => id);
    assert.deepEqual(
      ids.filter((id) => id.startsWith('group/')),
      ['group/g/role/demo', 'group/g/control/breaker'],
    );
    assert.equal(new Set(ids).size, ids.length);
  });

  it('G-DECIDE-4: is who both a group and the agent itself allow it to, and nobody else', () => {
    const permitted = (invoker: Invoker, agent: string, asRole: string) => delegation(policy, invoker, agent, asRole).verdict === 'permit';
    assert.ok(permitted(member('engineers'), 'sdk', 'demo'));
    assert.ok(permitted(member('engineers'), 'codex', 'other'));
    assert.ok(!permitted(member('engineers'), 'sdk', 'other'), 'the agent may not take it');
    assert.ok(permitted(member('contractors'), 'codex', 'demo'));
    assert.ok(!permitted(member('contractors'), 'codex', 'other'), 'the group does not give it');
    assert.ok(!permitted(member('contractors'), 'sdk', 'demo'), 'the group may not start it');
    assert.ok(!permitted(member('nobody'), 'codex', 'demo'));
    assert.ok(!permitted(member(), 'codex', 'demo'));
    assert.ok(!permitted(unproved, 'codex', 'demo'), 'nobody proved it, and local_development is not set');
  });

  it('names the group that permitted, and what is recorded is the whole question', () => {
    const decision = delegation(policy, member('contractors', 'engineers'));
    assert.deepEqual(decision.policies, ['group/contractors/role/demo', 'group/engineers/role/demo']);
    assert.match(decision.reason, /^The invoker may let the agent codex take the role demo: group\/contractors\/role\/demo and 1 more\.$/);
    assert.deepEqual(decision.request, {
      principal: 'Sealwright::Invoker::"p-1"',
      action: 'Sealwright::Action::"delegate"',
      resource: 'Sealwright::Agent::"codex"',
      parents: ['Sealwright::Role::"demo"', 'Sealwright::Group::"contractors"', 'Sealwright::Group::"engineers"'],
      issuer: 'corp',
      context: {
        role: 'Sealwright::Role::"demo"',
        assurance: 'oidc',
        environment: 'development',
        hour: 0,
        data_classification: 'internal',
        containment: 'advisory',
        labels: ['Sealwright::DataLabel::"internal"'],
      },
    });
  });

  it('names the agent whose list forbids it', () => {
    const decision = delegation(policy, member('engineers'), 'sdk', 'other');
    assert.deepEqual(decision.policies, ['agent/sdk/roles']);
    assert.equal(decision.reason, 'The agent sdk may not take the role other.');
  });

  it('denies what nobody configured, in words', () => {
    assert.match(delegation(policy, member('engineers'), 'stranger').reason, /agent stranger is not configured/);
    assert.match(delegation(policy, member('engineers'), 'codex', 'toString').reason, /role toString is not configured/);
    assert.equal(delegation(policy, member()).reason, 'No policy permits the invoker to let the agent codex take the role demo.');
  });

  it('lets a hand-written policy permit more and forbid more, but not past the list of the agent', () => {
    const more = policyOf(settings(), {
      name: 'a.cedar',
      text: '@id("night") permit (principal == Sealwright::Invoker::"p-1", action == Sealwright::Action::"delegate", resource);',
    });
    assert.equal(delegation(more, member()).verdict, 'permit');
    assert.equal(delegation(more, member(), 'sdk', 'other').verdict, 'deny');
    const less = policyOf(settings(), {
      name: 'a.cedar',
      text: '@id("jailed") forbid (principal in Sealwright::Group::"engineers", action, resource) when { context.hour < 6 };',
    });
    assert.deepEqual(delegation(less, member('engineers')).policies, ['jailed']);
  });

  it('G-DECIDE-1: denies when a forbid errs', () => {
    const broken = policyOf(settings(), { name: 'a.cedar', text: `@id("broken") forbid (principal, action, resource) ${overflow};` });
    assert.deepEqual(delegation(broken, member('engineers')).policies, ['broken']);
    assert.equal(delegation(broken, member('engineers')).verdict, 'deny');
  });
});

describe('the list of roles of an agent', () => {
  it('G-DECIDE-4: denies its crossings in any other role too, whatever else is written', () => {
    const policy = policyOf(settings(), { name: 'a.cedar', text: '@id("wide") permit (principal, action, resource);' });
    const decision = policy.decideTool({
      invocation: {
        id: 'i',
        invoker: member('engineers'),
        agent: { id: 'sdk', client: 'sdk', version: null, digest: null },
        role: 'other',
        dataClassification: 'internal',
        containment: 'advisory',
        digestKey: new Uint8Array(32),
      },
      tool: 't',
    });
    assert.deepEqual([decision.verdict, decision.policies], ['deny', ['agent/sdk/roles/taken']]);
  });
});

describe('the control plane', () => {
  const policy = policyOf(settings());
  const actions = Object.keys(controlActions) as readonly ControlAction[];
  const may = (by: Policy, invoker: Invoker, action: ControlAction) => by.decideControl({ invoker, action }).verdict;

  it('permits each role its own actions and no others', () => {
    for (const name of controlRoles)
      for (const action of actions) {
        const expected = (controlActions[action] as readonly string[]).includes(name) ? 'permit' : 'deny';
        assert.equal(may(policy, member(name), action), expected, `${name} ${action}`);
      }
  });

  it('permits nothing to somebody in no group, whatever the person may let agents do', () => {
    for (const action of actions) assert.equal(may(policy, member('engineers'), action), 'deny', action);
  });

  it('is never only observed: what is denied is refused', () => {
    const observing = policyOf(settings({ policies: { mode: 'observe' } }));
    assert.equal(observing.decideControl({ invoker: member(), action: 'stop' }).mode, 'enforce');
    assert.equal(delegation(observing, member()).mode, 'observe');
  });

  it('can be narrowed by hand', () => {
    const narrow = policyOf(settings(), {
      name: 'a.cedar',
      text: '@id("proved") forbid (principal, action in Sealwright::Action::"breaker", resource) unless { context.assurance == "workload" };',
    });
    assert.equal(may(narrow, member('breaker'), 'stop'), 'deny');
    assert.equal(may(narrow, { ...member('breaker'), assurance: 'workload' }, 'stop'), 'permit');
  });

  it('G-DECIDE-1: denies when a forbid errs', () => {
    const broken = policyOf(settings(), { name: 'a.cedar', text: `@id("broken") forbid (principal, action, resource) ${overflow};` });
    assert.equal(may(broken, member('operator'), 'readStatus'), 'deny');
  });
});

describe('local development', () => {
  const policy = policyOf(local);

  it('permits by one visible policy what it permits, and no approval', () => {
    assert.deepEqual(delegation(policy, unproved).policies, ['identity/local_development']);
    for (const action of Object.keys(controlActions) as readonly ControlAction[]) {
      const verdict = policy.decideControl({ invoker: unproved, action }).verdict;
      assert.equal(verdict, action === 'liftStop' ? 'deny' : 'permit', action);
    }
    assert.match(policy.compiledCedar(), /@id\("identity\/local_development"\)\npermit/);
  });

  it('permits nothing to somebody who was proved', () => {
    assert.equal(delegation(policy, member('engineers')).verdict, 'deny');
    assert.equal(delegation(policy, unproved, 'sdk', 'other').verdict, 'deny');
  });
});

describe('what a person reads', () => {
  it('says group, role and agents in plain Cedar', () => {
    const text = policyOf(settings()).compiledCedar();
    const policyWith = (id: string): string => text.slice(text.indexOf(`@id("${id}")`)).split('\n\n')[0] ?? '';
    assert.equal(
      policyWith('group/contractors/role/demo'),
      `@id("group/contractors/role/demo")
permit (
  principal in Sealwright::Group::"contractors",
  action == Sealwright::Action::"delegate",
  resource
)
when { context.role == Sealwright::Role::"demo" && resource in [Sealwright::Agent::"codex"] };`,
    );
    assert.equal(
      policyWith('agent/sdk/roles'),
      `@id("agent/sdk/roles")
forbid (
  principal,
  action == Sealwright::Action::"delegate",
  resource == Sealwright::Agent::"sdk"
)
unless { context.role in [Sealwright::Role::"demo"] };`,
    );
  });
});
