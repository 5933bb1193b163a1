// `doctor` against each of the problems that a new installation has, made for real: what it finds, and that the fix stands beside it.
// The whole command as it is shipped; loopback only.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, cpSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createAuthority } from '../src/bypass/certificate.ts';
import { runCli } from '../src/cli/cli.ts';
import type { Finding } from '../src/cli/examination.ts';
import { examineCertificate } from '../src/cli/host-checks.ts';
import { commands, processIo } from '../src/main.ts';
import { configText, startRunning } from './envelope/running.ts';
import { createFailingDisk } from './failing-disk.ts';
import { fakeAgents } from './fake-agents.ts';

const bin = fileURLToPath(new URL('../bin/sealwright', import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), 'sealwright-ills-'));
after(() => rmSync(scratch, { recursive: true, force: true }));
const isRoot = process.getuid?.() === 0;
const nobody = 65_534;

interface Examined {
  readonly code: number;
  readonly ok: boolean;
  readonly checks: readonly Finding[];
}

const environment = { HOME: scratch, XDG_RUNTIME_DIR: scratch, PATH: '/usr/bin:/bin' };

const doctor = async (argv: readonly string[], more: Readonly<Record<string, string>> = {}): Promise<Examined> => {
  let stdout = '';
  const io = {
    ...processIo(),
    stdout: { write: (text: string) => (stdout += text) },
    environment: { ...environment, ...more },
    cwd: scratch,
  };
  const code = await runCli(commands, ['doctor', '--json', ...argv], io);
  return { code, ...(JSON.parse(stdout) as Omit<Examined, 'code'>) };
};

/** The command in a process of its own, as whom and how `options` say. */
const doctorProcess = (program: string, argv: readonly string[], options: object = {}): Examined => {
  const { status, stdout, stderr } = spawnSync(program, argv, {
    encoding: 'utf8',
    env: environment,
    cwd: '/',
    timeout: 60_000,
    ...options,
  });
  assert.notEqual(stdout, '', stderr);
  return { code: status ?? -1, ...(JSON.parse(stdout) as Omit<Examined, 'code'>) };
};

/** A config in a folder of its own, beside which its data lies. */
const config = (name: string, edit: (text: string) => string = (text) => text): { readonly path: string; readonly data: string } => {
  const folder = join(scratch, name);
  mkdirSync(folder, { mode: 0o755 });
  const path = join(folder, 'sealwright.yaml');
  const data = join(folder, 'data');
  writeFileSync(path, edit(configText(data, 'http://127.0.0.1:9')), { mode: 0o644 });
  return { path, data };
};

const found = ({ checks }: Examined, check: string, finding: RegExp): Finding => {
  const [match] = checks.filter((each) => each.check === check && finding.test(each.finding));
  assert.ok(match, `no ${check} like ${finding.source} in ${JSON.stringify(checks.filter((each) => each.check === check))}`);
  return match;
};

const finds = (examined: Examined, check: string, standing: Finding['standing'], finding: RegExp, next: RegExp): void => {
  const match = found(examined, check, finding);
  assert.deepEqual([match.standing, next.test(match.next)], [standing, true], JSON.stringify(match));
  assert.equal(examined.code, examined.ok ? 0 : 1);
  if (standing === 'fail') assert.equal(examined.ok, false);
};

test('G-OPERATE-5: doctor finds a config that is missing, wrong or writable by others', async () => {
  finds(await doctor(['--config', join(scratch, 'absent.yaml')]), 'config', 'fail', /no file/i, /check --config/);
  const wrong = config('wrong', (text) => text.replace('agent_roles:', 'agent_rolls:'));
  finds(await doctor(['--config', wrong.path]), 'config', 'fail', /agent_rol/, /check --config/);
  const open = config('open');
  chmodSync(open.path, 0o666);
  finds(await doctor(['--offline', '--config', open.path]), 'config', 'fail', /chmod g-w,o-w .*sealwright\.yaml/, /check --config/);
});

test('G-OPERATE-5: doctor finds a data folder that others can write, that is another user’s, and that cannot be one', async () => {
  const shared = config('shared');
  mkdirSync(shared.data);
  chmodSync(shared.data, 0o777);
  finds(await doctor(['--offline', '--config', shared.path]), 'data folder', 'fail', /chmod g-w,o-w .*data/, /start again/);
  const file = config('file');
  writeFileSync(file.data, '');
  finds(await doctor(['--offline', '--config', file.path]), 'data folder', 'fail', /is not a folder/, /data_dir/);
  if (!isRoot) return;
  const foreign = config('foreign');
  mkdirSync(foreign.data);
  chownSync(foreign.data, nobody, nobody);
  finds(
    await doctor(['--offline', '--config', foreign.path]),
    'data folder',
    'warn',
    /belongs to the user with the id 65534/,
    /chown -R USER/,
  );
});

