import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limits } from '../core/limits.ts';
import { type ConfigProblems, type LoadedConfig, parseConfig } from './config.ts';
import type { ConfigProblem } from './problem.ts';

const parse = (tools: string, more = ''): LoadedConfig | ConfigProblems =>
  parseConfig(
    Buffer.from(`environment: development
data_dir: ./data
identity: { local_development: true }
agents: { sdk: { client: sdk, roles: [demo] } }
agent_roles: { demo: { allowed_models: [simulated-1], allowed_tools: ${tools}${more} } }
endpoints:
  rehearsal: { formats: [anthropic-messages], topology: self-hosted, provider: simulated, region: local, models: [{ pin: simulated-1 }] }
`),
    '/etc/sealwright',
  );

const shown = ({ path, line, message, nearest }: ConfigProblem): string =>
  `${line}: ${path} ${message}${nearest === undefined ? '' : ` (${nearest}?)`}`;

const problems = (tools: string): readonly string[] => {
  const result = parse(tools);
  assert.ok('problems' in result, 'the config was accepted');
  return result.problems.map(shown);
};

const loaded = (tools: string, more = ''): LoadedConfig => {
  const result = parse(tools, more);
  assert.ok('config' in result, JSON.stringify(result));
  return result;
};

test('conditions are kept as they were written; without any, an entry is the name of the tool', () => {
  const { config } = loaded('[a, { tool: b }, { tool: c, when: { x: 1, y: [z, true], constructor: { like: "*" } } }]');
  assert.equal(
    JSON.stringify(config.agent_roles['demo']?.allowed_tools),
    '["a","b",{"tool":"c","when":{"x":1,"y":["z",true],"constructor":{"like":"*"}}}]',
  );
});

test('a condition is said to be moot where the list also has the tool without one, or where the tool is prohibited', () => {
  const warnings = (tools: string, more = ''): readonly string[] => loaded(tools, more).warnings.map(shown);
  assert.deepEqual(warnings('[b, { tool: a, when: { x: 1 } }, a, { tool: c, when: { x: 1 } }]'), [
    '5: agent_roles.demo.allowed_tools[1].when is moot: the list also has the tool without conditions',
  ]);
  assert.deepEqual(warnings('[{ tool: a, when: { x: 1 } }]', ', prohibited_tools: [a]'), [
    '5: agent_roles.demo.allowed_tools[0] is also prohibited, and prohibited wins',
  ]);
});

test('G-WORLD-3: a condition on a tool that says nothing, that no call could meet, or that is misspelt is refused with its place', () => {
  const conditional = (when: string): readonly string[] => problems(`[{ tool: refund, when: ${when} }]`);
  const tool = '5: agent_roles.demo.allowed_tools[0]';
  const forms = 'text or a whole number or true or false';
  const many = Array.from({ length: limits.toolConditionsCount + 1 }, (_, index) => `a${index}: 1`).join(', ');
  for (const [when, expected] of [
    ['{}', '.when holds no condition; name an argument, or write only the name of the tool'],
    ['', '.when expected a mapping, found nothing'],
    ['[amount]', '.when expected a mapping, found a list'],
    [`{ ${many} }`, `.when must name at most ${limits.toolConditionsCount} arguments`],
    ['{ amount: {} }', '.when.amount says nothing; name what the argument must be, or take it out'],
    ['{ amount: { at_mots: 5 } }', '.when.amount.at_mots is not a known setting (at_most?)'],
    ['{ amount: { at_most: 1.5 } }', '.when.amount.at_most expected a whole number, found a number'],
    ['{ amount: { at_most: 9007199254740992 } }', '.when.amount.at_most must be at most 9007199254740991'],
    ['{ amount: [] }', '.when.amount must list at least one entry'],
    ['{ amount: [1.5] }', `.when.amount[0] expected ${forms}, found a number`],
    ['{ amount: { absent: false } }', '.when.amount.absent must be true'],
    ['{ amount: { absent: true, equals: 1 } }', '.when.amount asks for an argument that is absent and for what it is; no call has both'],
    ['{ amount: { like: x, at_least: 1 } }', '.when.amount asks for a text and for a number; no argument is both'],
    ['{ amount: { at_least: 2, at_most: 1 } }', '.when.amount asks for at least more than at most; no number is both'],
    ['{ __proto__: 1 }', '.when.__proto__ this name is not allowed'],
    ['{ "": 1 }', '.when.(a name of 0 characters) must not be empty'],
  ] as const)
    assert.deepEqual(conditional(when), [`${tool}${expected}`], when);
  assert.match(
    conditional('{ amount: 1.5 }')[0] ?? '',
    /\.when\.amount expected text or a whole number or true or false or a list or \{ equals: …/,
  );
  assert.deepEqual(problems('[{ tool: refund, wen: { a: 1 } }]'), [`${tool}.wen is not a known setting (when?)`]);
});
