import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { bookOf, cedar, invocationOf, member, policyOf, policySettings, rehearsal, rulesOf } from '../../test/policy-world.ts';
import { canonicalJson } from '../core/canonical-json.ts';
import { digestedMembers, type Decision } from '../core/decision.ts';
import { limits } from '../core/limits.ts';
import type { Unanswerable } from '../core/rules.ts';
import type { PolicyFile } from './policy.ts';
import { withoutPersonal } from './question.ts';
import { keptSettings, ruleBookOfRelease } from './rule-book.ts';
import { cedarTextOf, compileConfig } from './rules.ts';

const settings = policySettings();

/** As a record keeps it. */
const recorded = (decision: Decision): unknown => JSON.parse(canonicalJson(decision.request));
const decided = (again: Decision | Unanswerable): Decision => ('unanswerable' in again ? assert.fail(again.unanswerable) : again);
const reasonAgainst = (again: Decision | Unanswerable): string =>
  'unanswerable' in again ? again.unanswerable : `decided: ${again.reason}`;

const wasRefused = policyOf(settings).decideTool({ invocation: invocationOf(), tool: 'delete_everything' });
const wasPermitted = policyOf(settings).decideModel({ invocation: invocationOf(), candidates: [rehearsal()] }).decision;

describe('deciding a recorded question again', () => {
  it('G-REPLAY-1: gives the decision that was recorded', () => {
    for (const decision of [wasRefused, wasPermitted]) {
      assert.ok(decision.request !== null);
      assert.deepEqual(bookOf(settings).replay(recorded(decision)), decision);
    }
    const { decideDelegation, decideControl } = policyOf(settings);
    const asked = {
      invoker: member('contractors'),
      agent: invocationOf().agent,
      role: 'demo',
      containment: 'jail',
      dataClassification: 'public',
    } as const;
    for (const decision of [decideDelegation(asked), decideControl({ invoker: member('approvers'), action: 'liftStop' })])
      assert.deepEqual(bookOf(settings).replay(recorded(decision)), decision);
  });

  it('answers with data for arguments that no reader of calls gives, however deep they nest', () => {
    const rules = cedar(
      '@id("amounts") forbid (principal, action == Sealwright::Action::"callTool", resource) when { context has arguments };',
    );
    const deep = JSON.parse(`${'['.repeat(5_000)}${']'.repeat(5_000)}`) as unknown;
    const { request } = wasRefused;
    const asked = (value: unknown): unknown => ({ ...request, context: { ...request?.context, arguments: { amount: value } } });
    assert.equal(decided(bookOf(settings, rules).replay(asked(5))).verdict, 'deny');
    for (const value of [[1], { a: 1 }]) assert.equal(decided(bookOf(settings, rules).replay(asked(value))).verdict, 'deny');
    assert.equal(reasonAgainst(bookOf(settings, rules).replay(asked(deep))), 'its question cannot be read');
  });

  it('takes what the config says from the rules and not from the record', () => {
    const local = cedar(
      '@id("local") forbid (principal, action == Sealwright::Action::"invokeModel", resource) unless { context.endpoint.region == "local" };',
    );
    const { rehearsal: place } = settings.endpoints;
    const moved = policySettings({ endpoints: { rehearsal: { ...(place ?? assert.fail()), region: 'us' } } });
    assert.equal(decided(bookOf(settings, local).replay(recorded(wasPermitted))).verdict, 'permit');
    assert.equal(decided(bookOf(moved, local).replay(recorded(wasPermitted))).verdict, 'deny');
    const staging = cedar('@id("s") forbid (principal, action, resource) when { context.environment == "staging" };');
    assert.equal(decided(bookOf(policySettings({ environment: 'staging' }), staging).replay(recorded(wasPermitted))).verdict, 'deny');
    const owned = cedar(
      '@id("o") forbid (principal is Sealwright::Agent, action, resource) unless { principal has owner && principal.owner == "platform-team" };',
    );
    assert.equal(decided(bookOf(settings, owned).replay(recorded(wasPermitted))).verdict, 'permit');
    assert.equal(
      decided(bookOf(policySettings({ agents: { sdk: { client: 'sdk', roles: ['demo'] } } }), owned).replay(recorded(wasPermitted)))
        .verdict,
      'deny',
    );
  });

  it('keeps the hour of the record', () => {
    const early = cedar('@id("early") forbid (principal, action, resource) when { context.hour == 8 };');
    assert.deepEqual(decided(bookOf(settings, early).replay(recorded(wasPermitted))).policies, ['early']);
  });

  it('says why a question cannot be asked again', () => {
    const { replay } = bookOf(settings);
    const { request } = wasPermitted;
    assert.ok(request !== null);
    const { issuer: _issuer, ...older } = request;
    const elsewhere = { ...request, parents: [request.parents[0] ?? '', 'Sealwright::Endpoint::"gone"'] };
    const reasons: readonly (readonly [unknown, RegExp])[] = [
      [null, /no question to the policies was recorded/],
      [undefined, /no question/],
      [42, /cannot be read/],
      [{ ...request, principal: 'not an entity' }, /cannot be read/],
      [{ ...request, action: 'Sealwright::Action::"fly"' }, /cannot be read/],
      [{ ...request, parents: [7] }, /cannot be read/],
      [older, /by a version whose questions held less/],
      [{ ...request, context: { hour: 3 } }, /cannot be read|held less/],
      [{ ...request, context: { ...request.context, hour: 'noon' } }, /cannot be read/],
      [{ ...request, context: { ...request.context, hour: 24 } }, /cannot be read/],
      [{ ...request, context: { ...request.context, labels: [7] } }, /cannot be read/],
      [{ ...request, context: { ...request.context, labels: ['internal'] } }, /cannot be read/],
      [{ ...request, context: { ...request.context, endpoint: null } }, /cannot be read/],
      [{ ...request, context: { ...request.context, endpoint: { topology: 'vendor' } } }, /cannot be read/],
      [{ ...request, context: { ...request.context, invoker: 'Sealwright::Group::"engineers"' } }, /cannot be read/],
      [{ ...request, context: { ...request.context, port: 443 } }, /facts that this version does not know/],
      [{ ...request, context: { ...request.context, deep: JSON.parse('['.repeat(30_000) + ']'.repeat(30_000)) } }, /does not know/],
      [elsewhere, /the config has no endpoint gone/],
      [{ ...request, resource: 'Sealwright::Model::"large"' }, /the endpoint rehearsal does not list the model large/],
      [
        { ...request, context: { ...request.context, subject: `hmac-sha256:${'a'.repeat(64)}` } },
        /digests in the place of what may be personal: subject/,
      ],
    ];
    for (const [value, reason] of reasons) assert.match(reasonAgainst(replay(value)), reason);
  });

  it('reads no question whose parts are not of the types that its action asks for', () => {
    const { replay, explain } = bookOf(settings);
    const { request } = policyOf(settings).decideTool({ invocation: invocationOf(), tool: 'crm/read' });
    assert.ok(request !== null);
    const [role = '', server = '', group = ''] = request.parents;
    const control = policyOf(settings).decideControl({ invoker: member('approvers'), action: 'liftStop' }).request;
    assert.ok(!('unanswerable' in replay(request)) && !('unanswerable' in replay(control)));
    for (const strange of [
      { ...request, principal: 'Sealwright::Invoker::"user_1"' },
      { ...request, resource: 'Sealwright::Model::"crm/read"' },
      { ...request, action: 'Sealwright::Action::"stop"' },
      { ...request, action: 'Sealwright::Action::"delegate"' },
      { ...request, action: 'Sealwright::Role::"callTool"' },
      { ...request, parents: [server, group] },
      { ...request, parents: [role, 'Sealwright::Role::"other.role"', server, group] },
      { ...request, parents: [role, 'Sealwright::Endpoint::"nowhere"'] },
      { ...request, parents: [role, 'Sealwright::Endpoint::"rehearsal"', server] },
      { ...request, parents: [role, server, 'Sealwright::ToolServer::"other"'] },
      { ...request, parents: [role, 'Other::Group::"engineers"'] },
      { ...control, principal: 'Sealwright::Agent::"sdk"' },
      { ...control, resource: 'Sealwright::Tool::"refund"' },
      { ...control, parents: ['Sealwright::Role::"demo"'] },
    ])
      for (const answer of [replay(strange), explain(strange)])
        assert.deepEqual(answer, { unanswerable: 'its question cannot be read' }, JSON.stringify(strange));
  });

  it('remembers what it answered, except to questions that are too long to keep', () => {
    const { replay } = bookOf(settings);
    const again = recorded(wasPermitted);
    assert.equal(replay(again), replay(again));
    const { request } = wasPermitted;
    const groups = Array.from({ length: limits.groupsPerInvokerCount }, (_, index) => `Sealwright::Group::"${'g'.repeat(99)}${index}"`);
    const long = { ...request, parents: [...(request?.parents ?? []), ...groups] };
    assert.equal(decided(replay(long)).verdict, 'permit');
    assert.notEqual(replay(long), replay(long));
  });

  it('goes on when more questions came than it remembers', () => {
    const { replay } = bookOf(settings);
    for (let count = 0; count <= limits.decisionsReplayedCount; count += 1) replay(count);
    assert.equal(decided(replay(recorded(wasPermitted))).verdict, 'permit');
  });
});

