import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { createServer, type AddressInfo } from 'node:net';
import { createServer as createSecureServer } from 'node:https';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';

import { createCertificate } from '../../test/certificate.ts';
import { createTestIo } from '../../test/command-io.ts';
import type { JudgeRules } from './check.ts';
import { runCli } from './cli.ts';
import type { CommandIo } from './command.ts';
import { unwritableProblem } from './data-folder.ts';
import { createDoctor } from './doctor.ts';
import { examineClock, examineDataFolder, examineDiskSync, examineSpace, examineNode, examinePort, type Finding } from './examination.ts';

/** Nothing is looked at outside. */
const outside = { endpoints: async () => ({ problem: 'not looked at' }), issuers: async () => [] };
const noEnvelope = () => Promise.reject(new Error('an envelope was started'));

const scratch = mkdtempSync(join(tmpdir(), 'sealwright-doctor-'));
after(() => rmSync(scratch, { recursive: true, force: true }));
const judged: JudgeRules = () => ({ release: 'r', compiledCedar: '', policyFiles: [], warnings: [], observing: [] });
const userId = process.getuid?.() ?? null;

const config = (name: string, more = ''): string => {
  const folder = join(scratch, name);
  mkdirSync(folder, { mode: 0o700 });
  const path = join(folder, 'sealwright.yaml');
  writeFileSync(
    path,
    `environment: development
data_dir: ./data
identity: { local_development: true }
server: { ports: { model: 0, network: 0, admin: 0 } }
agents: { sdk: { client: sdk, roles: [demo] } }
agent_roles: { demo: { allowed_models: [simulated-1] } }
endpoints:
  rehearsal: { formats: [anthropic-messages], topology: self-hosted, provider: simulated, region: local, models: [{ pin: simulated-1 }] }
${more}`,
    { mode: 0o600 },
  );
  return path;
};

const examine = async (path: string, io: Partial<CommandIo> = {}, judge = judged) => {
  const world = createTestIo({ environment: { HOME: scratch, XDG_RUNTIME_DIR: scratch }, cwd: scratch, ...io });
  const code = await runCli(
    [{ name: 'doctor', load: async () => createDoctor({ judge: async () => judge, start: noEnvelope, outside }) }],
    ['doctor', '--json', '--offline', '--config', path],
    world,
  );
  const { checks, ok } = JSON.parse(world.written().stdout) as { ok: boolean; checks: readonly Finding[] };
  return { code, ok, checks, standing: (check: string) => checks.filter((each) => each.check === check).map(({ standing }) => standing) };
};

test('an agent whose program is not there is not examined, and the sentence says what is missing', async () => {
  const doctor = async (...argv: readonly string[]) => {
    const world = createTestIo({ environment: { HOME: scratch, XDG_RUNTIME_DIR: scratch, PATH: scratch }, cwd: scratch });
    const load = async () => createDoctor({ judge: async () => judged, start: noEnvelope, outside });
    return { code: await runCli([{ name: 'doctor', load }], ['doctor', ...argv], world), ...world.written() };
  };
  for (const name of ['claude-code', 'claude']) {
    const { code, stderr } = await doctor('--agent', name);
    assert.deepEqual([code, stderr.split('\n')[0]], [1, 'sealwright: Claude Code is not examined: there is no program claude']);
    assert.match(stderr, /--program PATH/);
  }
  assert.match((await doctor('--agent', 'codex', '--program', 'bin/codex')).stderr, /there is no program bin\/codex/);
  assert.equal((await doctor('--agent', 'nobody')).code, 2);
});

test('a sound machine is healthy, and what is only weak is a warning with something to do', async () => {
  const { code, ok, checks, standing } = await examine(config('sound'));
  assert.deepEqual([code, ok], [0, true]);
  for (const check of ['node', 'clock', 'config', 'policies', 'data folder', 'ledger']) assert.deepEqual(standing(check), ['ok'], check);
  assert.deepEqual(standing('identity'), ['warn']);
  assert.deepEqual(standing('envelope'), ['warn']);
  assert.equal(standing('jail').length, 1);
  for (const { standing: how, finding, next } of checks) assert.ok(how === 'ok' || next !== '' || /sealwright up/.test(finding));
});

test('G-DECIDE-3: a control that only observes is visible', async () => {
  const { standing, checks } = await examine(config('observing', 'policies: { mode: observe }\n'));
  assert.deepEqual(standing('policies'), ['warn']);
  assert.match(checks.find(({ check }) => check === 'policies')?.next ?? '', /enforce/);
});

test('a config that others can change makes the answer no', async () => {
  const path = config('writable');
  chmodSync(path, 0o666);
  const { code, ok, standing } = await examine(path);
  assert.deepEqual([code, ok, standing('config')], [1, false, ['fail']]);
});

