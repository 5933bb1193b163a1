// The commands that decide again, over a ledger and a release that were really written: policy test, explain, impact, why, audit verify --replay.
// Each is the command of the table, with all that `main.ts` gives it.

import assert from 'node:assert/strict';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';

import { createRelease, keepRelease, markActive } from '../src/changes/changes.ts';
import { runCli } from '../src/cli/cli.ts';
import { loadConfig } from '../src/config/config.ts';
import type { Decision } from '../src/core/decision.ts';
import { label } from '../src/core/identifier.ts';
import { limits } from '../src/core/limits.ts';
import type { RecordBody } from '../src/core/receipt.ts';
import { controlRefusalRecord, denialRecord, intentRecord, refusedOpeningRecord } from '../src/core/record.ts';
import type { Inspected, Transformed } from '../src/core/stages.ts';
import { createDisk } from '../src/disk/disk.ts';
import { isLedgerProblem, openLedger } from '../src/ledger/ledger.ts';
import { commands, processIo } from '../src/main.ts';
import { createDecide } from '../src/policy/decide.ts';
import { createPolicy, loadPolicyFiles } from '../src/policy/policy.ts';
import * as fs from 'node:fs';
import { createTestIo } from './command-io.ts';
import { ledgerSettings } from './memory-ledger.ts';
import { invocationOf, morning, rehearsal } from './policy-world.ts';

const scratch = mkdtempSync(join(tmpdir(), 'sealwright-policy-'));
after(() => rmSync(scratch, { recursive: true, force: true }));
const data = join(scratch, 'data');
const releases = join(data, 'releases');
const userId = process.getuid?.() ?? null;
const disk = createDisk();
/** In the hour of the questions. */
const now = new Date(new Date().setUTCHours(8, 30, 0, 0));

const write = (path: string, text: string): string => {
  mkdirSync(join(path, '..'), { recursive: true, mode: 0o700 });
  writeFileSync(path, text, { mode: 0o600 });
  return path;
};

const configText = `
environment: development
data_dir: ./data
identity: { local_development: true }
agents: { sdk: { client: sdk, roles: [demo], owner: platform-team } }
agent_roles: { demo: { allowed_models: [simulated-1], allowed_tools: [get_order_status, refund] } }
policies: ./policies
endpoints:
  rehearsal: { formats: [anthropic-messages], topology: self-hosted, provider: simulated, region: local, models: [{ pin: simulated-1 }, { pin: simulated-2 }] }
`;

const night =
  '// Nobody is at work.\n@id("night")\nforbid (principal, action in Sealwright::Action::"crossing", resource)\nunless { context.hour >= 6 };\n';
const configPath = write(join(scratch, 'sealwright.yaml'), configText);
write(join(scratch, 'policies', 'night.cedar'), night);

const loaded = loadConfig(configPath, { files: fs, userId });
assert.ok('config' in loaded, JSON.stringify(loaded));
const read = loadPolicyFiles(join(scratch, 'policies'), { files: fs, userId });
assert.ok('files' in read, JSON.stringify(read));
const policy = createPolicy(loaded.config, read.files, morning);
assert.ok(!('problems' in policy), JSON.stringify(policy));
const release = createRelease({
  config: loaded.declared,
  policies: policy.files,
  trustedCertificates: {},
  identityFiles: {},
  compiledRoles: policy.compiledCedar(),
  packageVersion: '0',
});
const store = { disk, folder: releases };
await keepRelease(store, release);
await markActive(store, release);

const invocation = invocationOf({ invoker: { userId: 'user_1', assurance: 'local_development', issuer: null, groups: [] } });
const other = invocationOf({ invoker: { userId: 'user_2', assurance: 'local_development', issuer: null, groups: [] } });

const { clock, random } = processIo();
const ids = new Map<string, string>();
let count = 0;

const bodyOf = (name: string, decision: unknown, members: Readonly<Record<string, unknown>> = {}) => {
  const id = `019aa5c2-7b1e-7c44-9d0a-${String((count += 1)).padStart(12, '0')}`;
  ids.set(name, id);
  return {
    log_id: id,
    timestamp: now.toISOString(),
    stream: 'agent',
    kind: 'decision',
    agent_id: 'sdk',
    agent_role: 'demo',
    user_id: 'user_1',
    user_assurance: 'local_development',
    user_issuer: null,
    data_classification: 'internal',
    containment: 'advisory',
    decision,
    ...members,
  } as const;
};
const tool = (name: string, as = invocation): Decision => policy.decideTool({ invocation: as, tool: name });
const asked = (name: string) => ({ action_type: 'tool_call', tool: { name } });
const old = new Date(now.getTime() - 30 * 86_400_000).toISOString();
const model = policy.decideModel({ invocation, candidates: [rehearsal()] }).decision;

