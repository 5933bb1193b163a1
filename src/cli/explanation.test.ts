import assert from 'node:assert/strict';
import { test } from 'node:test';

import { denialTable } from '../core/denial.ts';
import { explain } from './explanation.ts';

const denied = {
  log_id: '019aa000-0000-7000-8000-000000000001',
  timestamp: '2026-11-21T10:00:00.000Z',
  kind: 'decision',
  stream: 'model',
  action_type: 'model_request',
  agent_id: 'sdk',
  agent_role: 'demo',
  user_id: 'u-1',
  model_asked: 'large-1',
  denial: 'model_not_permitted',
  decision: { verdict: 'deny', policies: [], reason: 'The role demo may not call the model large-1.', mode: 'enforce', request: {} },
};

test('a denied model names who, what, the role, that nothing permitted it, and the setting to ask for', () => {
  assert.deepEqual(explain(denied), {
    record: denied.log_id,
    verdict: 'denied',
    denial: 'model_not_permitted',
    attempt: 'a request to the model large-1 by the agent sdk in the role demo for the invoker u-1 at 2026-11-21T10:00:00.000Z.',
    reason: 'The role demo may not call the model large-1. No policy permits it.',
    policies: [],
    setting: 'agent_roles.demo.allowed_models',
    next: 'Ask whoever owns the config for a change of `agent_roles.demo.allowed_models`, naming this record.',
  });
});

test('a change by the control plane, and a refusal of one, name what was asked for and what decided', () => {
  const by = { log_id: denied.log_id, user_id: 'u-1', control_action: 'stop', stream: 'control' };
  const decision = { verdict: 'permit', policies: ['group/sec/control/breaker'], reason: 'The invoker may do stop.', mode: 'enforce' };
  const changed = explain({ ...by, kind: 'change', change: { what: 'stopped' }, decision });
  assert.deepEqual(
    [changed.verdict, changed.attempt, changed.reason],
    ['permitted', 'stop on the control plane for the invoker u-1.', 'The invoker may do stop. Decided by group/sec/control/breaker.'],
  );
  const refused = explain({ ...by, kind: 'decision', denial: 'not_permitted', decision: { ...decision, verdict: 'deny', policies: [] } });
  assert.deepEqual([refused.verdict, refused.attempt], ['denied', 'stop on the control plane for the invoker u-1.']);
  assert.equal(explain({ kind: 'change', change: { what: 'release_activated' } }).verdict, 'not a decision');
});

test('a model that no endpoint lists is not told as a matter of the role', () => {
  const reason = 'No endpoint here lists the model large-1.';
  const unlisted = explain({ ...denied, decision: { ...denied.decision, reason, request: null } });
  assert.deepEqual([unlisted.reason, unlisted.setting], [reason, 'endpoints']);
  assert.match(unlisted.next, /^Correct the name of the model, or ask whoever owns the config to list it/);
});

test('an opened invocation is told with what permitted it, and one from before decisions were recorded decides nothing', () => {
  const opened = { ...denied, kind: 'opened', action_type: 'invocation', model_asked: null, denial: null };
  const decision = { verdict: 'permit', policies: ['group/dev/demo'], reason: 'The invoker may start it.', mode: 'enforce' };
  const { verdict, reason, next } = explain({ ...opened, decision });
  assert.deepEqual([verdict, reason, next], ['permitted', 'The invoker may start it. Decided by group/dev/demo.', '']);
  assert.equal(explain({ ...opened, decision: null }).verdict, 'not a decision');
});

test('an agent that is not configured is no matter of a policy, nor of a role that there is not', () => {
  const asked = { ...denied, action_type: 'invocation', agent_role: null, denial: 'not_permitted' };
  const reason = 'The agent nope is not configured. Configured under `agents`: sdk.';
  const unknown = explain({ ...asked, decision: { ...denied.decision, reason, request: null } });
  assert.deepEqual([unknown.verdict, unknown.reason], ['denied', reason]);
  assert.equal(unknown.next, 'Correct what was asked for, or ask whoever owns the config to change the config, naming this record.');
});

test('that no policy permits it is said once', () => {
  const reason = 'No policy permits the invoker to start the agent sdk.';
  const refused = explain({ ...denied, agent_role: null, denial: 'not_permitted', decision: { ...denied.decision, reason } });
  assert.equal(refused.reason, reason);
  assert.equal(refused.next, 'Ask whoever owns the config for a policy that permits it, naming this record.');
});

test('the owner of the agent is whom to ask, where the config names one', () => {
  assert.match(explain(denied, 'platform team').next, /^Ask platform team for a change/);
});

test('a prohibited tool leads to the prohibition, and a hand-written policy to its id', () => {
  const tool = { ...denied, action_type: 'tool_call', denial: 'tool_not_permitted', tool: { name: 'pay', server: null } };
  const prohibited = explain({ ...tool, decision: { ...denied.decision, policies: ['role/demo/prohibited/pay'] } });
  assert.equal(prohibited.setting, 'agent_roles.demo.prohibited_tools');
  assert.match(prohibited.attempt, /^a call of the tool pay /);
  const byHand = explain({ ...tool, decision: { ...denied.decision, policies: ['no-payments'] } });
  assert.equal(byHand.setting, null);
  assert.match(byHand.next, /about the policy no-payments/);
  assert.match(byHand.reason, /Decided by no-payments\.$/);
  assert.equal(explain(tool).setting, 'agent_roles.demo.allowed_tools');
});

test('what needs an approval leads to the setting that asks for one', () => {
  const record = { ...denied, denial: 'approval_unavailable', decision: { ...denied.decision, verdict: 'approval' } };
  assert.equal(explain(record).setting, 'agent_roles.demo.requires_human_approval_for');
});

test('under observe the record says that it would have been denied', () => {
  const { denial: _, ...rest } = denied;
  const { verdict, next } = explain({ ...rest, decision: { ...denied.decision, mode: 'observe' } });
  assert.equal(verdict, 'would have been denied');
  assert.notEqual(next, '');
});

test('a permitted crossing names its policies and asks for nothing', () => {
  const { denial: _, ...rest } = denied;
  const permitted = explain({
    ...rest,
    decision: { verdict: 'permit', policies: ['role/demo/model/large-1'], reason: 'Permitted.', mode: 'enforce' },
  });
  assert.deepEqual([permitted.verdict, permitted.setting, permitted.next], ['permitted', null, '']);
  assert.match(permitted.reason, /Decided by role\/demo\/model\/large-1/);
});

test('an outcome leads to its decision', () => {
  const { verdict, next } = explain({ ...denied, kind: 'outcome', decision: null, decision_log_id: denied.log_id });
  assert.equal(verdict, 'not a decision');
  assert.match(next, new RegExp(`sealwright why ${denied.log_id}`));
});

test('every denial leads to something to do', () => {
  for (const code of Object.keys(denialTable)) assert.notEqual(explain({ ...denied, denial: code }).next, '', code);
});

test('a record of any shape is explained without a guess and without an error', () => {
  for (const record of [{}, { kind: 'decision' }, { kind: 7, decision: 'x', tool: [], denial: 'constructor', agent_role: null }]) {
    const { denial, attempt } = explain(record);
    assert.equal(denial, null);
    assert.match(attempt, /^a record of kind/);
  }
});
