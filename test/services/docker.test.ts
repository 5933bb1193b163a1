// Both recipes in a real engine, Docker: the envelope as the compose file has it, and an agent whose runner jails it inside a container, as on a
// system that has no jail of its own. Built upon images of this machine's own programs. Needs Linux, root, bubblewrap and docker.io; without them it fails.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { parse } from 'yaml';

import { openElsewhere } from '../envelope/elsewhere.ts';
import { configText } from '../envelope/running.ts';
import { root } from '../project-files.ts';
import { layBaseImage } from './container/base-image.ts';
import { type Docker, type DockerAnswer, startDocker } from './container/docker.ts';
import { installPackage } from './installed-package.ts';

const scratch = mkdtempSync(join(tmpdir(), 'sw-docker-'));
let docker: Docker;

before(async () => {
  docker = await startDocker(scratch);
  const base = join(scratch, 'base');
  layBaseImage(base, process.execPath, ['bwrap', 'ln', 'readlink']);
  const tar = join(scratch, 'base.tar');
  execFileSync('tar', ['-C', base, '-cf', tar, '.']);
  await docker.must('import', tar, 'base');
  const installed = join(scratch, 'installed');
  installPackage(installed, 'copied');
  for (const recipe of ['container', 'agent-container']) {
    const context = join(scratch, recipe);
    cpSync(installed, join(context, 'installed'), { recursive: true });
    copyFileSync(`${root}deploy/${recipe}/Containerfile`, join(context, 'Dockerfile'));
    await docker.must('build', '--quiet', '--network', 'none', '--build-arg', 'BASE=base', '--tag', recipe, context);
  }
});
after(async () => {
  await docker?.stop();
  rmSync(scratch, { recursive: true, force: true });
});

interface ComposeService {
  readonly user: string;
  readonly read_only: boolean;
  readonly init: boolean;
  readonly cap_drop: readonly string[];
  readonly security_opt: readonly string[];
  readonly tmpfs: readonly string[];
  readonly pids_limit: number;
  readonly mem_limit: string;
}

/** As `docker run` takes them; but for `ulimits`, which not every machine lets an engine raise. */
const flagsOf = (service: ComposeService): readonly string[] => {
  const flags = ['--user', service.user, '--pids-limit', String(service.pids_limit), '--memory', service.mem_limit];
  if (service.read_only) flags.push('--read-only');
  if (service.init) flags.push('--init');
  for (const capability of service.cap_drop) flags.push('--cap-drop', capability);
  for (const option of service.security_opt) flags.push('--security-opt', option);
  for (const mount of service.tmpfs) flags.push('--tmpfs', mount);
  return flags;
};

test('the envelope becomes healthy in Docker as the compose file runs it, ends when it is told to, and finds what it recorded', async (t) => {
  const { services } = parse(readFileSync(`${root}deploy/container/compose.yaml`, 'utf8')) as {
    readonly services: { readonly sealwright: ComposeService };
  };
  const etc = join(scratch, 'etc');
  mkdirSync(etc);
  writeFileSync(join(etc, 'sealwright.yaml'), configText('/var/lib/sealwright', 'http://127.0.0.1:9'), { mode: 0o644 });
  const mounts = ['--volume', `${etc}:/etc/sealwright:ro`, '--volume', 'data:/var/lib/sealwright'];
  for (const name of ['first', 'second']) {
    await docker.must('run', '--detach', '--name', name, '--network', 'none', ...flagsOf(services.sealwright), ...mounts, 'container');
    t.after(() => docker.ask('rm', '--force', name));
    const state = (): Promise<string> => docker.must('inspect', '--format', '{{.State.Status}} {{.State.Health.Status}}', name);
    while ((await state()) === 'running starting') await pause(500);
    assert.equal(await state(), 'running healthy', (await docker.ask('logs', name)).stderr);
    await docker.must('stop', name);
    assert.equal(await docker.must('inspect', '--format', '{{.State.ExitCode}}', name), '0', (await docker.ask('logs', name)).stderr);
  }
  const verifying = ['container', 'audit', 'verify', '--data', '/var/lib/sealwright', '--json'];
  const verified = await docker.ask('run', '--rm', '--network', 'none', ...flagsOf(services.sealwright), ...mounts, ...verifying);
  assert.deepEqual([verified.status, (JSON.parse(verified.stdout) as { readonly ok: boolean }).ok], [0, true], verified.stderr);
});

/** What docs/jail.md says to give an engine. */
const allowing = ['--security-opt', 'seccomp=unconfined', '--security-opt', 'systempaths=unconfined'] as const;
const restricting = [
  '--init',
  '--cap-drop',
  'ALL',
  '--security-opt',
  'no-new-privileges:true',
  '--memory',
  '256m',
  '--pids-limit',
  '128',
] as const;

