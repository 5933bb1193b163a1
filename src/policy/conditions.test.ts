import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Decision, JudgedRequest } from '../core/decision.ts';
import type { ToolArguments } from '../core/tool-arguments.ts';
import { bookOf, cedar, invocationOf, policyOf, policySettings, rulesOf } from '../../test/policy-world.ts';
import type { AllowedTool } from './config.ts';
import { hostedToolRequest } from './hosted-tools.ts';
import { lintPolicies } from './lint.ts';
import { exportForCedar, runPolicyTests } from './policy-tests.ts';
import type { PolicyFile, PolicySettings } from './policy.ts';
import { compileRules } from './rules.ts';

const settingsOf = (...tools: readonly AllowedTool[]): PolicySettings => {
  const settings = policySettings();
  const { demo } = settings.agent_roles;
  assert.ok(demo);
  return { ...settings, agent_roles: { demo: { ...demo, requires_human_approval_for: [], allowed_tools: tools } } };
};

const transfer = { tool: 'transfer', when: { amount: { at_least: 1, at_most: 500 }, currency: ['EUR', 'USD'] } } as const;
const place = 'agent_roles.demo.allowed_tools';

type Given = ToolArguments | null;

const asking = (settings: PolicySettings, ...files: readonly PolicyFile[]) => {
  const policy = policyOf(settings, ...files);
  return (given: Given, tool = 'transfer'): Decision => policy.decideTool({ invocation: invocationOf(), tool, given: () => given });
};

/** The question of a record with the arguments in the place of their digest, as somebody would write it who has them. */
const withArguments = ({ request }: Decision, given: Given): JudgedRequest => {
  assert.ok(request);
  return { ...request, context: { ...request.context, arguments: given } };
};