describe('values that may be personal', () => {
  it('stand in a question as digests under the key of the invocation, of a form that is recognised', () => {
    const context = { subject: 'Ann Example', hour: 8 };
    const [one, other] = [new Uint8Array(32), new Uint8Array(32).fill(1)].map((key) => withoutPersonal(context, key, ['subject']));
    assert.match(JSON.stringify(one?.['subject']), /^"hmac-sha256:[0-9a-f]{64}"$/);
    assert.notEqual(one?.['subject'], other?.['subject']);
    assert.equal(one?.['hour'], 8);
    assert.deepEqual(digestedMembers({ context: one ?? {} }), ['subject']);
    assert.deepEqual(digestedMembers({ context }), []);
  });

  it('are none of those that are asked about', () => {
    const { request } = wasPermitted;
    assert.deepEqual(withoutPersonal(request?.context ?? {}, new Uint8Array(32)), request?.context);
  });
});

describe('the rules of a release', () => {
  const release = (changes: Readonly<Record<string, unknown>> = {}, files: readonly PolicyFile[] = []): Uint8Array =>
    Buffer.from(
      canonicalJson({
        schema: 1,
        config: { ...settings, agent_role_defaults: undefined, policies: './policies' },
        policies: files.map(({ name, text }) => ({ name, text })),
        compiled_roles: cedarTextOf(compileConfig(settings)),
        ...changes,
      }),
    );
  const opened = (bytes: Uint8Array) => {
    const book = ruleBookOfRelease(bytes);
    return 'problem' in book ? assert.fail(book.problem) : book;
  };

  it('G-REPLAY-1: decide as the config and the folder that it was made of', () => {
    const book = opened(release({}, [cedar('@id("all") forbid (principal, action, resource);')]));
    assert.deepEqual(decided(book.replay(recorded(wasPermitted))).policies, ['all']);
    assert.equal(decided(opened(release()).replay(recorded(wasPermitted))).verdict, 'permit');
  });

  it('are those that another version compiled, where it compiled otherwise', () => {
    const then =
      '@id("role/demo/model/simulated-1")\npermit (principal in Sealwright::Role::"demo", action == Sealwright::Action::"invokeModel", resource);\n';
    const { request } = policyOf(settings).decideModel({ invocation: invocationOf(), candidates: [rehearsal('simulated-2')] }).decision;
    const book = opened(release({ compiled_roles: then }));
    assert.equal(decided(book.replay(request)).verdict, 'permit');
    assert.equal(decided(opened(release()).replay(request)).verdict, 'deny');
  });

  it('keep the mode, and fill in what a role leaves out', () => {
    const config = {
      ...settings,
      agent_roles: { demo: { allowed_tools: [{ tool: 'get_order_status' }], prohibited_tools: [], requires_human_approval_for: [] } },
      agent_role_defaults: { allowed_models: ['simulated-2'] },
      agents: { sdk: { client: 'sdk', roles: ['demo'] } },
      identity: { local_development: true },
      policies: { mode: 'observe' },
    };
    const kept = keptSettings(release({ config }));
    assert.ok(!('problem' in kept));
    assert.equal(kept.policies.mode, 'observe');
    assert.deepEqual(kept.agent_roles['demo']?.allowed_models, ['simulated-2']);
    assert.equal(kept.agent_roles['demo']?.data_classification, 'restricted');
    assert.deepEqual(kept.identity.groups, {});
  });

  it('are a problem in words where the release cannot be read', () => {
    for (const bytes of [
      Buffer.from('not JSON'),
      Buffer.from('{}'),
      release({ policies: [cedar('permit (')] }),
      release({ compiled_roles: 'permit (' }),
    ]) {
      const book = ruleBookOfRelease(bytes);
      assert.ok('problem' in book, 'it was opened');
    }
    assert.ok('problem' in keptSettings(Buffer.from('{}')));
  });

  it('hold every policy with its place', () => {
    assert.ok(
      rulesOf(settings, cedar('\n@id("a") forbid (principal, action, resource);')).policies.some(
        (policy) => 'line' in policy && policy.line === 2,
      ),
    );
  });
});
