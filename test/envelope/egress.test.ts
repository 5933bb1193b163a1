// What may be contacted, as commands tell it: from a config alone, and from what agents asked for and did not get.
// The ledger is that of a whole envelope that ran in this process.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { runCli } from '../../src/cli/cli.ts';
import { egressList } from '../../src/cli/egress-list.ts';
import { egressRender } from '../../src/cli/egress-render.ts';
import { createEgressSuggest } from '../../src/cli/egress-suggest.ts';
import { loadRuleBooks, processIo } from '../../src/main.ts';
import { createTestIo } from '../command-io.ts';
import { basic, connectRequest, createProxyClient } from './proxy-client.ts';
import { type Running, startRunning } from './running.ts';

const folder = mkdtempSync(join(tmpdir(), 'egress-'));
after(() => rmSync(folder, { recursive: true }));

const config = join(folder, 'sealwright.yaml');
writeFileSync(
  config,
  `environment: development
data_dir: ./data
identity: { issuers: { corporate: { url: 'https://login.example.com' } } }
agents: { sdk: { client: sdk, roles: [demo] } }
agent_roles:
  demo:
    allowed_models: [pin-1]
    allowed_hosts:
      - 'api.example.com'
      - { host: '*.packages.example.com', ports: [443, 8443], why: installing packages }
      - { host: '[2001:db8::1]', ports: [22], tls: false }
endpoints:
  claude:
    formats: [anthropic-messages]
    topology: vendor
    provider: anthropic
    region: us
    base_url: https://api.example.net/v1
    via: { proxy: { url: 'http://proxy.example:3128' } }
    models: [{ pin: pin-1 }]
`,
  { mode: 0o600 },
);

const commands = [egressList, egressRender, createEgressSuggest(loadRuleBooks)].map((command) => ({
  name: command.name,
  load: async () => command,
}));

const sealwright = async (...argv: readonly string[]) => {
  const io = createTestIo({ clock: processIo().clock, cwd: folder });
  const exit = await runCli(commands, argv, io);
  return { exit, ...io.written() };
};

interface Contact {
  readonly [name: string]: string | number;
}

test('G-EGRESS-1: each address is listed with who, why, when, which data, and what takes it away', async () => {
  const { exit, stdout } = await sealwright('egress', 'list', '--config', config, '--json');
  assert.equal(exit, 0);
  const { contacts } = JSON.parse(stdout) as { contacts: readonly Contact[] };
  assert.deepEqual(
    contacts.map(({ who, host, port, turn_off: off }) => [who, host, port, off]),
    [
      ['the envelope', 'api.example.net', 443, 'take out `endpoints.claude`'],
      ['the envelope', 'proxy.example', 3128, 'take out `endpoints.claude.via`'],
      ['the envelope', 'login.example.com', 443, 'take out `identity.issuers.corporate`'],
      ['the role demo', 'api.example.com', 443, 'take `api.example.com:443` out of `agent_roles.demo.allowed_hosts`'],
      ['the role demo', '*.packages.example.com', 443, 'take `*.packages.example.com:443,8443` out of `agent_roles.demo.allowed_hosts`'],
      ['the role demo', '*.packages.example.com', 8443, 'take `*.packages.example.com:443,8443` out of `agent_roles.demo.allowed_hosts`'],
      ['the role demo', '2001:db8::1', 22, 'take `[2001:db8::1]:22` out of `agent_roles.demo.allowed_hosts`'],
    ],
  );
  for (const contact of contacts) for (const word of ['why', 'when', 'data']) assert.match(String(contact[word]), /\w+ \w+/);
  const text = await sealwright('egress', 'list', '--config', config);
  assert.match(text.stdout, /^\*\.packages\.example\.com:8443\n {2}who {3}the role demo\n {2}why {3}installing packages\n/m);
});

test('the same is written as rules for squid, the same each time, and as data', async () => {
  const { exit, stdout } = await sealwright('egress', 'render', '--config', config);
  assert.equal(exit, 0);
  assert.match(stdout, /acl (\w+) dstdomain api\.example\.com\nacl \1_port port 443\nhttp_access allow \1 \1_port\n/);
  assert.match(
    stdout,
    /acl (\w+) dstdomain \.packages\.example\.com\nacl \1_itself dstdomain packages\.example\.com\nacl \1_port port 443\nhttp_access allow \1 !\1_itself \1_port\n/,
  );
  assert.match(stdout, /acl \w+ dst 2001:db8::1\n/);
  assert.match(stdout, /http_access deny all\n$/);
  const { places } = JSON.parse((await sealwright('egress', 'render', '--as', 'json', '--config', config)).stdout) as { places: unknown[] };
  assert.equal(places.length, 7);
  assert.equal((await sealwright('egress', 'render', '--as', 'iptables', '--config', config)).exit, 2);
});