describe('a tool with conditions on its arguments', () => {
  const ask = asking(settingsOf(transfer));

  it('G-DECIDE-5: is permitted where every condition is met, by the policy that the entry became', () => {
    const decision = ask({ amount: 500, currency: 'EUR', note: 'lunch' });
    assert.deepEqual([decision.verdict, decision.policies], ['permit', [`role/demo/when/0/transfer`]]);
  });

  it('G-DECIDE-5: is denied where an argument is missing, another, of another type, or cannot be read', () => {
    const unmet: readonly (readonly [Given, ...string[]])[] = [
      [{ amount: 501, currency: 'EUR' }, 'amount'],
      [{ amount: 0, currency: 'EUR' }, 'amount'],
      [{ amount: '100', currency: 'EUR' }, 'amount'],
      [{ amount: null, currency: 'EUR' }, 'amount'],
      [{ amount: true, currency: 'eur' }, 'amount', 'currency'],
      [{ currency: 'EUR' }, 'amount'],
      [{}, 'amount', 'currency'],
      [null, 'amount', 'currency'],
    ];
    for (const [given, ...names] of unmet) {
      const { verdict, policies, unmet: found } = ask(given);
      assert.deepEqual([verdict, policies], ['deny', []], JSON.stringify(given));
      assert.deepEqual(found, { unreadable: given === null, settings: names.map((name) => `${place}[0].when.${name}`) });
    }
  });

  it('says which condition is not met, and never what the argument was', () => {
    assert.equal(
      ask({ amount: 31_337, currency: 'EUR' }).reason,
      `The role demo may not use the tool transfer like this: its arguments do not meet the condition ${place}[0].when.amount.`,
    );
    assert.equal(
      ask(null).reason,
      `The role demo may not use the tool transfer like this: its arguments could not be read, and there are conditions on them: ${place}[0].when.amount, ${place}[0].when.currency.`,
    );
  });

  it('G-RECORD-5: keeps a keyed digest in the place of the arguments in the question', () => {
    const { request } = ask({ amount: 31_337, currency: 'EUR' });
    assert.match(JSON.stringify(request?.context['arguments']), /^"hmac-sha256:[0-9a-f]{64}"$/);
    assert.doesNotMatch(JSON.stringify(ask({ amount: 31_337, currency: 'EUR' })), /31337|EUR/);
    assert.equal(ask(null).request?.context['arguments'], null);
  });

  it('is looked at only where a policy asks for its arguments, and once', () => {
    let reads = 0;
    const policy = policyOf(
      settingsOf('get_order_status', transfer, 'crm/read'),
      cedar(
        '@id("x") @mode("observe") forbid (principal, action, resource in Sealwright::ToolServer::"crm") when { context has arguments && context.arguments.names.contains("all") };'.replace(
          'action,',
          'action == Sealwright::Action::"callTool",',
        ),
      ),
    );
    const question = (tool: string): JudgedRequest | null =>
      policy.decideTool({
        invocation: invocationOf(),
        tool,
        given: () => {
          reads += 1;
          return { a: 1 };
        },
      }).request;
    for (const tool of ['get_order_status', 'crmx', 'transfers', 'delete'])
      assert.ok(!('arguments' in (question(tool)?.context ?? {})), tool);
    assert.equal(reads, 0);
    for (const tool of ['transfer', 'crm/read', 'crm/write']) assert.ok('arguments' in (question(tool)?.context ?? {}), tool);
    assert.equal(reads, 3);
  });

  it('is permitted by any one of several entries, and by one without conditions whatever the arguments', () => {
    const either = asking(settingsOf(transfer, { tool: 'transfer', when: { dry_run: true } }));
    assert.deepEqual(either({ dry_run: true, amount: 9_999 }).policies, ['role/demo/when/1/transfer']);
    assert.deepEqual(either({ amount: 9_999, currency: 'EUR' }).unmet?.settings, [`${place}[0].when.amount`, `${place}[1].when.dry_run`]);
    assert.deepEqual(asking(settingsOf(transfer, 'transfer'))(null).policies, ['role/demo/tool/transfer']);
  });

  it('is denied whatever the arguments where the role prohibits it', () => {
    const { agent_roles: roles } = settingsOf(transfer);
    const demo = roles['demo'];
    assert.ok(demo);
    const prohibited = asking({ ...settingsOf(transfer), agent_roles: { demo: { ...demo, prohibited_tools: ['transfer'] } } });
    assert.deepEqual(prohibited({ amount: 1, currency: 'EUR' }).policies, ['role/demo/prohibited/transfer']);
  });

  it('has texts of a form, beginnings, truth values and names that are not there', () => {
    const cases: readonly (readonly [AllowedTool & object, Given, boolean])[] = [
      [{ tool: 't', when: { a: { like: 'src/*.ts' } } }, { a: 'src/policy/lint.ts' }, true],
      [{ tool: 't', when: { a: { like: 'src/*.ts' } } }, { a: 'src/lint.js' }, false],
      [{ tool: 't', when: { a: { starts_with: '*.' } } }, { a: '*.ts' }, true],
      [{ tool: 't', when: { a: { starts_with: '*.' } } }, { a: 'x.ts' }, false],
      [{ tool: 't', when: { a: false } }, { a: false }, true],
      [{ tool: 't', when: { a: false } }, { a: true }, false],
      [{ tool: 't', when: { a: false } }, {}, false],
      [{ tool: 't', when: { a: { absent: true } } }, {}, true],
      [{ tool: 't', when: { a: { absent: true } } }, { a: null }, false],
      [{ tool: 't', when: { a: { absent: true } } }, { A: 1 }, false],
      [{ tool: 't', when: { a: { absent: true } } }, null, false],
      [{ tool: 't', when: { a: ['x', 1, true] } }, { a: 1 }, true],
      [{ tool: 't', when: { a: ['x', 1] } }, { a: true }, false],
      [{ tool: 't', when: { constructor: 'x' } }, { a: 1 }, false],
      [{ tool: 't', when: { 'a"b': 'x"y' } }, { 'a"b': 'x"y' }, true],
    ];
    for (const [entry, given, permitted] of cases)
      assert.equal(asking(settingsOf(entry))(given, 't').verdict, permitted ? 'permit' : 'deny', JSON.stringify([entry, given]));
  });

  it('is denied where the provider runs it: nobody sees what with', () => {
    const { request } = policyOf(settingsOf(transfer)).decideTool({ invocation: invocationOf(), tool: 'transfer' });
    assert.equal(request?.context['arguments'], null);
    const model = policyOf(settingsOf(transfer)).decideTool({ invocation: invocationOf(), tool: 'other' }).request;
    assert.ok(model);
    assert.equal(hostedToolRequest(model, 'transfer').context['arguments'], null);
  });
});