const writeLedger = async (folder: string, bodies: readonly RecordBody[]): Promise<void> => {
  const settings = {
    ...ledgerSettings,
    directory: join(folder, 'ledger'),
    privateDirectory: join(folder, 'private'),
    stateDirectory: join(folder, 'state'),
    release: release.digest,
  };
  const ledger = await openLedger(settings, { disk, clock, random });
  assert.ok(!isLedgerProblem(ledger), 'the ledger opens');
  for (const body of bodies) assert.ok('logId' in (await ledger.append(body)));
  await ledger.close();
};

await writeLedger(data, [
  bodyOf('status', tool('get_order_status'), asked('get_order_status')),
  bodyOf('status again', tool('get_order_status'), asked('get_order_status')),
  bodyOf('status of another', tool('get_order_status', other), { ...asked('get_order_status'), user_id: 'user_2' }),
  bodyOf('refused', tool('drop_table'), { ...asked('drop_table'), denial: 'tool_not_permitted' }),
  bodyOf('model', model, { action_type: 'model_request', stream: 'model', model_version: 'simulated-1', endpoint: { id: 'rehearsal' } }),
  bodyOf('a long time ago', tool('refund'), { ...asked('refund'), timestamp: old }),
  bodyOf('stopped', { ...tool('refund'), verdict: 'deny' }, { ...asked('refund'), denial: 'stopped' }),
  bodyOf('personal', {
    ...tool('refund'),
    request: { ...tool('refund').request, context: { ...tool('refund').request?.context, subject: `hmac-sha256:${'0'.repeat(64)}` } },
  }),
  bodyOf('not asked', { verdict: 'deny', policies: [], reason: '', mode: 'enforce', request: null }, { denial: 'model_not_permitted' }),
]);

const sealwright = async (...argv: readonly string[]) => {
  const io = createTestIo({ cwd: scratch, clock: { ...createTestIo().clock, wallMs: () => now.getTime() + 60_000 } });
  const code = await runCli(commands, argv, io);
  const { stdout, stderr } = io.written();
  return { code, stdout, stderr };
};
const idOf = (name: string): string => ids.get(name) ?? assert.fail(name);

test('G-REPLAY-1: audit verify --replay makes each recorded decision again and finds them all as recorded', async () => {
  const { code, stdout } = await sealwright('audit', 'verify', '--replay', '--data', data);
  assert.match(stdout, /^not replayed {2}1: it holds digests in the place of what may be personal: subject$/m);
  assert.match(stdout, /^not replayed {2}1: no question to the policies was recorded$/m);
  assert.match(stdout, /^6 of 8 decisions replayed, 0 problems$/m);
  assert.equal(code, 0);
});

