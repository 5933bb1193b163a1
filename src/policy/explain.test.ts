import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { bookOf, cedar, invocationOf, member, policyOf, policySettings, rehearsal } from '../../test/policy-world.ts';
import type { Invocation, Invoker } from '../core/principal.ts';
import type { Ruled } from '../core/rules.ts';
import type { PolicyFile, PolicySettings } from './policy.ts';

const settings = policySettings();

const explained = (given: PolicySettings, files: readonly PolicyFile[], request: unknown): Ruled => {
  const ruled = bookOf(given, ...files).explain(request);
  return 'unanswerable' in ruled ? assert.fail(ruled.unanswerable) : ruled;
};

const ofTool = (tool: string, files: readonly PolicyFile[] = [], given = settings, changes: Partial<Invocation> = {}): Ruled =>
  explained(given, files, policyOf(given, ...files).decideTool({ invocation: invocationOf(changes), tool }).request);
const ofModel = (pin: string, files: readonly PolicyFile[] = []): Ruled =>
  explained(
    settings,
    files,
    policyOf(settings, ...files).decideModel({ invocation: invocationOf(), candidates: [rehearsal(pin)] }).decision.request,
  );
const ofDelegation = (invoker: Invoker, agent: string, role: string, files: readonly PolicyFile[] = []): Ruled =>
  explained(
    settings,
    files,
    policyOf(settings, ...files).decideDelegation({
      invoker,
      agent: { id: agent, client: 'sdk', version: null, digest: null },
      role,
      containment: 'advisory',
      dataClassification: 'internal',
    }).request,
  );

/** Each flip as one line. */
const flipsOf = ({ flips }: Ruled): readonly string[] => flips.map(({ changes }) => changes.map(({ what }) => what).join(' and '));

describe('what would permit', () => {
  it('is the entry of the role, where nothing permits', () => {
    assert.deepEqual(flipsOf(ofTool('delete_everything')), ['add `delete_everything` to `agent_roles.demo.allowed_tools`']);
    assert.deepEqual(flipsOf(ofModel('simulated-2')), ['add `simulated-2` to `agent_roles.demo.allowed_models`']);
  });

  it('is the entry less that prohibits, together with the one that then still lacks', () => {
    assert.deepEqual(flipsOf(ofTool('access_payment_data')), [
      'take `access_payment_data` out of `agent_roles.demo.prohibited_tools` and add `access_payment_data` to `agent_roles.demo.allowed_tools`',
    ]);
  });

  it('is the approval less, where only that stands in the way', () => {
    const ruled = ofTool('refund');
    assert.equal(ruled.decision.verdict, 'approval');
    assert.deepEqual(flipsOf(ruled), ['take `refund` out of `agent_roles.demo.requires_human_approval_for`']);
  });

  it('is the hand-written forbid with its file and line', () => {
    const files = [cedar('// why\n@id("no-crm")\nforbid (principal, action, resource in Sealwright::ToolServer::"crm");\n', 'crm.cedar')];
    const ruled = ofTool('crm/read', files);
    assert.deepEqual(
      ruled.rulings.map(({ id, effect, place }) => [id, effect, place]),
      [['no-crm', 'forbid', 'crm.cedar:2']],
    );
    assert.deepEqual(flipsOf(ruled), ['take out or narrow the policy `no-crm` (crm.cedar:2)']);
  });

  it('is all of several forbids at once', () => {
    const files = [
      cedar('@id("a") forbid (principal, action, resource);\n@id("b") forbid (principal is Sealwright::Agent, action, resource);'),
    ];
    assert.deepEqual(flipsOf(ofTool('get_order_status', files)), [
      'take out or narrow the policy `a` (extra.cedar:1) and take out or narrow the policy `b` (extra.cedar:2)',
    ]);
  });

  it('is the policy that could not be evaluated', () => {
    const files = [cedar('@id("broken") permit (principal, action, resource) when { 9223372036854775807 + 1 == 0 };')];
    assert.deepEqual(flipsOf(ofTool('get_order_status', files)), ['take out or narrow the policy `broken` (extra.cedar:1)']);
  });

  it('is the list of the agent, where that keeps the role from it', () => {
    const ruled = ofTool('get_order_status', [], settings, { role: 'other.role' });
    assert.deepEqual(flipsOf(ruled), [
      'add `other.role` to `agents.sdk.roles` and add `get_order_status` to `agent_roles.other.role.allowed_tools`',
    ]);
    assert.equal(ruled.owner, 'platform-team');
  });

  it('is a group of the invoker that gives more, or a group that has it', () => {
    assert.deepEqual(flipsOf(ofDelegation(member('approvers'), 'sdk', 'demo')), [
      'add `demo` to `identity.groups.approvers.agent_roles`',
      'let the invoker be in the group `engineers`',
    ]);
    assert.deepEqual(flipsOf(ofDelegation(member('contractors'), 'sdk', 'demo')), [
      'add `demo` to `identity.groups.contractors.agent_roles` and add `sdk` to `identity.groups.contractors.agents`',
      'let the invoker be in the group `engineers`',
    ]);
    const { request } = policyOf(settings).decideControl({ invoker: member('engineers'), action: 'liftStop' });
    assert.deepEqual(flipsOf(explained(settings, [], request)), [
      'add `approver` to `identity.groups.engineers.control_roles`',
      'let the invoker be in the group `approvers`',
    ]);
  });

  it('is nothing where one more entry would not do', () => {
    const { flips } = explained(settings, [], {
      ...policyOf(settings).decideTool({ invocation: invocationOf(), tool: 't' }).request,
      parents: ['Sealwright::Role::"gone"'],
    });
    assert.deepEqual(flips, []);
  });
});