test('what agents asked for and no rule permits is proposed, with how often, by whom and a record', async (t) => {
  const running = await startRunning('http://127.0.0.1:9');
  t.after(() => running.remove());
  const { credential } = await running.open();
  const client = createProxyClient(t, running.envelope.doors.network);
  for (const target of ['b.test:443', 'a.test:8443', 'b.test:443']) await client.asked(connectRequest(target, credential));
  await client.asked(
    `GET http://[2001:db8::1]/ HTTP/1.1\r\nhost: x\r\nconnection: close\r\nproxy-authorization: ${basic(credential)}\r\n\r\n`,
  );
  await client.asked(connectRequest('127.1:443', credential));
  await running.stop();
  const { exit, stdout } = await sealwright('egress', 'suggest', '--since', '1h', '--data', running.dataDir);
  assert.equal(exit, 0);
  const lines = stdout.split('\n');
  assert.deepEqual(
    lines.filter((line) => !line.includes('#')),
    ['agent_roles:', '  demo:', '    allowed_hosts:', "      - '[2001:db8::1]:80'", "      - 'a.test:8443'", "      - 'b.test:443'", ''],
  );
  assert.match(lines.at(-3) ?? '', /# denied 2x, last 20\S+ by sdk \(record [0-9a-f-]{36}\)$/);
  const { suggestions } = JSON.parse((await sealwright('egress', 'suggest', '--data', running.dataDir, '--json')).stdout) as {
    suggestions: readonly object[];
  };
  assert.partialDeepStrictEqual(suggestions[2], { role: 'demo', entry: 'b.test:443', denied: 2, observed: 0, agents: ['sdk'] });
});

test('what the rules permit that were last in force is not proposed any more, and where they are not kept that is said', async (t) => {
  const first = await startRunning('http://127.0.0.1:9');
  t.after(() => first.remove());
  const asking = async (running: Running, ...targets: readonly string[]): Promise<void> => {
    const { credential } = await running.open();
    const client = createProxyClient(t, running.envelope.doors.network);
    for (const target of targets) assert.equal((await client.asked(connectRequest(target, credential))).status, 403, target);
    await running.stop();
  };
  const entriesIn = async (...place: readonly string[]) => {
    const { stdout, stderr } = await sealwright('egress', 'suggest', '--json', ...place);
    const { suggestions } = JSON.parse(stdout) as { suggestions: readonly { entry: string; denied: number }[] };
    return { suggested: suggestions.map(({ entry, denied }) => [entry, denied]), stderr };
  };
  await asking(first, '10.0.0.1:443', 'a.test:80', 'a.test:443', 'x.packages.test:443');
  assert.equal((await entriesIn('--data', first.dataDir)).suggested.length, 4);
  const allowing = (text: string): string =>
    text.replace('demo: { allowed_models', `demo: { allowed_hosts: ['10.0.0.1:443', 'a.test:80', '*.packages.test'], allowed_models`);
  await asking(await startRunning('http://127.0.0.1:9', allowing, dirname(first.dataDir)), 'a.test:443');
  assert.deepEqual(await entriesIn('--data', first.dataDir), { suggested: [['a.test:443', 2]], stderr: '' });
  const unknown = await entriesIn('--data', first.dataDir, '--releases', join(folder, 'none'));
  assert.equal(unknown.suggested.length, 4);
  assert.match(unknown.stderr, /^What rules permit by now is not left out: no release is marked/);
});

test('what went on only because rules are observed is proposed with why it failed, and without any there is nothing to propose', async (t) => {
  const running = await startRunning(
    'http://127.0.0.1:9',
    (text) => `${text}policies: { mode: observe }\n`,
    undefined,
    null,
    async () => [{ address: '10.0.0.1', family: 4 }],
  );
  t.after(() => running.remove());
  const { credential } = await running.open();
  await createProxyClient(t, running.envelope.doors.network).asked(connectRequest('inside.test:443', credential));
  await running.stop();
  const { stdout } = await sealwright('egress', 'suggest', '--data', running.dataDir);
  assert.match(
    stdout,
    /# only observed 1x, .*; it failed: Not permitted: the name of the destination resolves to an address that is refused: it is private\./,
  );
  const empty = await startRunning('http://127.0.0.1:9');
  t.after(() => empty.remove());
  await empty.stop();
  const nothing = await sealwright('egress', 'suggest', '--data', empty.dataDir);
  assert.deepEqual([nothing.exit, nothing.stdout.startsWith('Nothing was asked for')], [1, true]);
});