test('G-REPLAY-1: audit verify --replay names the record whose decision its release would not have made, or not about that', async () => {
  const forged = join(scratch, 'forged');
  const [permitted, refused] = [tool('get_order_status'), tool('drop_table')];
  const simulated = { action_type: 'model_request', stream: 'model', model_version: 'simulated-1', endpoint: { id: 'rehearsal' } } as const;
  const differs = (...names: readonly string[]) =>
    `the question is about something else than the record, which differs in ${names.join(', ')}`;
  const opening = policy.decideDelegation({ ...invocation });
  const control = policy.decideControl({ invoker: invocation.invoker, action: 'liftStop' });
  const wrong: readonly (readonly [Decision, Readonly<Record<string, unknown>>, string])[] = [
    [
      { ...refused, verdict: 'permit', policies: ['role/demo/tool/drop_table'] },
      asked('drop_table'),
      'the record says permit, the rules of its release say deny',
    ],
    [refused, asked('drop_table'), 'the record refuses nothing, the rules of its release say deny and enforce it'],
    [{ ...refused, mode: 'observe' }, asked('drop_table'), 'the record refuses nothing, the rules of its release say deny and enforce it'],
    [{ ...permitted, mode: 'observe' }, asked('get_order_status'), 'the record says observe, the mode of its release is enforce'],
    [permitted, { ...asked('get_order_status'), denial: 'tool_not_permitted' }, 'the record says that it was refused and permitted'],
    [permitted, asked('drop_table'), differs('tool')],
    [permitted, { ...asked('get_order_status'), agent_id: 'codex' }, differs('agent_id')],
    [permitted, { ...asked('get_order_status'), agent_role: 'admin' }, differs('agent_role')],
    [permitted, { ...asked('get_order_status'), user_id: 'user_2' }, differs('user_id')],
    [permitted, { ...asked('get_order_status'), user_assurance: 'oidc', user_issuer: 'corp' }, differs('user_assurance', 'user_issuer')],
    [
      permitted,
      { ...asked('get_order_status'), containment: 'jail', data_classification: 'public' },
      differs('data_classification', 'containment'),
    ],
    [permitted, { ...asked('get_order_status'), timestamp: new Date(now.getTime() + 7_200_000).toISOString() }, differs('timestamp')],
    [permitted, { ...asked('get_order_status'), timestamp: 'never' }, differs('timestamp')],
    [permitted, simulated, differs('tools_offered')],
    [model, asked('get_order_status'), differs('action_type', 'model_version', 'endpoint')],
    [model, { ...simulated, model_version: 'simulated-2' }, differs('model_version')],
    [model, { ...simulated, endpoint: { id: 'elsewhere' } }, differs('endpoint')],
    [model, { ...simulated, endpoint: null }, differs('endpoint')],
    [opening, asked('get_order_status'), differs('action_type')],
    [control, { control_action: 'stop', denial: 'not_permitted' }, differs('control_action')],
  ];
  const right: readonly (readonly [Decision, Readonly<Record<string, unknown>>])[] = [
    [permitted, asked('get_order_status')],
    [permitted, { ...asked('get_order_status'), timestamp: new Date(now.getTime() + 3_600_000).toISOString() }],
    [permitted, { ...simulated, tools_offered: ['lookup', 'get_order_status'] }],
    [refused, { ...simulated, tools_offered: [], truncated: { tools_offered: 9 }, denial: 'tool_not_permitted' }],
    [opening, { action_type: 'invocation', kind: 'opened' }],
    [control, { control_action: 'liftStop', denial: 'not_permitted', agent_id: null, agent_role: null }],
  ];
  const bodies = [...wrong, ...right].map(([decision, members], index) => bodyOf(`forged ${index}`, decision, members));
  await writeLedger(forged, bodies);
  const { code, stdout } = await sealwright('audit', 'verify', '--replay', '--json', '--data', forged, '--releases', releases);
  const {
    ok,
    problems: unsigned,
    replay,
  } = JSON.parse(stdout) as {
    ok: boolean;
    problems: readonly unknown[];
    replay: { replayed: number; problems: readonly { file: string; index: number; record: string; what: string }[] };
  };
  const found = new Map(replay.problems.map(({ record, what }) => [record, what]));
  assert.deepEqual(
    bodies.map(({ log_id: id }) => found.get(id) ?? null),
    [...wrong.map(([, , what]) => what), ...right.map(() => null)],
  );
  assert.deepEqual([code, ok, replay.replayed, replay.problems.length], [1, false, bodies.length, wrong.length]);
  assert.deepEqual(unsigned, [], 'all of it is signed');
  assert.match(replay.problems[0]?.file ?? '', /^logs\/local\/agent\//);
});

/** Records as the envelope makes them. */
const madeRecords = () => {
  let number = 0;
  const stamp = () => ({ log_id: `019aa5c2-7b1e-7c44-9d0b-${String((number += 1)).padStart(12, '0')}`, timestamp: now.toISOString() });
  const decide = createDecide(policy, () => [rehearsal()]);
  const inspection = { notInspected: [] };
  const crossing = (call: object) => ({ crossing: { id: 'c', parentId: null, sessionId: null, call }, invocation, inspection });
  const recorded = (at: object): RecordBody => {
    const judgement = decide(at as Inspected);
    const judged = { ...at, judgement, outbound: new Uint8Array() } as unknown as Transformed;
    return judgement.denial === null
      ? intentRecord(judged, stamp(), () => 'digest')
      : denialRecord(judged, judgement.denial, stamp(), () => 'digest');
  };
  const offering = (...tools: readonly string[]): RecordBody =>
    recorded({
      ...crossing({ action: 'model_request', operation: 'messages', format: { name: 'f' } }),
      reading: {
        model: 'simulated-1',
        systemPromptDigest: null,
        systemPromptBlocks: [],
        toolsOffered: tools.map((name) => ({ name, hosted: true })),
        toolsAnswered: [],
        notInspected: [],
      },
    });
  const calling = (name: string): RecordBody =>
    recorded({
      ...crossing({ action: 'tool_call', tool: label(name), callId: 'call', arguments: new Uint8Array(), notInspected: [] }),
      reading: null,
    });
  const opening = { ...invocation, invoker: { ...invocation.invoker, assurance: 'oidc', issuer: 'corp' } } as const;
  const refusal = { denial: 'not_permitted', reason: 'No.', decision: policy.decideDelegation(opening) };
  const lifting = policy.decideControl({ invoker: opening.invoker, action: 'liftStop' });
  return [
    offering(),
    offering('get_order_status', 'refund'),
    offering('get_order_status', 'web_search'),
    offering('two words'),
    offering(...Array.from({ length: limits.listInRecordCount + 1 }, (_, index) => `tool_${index}`), 'refund'),
    calling('refund'),
    calling('drop_table'),
    calling('two words'),
    refusedOpeningRecord(opening, refusal, stamp()),
    controlRefusalRecord(opening.invoker, 'liftStop', lifting, stamp()),
  ];
};

test('G-REPLAY-1: what the envelope records is enough to decide again, with the tools that a request offers to the provider', async () => {
  const folder = join(scratch, 'made');
  const bodies = madeRecords();
  await writeLedger(folder, bodies);
  const { code, stdout } = await sealwright('audit', 'verify', '--replay', '--json', '--data', folder, '--releases', releases);
  const { replay } = JSON.parse(stdout) as { replay: { replayed: number; problems: readonly unknown[] } };
  assert.deepEqual([code, replay.problems, replay.replayed], [0, [], bodies.length]);
  const next = write(
    join(scratch, 'no-refund', 'a.cedar'),
    '@id("no-refund") forbid (principal, action, resource == Sealwright::Tool::"refund");',
  );
  const impact = await sealwright('policy', 'impact', join(next, '..'), '--data', folder, '--releases', releases);
  assert.match(impact.stdout, /model simulated-1 at rehearsal: permit would be deny \(no-refund\); 1 decision: /);
  assert.match(impact.stdout, /tool refund: permit would be deny \(no-refund\); 1 decision: /);
  assert.match(impact.stdout, /^2 of 10 decisions/m);
});

test('audit verify --replay reports a release that is not kept, and refuses one whose content was changed', async () => {
  const absent = await sealwright('audit', 'verify', '--replay', '--data', data, '--releases', join(scratch, 'nowhere'));
  assert.match(absent.stdout, new RegExp(`^the release ${release.digest} is not kept here$`, 'm'));
  assert.equal(absent.code, 0);
  const changed = join(scratch, 'changed');
  cpSync(releases, changed, { recursive: true });
  const path = join(changed, release.digest.replace(':', '-'), 'release.json');
  chmodSync(path, 0o600);
  writeFileSync(path, readFileSync(path, 'utf8').replace('get_order_status', 'get_order_statuS'));
  const { code, stdout } = await sealwright('audit', 'verify', '--replay', '--data', data, '--releases', changed);
  assert.equal(code, 1);
  assert.match(stdout, /^PROBLEM {2}releases\/sha256-\w+\/release\.json: the kept release is not what it was/m);
});

test('policy explain prints what decided, what it saw and what would change it', async () => {
  const refused = await sealwright('policy', 'explain', idOf('refused'), '--data', data);
  assert.equal(refused.code, 0, refused.stderr);
  assert.match(refused.stdout, /^Denied: No policy permits the role demo to use the tool drop_table\.\n\nDecided by\n {2}no policy/);
  assert.match(refused.stdout, /context\.hour +8\n/);
  assert.match(refused.stdout, /found out by deciding again\n {2}add `drop_table` to `agent_roles\.demo\.allowed_tools`\n$/);
  const permitted = await sealwright('policy', 'explain', idOf('status'), '--data', data, '--json');
  const { decided_by: by, flips } = JSON.parse(permitted.stdout) as {
    decided_by: readonly { id: string; place: string }[];
    flips: readonly { verdict: string }[];
  };
  assert.deepEqual(
    [by[0]?.id, by[0]?.place, flips[0]?.verdict],
    ['role/demo/tool/get_order_status', 'agent_roles.demo.allowed_tools', 'deny'],
  );
});

test('policy explain explains a request by a config, naming the file and line of what forbids', async () => {
  const { request } = tool('get_order_status');
  const path = write(join(scratch, 'request.json'), JSON.stringify({ ...request, context: { ...request?.context, hour: 3 } }));
  const { code, stdout, stderr } = await sealwright('policy', 'explain', path, '--config', configPath);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /forbid night \(.*\/policies\/night\.cedar:2\)/);
  assert.match(stdout, /take out or narrow the policy `night` \(.*night\.cedar:2\)\n$/);
});

