import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { policyToJson } from '@cedar-policy/cedar-wasm/nodejs';
import { limits } from '../core/limits.ts';
import { policySettings, rulesOf } from '../../test/policy-world.ts';
import { compileConditions } from './compile-conditions.ts';
import { compileRoles } from './compile-roles.ts';
import type { Condition } from './config.ts';
import { isTooDeep } from './policy-files.ts';
import { compileRules } from './rules.ts';
import { statementsOf } from './statements.ts';

const cedarOf = (condition: Condition): string => compileConditions({ a: condition })[0]?.cedar ?? '';
const text = 'context.arguments.texts.hasTag("a") && context.arguments.texts.getTag("a")';
const number = 'context.arguments.numbers.getTag("a")';
const allowing = (when: Readonly<Record<string, Condition>>) => {
  const { demo } = policySettings().agent_roles;
  assert.ok(demo);
  return { demo: { ...demo, allowed_models: [], prohibited_tools: [], allowed_tools: [{ tool: 'refund', when }] } };
};

describe('conditions as Cedar', () => {
  it('ask for the argument under the type of what it must be', () => {
    assert.equal(cedarOf('x'), `${text} == "x"`);
    assert.equal(cedarOf({ equals: 'x' }), `${text} == "x"`);
    assert.equal(
      cedarOf(['x', 'y', 'x']),
      `["x", "y"].contains(${text.replace(/^.*&& /, '')})`.replace(/^/, `${text.replace(/ &&.*$/, '')} && `),
    );
    assert.equal(cedarOf(false), 'context.arguments.flags.hasTag("a") && context.arguments.flags.getTag("a") == false');
    assert.equal(cedarOf({ like: 'src/*.ts' }), `${text} like "src/*.ts"`);
    assert.equal(cedarOf({ starts_with: 'src/' }), `${text} like "src/*"`);
    assert.equal(cedarOf({ at_least: -1, at_most: 5 }), `context.arguments.numbers.hasTag("a") && ${number} >= -1 && ${number} <= 5`);
    assert.equal(cedarOf({ one_of: ['x', 1] }), `(${text} == "x" || context.arguments.numbers.hasTag("a") && ${number} == 1)`);
  });

  it('ask for the absence of a name whatever its case', () => {
    assert.equal(compileConditions({ Force: { absent: true } })[0]?.cedar, '!context.arguments.names.contains("force")');
  });

  it('become one permit for each entry, which a person can read', () => {
    const [policy] = compileRoles(allowing({ amount: { at_most: 500 }, currency: 'EUR' }));
    assert.equal(
      policy?.text,
      `@id("role/demo/when/0/refund")
permit (
  principal in Sealwright::Role::"demo",
  action == Sealwright::Action::"callTool",
  resource == Sealwright::Tool::"refund"
)
when {
  context has arguments &&
  context.arguments.numbers.hasTag("amount") && context.arguments.numbers.getTag("amount") <= 500 &&
  context.arguments.texts.hasTag("currency") && context.arguments.texts.getTag("currency") == "EUR"
};`,
    );
  });

  it('say nothing but what they say, whatever stands in names and values', () => {
    const hostile = [
      '"',
      '\\',
      '\\"',
      '") || true || ("" == "',
      '\n};\npermit (principal, action, resource);\n//',
      '*',
      '\\*',
      '\u{0}\u{7f}\u{85}\u{2028}\u{feff}',
      '\\u{22}',
      'a//b',
      '@id("x")',
      'context',
      'if',
      'true',
      '__entity',
      '日本語 👋',
    ];
    for (const odd of hostile) {
      const when = { [odd]: [odd, 'other'], plain: { equals: odd, starts_with: odd } } as const;
      const [policy] = compileRoles(allowing(when));
      const parsed = policyToJson(policy?.text ?? '');
      assert.ok(parsed.type === 'success', odd);
      const said = JSON.stringify(parsed.json.conditions);
      const value = JSON.stringify({ Value: odd });
      assert.equal(said.split(value).length - 1, 4, `${odd} stands as two names, in a list and as a value: ${said}`);
      assert.equal(parsed.json.conditions.length, 1);
      assert.deepEqual(parsed.json.annotations, { id: 'role/demo/when/0/refund' });
      const pattern = JSON.stringify([...Array.from(odd, (Literal) => ({ Literal })), 'Wildcard']);
      assert.ok(said.includes(pattern), `${odd} begins, letter by letter: ${said}`);
      rulesOf(policySettings({ agent_roles: allowing(when) }));
    }
  });

  it('name the setting where Cedar refuses a text, such as one whose letters only look alike', () => {
    const problems = (text: string): unknown => compileRules(policySettings({ agent_roles: allowing({ a: 'x', b: text }) }), []);
    for (const [text, why] of [
      ['p\u0430ypal', 'contains mixed scripts'],
      ['a\u202eb', 'contains BIDI control characters'],
    ] as const) {
      const message = `agent_roles.demo.allowed_tools[0]: string \`"${text}"\` ${why}`;
      assert.deepEqual(problems(text), { problems: [{ file: 'the config, as Cedar', line: 10, message }] });
    }
  });

  it('are never too much for the engine, as many as a config may have', () => {
    const long = 'x'.repeat(limits.toolArgumentCharacters);
    const values = Array.from({ length: limits.conditionValuesCount }, (_, index) => (index % 3 === 0 ? index : `${index}`));
    const tests = { equals: 'x', one_of: [true, ...values.slice(1)], like: `${long.slice(1)}*`, starts_with: 'x' } as const;
    const when = Object.fromEntries(Array.from({ length: limits.toolConditionsCount }, (_, index) => [`a${index}`, tests]));
    const [policy] = compileRoles(allowing(when));
    assert.deepEqual(statementsOf(policy?.text ?? '').map(isTooDeep), [false]);
    rulesOf(policySettings({ agent_roles: allowing(when) }));
  });
});
