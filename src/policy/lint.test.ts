import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { cedar, policySettings, rulesOf } from '../../test/policy-world.ts';
import { opaqueKinds } from '../core/opaque.ts';
import { lintPolicies } from './lint.ts';

const settings = policySettings();
const warnings = (...texts: readonly string[]): readonly string[] =>
  lintPolicies(settings, rulesOf(settings, ...texts.map((text, index) => cedar(text, `${'abc'[index]}.cedar`)))).map(
    ({ file, line, message }) => `${file}:${line}: ${message}`,
  );
const crossing = 'action in Sealwright::Action::"crossing"';
const conditional = (condition: string): readonly string[] => warnings(`@id("x") forbid (principal, ${crossing}, resource) ${condition};`);

describe('what looks wrong though it validates', () => {
  it('is not a policy that says something', () => {
    assert.deepEqual(
      warnings(
        `@id("eu") forbid (principal, ${crossing}, resource) unless { context.environment == "development" };`,
        '@id("more") permit (principal == Sealwright::Agent::"sdk", action == Sealwright::Action::"callTool", resource == Sealwright::Tool::"crm/read");',
      ),
      [],
    );
  });

  it('is a policy whose scope lies in another of the same effect', () => {
    const found = warnings(
      `@id("narrow") forbid (principal in Sealwright::Role::"demo", action == Sealwright::Action::"callTool", resource);`,
      `\n@id("wide") forbid (principal, ${crossing}, resource);`,
    );
    assert.deepEqual(found, ['a.cedar:1: the policy narrow adds nothing: all that it forbids, wide forbids (b.cedar:2)']);
  });

  it('is a permit that the role has already', () => {
    assert.deepEqual(
      warnings(
        '@id("again") permit (principal in Sealwright::Role::"demo", action == Sealwright::Action::"callTool", resource == Sealwright::Tool::"get_order_status") when { context.hour > 6 };',
      ),
      [
        'a.cedar:1: the policy again adds nothing: all that it permits, role/demo/tool/get_order_status permits (agent_roles.demo.allowed_tools)',
      ],
    );
  });

  it('is one of two that say the same, and neither where the conditions differ or one can be lifted', () => {
    const twice = (id: string, more = ''): string =>
      `@id("${id}") ${more} forbid (principal, ${crossing}, resource) when { context.containment == "advisory" };`;
    assert.deepEqual(warnings(twice('one'), twice('two')), [
      'b.cedar:1: the policy two adds nothing: all that it forbids, one forbids (a.cedar:1)',
    ]);
    assert.deepEqual(warnings(twice('one'), twice('two', '@approval("x")')), []);
    assert.deepEqual(warnings(twice('one'), twice('two').replace('advisory', 'jail')), []);
  });

  it('is a condition that is always the same', () => {
    const always: readonly (readonly [string, RegExp])[] = [
      ['when { true }', /always true, so it changes nothing \(when\)/],
      ['when { 1 < 2 || context.environment == "x" }', /always true/],
      ['unless { !true }', /always false, so it changes nothing \(unless\)/],
      [
        'when { context.environment == "a" && context.containment == "jail" && context.environment == "b" }',
        /always false, so it never applies/,
      ],
      ['when { context.environment == "a" || !(context.environment == "a") }', /always true/],
      ['when { context.environment == context.environment }', /always true/],
      ['when { context.hour < 24 }', /always true/],
      ['unless { context.hour >= 0 }', /always true, so it never applies \(unless\)/],
      ['when { context.hour > 23 }', /always false/],
    ];
    for (const [condition, expected] of always) assert.match(conditional(condition)[0] ?? 'no warning', expected, condition);
    for (const condition of [
      'when { context.hour > 22 }',
      'when { context.environment == "a" || context.environment == "b" }',
      'unless { context.hour == 0 }',
    ])
      assert.deepEqual(conditional(condition), [], condition);
  });

  it('is a permit that leaves nothing out', () => {
    assert.match(
      warnings('@id("wide") permit (principal, action, resource);')[0] ?? '',
      /permits everything to everybody, the control plane too/,
    );
    assert.match(warnings(`@id("wide") permit (principal, ${crossing}, resource);`)[0] ?? '', /permits its actions to everybody/);
  });

  it('is a name that the config lacks, with the one that was probably meant', () => {
    const named = (entity: string): string =>
      conditional(`when { resource == Sealwright::${entity} || principal in Sealwright::Role::"demo" }`)[0] ?? '';
    assert.match(
      named('Tool::"get_order_statu"'),
      /names the Tool "get_order_statu", which is not a tool that a role names; did you mean get_order_status\?/,
    );
    assert.match(
      warnings('@id("x") forbid (principal in Sealwright::Group::"enginers", action, resource);')[0] ?? '',
      /^a\.cedar:1: the policy x names the Group "enginers", which is not under identity\.groups; did you mean engineers\?$/,
    );
    for (const [scope, name] of [
      ['principal in Sealwright::Role::"demos", action, resource', 'Role "demos"'],
      ['principal == Sealwright::Agent::"sdks", action, resource', 'Agent "sdks"'],
      ['principal, action, resource in Sealwright::Endpoint::"rehearsl"', 'Endpoint "rehearsl"'],
      ['principal, action, resource == Sealwright::Model::"simulated-3"', 'Model "simulated-3"'],
      ['principal, action, resource in Sealwright::ToolServer::"crn"', 'ToolServer "crn"'],
    ] as const)
      assert.match(warnings(`@id("x") forbid (${scope});`)[0] ?? '', new RegExp(`names the ${name}.*did you mean`), scope);
    assert.match(
      conditional('when { context.labels.contains(Sealwright::DataLabel::"publik") }')[0] ?? '',
      /DataLabel "publik".*did you mean public\?/,
    );
  });

  it('is a kind of content that there is not, however it is asked for', () => {
    const asking = (condition: string): readonly string[] =>
      warnings(`@id("x") forbid (principal, action == Sealwright::Action::"invokeModel", resource) ${condition};`);
    assert.deepEqual(asking('when { context.not_inspected.contains("imgae") && context.hour > 3 }'), [
      'a.cedar:1: the policy x asks whether "imgae" was not inspected, which is no kind of content; did you mean image?',
    ]);
    const several = asking(
      'unless { ["image", "pdf"].containsAll(context.not_inspected) || context.not_inspected.containsAny(["audio", "PNG"]) }',
    );
    assert.deepEqual(
      several.map((line) => /whether ("\w+")/.exec(line)?.[1]),
      ['"pdf"', '"PNG"'],
    );
    for (const kind of Object.keys(opaqueKinds)) assert.deepEqual(asking(`when { context.not_inspected.contains("${kind}") }`), []);
  });

  it('G-DECIDE-3: and a policy that only observes is always named', () => {
    assert.deepEqual(warnings(`\n\n@id("x") @mode("observe") forbid (principal, ${crossing}, resource);`), [
      'a.cedar:3: the policy x only observes (@mode("observe")): it changes no verdict',
    ]);
  });
});
