// The network door of a whole envelope, over real sockets: who is let through to where, what ends a tunnel, and what the records say.
// Names resolve as the test says, to loopback only; the whole envelope runs in this process.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import type { TestContext } from 'node:test';
import { test } from 'node:test';
import { extensionOf, helloOf, serverNames } from '../client-hello.ts';
import { freePort, tcp } from '../loopback.ts';
import { startProxy } from '../loopback-proxy.ts';
import { authority, connections, open, resolving, rule, site } from './network-world.ts';
import { closed, connectRequest, createProxyClient, secure, textOf } from './proxy-client.ts';
import { type LedgerRecord, type Running, startRunning } from './running.ts';

test('G-NET-1: a permitted tunnel carries TLS end to end, and is one decision before and one outcome after', async (t) => {
  const upstream = await site(t, (socket) => socket.once('data', () => socket.end('hello back')));
  const { running, run, client } = await open(t, `[${rule(upstream.port)}]`);
  const socket = await client.tunnel(`SITE.test.:${upstream.port}`, run.credential);
  const inside = await secure(socket, 'site.test', authority.cert);
  inside.write('hello');
  assert.equal(await textOf(inside), 'hello back');
  inside.end();
  await closed(socket);
  await upstream.empty();
  const [decision, outcome, ...others] = connections((await running.stop()).agent);
  assert.deepEqual(others, []);
  const destination = { name: 'site.test', port: upstream.port };
  assert.partialDeepStrictEqual(decision, { kind: 'decision', destination: { ...destination, address: null }, agent_role: 'demo' });
  assert.partialDeepStrictEqual(decision, { decision: { verdict: 'permit', policies: [`role/demo/host/site.test:${upstream.port}`] } });
  assert.partialDeepStrictEqual(outcome, {
    kind: 'outcome',
    success: true,
    error_message: null,
    decision_log_id: decision?.['log_id'],
    destination: { ...destination, address: `127.0.0.1:${upstream.port}` },
  });
  assert.ok(Number(outcome?.['bytes_sent']) > 100 && Number(outcome?.['bytes_received']) > 100 && Number(outcome?.['duration_ms']) >= 0);
  assert.ok(!JSON.stringify([decision, outcome]).includes('hello'), 'no byte of the content is recorded');
});

