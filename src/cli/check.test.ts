import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { createTestIo } from '../../test/command-io.ts';
import { createCheck, type JudgeRules } from './check.ts';
import { runCli } from './cli.ts';
import type { Command } from './command.ts';
import { endpointsList } from './endpoints-list.ts';
import { init } from './init.ts';

const scratch = mkdtempSync(join(tmpdir(), 'sealwright-check-'));
after(() => rmSync(scratch, { recursive: true, force: true }));
const packageFolder = fileURLToPath(new URL('../..', import.meta.url));

const judged: JudgeRules = () => ({
  release: 'sha256:abc',
  compiledCedar: 'permit (…);',
  policyFiles: ['a.cedar'],
  warnings: [],
  observing: [],
});

const rows = (judge: JudgeRules): readonly Command[] => [createCheck(judge), init, endpointsList];

const run = async (argv: readonly string[], judge = judged) => {
  const io = createTestIo({ cwd: scratch, packageFolder });
  const code = await runCli(
    rows(judge).map((command) => ({ name: command.name, load: async () => command })),
    argv,
    io,
  );
  return { code, ...io.written() };
};

let count = 0;
const configFile = (change: (text: string) => string): string => {
  const folder = join(scratch, `config-${(count += 1)}`);
  mkdirSync(folder, { mode: 0o700 });
  const path = join(folder, 'sealwright.yaml');
  writeFileSync(path, change(readFileSync(join(packageFolder, 'examples', 'sealwright.yaml'), 'utf8')), { mode: 0o600 });
  return path;
};

test('check says that a config is good and names its release', async () => {
  const path = configFile((text) => text);
  const { code, stdout, stderr } = await run(['check', '--config', path]);
  assert.deepEqual([code, stdout, stderr], [0, `ok: ${path} (1 policy file, 0 warnings)\nrelease: sha256:abc\n`, '']);
});

test('check names file, line and nearest name of a typing error, and exits 1', async () => {
  const path = configFile((text) => text.replace('allowed_tools', 'alowed_tools'));
  const { code, stdout, stderr } = await run(['check', '--config', path]);
  assert.equal(code, 1);
  assert.equal(stdout, '');
  assert.match(
    stderr,
    new RegExp(
      `^error: ${path}:33:5: agent_roles\\.demo\\.alowed_tools is not a known setting; did you mean allowed_tools\\?\\n1 problem;`,
    ),
  );
});

test('check names file and line of a policy that does not validate', async () => {
  const path = configFile((text) => text);
  const { code, stderr } = await run(['check', '--config', path], () => ({
    problems: [{ file: 'a.cedar', line: 3, message: 'unexpected token' }],
  }));
  assert.equal(code, 1);
  assert.match(stderr, /^error: a\.cedar:3: unexpected token\n/);
});

test('check prints warnings and still answers yes', async () => {
  const path = configFile((text) => text.replace('allowed_models: [simulated-1]', 'allowed_models: []'));
  const { code, stderr } = await run(['check', '--config', path]);
  assert.equal(code, 0);
  assert.match(stderr, /^warning: .*:31:3: agent_roles\.demo has no allowed_models and calls no model\n$/);
});

test('check names file and line of what looks wrong in a policy, and still answers yes', async () => {
  const path = configFile((text) => text);
  const { code, stdout, stderr } = await run(['check', '--config', path], (...given) => ({
    ...(judged(...given) as Exclude<ReturnType<JudgeRules>, { problems: unknown }>),
    warnings: [{ file: 'a.cedar', line: 4, message: 'the policy a only observes' }],
    observing: ['a'],
  }));
  assert.deepEqual([code, stderr], [0, 'warning: a.cedar:4: the policy a only observes\n']);
  assert.match(stdout, /1 warning\)/);
});