test('policy explain says what it cannot explain', async () => {
  const personal = await sealwright('policy', 'explain', idOf('personal'), '--data', data);
  assert.equal(personal.code, 1);
  assert.match(personal.stderr, /it cannot be explained: it holds digests/);
  assert.equal((await sealwright('policy', 'explain', '019aa5c2-0000-7c44-9d0a-000000000000', '--data', data)).code, 1);
  assert.equal((await sealwright('policy', 'explain', write(join(scratch, 'x.json'), '{'), '--config', configPath)).code, 2);
});

test('why says whom to ask for which change, found out by deciding again', async () => {
  const { code, stdout } = await sealwright('why', idOf('refused'), '--data', data);
  assert.equal(code, 0);
  assert.match(stdout, /^Denied \(tool_not_permitted\): a call of the tool drop_table by the agent sdk/);
  assert.match(stdout, /^Ask platform-team to add `drop_table` to `agent_roles\.demo\.allowed_tools`, naming this record\.$/m);
});

test('policy impact lists exactly the decisions that would flip, by role, invoker and tool', async () => {
  const folder = join(scratch, 'next');
  write(join(folder, 'next.cedar'), '@id("no-status") forbid (principal, action, resource == Sealwright::Tool::"get_order_status");');
  const { code, stdout } = await sealwright('policy', 'impact', folder, '--data', data);
  assert.equal(code, 1);
  assert.equal(
    stdout.replaceAll(/since \S+/g, 'since then'),
    `role demo
  invoker user_1
    tool get_order_status: permit would be deny (no-status); 2 decisions: ${idOf('status')}, ${idOf('status again')}
  invoker user_2
    tool get_order_status: permit would be deny (no-status); 1 decision: ${idOf('status of another')}
cannot be replayed, 1 decision: it holds digests in the place of what may be personal: subject: ${idOf('personal')}
cannot be replayed, 1 decision: no question to the policies was recorded: ${idOf('not asked')}
3 of 7 decisions since then would flip
`,
  );
});

