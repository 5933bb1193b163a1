// Questions to the policies as a ledger holds them, which somebody else may have written.
// Asked again they are answered or refused, alike each time; none makes anything throw.

import assert from 'node:assert/strict';
import { createRuleBook } from '../../../src/policy/rule-book.ts';
import type { JudgedRequest } from '../../../src/core/decision.ts';
import { createPolicy } from '../../../src/policy/policy.ts';
import { invocationOf, morning, policySettings, rehearsal, rulesOf } from '../../policy-world.ts';
import { tryParse } from '../../client-reading/released.ts';
import type { Target } from '../target.ts';

const settings = policySettings();
const book = createRuleBook(settings, rulesOf(settings));
const policy = createPolicy(settings, [], morning);

const questions = (): readonly (JudgedRequest | null)[] => {
  if ('problems' in policy) return assert.fail(JSON.stringify(policy.problems));
  const invocation = invocationOf();
  return [
    policy.decideModel({ invocation, candidates: [rehearsal()] }).decision.request,
    policy.decideTool({ invocation, tool: 'get_order_status' }).request,
    policy.decideTool({ invocation, tool: 'crm/read', given: () => ({ amount: 5, name: 'x' }) }).request,
    policy.decideConnection({ invocation, destination: { name: 'example.com', kind: 'name', port: 443 } }).request,
  ];
};

const check = (input: Uint8Array): void => {
  const value = tryParse(Buffer.from(input).toString());
  const answer = book.replay(value);
  assert.deepEqual(book.replay(value), answer, 'asked again it is answered otherwise');
  const explained = book.explain(value);
  if ('unanswerable' in answer) {
    assert.ok(answer.unanswerable.length > 0);
    assert.ok('unanswerable' in explained, 'what cannot be answered is explained');
    return;
  }
  assert.ok(['permit', 'deny'].includes(answer.verdict));
  assert.ok(answer.reason.length > 0);
};

export const target: Target = {
  kind: 'json',
  bytesMax: 3_000,
  seeds: () => questions().map((question) => Buffer.from(JSON.stringify(question))),
  words: ['Sealwright::Agent::"sdk"', 'Sealwright::Tool::"refund"', 'Sealwright::Action::"callTool"', 'digest', 'sha256:', '__proto__'],
  check,
};