test('check says all of it for machines, with the compiled roles', async () => {
  const good = await run(['check', '--json', '--config', configFile((text) => text)]);
  const report: unknown = JSON.parse(good.stdout);
  assert.deepEqual(Object.keys(report as object), [
    'ok',
    'config',
    'release',
    'problems',
    'warnings',
    'compiled_cedar',
    'policy_files',
    'observing',
  ]);
  const bad = await run(['check', '--json', '--config', join(scratch, 'absent.yaml')]);
  assert.equal(bad.code, 1);
  assert.match(JSON.stringify(JSON.parse(bad.stdout)), /There is no file .*sealwright init/);
});

test('check names the config of the working folder where none is named, and does not read it', async () => {
  const cwd = dirname(configFile((text) => text));
  const io = createTestIo({ cwd, packageFolder });
  assert.equal(await runCli([{ name: 'check', load: async () => createCheck(judged) }], ['check'], io), 1);
  assert.match(io.written().stderr, /^error: .*There is no file \/etc\/.* Run: sealwright check --config sealwright\.yaml\n/);
});

test('init writes a config that checks, for its owner alone, and never overwrites it', async () => {
  const first = await run(['init', 'envelope']);
  const config = join(scratch, 'envelope', 'sealwright.yaml');
  assert.equal(first.code, 0, first.stderr);
  assert.match(first.stdout, /next: sealwright up --config /);
  assert.equal(statSync(config).mode & 0o777, 0o600);
  assert.equal(statSync(join(scratch, 'envelope', 'policies')).mode & 0o777, 0o700);
  assert.equal((await run(['check', '--config', config])).code, 0);
  const before = readFileSync(config, 'utf8');
  const second = await run(['init', 'envelope']);
  assert.equal(second.code, 1);
  assert.match(second.stderr, /is already there/);
  assert.equal(readFileSync(config, 'utf8'), before);
});

test('init says what keeps its config from being used', async () => {
  const folder = join(scratch, 'open');
  mkdirSync(folder);
  chmodSync(folder, 0o777);
  const { code, stderr } = await run(['init', 'open']);
  assert.equal(code, 0);
  assert.match(stderr, /before it can be used: .*chmod g-w,o-w /);
  assert.ok(existsSync(join(folder, 'sealwright.yaml')));
});

test('endpoints list shows where models run and where a secret is found', async () => {
  const path = configFile((text) => text.replace(/^ {2}# (?=claude:| )/gm, '  '));
  const { code, stdout } = await run(['endpoints', 'list', '--config', path]);
  assert.equal(code, 0);
  assert.match(stdout, /^rehearsal: simulated, self-hosted, local\n {2}at {10}inside this process\n/);
  assert.match(stdout, /claude: anthropic, vendor, us\n.*\n {2}credential {2}environment variable ANTHROPIC_API_KEY\n/);
  const machine = await run(['endpoints', 'list', '--json', '--config', path]);
  const { endpoints } = JSON.parse(machine.stdout) as { endpoints: readonly { id: string }[] };
  assert.deepEqual(
    endpoints.map(({ id }) => id),
    ['rehearsal', 'claude'],
  );
});

test('endpoints list shows what stands between, and how streams arrive', async () => {
  const between =
    "  inspected: { formats: [gemini], topology: vendor, provider: google, region: eu, base_url: 'https://example.com', streaming: buffered, " +
    "credential: { env: KEY }, credential_header: authorization, via: { proxy: { url: 'http://proxy.example:3128', credential: { env: PROXY } } }, " +
    'models: [{ pin: g }] }\n';
  const { code, stdout } = await run(['endpoints', 'list', '--config', configFile((text) => text + between)]);
  assert.equal(code, 0);
  assert.match(
    stdout,
    /\n {2}via {9}http:\/\/proxy\.example:3128 \(credential: environment variable PROXY\)\n {2}credential {2}.* KEY, in authorization\n/,
  );
  assert.match(stdout, /\n {2}streaming {3}buffered\n/);
});

test('endpoints list points to check where the config is refused', async () => {
  const { code, stderr } = await run(['endpoints', 'list', '--config', configFile((text) => text.replace('topology', 'topologi'))]);
  assert.equal(code, 1);
  assert.match(stderr, /sealwright check --config/);
});