test('policy impact takes a candidate config, looks as far back as asked, and ends with 0 where nothing flips', async () => {
  const next = write(
    join(scratch, 'next.yaml'),
    readFileSync(configPath, 'utf8').replace('get_order_status, refund', 'get_order_status, drop_table'),
  );
  const since = (duration: string) => sealwright('policy', 'impact', '--config', next, '--data', data, '--since', duration, '--json');
  const week = JSON.parse((await since('7d')).stdout) as { flips: readonly { what: string; from: string; to: string }[] };
  assert.deepEqual(
    week.flips.map(({ what, from, to }) => [what, from, to]),
    [['tool drop_table', 'deny', 'permit']],
  );
  const quarter = JSON.parse((await since('12w')).stdout) as typeof week;
  assert.deepEqual(
    quarter.flips.map(({ what }) => what),
    ['tool drop_table', 'tool refund'],
  );
  assert.equal((await sealwright('policy', 'impact', join(scratch, 'policies'), '--data', data)).code, 0);
});

test('policy impact lists the denials that a candidate would only observe, and the place of a model', async () => {
  const observing = write(join(scratch, 'observing.yaml'), configText.replace('policies: ./policies', 'policies: { mode: observe }'));
  const { code, stdout } = await sealwright('policy', 'impact', '--config', observing, '--data', data);
  assert.equal(code, 1);
  assert.match(stdout, /tool drop_table: deny would be deny, only observed \(no policy permits it\); 1 decision/);
  const none = write(join(scratch, 'none', 'none.cedar'), '@id("none") forbid (principal, action, resource is Sealwright::Model);');
  const models = await sealwright('policy', 'impact', join(none, '..'), '--data', data);
  assert.match(models.stdout, /model simulated-1 at rehearsal: permit would be deny \(none\); 1 decision/);
});

