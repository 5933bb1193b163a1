import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createUp } from '../src/cli/up.ts';
import { createDemo } from '../src/cli/demo.ts';
import { configText } from './envelope/running.ts';

const bin = fileURLToPath(new URL('../bin/sealwright', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'sealwright-up-'));
after(() => rmSync(folder, { recursive: true, force: true }));

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const run = (argv: readonly string[], onOutput?: (text: string, kill: (signal: NodeJS.Signals) => void) => void): Promise<Ended> =>
  new Promise((resolve) => {
    const child = spawn(bin, argv, {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: 60_000,
      env: { ...process.env, TMPDIR: folder },
    });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk: Buffer) => {
      stdout += chunk.toString();
      onOutput?.(stdout, (signal) => child.kill(signal));
    });
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    child.once('close', (code) => resolve({ code, stdout, stderr }));
  });

const writeConfig = (name: string, text: string, mode = 0o600): string => {
  const path = join(folder, name);
  writeFileSync(path, text);
  chmodSync(path, mode);
  return path;
};

test('the demo shows two streams of one invocation, a denial and a verified ledger, and leaves nothing behind', async () => {
  const before = readdirSync(folder).filter((name) => name.startsWith('sealwright-demo-')).length;
  const { code, stdout, stderr } = await run(['demo', '--once', '--port', '0', '--network-port', '0', '--admin-port', '0']);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /tool: {2}get_order_status/);
  assert.match(stdout, /denied, as it should be: The role demo may not call the model simulated-2/);
  assert.match(stdout, /\+0:00\.000 {2}opened/);
  assert.match(stdout, /model simulated-1 at rehearsal: .*, by role\/demo\/model\/simulated-1/);
  assert.match(stdout, /tool get_order_status: succeeded \(reported\)/);
  assert.match(stdout, /✗ .* model simulated-2: denied\n +The role demo may not .*\n +sealwright why [0-9a-f-]{36}\n/);
  assert.match(stdout, /verified with the given key/);
  assert.equal(readdirSync(folder).filter((name) => name.startsWith('sealwright-demo-')).length, before);
});

test('the demo for machines prints one JSON value a line: the envelope, the records, the verification', async () => {
  const { code, stdout, stderr } = await run(['demo', '--once', '--json', '--port', '0', '--network-port', '0', '--admin-port', '0']);
  assert.equal(code, 0, stderr);
  const lines = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { ready?: boolean; ok?: boolean; logs?: readonly { size: number }[]; record?: { kind: string } });
  assert.equal(lines[0]?.ready, true);
  assert.ok(lines.slice(1, -1).some((line) => line.record?.kind === 'closed'));
  const verification = lines.at(-1);
  assert.equal(verification?.ok, true);
  assert.equal(verification?.logs?.length, 3);
  for (const { size } of verification?.logs ?? []) assert.ok(size > 0, 'what was verified was recorded');
});

test('a port in use ends with 1 and names the option that chooses another', async (context) => {
  const blocker = createServer();
  await new Promise<void>((resolve) => blocker.listen(0, '127.0.0.1', resolve));
  context.after(() => blocker.close());
  const { port } = blocker.address() as AddressInfo;
  for (const [option, argv] of [
    ['--port', ['--port', String(port), '--network-port', '0', '--admin-port', '0']],
    ['--admin-port', ['--port', '0', '--network-port', '0', '--admin-port', String(port)]],
  ] as const) {
    const { code, stderr } = await run(['demo', '--once', ...argv]);
    assert.equal(code, 1);
    assert.match(stderr, new RegExp(`EADDRINUSE[\\s\\S]*${option}`));
    assert.ok(!/\n\s+at /.test(stderr), 'no stack trace');
  }
});

test('up says where it listens, ends with 0 at SIGTERM, and a second one on the same data or socket is refused', async () => {
  const config = writeConfig('good.yaml', configText(join(folder, 'data'), 'http://127.0.0.1:9'));
  const socket = join(folder, 's');
  const refused: Promise<readonly Ended[]>[] = [];
  const first = await run(['up', '--config', config, '--control', socket], (text, kill) => {
    if (refused.length > 0 || !text.includes('ledger key')) return;
    const others = Promise.all([
      run(['up', '--config', config, '--control', join(folder, 'other')]),
      run(['up', '--config', config, '--data', join(folder, 'other-data'), '--control', socket]),
    ]);
    refused.push(others);
    void others.then(() => kill('SIGTERM'));
  });
  assert.equal(first.code, 0, first.stderr);
  assert.match(first.stdout, /model door +http:\/\/127\.0\.0\.1:\d+/);
  const [sameData, sameSocket] = (await refused[0]) ?? [];
  assert.equal(sameData?.code, 1);
  assert.match(sameData?.stderr ?? '', /another process writes to this ledger/);
  assert.equal(sameSocket?.code, 1);
  assert.match(sameSocket?.stderr ?? '', /Another envelope listens/);
});

