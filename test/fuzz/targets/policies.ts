// Policies as people write them, and tests of policies. No text makes the engine unusable, and each policy that is taken stands in the text.
// Input: a file of Cedar; from a line `---` on, a file of tests.

import assert from 'node:assert/strict';
import { validationProblems, readPolicyFile } from '../../../src/policy/policy-files.ts';
import { runPolicyTests } from '../../../src/policy/policy-tests.ts';
import { createPolicy } from '../../../src/policy/policy.ts';
import { createRuleBook } from '../../../src/policy/rule-book.ts';
import { compileRules } from '../../../src/policy/rules.ts';
import { statementsOf } from '../../../src/policy/statements.ts';
import { invocationOf, morning, policySettings, rulesOf } from '../../policy-world.ts';
import type { Target } from '../target.ts';

const settings = policySettings();
const rules = rulesOf(settings);

const policies = [
  '@id("no-refunds")\nforbid (principal, action == Sealwright::Action::"callTool", resource == Sealwright::Tool::"refund");\n',
  '@id("night")\n@mode("observe")\nforbid (principal, action in Sealwright::Action::"crossing", resource) when { context.hour < 6 || context.hour > 22 };\n',
  '@id("big")\n@approval("refund")\nforbid (principal, action == Sealwright::Action::"callTool", resource) when { context has arguments && context.arguments.numbers.hasTag("amount") && context.arguments.numbers.getTag("amount") > 5 };\n',
  '// a comment\n@id("a") permit (principal in Sealwright::Role::"demo", action, resource) unless { ["a","\\u{1F326}"].contains("a") };',
];

/** A question that was decided, as a test that passes. */
const tests = (): string => {
  const policy = createPolicy(settings, [], morning);
  const { request } = 'problems' in policy ? assert.fail() : policy.decideTool({ invocation: invocationOf(), tool: 'get_order_status' });
  const explained = createRuleBook(settings, rules).explain(request);
  return JSON.stringify(['unanswerable' in explained ? null : explained.asTest()]);
};

const sane = { name: 'sane.cedar', text: `${policies[0] ?? ''}//` };

const checkPolicies = (text: string): void => {
  const statements = statementsOf(text);
  const lines = text.split('\n').length;
  for (const statement of statements) {
    assert.ok(text.includes(statement.text) && statement.line >= 1 && statement.line <= lines);
    assert.ok(statement.depth >= 0);
  }
  const read = readPolicyFile({ name: 'x.cedar', text });
  for (const { line, message } of read.problems) assert.ok(message.length > 0 && (line === null || (line >= 1 && line <= lines)));
  for (const policy of read.policies) {
    assert.ok(text.includes(policy.text), 'a policy is taken that does not stand there');
    const alone = readPolicyFile({ name: 'x.cedar', text: policy.text });
    assert.deepEqual([alone.problems, alone.policies.map(({ json }) => json)], [[], [policy.json]], 'alone it is another policy');
  }
  if (read.problems.length === 0) compileRules(settings, [{ name: 'x.cedar', text }]);
};

let turn = 0;

const check = (input: Uint8Array): void => {
  const [text = '', testsText] = Buffer.from(input).toString().split('\n---\n', 2);
  checkPolicies(text);
  if (testsText !== undefined) {
    const report = runPolicyTests(rules, [{ name: 'x.test.json', text: testsText }]);
    if ('problems' in report) for (const { message } of report.problems) assert.ok(message.length > 0);
  }
  // Another text each time, because what was found valid is not asked again.
  assert.deepEqual(validationProblems({ ...sane, text: `${sane.text}${turn++}` }), [], 'the engine is not what it was');
};

export const target: Target = {
  kind: 'lines',
  bytesMax: 4_096,
  seeds: () => [...policies, policies.join('\n'), `${policies[0] ?? ''}\n---\n${tests()}`].map((text) => Buffer.from(text)),
  words: [
    'permit', 'forbid', 'when', 'unless', 'principal', 'action', 'resource', 'context', 'context.', 'has', 'like', 'in', 'is', 'if', 'then', 'else', '&&', '||', '!',
    '==', 'decimal("1.0")', 'ip("::1")', '?principal', '@id("x")', '@mode("observe")', '@approval("x")', 'Sealwright::', '::', '"\\u{0}"', '//', ';', '((((', '[[[[',
  ],
  check,
}; // prettier-ignore