describe('hand-written policies about arguments', () => {
  const forbid = (condition: string): PolicyFile =>
    cedar(`@id("own") forbid (principal, action == Sealwright::Action::"callTool", resource == Sealwright::Tool::"read") ${condition};`);
  const paths = 'context has arguments && context.arguments.texts.hasTag("path")';

  it('see them under their types', () => {
    const ask = asking(settingsOf('read'), forbid(`unless { ${paths} && !(context.arguments.texts.getTag("path") like "*..*") }`));
    assert.equal(ask({ path: 'src/x.ts' }, 'read').verdict, 'permit');
    for (const given of [{ path: 'src/../x' }, { path: 1 }, {}, null]) assert.deepEqual(ask(given, 'read').policies, ['own']);
  });

  it('see them also where they name the entities that hold them', () => {
    const literal = 'Sealwright::ArgumentTexts::"call"';
    for (const condition of [
      `when { ${literal}.hasTag("path") && ${literal}.getTag("path") like "*..*" }`,
      `when { if ${literal} == ${literal} then ${literal}.hasTag("path") else false }`,
      'when { (if context has arguments then context["arguments"].names else ["path"]).contains("path") }',
      'when { context has arguments.texts && context.arguments.texts.hasTag("path") }',
    ])
      assert.deepEqual(asking(settingsOf('read'), forbid(condition))({ path: '..' }, 'read').policies, ['own'], condition);
  });

  it('are refused where they ask for what may not be there', () => {
    for (const condition of [
      'context.arguments.texts.getTag("path") == "x"',
      `${paths} && context.arguments.texts.getTag("other") == "x"`,
    ]) {
      const compiled = compileRules(settingsOf('read'), [forbid(`when { ${condition} }`)]);
      assert.ok('problems' in compiled, condition);
      assert.deepEqual([compiled.problems[0]?.file, compiled.problems[0]?.line], ['extra.cedar', 1]);
    }
    const everywhere = compileRules(settingsOf('read'), [
      cedar('@id("x") forbid (principal, action in Sealwright::Action::"crossing", resource) when { context has arguments };'),
    ]);
    assert.ok(!('problems' in everywhere), 'whether a fact is there can be asked of every action');
  });

  it('can be tested as the stock tool does it', () => {
    const tests = (amount: number, decision: string): PolicyFile => ({
      name: 'transfer.test.json',
      text: JSON.stringify([
        {
          name: 'n',
          request: {
            principal: 'Sealwright::Agent::"sdk"',
            action: 'Sealwright::Action::"callTool"',
            resource: 'Sealwright::Tool::"transfer"',
            context: {
              invoker: { __entity: { type: 'Sealwright::Invoker', id: 'user_1' } },
              assurance: 'oidc',
              environment: 'development',
              hour: 9,
              data_classification: 'internal',
              containment: 'advisory',
              labels: [],
              arguments: {
                names: ['amount', 'currency'],
                texts: { __entity: { type: 'Sealwright::ArgumentTexts', id: 'call' } },
                numbers: { __entity: { type: 'Sealwright::ArgumentNumbers', id: 'call' } },
                flags: { __entity: { type: 'Sealwright::ArgumentFlags', id: 'call' } },
              },
            },
          },
          entities: [
            {
              uid: { type: 'Sealwright::Agent', id: 'sdk' },
              attrs: { client: 'sdk' },
              parents: [{ type: 'Sealwright::Role', id: 'demo' }],
            },
            { uid: { type: 'Sealwright::ArgumentTexts', id: 'call' }, attrs: {}, parents: [], tags: { currency: 'EUR' } },
            { uid: { type: 'Sealwright::ArgumentNumbers', id: 'call' }, attrs: {}, parents: [], tags: { amount } },
          ],
          decision,
          reason: [],
          num_errors: 0,
        },
      ]),
    });
    const rules = rulesOf(settingsOf(transfer));
    for (const [amount, decision] of [
      [500, 'allow'],
      [501, 'deny'],
    ] as const) {
      const report = runPolicyTests(rules, [tests(amount, decision)]);
      assert.ok('results' in report, JSON.stringify(report));
      assert.deepEqual(
        report.results.map(({ problem }) => problem),
        [null],
      );
    }
    assert.match(exportForCedar(rules, []).get('schema.cedarschema') ?? '', /entity ArgumentTexts tags String;/);
  });
});