test('G-NET-1: much of it arrives as it was sent, both ways, also where its reader is slow', async (t) => {
  const sent = randomBytes(6_000_000);
  const upstream = await tcp(t, (socket) => socket.pipe(socket));
  const { running, run, client } = await open(t, `[${rule(upstream.port, ', tls: false')}]`);
  const socket = await client.tunnel(`site.test:${upstream.port}`, run.credential);
  socket.end(sent);
  const chunks: Buffer[] = [];
  for await (const chunk of socket) {
    chunks.push(chunk as Buffer);
    if (chunks.length % 16 === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  }
  assert.ok(Buffer.concat(chunks).equals(sent));
  await running.stop();
});

test('G-NET-1: what no rule permits is denied in words before its name is resolved, and nobody without a credential is told anything', async (t) => {
  const { running, run, client } = await open(t, '[]', {});
  const denied = await client.asked(connectRequest('other.test:443', run.credential));
  assert.equal(denied.status, 403);
  assert.match(denied.headers, /x-sealwright-denial: host_not_permitted\r\n/);
  assert.match(denied.headers, /x-sealwright-record: [0-9a-f-]{36}/);
  assert.match(denied.body, /^The role demo may not connect to other\.test, port 443\. Record /);
  for (const [request, sentence] of [
    [connectRequest('other.test:443'), /No credential came/],
    [connectRequest('other.test:443', `sw_${'x'.repeat(43)}`), /belongs to no invocation/],
    [connectRequest('other.test:443', 'nonsense'), /does not have the form/],
    ['CONNECT other.test:443 HTTP/1.1\r\nhost: x\r\nproxy-authorization: Bearer x\r\n\r\n', /does not have the form/],
    ['GET http://other.test/ HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n', /No credential came/],
  ] as const) {
    const { status, headers, body } = await client.asked(request);
    assert.equal(status, 407, request);
    assert.match(headers, /proxy-authenticate: Basic/);
    assert.match(body, sentence);
  }
  const { agent, control } = await running.stop();
  const [decision, ...others] = connections(agent);
  assert.deepEqual(others, []);
  assert.partialDeepStrictEqual(decision, { denial: 'host_not_permitted', destination: { name: 'other.test', port: 443, address: null } });
  const strangers = control.filter(({ kind }) => kind === 'finding');
  assert.partialDeepStrictEqual(strangers, [{ finding: { code: 'unidentified_attempts', count: 5 } }]);
});

test('G-NET-2: a target that two readers could take for two hosts is refused and recorded without it', async (t) => {
  const { running, run, client } = await open(t, '["*.allowed.test"]', {});
  const targets = [
    'evil.test%00.allowed.test:443',
    'evil.test@www.allowed.test:443',
    'www.allowed.test',
    'www.allowed.test:0',
    '[::1%lo]:443',
    '0x7f.1:443',
  ];
  for (const target of targets) {
    const { status, headers } = await client.asked(connectRequest(target, run.credential));
    assert.equal(status, 400, target);
    assert.match(headers, /x-sealwright-denial: malformed/);
  }
  // What the parser of HTTP refuses by itself never becomes a crossing.
  assert.equal((await client.asked(connectRequest('evil.test\0.allowed.test:443', run.credential))).status, 400);
  const records = connections((await running.stop()).agent);
  assert.equal(records.length, targets.length);
  for (const record of records) assert.partialDeepStrictEqual(record, { denial: 'malformed', destination: { name: null, port: null } });
});

test('G-NET-3: a name that leads inside, or partly inside, is refused after it was permitted, and nothing is dialled', async (t) => {
  const upstream = await tcp(t, () => undefined);
  const names = { 'inside.test': ['127.0.0.1'], 'mixed.test': ['192.0.2.9', '8.8.8.8'], 'meta.test': ['169.254.169.254'] };
  const hosts = `[${['inside', 'mixed', 'meta', 'unknown'].map((name) => `'${name}.test:${upstream.port}'`).join(', ')}]`;
  const { running, run, client } = await open(t, hosts, names);
  for (const name of Object.keys(names)) {
    const { status, headers, body } = await client.asked(connectRequest(`${name}:${upstream.port}`, run.credential));
    assert.equal(status, 403, name);
    assert.match(headers, /x-sealwright-denial: not_permitted/);
    assert.match(body, /the name of the destination resolves to an address that is refused/);
  }
  const { status, headers } = await client.asked(connectRequest(`unknown.test:${upstream.port}`, run.credential));
  assert.equal(status, 502);
  assert.doesNotMatch(headers, /x-sealwright-denial/);
  assert.equal(upstream.connections(), 0);
  const outcomes = connections((await running.stop()).agent).filter(({ kind }) => kind === 'outcome');
  assert.equal(outcomes.length, 4);
  for (const outcome of outcomes)
    assert.partialDeepStrictEqual(outcome, { success: false, bytes_sent: outcome['bytes_sent'], bytes_received: 0 });
});

test('G-NET-3: no rule leads to where the envelope itself listens', async (t) => {
  const port = await freePort(t);
  const running = await startRunning('http://127.0.0.1:9', (text) =>
    text
      .replace('network: 0', `network: ${port}`)
      .replace('demo: { allowed_models', `demo: { allowed_hosts: [{ host: 127.0.0.1, ports: [${port}] }], allowed_models`),
  );
  t.after(() => running.remove());
  const { credential } = await running.open();
  const { status, body } = await createProxyClient(t, running.envelope.doors.network).asked(
    connectRequest(`127.0.0.1:${port}`, credential),
  );
  assert.equal(status, 403);
  assert.match(body, /where this envelope listens/);
  await running.stop();
});

test('G-NET-3, G-NET-4: an address that a rule names is reached though it is not public, by a TLS that asks for no name, and by no other', async (t) => {
  const upstream = await tcp(t, (socket) => void socket.once('data', () => socket.end('hello back')).on('error', () => undefined));
  const target = `127.0.0.1:${upstream.port}`;
  const { running, run, client } = await open(t, `['${target}']`);
  const nameless = await client.tunnel(target, run.credential);
  nameless.write(helloOf());
  assert.equal(await textOf(nameless), 'hello back');
  nameless.end();
  const named = await client.tunnel(target, run.credential);
  named.write(helloOf(serverNames('site.test')));
  assert.equal(await textOf(named), '\x15\x03\x01\x00\x02\x02\x31');
  named.end();
  await upstream.empty();
  const outcomes = connections((await running.stop()).agent).filter(({ kind }) => kind === 'outcome');
  assert.deepEqual(
    outcomes.map(({ success }) => success),
    [true, false],
  );
  assert.match(String(outcomes[1]?.['error_message']), /asks for a name, and the tunnel leads to an address/);
});

for (const [what, bytes, sentence] of [
  ['another name', helloOf(serverNames('evil.test')), /asks for another host/],
  ['no name', helloOf(), /asks for no name/],
  ['two names', helloOf(serverNames('site.test', 'evil.test')), /more than one name/],
  ['a hidden name', helloOf(serverNames('site.test'), extensionOf(0xfe0d, Buffer.alloc(4))), /hides the name/],
  ['a plain protocol', Buffer.from('SSH-2.0-client\r\n'), /not TLS/],
  ['too long a hello', helloOf(serverNames('site.test'), extensionOf(21, Buffer.alloc(16_300))).subarray(0, 16_384), /longer than/],
] as const)
  test(`G-NET-4: a tunnel in which ${what} comes first ends before the destination hears anything`, async (t) => {
    let heard = 0;
    const upstream = await tcp(t, (socket) => void socket.on('data', (chunk: Buffer) => (heard += chunk.length)));
    const { running, run, client } = await open(t, `[${rule(upstream.port)}]`);
    const socket = await client.tunnel(`site.test:${upstream.port}`, run.credential);
    socket.write(bytes);
    assert.equal(await textOf(socket), '\x15\x03\x01\x00\x02\x02\x31', 'an alert that TLS clients understand');
    socket.end();
    await upstream.empty();
    assert.equal(heard, 0);
    const [, outcome] = connections((await running.stop()).agent);
    assert.partialDeepStrictEqual(outcome, { success: false, bytes_sent: 0, bytes_received: 0 });
    assert.match(String(outcome?.['error_message']), sentence);
  });

test('where the rule says so a tunnel carries any bytes, and each direction ends by itself', async (t) => {
  let heard = '';
  const upstream = await tcp(t, (socket) => {
    socket.on('data', (chunk: Buffer) => (heard += chunk.toString()));
    socket.end('first word');
  });
  const { running, run, client } = await open(t, `[${rule(upstream.port, ', tls: false')}]`);
  const socket = await client.tunnel(`site.test:${upstream.port}`, run.credential);
  assert.match(await textOf(socket), /first word$/);
  socket.end('last word');
  await upstream.empty();
  assert.equal(heard, 'last word');
  const [, outcome] = connections((await running.stop()).agent);
  assert.partialDeepStrictEqual(outcome, { success: true, bytes_sent: 9, bytes_received: 10 });
});

/** A tunnel that is open and idle, and what its record will say. */
const idleTunnel = async (t: TestContext, role = 'demo', more = '') => {
  const upstream = await tcp(t, (socket) => void socket.resume());
  const world = await open(t, `[${rule(upstream.port, ', tls: false')}]`, undefined, more);
  const { credential } = role === 'demo' ? world.run : await world.running.open('sdk', role);
  return { ...world, upstream, socket: await world.client.tunnel(`site.test:${upstream.port}`, credential) };
};

const endedBy = async (running: Running): Promise<LedgerRecord | undefined> =>
  connections((await running.stop()).agent).find(({ kind }) => kind === 'outcome');

test('G-NET-6: a stop cuts a tunnel at once, and its outcome says so', async (t) => {
  const { running, run, upstream, socket } = await idleTunnel(t);
  await running.control('POST', '/stops', { scope: { kind: 'invocation', name: run.invocation_id }, reason: 'enough' });
  await closed(socket);
  await upstream.empty();
  assert.partialDeepStrictEqual(await endedBy(running), { success: false });
});

test('G-NET-6: a tunnel ends with its invocation, and no other is opened', async (t) => {
  const { running, run, upstream, socket, client } = await idleTunnel(t);
  await running.closeRun(run);
  await closed(socket);
  await upstream.empty();
  assert.equal((await client.asked(connectRequest(`site.test:${upstream.port}`, run.credential))).status, 407);
  assert.match(String((await endedBy(running))?.['error_message']), /ended/);
});

test('G-NET-6: the time that a role may take ends a tunnel', async (t) => {
  const upstream = await tcp(t, (socket) => void socket.resume());
  const { running, client } = await open(t, '[]');
  await running.stop();
  const hurried = await startRunning(
    'http://127.0.0.1:9',
    (text) =>
      text.replace('hurried: { allowed_models', `hurried: { allowed_hosts: [${rule(upstream.port, ', tls: false')}], allowed_models`),
    undefined,
    null,
    resolving({ 'site.test': ['127.0.0.1'] }),
  );
  t.after(() => hurried.remove());
  const { credential } = await hurried.open('sdk', 'hurried');
  const socket = await createProxyClient(t, hurried.envelope.doors.network).tunnel(`site.test:${upstream.port}`, credential);
  await closed(socket);
  assert.match(String((await endedBy(hurried))?.['error_message']), /seconds that the role may take have passed/);
  assert.ok(client);
});

test('G-NET-6: an envelope that is shut down ends its tunnels with their outcomes', async (t) => {
  const { running, upstream, socket } = await idleTunnel(t);
  const ended = endedBy(running);
  socket.end();
  await upstream.empty();
  assert.partialDeepStrictEqual(await ended, { kind: 'outcome' });
});

test('a name under a wildcard that could carry something out is a finding', async (t) => {
  const { running, run, client } = await open(t, `['*.site.test']`, {});
  const name = `mzxw6ytboi4dcmrtgq2tmnzy.site.test`;
  assert.equal((await client.asked(connectRequest(`${name}:443`, run.credential))).status, 502);
  const { agent } = await running.stop();
  const finding = agent.find(({ kind }) => kind === 'finding');
  assert.partialDeepStrictEqual(finding, { finding: { code: 'telling_host_name' }, invocation_id: run.invocation_id });
  assert.ok(!JSON.stringify(finding?.['finding']).includes('mzxw6'));
});

test('G-NET-7: an air-gapped envelope starts only where all that its config names is inside, and dials nothing outside', async (t) => {
  const airgapped = (ranges: string) => (text: string) =>
    `${text.replace('demo: { allowed_models', 'demo: { allowed_hosts: [{ host: out.test, addresses: [192.0.2.0/24] }], allowed_models')}network: { mode: airgapped, private_ranges: ${ranges} }\n`;
  const names = resolving({ 'model.test': ['127.0.0.1', '192.0.2.1'], 'out.test': ['192.0.2.1'] });
  const starting = (url: string, ranges: string) => startRunning(url, airgapped(ranges), undefined, null, names);
  await assert.rejects(starting('http://model.test:9', '[127.0.0.0/8]'), /endpoints\.scripted\.base_url` is refused: it lies outside/);
  await assert.rejects(starting('http://absent.test:9', '[127.0.0.0/8]'), /no address that could be looked up/);
  await assert.rejects(starting('http://127.0.0.1:9', '[10.0.0.0/8]'), /lies outside `network\.private_ranges`/);
  const running = await starting('http://127.0.0.1:9', '[127.0.0.0/8]');
  t.after(() => running.remove());
  const { credential } = await running.open();
  const { status, body } = await createProxyClient(t, running.envelope.doors.network).asked(connectRequest('out.test:443', credential));
  assert.equal(status, 403);
  assert.match(body, /outside the private ranges/);
  await running.stop();
});

test('G-NET-3: behind a corporate proxy a tunnel carries bytes both ways, and the record has the address that was judged', async (t) => {
  const upstream = await site(t, (socket) => socket.once('data', () => socket.end('hello back')));
  const proxy = await startProxy(t);
  const names = { 'site.test': ['127.0.0.1'], 'proxy.test': ['127.0.0.1'] };
  const via = `network: { via: { proxy: { url: "${proxy.url.origin}", credential: { env: SCRIPTED_SECRET } } } }\n`;
  const { running, run, client } = await open(t, `[${rule(upstream.port)}]`, names, via);
  // The secret of this world is no USER:PASSWORD, so that nothing goes through.
  const { status, body } = await client.asked(connectRequest(`site.test:${upstream.port}`, run.credential));
  assert.deepEqual([status, /credential of the proxy could not be fetched/.test(body)], [502, true]);
  assert.equal(proxy.asked.length, 0);
  await running.stop();
  const through = await open(t, `[${rule(upstream.port)}]`, names, via.replace(', credential: { env: SCRIPTED_SECRET }', ''));
  const socket = await through.client.tunnel(`site.test:${upstream.port}`, through.run.credential);
  const inside = await secure(socket, 'site.test', authority.cert);
  inside.write('hello');
  assert.equal(await textOf(inside), 'hello back');
  inside.end();
  await upstream.empty();
  assert.equal(proxy.asked[0]?.split('\r\n')[0], `CONNECT 127.0.0.1:${upstream.port} HTTP/1.1`);
  const [, outcome] = connections((await through.running.stop()).agent);
  assert.partialDeepStrictEqual(outcome, { destination: { name: 'site.test', address: `127.0.0.1:${upstream.port}` } });
});