test('G-OPERATE-5: doctor finds a port that something else has, and names what shows what it is', async (t) => {
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  t.after(() => other.close());
  const { port } = other.address() as AddressInfo;
  const { path } = config('port', (text) => text.replace('model: 0', `model: ${port}`));
  finds(
    await doctor(['--offline', '--config', path]),
    `port ${port}`,
    'fail',
    /taken by another program/,
    /ss -ltnp .*server\.ports\.model/,
  );
});

test('G-OPERATE-5: doctor finds an endpoint that cannot be reached, a secret that is missing, and a proxy that is named only in the environment', async () => {
  const vendor =
    '  outside: { formats: [anthropic-messages], topology: vendor, provider: x, region: us, base_url: "https://vendor.invalid", credential: { env: ABSENT }, models: [{ pin: o-1 }] }';
  const { path } = config('outside', (text) => text.replace('endpoints:', `endpoints:\n${vendor}`));
  const examined = await doctor(['--config', path], { HTTPS_PROXY: 'http://proxy.example:3128' });
  finds(examined, 'endpoint scripted', 'warn', /connection: /, /base_url.*endpoints check scripted/);
  finds(examined, 'endpoint outside', 'warn', /connection: /, /endpoints check outside/);
  finds(examined, 'config', 'warn', /ABSENT is not set here/, /check --config/);
  finds(examined, 'proxy', 'warn', /HTTPS_PROXY is set and not used: outside is reached directly/, /endpoints\.outside.*via: \{ proxy: /);
  const offline = await doctor(['--offline', '--config', path]);
  assert.equal(
    offline.checks.some(({ check }) => check.startsWith('endpoint ')),
    false,
  );
});

test('G-OPERATE-5: doctor finds an issuer that does not answer, and a clock that is not that of the issuer', async (t) => {
  let apartMs = 0;
  const issuer = createHttpServer((request, response) => {
    const url = `http://127.0.0.1:${(issuer.address() as AddressInfo).port}`;
    const body = request.url?.endsWith('keys') === true ? { keys: [] } : { issuer: url, jwks_uri: `${url}/keys` };
    response.setHeader('date', new Date(Date.now() + apartMs).toUTCString());
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(body));
  });
  await new Promise<void>((resolve) => issuer.listen(0, '127.0.0.1', resolve));
  t.after(() => issuer.close());
  const url = `http://127.0.0.1:${(issuer.address() as AddressInfo).port}`;
  const identity = `identity: { audience: sealwright, admin_audience: admin, groups: { all: { agent_roles: [demo] } }, issuers: { corporate: { url: "${url}", everyone: [all], login: { client_id: cli } }, gone: { url: "http://127.0.0.1:9", everyone: [all], login: { client_id: cli } } } }`;
  const { path } = config('issuer', (text) => text.replace('identity: { local_development: true }', identity));
  const examined = await doctor(['--config', path]);
  assert.equal(found(examined, 'issuer corporate', /answers/).standing, 'ok');
  finds(examined, 'issuer gone', 'warn', /issuer gone cannot be had: it could not be asked/, /identity\.issuers\.gone\.ca/);
  apartMs = 600_000;
  finds(await doctor(['--config', path]), 'issuer corporate', 'fail', /the clock here is \d+ seconds behind/, /timedatectl set-ntp true/);
});

