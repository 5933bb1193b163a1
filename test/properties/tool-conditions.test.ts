// Properties of conditions on the arguments of a tool: Cedar decides as a plain reading of the setting would, and whatever a call holds, nothing throws.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import type { Decision } from '../../src/core/decision.ts';
import type { ToolArguments } from '../../src/core/tool-arguments.ts';
import type { AllowedTool, Condition } from '../../src/policy/config.ts';
import { createPolicy, type Policy, type PolicySettings } from '../../src/policy/policy.ts';
import { readToolArguments } from '../../src/wire/tool-arguments.ts';
import { casesCount } from '../cases.ts';
import { invocationOf, policyOf, policySettings } from '../policy-world.ts';

const names = ['a', 'B', 'constructor', '__proto', 'a"b\n'] as const;
const texts = ['', 'x', 'src/x.ts', 'src/', '*', '\\', '"', '日本'] as const;
const numbers = [-1, 0, 1, 500, Number.MAX_SAFE_INTEGER] as const;
const value = fc.oneof(fc.constantFrom(...texts), fc.constantFrom(...numbers), fc.boolean());

const ofTexts = fc.record(
  { like: fc.constantFrom('*', 'src/*', '*.ts', 's*c/*', 'x'), starts_with: fc.constantFrom('src', '*', '"') },
  { requiredKeys: [] },
);
const ofNumbers = fc.record({ at_least: fc.constantFrom(...numbers), at_most: fc.constantFrom(...numbers) }, { requiredKeys: [] });
const ofValues = fc.record({ equals: value, one_of: fc.array(value, { minLength: 1, maxLength: 3 }) }, { requiredKeys: [] });
const tests = fc
  .oneof(
    ofValues,
    ofTexts,
    ofNumbers,
    fc.tuple(ofValues, ofTexts).map(([some, others]) => ({ ...some, ...others })),
    fc.tuple(ofValues, ofNumbers).map(([some, others]) => ({ ...some, ...others })),
    fc.constant({ absent: true as const }),
  )
  .filter((each) => Object.keys(each).length > 0);
const condition: fc.Arbitrary<Condition> = fc.oneof(value, fc.array(value, { minLength: 1, maxLength: 3 }), {
  weight: 4,
  arbitrary: tests,
});
const when = fc.dictionary(fc.constantFrom(...names), condition, { minKeys: 1, maxKeys: 2, noNullPrototype: true });

const given: fc.Arbitrary<ToolArguments> = fc.dictionary(fc.constantFrom(...names, 'A', 'other'), fc.oneof(value, fc.constant(null)), {
  maxKeys: 4,
});

/** Nothing hands on other numbers: beyond them two that are written differently are the same. */
const isRead = (said: unknown): boolean => typeof said !== 'number' || Number.isSafeInteger(said);

/** Values at the edges of what a condition says. */
const edges = (asked: Condition): readonly ToolArguments[string][] => {
  if (typeof asked !== 'object') return [asked];
  if ('length' in asked) return asked;
  const { equals, one_of: listed = [], like, starts_with: start, at_least: least, at_most: most } = asked;
  return [
    ...(equals === undefined ? [] : [equals]),
    ...listed,
    ...(like === undefined ? [] : [like, like.replaceAll('*', ''), like.replaceAll('*', 'x/y')]),
    ...(start === undefined ? [] : [start, `${start}.ts`]),
    ...[least, most].flatMap((bound) => (bound === undefined ? [] : [bound - 1, bound, bound + 1].filter(isRead))),
  ];
};

/** Conditions, and calls that come close to meeting them. */
const conditionsAndCalls = when.chain((conditions) => {
  const close = Object.entries(conditions).map(([name, asked]) => {
    const [first = null, ...others] = edges(asked);
    const near = fc.constantFrom(first, ...others);
    return fc.oneof({ weight: 4, arbitrary: near }, fc.constantFrom(undefined, null), value).map((said) => [name, said] as const);
  });
  const call = fc.tuple(fc.tuple(...close), given).map(([said, others]): ToolArguments => ({
    ...others,
    ...Object.fromEntries(said.flatMap(([name, each]) => (each === undefined ? [] : [[name, each] as const]))),
  }));
  return fc.tuple(fc.constant(conditions), fc.array(call, { minLength: 6, maxLength: 10 }));
});

const settingsOf = (tools: readonly AllowedTool[], prohibited: readonly string[] = []): PolicySettings => {
  const settings = policySettings();
  const { demo } = settings.agent_roles;
  assert.ok(demo);
  const role = { ...demo, allowed_models: [], allowed_tools: tools, prohibited_tools: prohibited, requires_human_approval_for: [] };
  return { ...settings, agents: { sdk: { client: 'sdk', roles: ['demo'] } }, agent_roles: { demo: role }, identity: { groups: {} } };
};

/** Each part of the pattern in its turn, as early as it can stand. */
const isLike = (text: string, pattern: string): boolean => {
  const [first = '', ...parts] = pattern.split('*');
  const last = parts.pop();
  if (last === undefined) return text === first;
  if (!text.startsWith(first) || !text.endsWith(last) || text.length < first.length + last.length) return false;
  let at = first.length;
  for (const part of parts) {
    const found = text.indexOf(part, at);
    if (found === -1) return false;
    at = found + part.length;
  }
  return at <= text.length - last.length;
};

const fold = (name: string): string => name.toLowerCase();

