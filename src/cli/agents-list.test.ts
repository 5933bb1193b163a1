import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { createTestIo } from '../../test/command-io.ts';
import { agentsCheck, agentsList } from './agents-list.ts';
import { runCli } from './cli.ts';

const configOf = (pin: string): string => `
environment: development
data_dir: ./data
identity: { local_development: true }
agents:
  claude: { client: claude-code, roles: [demo]${pin} }
  sdk: { client: sdk, roles: [demo] }
agent_roles: { demo: { allowed_models: [simulated-1], allowed_tools: [] } }
endpoints:
  rehearsal: { formats: [anthropic-messages], topology: self-hosted, provider: simulated, region: local, models: [{ pin: simulated-1 }] }
`;

const say = async (t: TestContext, pin: string, ...argv: readonly string[]): Promise<{ exit: number; stdout: string; stderr: string }> => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'sw-')));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  mkdirSync(join(folder, 'bin'));
  writeFileSync(join(folder, 'package.json'), '{"name":"@anthropic-ai/claude-code","version":"2.1.197"}');
  writeFileSync(join(folder, 'bin', 'claude'), '#!/bin/sh\n');
  chmodSync(join(folder, 'bin', 'claude'), 0o755);
  const config = join(folder, 'sealwright.yaml');
  writeFileSync(config, configOf(pin), { mode: 0o600 });
  const io = createTestIo({ environment: { PATH: join(folder, 'bin'), HOME: folder } });
  const rows = [agentsList, agentsCheck].map((command) => ({ name: command.name, load: async () => command }));
  const exit = await runCli(rows, [...argv, '--config', config], io);
  return { exit, ...io.written() };
};

test('agents list shows each agent with what is installed of it', async (t) => {
  const { exit, stdout } = await say(t, '', 'agents', 'list');
  assert.equal(exit, 0);
  assert.match(stdout, /^claude +claude-code +unpinned +2\.1\.197 {2}sha256 [0-9a-f]{12}…/);
  assert.match(stdout, /\nsdk +sdk +any program/);
});

test('agents check ends with 1 and prints the lines that pin what is installed, and with 0 where they stand there', async (t) => {
  const unpinned = await say(t, '', 'agents', 'check');
  assert.equal(unpinned.exit, 1);
  const sha256 = /^ {4}sha256: ([0-9a-f]{64})$/m.exec(unpinned.stdout)?.[1] ?? assert.fail(unpinned.stdout);
  assert.match(unpinned.stdout, /^ {4}version: '2\.1\.197'$/m);
  const pinned = await say(t, `, version: '2.1.197', sha256: ${sha256}`, 'agents', 'check', '--json');
  assert.equal(pinned.exit, 0);
  const { ok, agents } = JSON.parse(pinned.stdout) as { ok: boolean; agents: readonly { name: string; standing: string }[] };
  assert.deepEqual([ok, agents.map(({ name, standing }) => `${name} ${standing}`)], [true, ['claude pinned', 'sdk any_program']]);
  const other = await say(t, `, version: '2.1.196', sha256: ${sha256}`, 'agents', 'check');
  assert.equal(other.exit, 1);
  assert.match(other.stdout, /changed/);
  assert.doesNotMatch(other.stdout, /sha256: [0-9a-f]{64}/);
});

test('agents list ends with 3 where no envelope answers, 2 where none ever can, and 1 where one refuses', async (t) => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'sw-')));
  const socket = join(folder, 'c.sock');
  const offer = { local_development: true, audience: 'a', admin_audience: 'b', reprove_minutes: 15, issuers: [] };
  const server = createServer((sent, answer) => {
    if (sent.url === '/identity') answer.end(JSON.stringify(offer));
    else answer.writeHead(403).end(JSON.stringify({ error: { code: 'not_permitted', message: 'No.' } }));
  });
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  chmodSync(socket, 0o600);
  t.after(() => {
    server.closeAllConnections();
    server.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const exits: number[] = [];
  for (const argv of [[], ['/nonexistent/c.sock'], ['http://127.0.0.1:1'], ['/etc/passwd'], [socket]]) {
    const io = createTestIo({ environment: { HOME: folder, XDG_RUNTIME_DIR: join(folder, 'run') } });
    const rows = [{ name: 'agents list', load: async () => agentsList }];
    exits.push(await runCli(rows, ['agents', 'list', ...argv.flatMap((control) => ['--control', control])], io));
    assert.doesNotMatch(io.written().stderr, /this is a bug/);
  }
  assert.deepEqual(exits, [3, 3, 2, 2, 1]);
});