test('G-WORLD-3: a config with a typo, one that others can write, and a policy that does not validate keep up from starting, with file and line', async () => {
  const good = configText(join(folder, 'data-2'), 'http://127.0.0.1:9');
  const typo = await run(['up', '--config', writeConfig('typo.yaml', good.replace('agent_roles:', 'agent_rolls:'))]);
  assert.equal(typo.code, 1);
  assert.match(typo.stderr, /typo\.yaml:\d+[\s\S]*agent_rol/);
  const open = await run(['up', '--config', writeConfig('open.yaml', good, 0o666)]);
  assert.equal(open.code, 1);
  assert.match(open.stderr, /chmod/);
  const policies = mkdtempSync(join(folder, 'policies-'));
  writeFileSync(join(policies, 'bad.cedar'), '@id("bad")\npermit (principal, action, resource)\nwhen { principal.nonsense };\n', {
    mode: 0o600,
  });
  const policy = await run(['up', '--config', writeConfig('policy.yaml', `${good}\npolicies: ${policies}\n`)]);
  assert.equal(policy.code, 1);
  assert.match(policy.stderr, /bad\.cedar:\d/);
  for (const { stderr } of [typo, open, policy]) assert.ok(!/\n\s+at /.test(stderr), 'no stack trace');
});

test('a data folder that cannot be written or comes from a newer version is refused with what to do', async () => {
  const blocked = writeConfig('blocked.yaml', configText(join(folder, 'good.yaml', 'data'), 'http://127.0.0.1:9'));
  const { code, stderr } = await run(['up', '--config', blocked, '--control', join(folder, 's2')]);
  assert.equal(code, 1);
  assert.match(stderr, /The data folder .*good\.yaml.data cannot be made: .*good\.yaml is not a folder/);
  const shared = join(folder, 'shared');
  mkdirSync(shared);
  chmodSync(shared, 0o777);
  const lax = await run([
    'up',
    '--config',
    writeConfig('lax.yaml', configText(shared, 'http://127.0.0.1:9')),
    '--control',
    join(folder, 's3'),
  ]);
  assert.equal(lax.code, 1);
  assert.match(lax.stderr, /data folder is not ours alone/);
  const newer = join(folder, 'newer');
  mkdirSync(join(newer, 'ledger'), { recursive: true, mode: 0o700 });
  writeFileSync(join(newer, 'ledger', 'format'), 'sealwright ledger 99\nlocal\n');
  const old = await run([
    'up',
    '--config',
    writeConfig('newer.yaml', configText(newer, 'http://127.0.0.1:9')),
    '--control',
    join(folder, 's4'),
  ]);
  assert.equal(old.code, 1);
  assert.match(old.stderr, /format 99[\s\S]*newer/);
});

test('without a config, and without a secret that it names, up says the one thing to do', async () => {
  const absent = await run(['up', '--config', join(folder, 'absent.yaml')]);
  assert.deepEqual(
    [absent.code, absent.stderr],
    [
      1,
      `sealwright: there is no file ${join(folder, 'absent.yaml')}\n  Name another with --config FILE; \`sealwright init\` writes one to begin with.\n`,
    ],
  );
  const text = configText(join(folder, 'good.yaml', 'data'), 'http://127.0.0.1:9');
  const endpoint =
    '  other: { formats: [anthropic-messages], topology: vendor, provider: other, region: us, base_url: "https://example.com", credential: { env: SEALWRIGHT_ABSENT }, models: [{ pin: other-1 }] }';
  const { stderr } = await run([
    'up',
    '--config',
    writeConfig('secretless.yaml', text.replace(/^endpoints:$/m, `endpoints:\n${endpoint}`)),
  ]);
  assert.match(
    stderr,
    /warning: .*secretless\.yaml: endpoints\.other\.credential has no secret: the environment variable SEALWRIGHT_ABSENT is not set/,
  );
});

test('what lies where the control socket should be is not touched unless it is a socket', async () => {
  const config = writeConfig('socket.yaml', configText(join(folder, 'data-3'), 'http://127.0.0.1:9'));
  const precious = join(folder, 'precious');
  mkdirSync(precious);
  writeFileSync(join(precious, 'thesis.txt'), 'years of work');
  for (const control of [precious, join(precious, 'thesis.txt')]) {
    const { code, stderr } = await run(['up', '--config', config, '--control', control]);
    assert.equal(code, 1);
    assert.match(stderr, /is not a socket/);
  }
  assert.equal(readFileSync(join(precious, 'thesis.txt'), 'utf8'), 'years of work');
  const below = await run(['up', '--config', config, '--control', join(precious, 'thesis.txt', 's')]);
  assert.equal(below.code, 1);
  assert.match(below.stderr, /There can be no socket/);
});

test('a signing key that others can read keeps up from starting', async () => {
  const data = join(folder, 'data-4');
  mkdirSync(join(data, 'private'), { recursive: true, mode: 0o700 });
  writeFileSync(join(data, 'private', 'ledger-key.pem'), 'x', { mode: 0o644 });
  const { code, stderr } = await run([
    'up',
    '--config',
    writeConfig('key.yaml', configText(data, 'http://127.0.0.1:9')),
    '--control',
    join(folder, 's5'),
  ]);
  assert.equal(code, 1);
  assert.match(stderr, /can be read by others[\s\S]*chmod go-rwx/);
});

test('both commands list their options for help and completion', () => {
  const never = () => assert.fail('nothing is started');
  for (const command of [createUp(never), createDemo(never)]) assert.ok(command.options.some(({ name }) => name === 'admin-port'));
});

test('the runtime knows what `up` tells it about memory: what it does not know it would only name', () => {
  const [, listed = ''] = /memoryFlags = \[([^\]]*)\]/.exec(readFileSync(new URL('../src/main.ts', import.meta.url), 'utf8')) ?? [];
  const flags = [...listed.matchAll(/'(--[^']+)'/g)].map(([, flag = '']) => flag);
  assert.equal(flags.length, 2);
  const tried = [...flags, '--heap-growing-percentage=40'].map((flag) => spawnSync(process.execPath, [flag, '--eval', '0']).status);
  assert.deepEqual(tried, [0, 0, 9]);
});