test('the lines for people begin with their standing and are followed by what to do', async () => {
  const io = createTestIo({ environment: { HOME: scratch, XDG_RUNTIME_DIR: scratch }, cwd: scratch });
  await runCli(
    [{ name: 'doctor', load: async () => createDoctor({ judge: async () => judged, start: noEnvelope, outside }) }],
    ['doctor', '--config', join(scratch, 'absent.yaml')],
    io,
  );
  const { stdout } = io.written();
  assert.match(stdout, /^ok {4}node: Node v/m);
  assert.match(stdout, /^fail {2}config: There is no file .*\n {6}Correct it/m);
});

test('a config of the working folder is named and not read', async () => {
  const io = createTestIo({ environment: { HOME: scratch, XDG_RUNTIME_DIR: scratch }, cwd: dirname(config('here')) });
  const load = async () => createDoctor({ judge: async () => judged, start: noEnvelope, outside });
  await runCli([{ name: 'doctor', load }], ['doctor', '--offline'], io);
  assert.match(io.written().stdout, /^warn {2}config: There is no file \/etc\/.*\n {6}Name a config with --config sealwright\.yaml\. /m);
});

test('an envelope elsewhere whose certificate is not trusted is not told as one that was never started', async (t) => {
  const server = createSecureServer(createCertificate(['localhost'], ['127.0.0.1']), () => assert.fail('asked'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const io = createTestIo({ environment: { HOME: scratch, XDG_RUNTIME_DIR: scratch }, cwd: scratch });
  const load = async () => createDoctor({ judge: async () => judged, start: noEnvelope, outside });
  const control = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  assert.equal(await runCli([{ name: 'doctor', load }], ['doctor', '--offline', '--control', control], io), 1);
  const { stdout } = io.written();
  assert.match(stdout, /^fail {2}envelope: Something answers at .*NODE_EXTRA_CA_CERTS/m);
  assert.doesNotMatch(stdout, /sealwright up/);
});

test('an older Node is refused by number, not by text', () => {
  for (const version of ['v24.12.0', 'v26.10.0', 'v100.0.0']) assert.equal(examineNode(version).standing, 'ok');
  for (const version of ['v24.11.9', 'v20.20.2', 'v9.12.0']) assert.equal(examineNode(version).standing, 'fail');
});

test('a port is free, taken by another program, or the envelope’s own', async () => {
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
  const { port } = taken.address() as AddressInfo;
  assert.equal((await examinePort('model', '127.0.0.1', port, false)).standing, 'fail');
  assert.equal((await examinePort('model', '127.0.0.1', port, true)).standing, 'ok');
  await new Promise((resolve) => taken.close(resolve));
  assert.equal((await examinePort('model', '127.0.0.1', port, false)).standing, 'ok');
});

test('a data folder that others can write or whose keys others can read is refused', () => {
  const folder = join(scratch, 'data folder');
  mkdirSync(join(folder, 'private'), { recursive: true, mode: 0o700 });
  assert.equal(examineDataFolder(folder, userId)[0]?.standing, 'ok');
  chmodSync(join(folder, 'private'), 0o750);
  assert.match(examineDataFolder(folder, userId)[0]?.finding ?? '', /read by others.*chmod go-rwx/);
  chmodSync(join(folder, 'private'), 0o700);
  chmodSync(folder, 0o777);
  assert.equal(examineDataFolder(folder, userId)[0]?.standing, 'fail');
});

test('without a named config the data folder of the running envelope is examined', async (context) => {
  const socket = join(scratch, 'running.sock');
  const data = join(scratch, 'running data');
  mkdirSync(data, { mode: 0o700 });
  const envelope = createHttpServer((_, answer) => {
    const status = { release: 'r', environment: 'development', deployment: 'laptop', version: '0.0.0', pid: 1, doors: {}, data };
    answer.end(JSON.stringify({ ...status, ledger: { state: 'open', problem: null, heads: [] } }));
  });
  await new Promise<void>((resolve) => envelope.listen(socket, resolve));
  chmodSync(socket, 0o600);
  context.after(() => envelope.close());
  const io = createTestIo({ environment: { HOME: scratch, XDG_RUNTIME_DIR: scratch }, cwd: scratch });
  await runCli(
    [{ name: 'doctor', load: async () => createDoctor({ judge: async () => judged, start: noEnvelope, outside }) }],
    ['doctor', '--control', socket],
    io,
  );
  assert.match(io.written().stdout, /^ok {4}data folder: .*running data$/m);
});

test('a data folder that this user cannot write is named before anything starts', () => {
  const refuse = (): never => {
    throw Object.assign(new Error('no'), { code: 'EACCES' });
  };
  assert.equal(unwritableProblem(join(scratch, 'not', 'there')), null);
  assert.equal(unwritableProblem(scratch, refuse), `The data folder ${scratch} cannot be written by this user (EACCES).`);
  const below = join(scratch, 'not', 'there');
  assert.equal(
    unwritableProblem(below, refuse),
    `The data folder ${below} cannot be written by this user, because ${scratch} cannot (EACCES).`,
  );
});

test('a secret that is not where the config says is a warning, and a command is not run for it', async () => {
  const secret = (id: string, credential: string, more = ''): string =>
    `  ${id}: { formats: [anthropic-messages], topology: vendor, provider: x, region: us, base_url: "https://example.com", credential: ${credential}, ${more}models: [{ pin: ${id} }] }\n`;
  const path = config(
    'secrets',
    secret('a', '{ env: ABSENT }') +
      secret('b', '{ file: ./absent }') +
      secret('c', '{ command: [./absent] }', 'via: { proxy: { url: "http://p.example", credential: { env: NONE } } }, '),
  );
  const warned = (checks: readonly Finding[]): string[] =>
    checks.filter(({ standing }) => standing === 'warn').map(({ finding }) => finding);
  const { code, checks } = await examine(path);
  assert.equal(code, 0);
  assert.equal(warned(checks).filter((finding) => /credential has no secret/.test(finding)).length, 3);
  assert.match(warned(checks).join('\n'), /endpoints\.c\.via\.proxy\.credential has no secret: .* NONE is not set here/);
  assert.match(warned(checks).join('\n'), /endpoints\.a\.credential has no secret: the environment variable ABSENT is not set here/);
  assert.match(warned(checks).join('\n'), /endpoints\.b\.credential has no secret: the file .*absent cannot be read/);
  const there = await examine(path, { environment: { HOME: scratch, XDG_RUNTIME_DIR: scratch, ABSENT: 'x' } });
  assert.equal(warned(there.checks).filter((finding) => /credential has no secret/.test(finding)).length, 2);
});

test('a disk that is nearly full, of bytes or of files, is a warning; one that does not count its files is none', () => {
  const ample = { bavail: 1_000_000, bsize: 4_096, files: 1_000_000, ffree: 500_000 };
  const said = (of: Partial<typeof ample>) => {
    const { standing, finding, next } = examineSpace({ ...ample, ...of });
    return [standing, finding, next.split(':')[0]];
  };
  assert.deepEqual(said({}), ['ok', '3.8 GiB free', '']);
  assert.deepEqual(said({ bavail: 100 }), ['warn', '0.0 GiB free', 'Free some space']);
  assert.deepEqual(said({ ffree: 3 }), ['warn', '3.8 GiB free, and room for 3 more files', 'Remove files that nobody needs']);
  assert.deepEqual(said({ files: 0, ffree: 0 }), ['ok', '3.8 GiB free', '']);
});

test('the disk probe leaves nothing behind and fails where it cannot write', () => {
  const folder = join(scratch, 'probe');
  mkdirSync(folder);
  const { clock } = createTestIo();
  assert.notEqual(examineDiskSync(folder, clock).standing, 'fail');
  assert.deepEqual(readdirSync(folder), []);
  const file = join(scratch, 'a file');
  writeFileSync(file, '');
  assert.equal(examineDiskSync(file, clock).standing, 'fail');
});

test('a clock of another century fails and one that steps is a warning', async () => {
  const { clock } = createTestIo();
  assert.equal((await examineClock(clock)).standing, 'ok');
  assert.equal((await examineClock({ ...clock, wallMs: () => 0 })).standing, 'fail');
  let reads = 0;
  const stepping = { ...clock, wallMs: () => clock.wallMs() + 3_600_000 * reads++ };
  assert.equal((await examineClock(stepping)).standing, 'warn');
});

test('G-DECIDE-3: doctor names each policy that only observes, and a folder that does not validate', async () => {
  const observing = await examine(config('one-observes'), {}, () => ({
    release: 'r',
    compiledCedar: '',
    policyFiles: [],
    warnings: [],
    observing: ['night'],
  }));
  assert.deepEqual(observing.standing('policies'), ['ok', 'warn']);
  assert.match(
    observing.checks.find(({ standing, check }) => check === 'policies' && standing === 'warn')?.finding ?? '',
    /night only observes/,
  );
  const broken = await examine(config('broken-policies'), {}, () => ({
    problems: [{ file: 'a.cedar', line: 3, message: 'unexpected token' }],
  }));
  assert.equal(broken.ok, false);
  assert.match(broken.checks.find(({ standing }) => standing === 'fail')?.finding ?? '', /a\.cedar:3: unexpected token/);
});
