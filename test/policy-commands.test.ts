// The commands for who writes policies and who was refused: policy test, explain, impact, why. Over a ledger and a release that were really written.
// Each is the command of the table, with all that `main.ts` gives it.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { configPath, configText, data, idOf, night, scratch, sealwright, tool, write } from './policy-ledger.ts';

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
  const observing = write(
    join(scratch, 'explained.yaml'),
    configText.replace('policies: ./policies', 'policies: { folder: ./policies, mode: observe }'),
  );
  const observed = await sealwright('policy', 'explain', path, '--config', observing);
  assert.match(observed.stdout, /^Would be denied \(the control only observes\): The role demo may not/);
  const absent = await sealwright('policy', 'explain', 'absent.json', '--config', configPath);
  assert.equal(absent.code, 2);
  assert.match(absent.stderr, /absent\.json does not exist/);
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