describe('what would deny', () => {
  it('is the entry or the policy that permits, all of them together', () => {
    assert.deepEqual(flipsOf(ofTool('get_order_status')), ['take `get_order_status` out of `agent_roles.demo.allowed_tools`']);
    const wide = cedar('@id("wide") permit (principal, action, resource);');
    assert.deepEqual(flipsOf(ofTool('get_order_status', [wide])), [
      'take `get_order_status` out of `agent_roles.demo.allowed_tools` and take out or narrow the policy `wide` (extra.cedar:1)',
    ]);
    assert.deepEqual(flipsOf(ofDelegation(member('engineers'), 'sdk', 'demo')), [
      'take `demo` out of `identity.groups.engineers.agent_roles`',
    ]);
    const local = policySettings({ identity: { local_development: true, groups: {} } });
    const { request } = policyOf(local).decideControl({ invoker: { ...member(), assurance: 'local_development' }, action: 'stop' });
    assert.deepEqual(flipsOf(explained(local, [], request)), ['take out `identity.local_development`']);
  });
});

describe('what is told', () => {
  it('is each fact that a policy could have asked for, those of the config too', () => {
    const facts = Object.fromEntries(ofModel('simulated-2').facts);
    assert.equal(facts['principal'], 'Sealwright::Agent::"sdk"');
    assert.equal(facts['Sealwright::Agent::"sdk"'], 'client "sdk", owner "platform-team", version "1.2"');
    assert.equal(facts['Sealwright::Agent::"sdk" in'], 'Sealwright::Role::"demo"');
    assert.equal(facts['Sealwright::Invoker::"user_1" in'], 'Sealwright::Group::"engineers"');
    assert.equal(facts['context.labels'], '[Sealwright::DataLabel::"internal"]');
    assert.equal(facts['context.hour'], '8');
    assert.equal(facts['context.endpoint'], 'topology "self-hosted", provider "simulated", region "local"');
  });

  it('names a policy that only observes beside those that decided', () => {
    const watch = cedar('@id("watch") @mode("observe") forbid (principal, action, resource);');
    assert.deepEqual(
      ofTool('get_order_status', [watch]).rulings.map(({ id, observes }) => [id, observes]),
      [
        ['role/demo/tool/get_order_status', false],
        ['watch', true],
      ],
    );
  });
});