test('policy impact refuses a broken folder with file and line, and a duration that is none', async () => {
  const folder = join(scratch, 'broken');
  write(join(folder, 'a.cedar'), '\n@id("a") permit (;');
  const broken = await sealwright('policy', 'impact', folder, '--data', data);
  assert.equal(broken.code, 1);
  assert.match(broken.stderr, /broken\/a\.cedar:2: unexpected token/);
  assert.equal((await sealwright('policy', 'impact', folder, '--data', data, '--since', 'yesterday')).code, 2);
  assert.equal((await sealwright('policy', 'impact', '--data', data)).code, 2);
});

const testCase = (hour: number, decision: string, reason: readonly string[]) => {
  const { request } = tool('get_order_status');
  return {
    name: `an order is looked up at ${hour}`,
    request: {
      principal: request?.principal,
      action: request?.action,
      resource: request?.resource,
      context: { ...request?.context, hour, invoker: { __entity: { type: 'Sealwright::Invoker', id: 'user_1' } }, labels: [] },
    },
    entities: [
      { uid: { type: 'Sealwright::Agent', id: 'sdk' }, attrs: { client: 'sdk' }, parents: [{ type: 'Sealwright::Role', id: 'demo' }] },
    ],
    decision,
    reason,
    num_errors: 0,
  };
};

test('policy test runs the tests beside the policies, and names what none exercises', async () => {
  const folder = join(scratch, 'tested');
  write(join(folder, 'night.cedar'), night);
  const tests = (...cases: readonly unknown[]): string => write(join(folder, 'night.test.json'), JSON.stringify(cases));
  const run = (...more: readonly string[]) => sealwright('policy', 'test', folder, '--config', configPath, ...more);
  tests(testCase(9, 'allow', ['role/demo/tool/get_order_status']));
  const passed = await run();
  assert.equal(passed.code, 0, passed.stdout + passed.stderr);
  assert.match(passed.stdout, /^no test exercises night \(.*night\.cedar:2\)\n/);
  assert.match(passed.stdout, /1 of 1 tests passed\n$/);
  assert.equal((await run('--require-coverage')).code, 1);
  tests(testCase(9, 'allow', []), testCase(3, 'deny', ['night']));
  assert.equal((await run('--require-coverage')).code, 0);
  tests(testCase(3, 'allow', []));
  const failed = await run();
  assert.equal(failed.code, 1);
  assert.match(
    failed.stdout,
    /^FAILED {2}.*night\.test\.json {2}test 1, an order is looked up at 3: expected allow, found deny by night\n/,
  );
  const machines = JSON.parse((await run('--json')).stdout) as { ok: boolean; not_exercised: readonly unknown[] };
  assert.deepEqual([machines.ok, machines.not_exercised.length], [false, 0]);
});

test('policy explain --test writes a recorded decision as a test that passes', async () => {
  const { stdout } = await sealwright('policy', 'explain', idOf('status'), '--data', data, '--test');
  const folder = join(scratch, 'from-record');
  write(join(folder, 'night.cedar'), night);
  write(join(folder, 'status.test.json'), stdout);
  const { code, stdout: told } = await sealwright('policy', 'test', folder, '--config', configPath);
  assert.equal(code, 0, told);
  assert.match(told, /1 of 1 tests passed/);
});

test('policy test writes out what the stock cedar command needs', async () => {
  const target = join(scratch, 'exported');
  const { stderr } = await sealwright('policy', 'test', join(scratch, 'tested'), '--config', configPath, '--export', target);
  assert.deepEqual(readdirSync(target).toSorted(), ['night.test.json', 'policies.cedar', 'schema.cedarschema']);
  assert.match(
    stderr,
    /^Run it with: cedar run-tests --policies \S+policies\.cedar --schema \S+schema\.cedarschema --tests \S+night\.test\.json\n/,
  );
});

test('check warns of what looks wrong with a policy, with file and line', async () => {
  const path = write(join(scratch, 'checked', 'sealwright.yaml'), readFileSync(configPath, 'utf8'));
  write(join(scratch, 'checked', 'policies', 'a.cedar'), '\n@id("wide") @mode("observe")\npermit (principal, action, resource);');
  const { code, stderr } = await sealwright('check', '--config', path);
  assert.equal(code, 0);
  assert.match(stderr, /a\.cedar:2: the policy wide permits everything to everybody/);
  assert.match(stderr, /a\.cedar:2: the policy wide only observes/);
});