describe('explaining a call with arguments', () => {
  const settings = settingsOf('get_order_status', transfer, { tool: 'transfer', when: { dry_run: true } });
  const book = bookOf(settings);
  const refused = asking(settings)({ amount: 501, currency: 'EUR' });

  it('names what would permit it, found out by deciding again, and what would deny it', () => {
    const ruled = book.explain(withArguments(refused, { amount: 501, currency: 'EUR' }));
    assert.ok('flips' in ruled);
    const told = (changes: typeof ruled.flips): readonly (readonly string[])[] =>
      changes.map((flip) => flip.changes.map(({ what }) => what));
    assert.deepEqual(told(ruled.flips), [[`take out \`${place}[1].when.amount\``], [`take out \`${place}[2].when\``]]);
    assert.equal(ruled.decision.reason, refused.reason);
    const permitted = book.explain(withArguments(refused, { amount: 5, currency: 'EUR', dry_run: true }));
    assert.ok('flips' in permitted);
    assert.deepEqual(told(permitted.flips), [[`take out \`${place}[1]\``, `take out \`${place}[2]\``]]);
    const facts = new Map(permitted.facts);
    assert.equal(facts.get('Sealwright::ArgumentNumbers::"call" "amount"'), '5');
    const test = permitted.asTest() as { readonly decision: string; readonly reason: readonly string[] };
    assert.deepEqual([test.decision, test.reason], ['allow', ['role/demo/when/1/transfer', 'role/demo/when/2/transfer']]);
  });

  it('G-REPLAY-1: says of a question that holds digests, and of one that does not hold what is asked now, that it cannot be asked again', () => {
    const digests = { unanswerable: 'it holds digests in the place of what may be personal: arguments' };
    assert.deepEqual([book.replay(refused.request), book.explain(refused.request)], [digests, digests]);
    const before = asking(settingsOf('transfer'))({ amount: 1, currency: 'EUR' });
    assert.equal(before.verdict, 'permit');
    const nothing = { unanswerable: 'the rules look at the arguments of this tool, which its question does not hold' };
    assert.deepEqual(book.replay(before.request), nothing);
    const unreadable = asking(settings)(null);
    assert.deepEqual(book.replay(unreadable.request), unreadable);
    assert.deepEqual(book.replay(withArguments(refused, null)), unreadable);
    for (const strange of ['x', 1, [1], true])
      assert.deepEqual(book.replay({ ...refused.request, context: { ...refused.request?.context, arguments: strange } }), {
        unanswerable: 'its question cannot be read',
      });
  });

  it('takes values of any kind that somebody wrote into a question', () => {
    for (const strange of [
      { amount: 1.5, currency: 'EUR' },
      { amount: { __entity: { type: 'x', id: 'y' } } },
      { amount: 2 ** 70 },
      { a: '\ud800' },
    ]) {
      const decision = book.replay({ ...refused.request, context: { ...refused.request?.context, arguments: strange } });
      assert.ok('verdict' in decision && decision.verdict === 'deny', JSON.stringify(strange));
    }
  });
});

describe('what looks wrong with conditions', () => {
  const settings = settingsOf(transfer);
  const permit = (id: string, condition = ''): PolicyFile =>
    cedar(
      `@id("${id}") permit (principal in Sealwright::Role::"demo", action == Sealwright::Action::"callTool", resource == Sealwright::Tool::"transfer")${condition};`,
    );
  const warnings = (file: PolicyFile): readonly string[] => lintPolicies(settings, rulesOf(settings, file)).map(({ message }) => message);

  it('is a hand-written permit without any for the same tool', () => {
    assert.deepEqual(warnings(permit('wide')), [
      `the policy wide permits what role/demo/when/0/transfer permits only under conditions (${place}[0]), which it makes moot`,
    ]);
  });

  it('is not one with conditions of its own', () => {
    assert.deepEqual(warnings(permit('own', ' when { context has arguments && context.arguments.flags.hasTag("dry_run") }')), []);
  });
});