const agent = `
import { connect } from 'node:net';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
const answer = await fetch(process.env.ANTHROPIC_BASE_URL + '/v1/messages', {
  method: 'POST',
  headers: { 'content-type': 'application/json', authorization: 'Bearer ' + process.env.ANTHROPIC_AUTH_TOKEN },
  body: JSON.stringify({ model: 'pinned-1', max_tokens: 5, messages: [{ role: 'user', content: 'hello' }] }),
});
const direct = await new Promise((resolve) => {
  const socket = connect(Number(process.argv[2]), '127.0.0.1');
  socket.on('connect', () => resolve('reached')).on('error', (error) => resolve(error.code));
});
writeFileSync('made.txt', 'made');
const processes = readdirSync('/proc').filter((name) => /^\\d+$/.test(name)).length;
console.log(JSON.stringify({ status: answer.status, direct, processes, home: existsSync(process.env.HOME + '/.netrc'), token: process.env.SEALWRIGHT_TOKEN ?? null }));
`;

const many = `
import { spawn } from 'node:child_process';
const started = await Promise.all(Array.from({ length: 200 }, () => new Promise((resolve) => {
  const child = spawn('cat', { stdio: ['pipe', 'ignore', 'ignore'] });
  child.on('spawn', () => resolve(true)).on('error', (error) => resolve(error.code));
})));
console.log(started.filter((one) => one !== true).length > 0 ? 'bounded' : 'all of them');
process.exit();
`;

const greedy = `
const kept = [];
for (;;) kept.push(Buffer.alloc(16 * 1024 * 1024, 1));
`;

/** Says whether its home is still what it was when somebody else has come and gone. */
const patient = `
import { existsSync, writeFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
const mine = process.env.HOME + '/mine';
writeFileSync(mine, '');
writeFileSync('begun.txt', '');
while (!existsSync('over.txt')) await pause(50);
console.log(existsSync(mine));
`;

test('G-JAIL-1: in a container that its engine lets make namespaces, an agent is jailed as on Linux, and the engine bounds its memory and processes', async (t) => {
  const { folder, admin, token, stop, close } = await openElsewhere();
  t.after(close);
  const project = join(scratch, 'project');
  mkdirSync(project);
  for (const [name, text] of Object.entries({ 'agent.mjs': agent, 'many.mjs': many, 'greedy.mjs': greedy, 'patient.mjs': patient }))
    writeFileSync(join(project, name), text);
  chmodSync(folder, 0o755);
  chmodSync(join(folder, 'ca.pem'), 0o644);
  chownSync(project, 10_002, 10_002);
  const given = ['--env', `SEALWRIGHT_TOKEN=${token}`, '--env', 'NODE_EXTRA_CA_CERTS=/ca.pem'];
  const files = { '/ca.pem:ro': join(folder, 'ca.pem'), '/project': project, '/var/lib/agent/.netrc:ro': join(project, 'agent.mjs') };
  const mounts = Object.entries(files).flatMap(([inside, outside]) => ['--volume', `${outside}:${inside}`]);
  const inImage = ['agent-container', 'run', '--quiet', '--control', admin, '--agent', 'sdk', '--role', 'demo', '--'];
  const run = (options: readonly string[], ...command: readonly string[]): Promise<DockerAnswer> =>
    docker.ask('run', '--rm', '--network', 'host', ...given, ...mounts, ...options, ...inImage, ...command);
  const jailed = await run([...allowing, ...restricting], 'node', 'agent.mjs', new URL(admin).port);
  assert.equal(jailed.status, 0, jailed.stderr);
  const { processes, ...seen } = JSON.parse(jailed.stdout) as Readonly<Record<string, unknown>>;
  assert.deepEqual(seen, { status: 200, direct: 'ECONNREFUSED', home: false, token: null });
  assert.ok(Number(processes) <= 2, `${Number(processes)} processes`);
  assert.ok(existsSync(join(project, 'made.txt')));
  assert.equal((await run([...allowing, ...restricting], 'node', 'many.mjs')).stdout, 'bounded\n');
  assert.equal((await run([...allowing, ...restricting], 'node', 'greedy.mjs')).status, 137);

  // Two at once that share what outlives a run: a runner knows no process of the other's container.
  const sharing = [...allowing, ...restricting, '--volume', 'home:/var/lib/agent'];
  const first = run(sharing, 'sh', '-c', 'true; node patient.mjs');
  while (!existsSync(join(project, 'begun.txt'))) await pause(50);
  // Without an init of its own a runner has another number than the first one has.
  const other = sharing.filter((option) => option !== '--init');
  assert.equal((await run(other, 'node', '-e', '0')).status, 0);
  writeFileSync(join(project, 'over.txt'), '');
  assert.equal((await first).stdout, 'true\n');

  for (const options of [[], allowing.slice(0, 2), allowing.slice(2)]) {
    const refused = await run(options, 'node', 'agent.mjs', '1');
    assert.deepEqual([refused.status, refused.stdout], [125, ''], refused.stderr);
    assert.match(refused.stderr, /start this container with `--security-opt seccomp=unconfined --security-opt systempaths=unconfined`/);
  }
  const withoutCapability = await run([...allowing, ...restricting, '--user', '0:0', '--env', 'HOME=/root'], 'node', 'agent.mjs', '1');
  assert.equal(withoutCapability.status, 125);
  assert.match(withoutCapability.stderr, /run as another user than root, or give root the capability SETFCAP/);

  const { agent: records } = await stop();
  const closed = records.filter(({ kind, action_type: type }) => kind === 'closed' && type === 'invocation');
  assert.equal(closed.length, 9);
  assert.ok(closed.every(({ containment, user_assurance: assurance }) => containment === 'jail' && assurance === 'oidc'));
});
