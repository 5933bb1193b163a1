// Policies as people write them, and tests of policies. No text makes the engine unusable, and each policy that is taken stands in the text.
// Input: a file of Cedar; from a line `---` on, a file of tests.

import assert from 'node:assert/strict';
import { validationProblems, readPolicyFile } from '../../../src/policy/policy-files.ts';
import { runPolicyTests } from '../../../src/policy/policy-tests.ts';
import { compileRules } from '../../../src/policy/rules.ts';
import { statementsOf } from '../../../src/policy/statements.ts';
import { policySettings, rulesOf } from '../../policy-world.ts';
import type { Target } from '../target.ts';

const settings = policySettings();
const rules = rulesOf(settings);

const policies = [
  '@id("no-refunds")\nforbid (principal, action == Sealwright::Action::"callTool", resource == Sealwright::Tool::"refund");\n',
  '@id("night")\n@mode("observe")\nforbid (principal, action in Sealwright::Action::"crossing", resource) when { context.hour < 6 || context.hour > 22 };\n',
  '@id("big")\n@approval("refund")\nforbid (principal, action == Sealwright::Action::"callTool", resource) when { context has arguments && context.arguments.numbers has "amount" };\n',
  '// a comment\n@id("a") permit (principal in Sealwright::Role::"demo", action, resource) unless { ["a","\\u{1F326}"].contains("a") };',
];

const test = JSON.stringify([
  {
    name: 'a tool',
    request: { principal: 'Sealwright::Agent::"sdk"', action: 'Sealwright::Action::"callTool"', resource: 'Sealwright::Tool::"refund"', context: {} },
    entities: [],
    decision: 'deny',
    reason: ['no-refunds'],
    num_errors: 0,
  },
]); // prettier-ignore

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
  const [text = '', tests] = Buffer.from(input).toString().split('\n---\n', 2);
  checkPolicies(text);
  if (tests !== undefined) {
    const report = runPolicyTests(rules, [{ name: 'x.test.json', text: tests }]);
    if ('problems' in report) for (const { message } of report.problems) assert.ok(message.length > 0);
  }
  // Another text each time, because what was found valid is not asked again.
  assert.deepEqual(validationProblems({ ...sane, text: `${sane.text}${turn++}` }), [], 'the engine is not what it was');
};

export const target: Target = {
  kind: 'lines',
  bytesMax: 4_096,
  seeds: () => [...policies, policies.join('\n'), `${policies[0] ?? ''}\n---\n${test}`].map((text) => Buffer.from(text)),
  words: [
    'permit', 'forbid', 'when', 'unless', 'principal', 'action', 'resource', 'context', 'context.', 'has', 'like', 'in', 'is', 'if', 'then', 'else', '&&', '||', '!',
    '==', 'decimal("1.0")', 'ip("::1")', '?principal', '@id("x")', '@mode("observe")', '@approval("x")', 'Sealwright::', '::', '"\\u{0}"', '//', ';', '((((', '[[[[',
  ],
  check,
}; // prettier-ignore