test('G-OPERATE-5: doctor finds an agent that is not installed, and one that any program could stand in for', async () => {
  const { path } = config('agents');
  finds(await doctor(['--offline', '--config', path]), 'agent claude', 'warn', /no claude on the PATH/, /Install it/);
  const folder = mkdtempSync(join(scratch, 'installed-'));
  fakeAgents.claude(folder);
  const examined = await doctor(['--offline', '--config', path], { PATH: `${folder}/bin:/usr/bin:/bin` });
  finds(examined, 'agent claude', 'warn', /any other would be taken too/, /agents\.claude`: version: '2\.1\.197', sha256: [0-9a-f]{64}$/);
});

test('G-OPERATE-5: doctor finds a certificate that ends soon, that is over, and that has another key', () => {
  const [one, other] = [createAuthority('One').issue(['a.test'], []), createAuthority('Other').issue(['a.test'], [])];
  const [certificate, key, wrongKey] = ['tls.pem', 'tls.key', 'wrong.key'].map((name) => join(scratch, name));
  writeFileSync(certificate ?? '', one.cert);
  writeFileSync(key ?? '', one.key);
  writeFileSync(wrongKey ?? '', other.key);
  const at = (nowMs: number, keyFile = key): Finding | undefined =>
    examineCertificate({ server: { tls: { certificate, key: keyFile } } } as Parameters<typeof examineCertificate>[0], nowMs)[0];
  const endMs = Date.parse('2049-12-31T23:59:59Z');
  assert.deepEqual(
    [at(Date.now())?.standing, at(endMs - 5 * 86_400_000)?.standing, at(endMs + 1_000)?.standing, at(Date.now(), wrongKey)?.standing],
    ['ok', 'warn', 'fail', 'fail'],
  );
  assert.match(at(endMs + 1_000)?.next ?? '', /in place of the two files/);
});

test('G-OPERATE-5: doctor finds a limit of open files that is too low, and a control that only observes', () => {
  const { path } = config('files', (text) => `${text}\npolicies: { mode: observe }\n`);
  const examined = doctorProcess('/bin/bash', ['-c', `ulimit -n 512; exec ${bin} doctor --json --offline --config ${path}`]);
  finds(examined, 'open files', 'warn', /at most 512/, /LimitNOFILE=65536/);
  finds(examined, 'policies', 'warn', /denied crossings pass/, /policies\.mode: enforce/);
});

test('G-DECIDE-3: doctor says of a running envelope that it only observes, also where no config is named', async (t) => {
  const running = await startRunning('http://127.0.0.1:9', (text) => `${text}\npolicies: { mode: observe }\n`);
  t.after(async () => {
    await running.stop();
    running.remove();
  });
  const { path } = config('enforcing');
  for (const argv of [[], ['--config', path]])
    finds(
      await doctor(['--control', running.controlSocket, ...argv]),
      'policies',
      'warn',
      /running envelope denies passes/,
      /mode: enforce/,
    );
});

/** A ledger that an envelope has written, in the folder of a config. */
const used = async (name: string) => {
  const made = config(name);
  const running = await startRunning('http://127.0.0.1:9', undefined, join(scratch, name));
  await running.closeRun(await running.open());
  await running.stop();
  return made;
};

test('G-OPERATE-5: doctor finds a ledger whose key is missing, and an older copy in its place', async () => {
  const { path, data } = await used('ledger');
  assert.equal(found(await doctor(['--offline', '--config', path]), 'ledger', /records in 2 logs/).standing, 'ok');
  const copy = join(scratch, 'older');
  cpSync(join(data, 'ledger'), copy, { recursive: true });
  const again = await startRunning('http://127.0.0.1:9', undefined, join(scratch, 'ledger'));
  await again.stop();
  rmSync(join(data, 'ledger'), { recursive: true });
  renameSync(copy, join(data, 'ledger'));
  finds(await doctor(['--offline', '--config', path]), 'ledger', 'fail', /fewer records than .*older copy/, /newest copy/);
  rmSync(join(data, 'private', 'ledger-key.pem'));
  finds(await doctor(['--offline', '--config', path]), 'ledger', 'fail', /signing key .* is missing/, /Restore `private\/`/);
});

const failing = async (t: TestContext) => {
  const { disk, world, release } = createFailingDisk();
  const running = await startRunning('http://127.0.0.1:9', undefined, undefined, null, undefined, { disk });
  t.after(async () => {
    release();
    await running.stop();
    running.remove();
  });
  return { running, world };
};

test('G-OPERATE-5: doctor finds that the running envelope can record nothing, and says what to do', async (t) => {
  const { running, world } = await failing(t);
  const healthy = await doctor(['--control', running.controlSocket]);
  assert.deepEqual([found(healthy, 'envelope', /process \d+/).standing, found(healthy, 'ledger', /open/).standing], ['ok', 'ok']);
  world.fate = 'fails';
  for (let status = 200; status === 200;) ({ status } = await running.control('GET', '/readyz'));
  finds(await doctor(['--control', running.controlSocket]), 'ledger', 'fail', /sealed: .*EIO/, /systemctl restart sealwright/);
});

test('G-OPERATE-5: doctor finds that nobody answers, and a control socket that this user may not use', async (t) => {
  finds(
    await doctor(['--control', join(scratch, 'nowhere.sock')]),
    'envelope',
    'warn',
    /No envelope listens/,
    /sealwright up --config FILE/,
  );
  const { running } = await failing(t);
  if (isRoot) {
    // As the service has it: another user's socket that lets its group in, which this user is not of.
    const folder = join(running.controlSocket, '..');
    chmodSync(folder, 0o711);
    chmodSync(running.controlSocket, 0o660);
  } else chmodSync(running.controlSocket, 0o400);
  const argv = ['doctor', '--json', '--control', running.controlSocket];
  const examined = doctorProcess(bin, argv, isRoot ? { uid: nobody, gid: nobody } : {});
  const { standing, next } = found(examined, 'envelope', /./);
  assert.equal(standing, 'fail');
  assert.match(next, /usermod -aG sealwright|--control PATH/);
});

test('G-OPERATE-5: the answer for machines has one shape whatever is found', async () => {
  const { path } = config('shape');
  const { checks, ...rest } = await doctor(['--offline', '--config', path]);
  assert.deepEqual(Object.keys(rest), ['code', 'ok']);
  assert.ok(checks.length > 10);
  for (const check of checks) {
    assert.deepEqual(Object.keys(check), ['check', 'standing', 'finding', 'next']);
    assert.ok(['ok', 'warn', 'fail'].includes(check.standing) && check.finding !== '' && typeof check.next === 'string');
    assert.ok(check.standing === 'ok' || check.next !== '', JSON.stringify(check));
  }
});
