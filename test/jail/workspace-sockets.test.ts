import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { lstatSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { limits } from '../../src/core/limits.ts';
import { collect, type Ground, openGround } from './jailed.ts';

// Sockets with a path are the file system's, not the network's: what listens at one in the workspace could be asked to do something outside the jail.

const timeout = 60_000;
const servers: Server[] = [];

/** What an editor or a development server leaves in a project: it answers whoever connects. */
const serving = async (path: string): Promise<string> => {
  mkdirSync(dirname(path), { recursive: true });
  const server = createServer((socket) => socket.on('error', () => undefined).end('outside'));
  await new Promise<void>((resolve) => server.listen(path, resolve));
  servers.push(server);
  return path;
};

const asking = (paths: readonly string[]): string => `python3 -c '
import socket, sys
for path in sys.argv[1:]:
    s = socket.socket(socket.AF_UNIX)
    try: s.connect(path); print(s.recv(99).decode())
    except OSError as e: print(type(e).__name__)' ${paths.map((path) => `'${path}'`).join(' ')}`;

let ground: Ground;
let tools: string;
before(async () => {
  tools = mkdtempSync(join(tmpdir(), 'sealwright-tools-'));
  ground = await openGround({ edit: (text) => text.replace('roles: [demo] }', `roles: [demo], toolchains: ['${tools}'] }`) });
});
after(async () => {
  for (const server of servers) server.close();
  await ground.close();
  rmSync(tools, { recursive: true });
});

test(
  'G-JAIL-1: a socket that lies in the workspace or a toolchain when the run starts leads nowhere, however deep or odd its name',
  { timeout },
  async () => {
    const at = (name: string): Promise<string> => serving(join(ground.workspace, name));
    const sockets = [
      await at('dev.sock'),
      await at('.editor/a b/"x".ipc'),
      await at('node_modules/.cache/dev.sock'),
      await serving(join(tools, 's')),
    ];
    const inSight = await collect('sh', ['-c', asking(sockets)], { cwd: '/', env: ground.env });
    assert.deepEqual(inSight.stdout.split('\n'), ['outside', 'outside', 'outside', 'outside', ''], 'outside the jail each of them answers');
    const { stdout, exitCode, stderr } = await ground.sh(asking(sockets));
    assert.equal(exitCode, 0, stderr);
    assert.deepEqual(stdout.split('\n'), [
      'ConnectionRefusedError',
      'ConnectionRefusedError',
      'ConnectionRefusedError',
      'ConnectionRefusedError',
      '',
    ]);
    for (const path of sockets) assert.ok(lstatSync(path).isSocket(), 'outside nothing of it has changed');
  },
);

test(
  'G-JAIL-1: a socket that the kernel lists by no path of its own is found where it lies, and covered before the agent starts',
  { timeout },
  async (t) => {
    const folder = join(ground.workspace, 'relative/deep');
    mkdirSync(folder, { recursive: true });
    const serves =
      'import socket; s = socket.socket(socket.AF_UNIX); s.bind("r.sock"); s.listen(); print("ready", flush=True)\nwhile True: s.accept()[0].send(b"outside")';
    const server = spawn('python3', ['-c', serves], { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'] });
    t.after(() => server.kill());
    await new Promise((resolve) => server.stdout.once('data', resolve));
    const path = join(folder, 'r.sock');
    assert.equal((await collect('sh', ['-c', asking([path])], { cwd: '/', env: ground.env })).stdout, 'outside\n');
    const { stdout, exitCode, stderr } = await ground.sh(`${asking([path])}; kill -INT $$; echo not reached`);
    assert.deepEqual([stdout, exitCode], ['ConnectionRefusedError\n', 130], stderr);
  },
);

test('G-JAIL-1: what covers a socket cannot be taken away or gone round by a name of its own', { timeout }, async () => {
  await serving(join(ground.workspace, 'deep/dev.sock'));
  const script = `rm -f deep/dev.sock; mv deep/dev.sock x; ln deep/dev.sock y; mv deep moved; ${asking(['deep/dev.sock', 'moved/dev.sock', 'x', 'y'])}`;
  const { stdout } = await ground.sh(`(${script}) 2>/dev/null`);
  assert.ok(!stdout.includes('outside'), stdout);
  assert.ok(
    lstatSync(join(ground.workspace, 'moved/dev.sock')).isSocket(),
    'it was moved with the folder that it lies in, and its cover with it',
  );
});

test('what the agent and its own programs make and connect by themselves in the workspace works', { timeout }, async () => {
  const { stdout, stderr } = await ground.sh(`python3 -c '
import socket
s = socket.socket(socket.AF_UNIX); s.bind("own.sock"); s.listen()
c = socket.socket(socket.AF_UNIX); c.connect("own.sock"); s.accept()[0].send(b"own"); print(c.recv(9).decode())'`);
  assert.equal(stdout, 'own\n', stderr);
});

test(
  'a workspace of more entries than are looked at is said to be so, and what listens under a name of its own is covered all the same',
  { timeout },
  async () => {
    const many = join(ground.workspace, 'many');
    mkdirSync(join(many, 'b'), { recursive: true });
    for (let index = 0; index <= limits.socketsSoughtEntriesCount; index += 1) writeFileSync(join(many, `${index}`), '');
    const path = await serving(join(many, 'b/c/d/dev.sock'));
    const { stdout, stderr } = await ground.sh(asking([path]));
    assert.equal(stdout, 'ConnectionRefusedError\n');
    assert.match(stderr, /Only the first 10000 entries .* were looked through for sockets/);
    rmSync(many, { recursive: true });
  },
);

test('G-JAIL-4: a socket whose name nobody could hand on is a reason to start nothing', { timeout }, async () => {
  const name = Buffer.concat([Buffer.from(join(ground.workspace, 'odd')), Buffer.from([0xff])]);
  const listener = `import socket; s = socket.socket(socket.AF_UNIX); s.bind(bytes.fromhex("${name.toString('hex')}"))`;
  assert.equal((await collect('python3', ['-c', listener], { cwd: '/', env: ground.env })).exitCode, 0);
  const { exitCode, stdout, stderr } = await ground.sh('echo ran');
  assert.deepEqual([exitCode, stdout], [125, '']);
  assert.match(stderr, /a socket .* whose name is not text/);
  assert.deepEqual(readdirSync(join(ground.home, '.local/state/sealwright/runs')), [], 'something was left of the run');
  rmSync(name);
});