/** The setting read plainly. */
const isMet = (name: string, asked: Condition, call: ToolArguments): boolean => {
  const found = Object.hasOwn(call, name) ? call[name] : undefined;
  if (typeof asked !== 'object') return found === asked;
  if (Array.isArray(asked)) return asked.some((each) => each === found);
  const {
    equals,
    one_of: listed,
    like,
    starts_with: start,
    at_least: least,
    at_most: most,
    absent,
  } = asked as Exclude<Condition, string | number | boolean | readonly unknown[]>;
  if (absent === true) return !Object.keys(call).some((each) => fold(each) === fold(name));
  return (
    (equals === undefined || found === equals) &&
    (listed === undefined || listed.some((each) => each === found)) &&
    (like === undefined || (typeof found === 'string' && isLike(found, like))) &&
    (start === undefined || (typeof found === 'string' && found.startsWith(start))) &&
    (least === undefined || (typeof found === 'number' && found >= least)) &&
    (most === undefined || (typeof found === 'number' && found <= most))
  );
};

/** Null where Cedar refuses the conditions, such as two that contradict each other. */
const policyFor = (settings: PolicySettings): Policy | null => {
  const policy = createPolicy(settings, [], { wallMs: () => 0 });
  return 'problems' in policy ? null : policy;
};

const ask = (policy: Policy, call: ToolArguments | null): Decision =>
  policy.decideTool({ invocation: invocationOf(), tool: 't', given: () => call });

describe('conditions on the arguments of a tool', () => {
  it('G-DECIDE-5: hold exactly where a plain reading of the setting says so, and what is not met is what is named', () => {
    const seen = { permit: 0, deny: 0 };
    fc.assert(
      fc.property(conditionsAndCalls, ([conditions, calls]) => {
        const policy = policyFor(settingsOf([{ tool: 't', when: conditions }]));
        if (policy === null) return;
        for (const call of calls) {
          const { verdict, unmet } = ask(policy, call);
          const failing = Object.entries(conditions).filter(([name, asked]) => !isMet(name, asked, call));
          assert.equal(verdict, failing.length === 0 ? 'permit' : 'deny', JSON.stringify([conditions, call]));
          assert.equal(unmet?.settings.length ?? 0, failing.length);
          seen[verdict === 'permit' ? 'permit' : 'deny'] += 1;
        }
        assert.equal(ask(policy, null).verdict, 'deny');
      }),
      { numRuns: 70 },
    );
    assert.ok(seen.permit > 40 && seen.deny > 40, JSON.stringify(seen));
  });

  it('G-DECIDE-5: never permit what the tool without them would not', () => {
    let permitted = 0;
    fc.assert(
      fc.property(conditionsAndCalls, fc.subarray(['t', 'u']), fc.boolean(), ([conditions, calls], prohibited, other) => {
        const also = other ? [{ tool: 't', when: { other: 1 } }] : [];
        const [bare, under, more] = [['t'], [{ tool: 't', when: conditions }], [{ tool: 't', when: conditions }, ...also]].map((tools) =>
          policyFor(settingsOf(tools, prohibited)),
        );
        if (!bare || !under || !more) return;
        for (const call of calls) {
          const permits = (policy: Policy): boolean => ask(policy, call).verdict === 'permit';
          const conditional = permits(under);
          permitted += conditional ? 1 : 0;
          assert.ok(!conditional || permits(bare));
          // Another entry never takes anything away.
          assert.ok(!conditional || permits(more));
        }
      }),
      { numRuns: 40 },
    );
    assert.ok(permitted > 0, 'no case permitted anything, so nothing was shown');
  });

  it('become what they say, whatever stands in names and values', () => {
    const units = [
      '"',
      '\\',
      '*',
      '\n',
      '\r',
      '\u{0}',
      '\u{7f}',
      '\u{2028}',
      '\u{feff}',
      "'",
      '}',
      ';',
      '{',
      '(',
      ')',
      '@',
      '/',
      ' ',
      'a',
      'u',
      'é',
      '👋',
    ];
    const any = fc.string({ unit: fc.constantFrom(...units), minLength: 1, maxLength: 10 });
    fc.assert(
      fc.property(any, any, (name, text) => {
        const policy = policyFor(settingsOf([{ tool: 't', when: { [name]: text, z: { starts_with: text } } }]));
        assert.ok(policy !== null, JSON.stringify([name, text]));
        const verdicts = [
          { [name]: text, z: `${text}!` },
          { [name]: `${text}x`, z: text },
          { [name]: text, z: `x${text}` },
        ].map((call) => ask(policy, call).verdict);
        assert.deepEqual(verdicts, ['permit', 'deny', 'deny'], JSON.stringify([name, text]));
      }),
      { numRuns: casesCount(150) },
    );
  });

  it('never throw for what a call holds, and repeat nothing of it', () => {
    const policy = policyOf(settingsOf([{ tool: 't', when: { a: { at_most: 5 }, b: { absent: true } } }]));
    const json = fc.oneof(
      fc.json(),
      fc.jsonValue().map((each) => `{"a":${JSON.stringify(each)},"secret":"sesame-31337"}`),
    );
    const bytes = fc.oneof(
      json.map((text) => Buffer.from(text)),
      fc.uint8Array({ maxLength: 40 }),
    );
    fc.assert(
      fc.property(bytes, (said) => {
        const decision = policy.decideTool({ invocation: invocationOf(), tool: 't', given: () => readToolArguments(said) });
        assert.ok(['permit', 'deny'].includes(decision.verdict));
        assert.doesNotMatch(JSON.stringify(decision), /sesame/);
      }),
      { numRuns: casesCount(300) },
    );
  });
});
