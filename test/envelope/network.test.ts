// The network door of a whole envelope, over real sockets: who is let through to where, what ends a tunnel, and what the records say.
// Names resolve as the test says, to loopback only; the whole envelope runs in this process.

import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { test } from 'node:test';
import { createServer as createTlsServer } from 'node:tls';
import type { Resolve } from '../../src/dial/connect.ts';
import { createAuthority } from '../certificate.ts';
import { extensionOf, helloOf, serverNames } from '../client-hello.ts';
import { freePort, http, listening, tcp, type Upstream } from '../loopback.ts';
import { basic, closed, connectRequest, createProxyClient, type ProxyClient, secure, textOf } from './proxy-client.ts';
import { type LedgerRecord, type OpenedRun, type Running, startRunning } from './running.ts';

const authority = createAuthority('Test Sites');

interface World {
  readonly running: Running;
  readonly run: OpenedRun;
  readonly client: ProxyClient;
}

/** Where each name leads; a name that is not here does not resolve. */
type Names = Readonly<Record<string, readonly string[]>>;

const resolving =
  (names: Names): Resolve =>
  async (name) => {
    const addresses = names[name];
    if (addresses === undefined) throw new Error('ENOTFOUND');
    return addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
  };

const open = async (t: TestContext, hosts: string, names: Names = { 'site.test': ['127.0.0.1'] }, more = ''): Promise<World> => {
  const running = await startRunning(
    'http://127.0.0.1:9',
    (text) => `${text.replace('demo: { allowed_models', `demo: { allowed_hosts: ${hosts}, allowed_models`)}${more}`,
    undefined,
    null,
    resolving(names),
  );
  t.after(() => running.remove());
  const run = await running.open();
  return { running, run, client: createProxyClient(t, running.envelope.doors.network) };
};

/** A rule for a port of this test, whose addresses are this machine's. */
const rule = (port: number, more = ''): string => `{ host: site.test, ports: [${port}], addresses: [127.0.0.0/8]${more} }`;

const site = (t: TestContext, serve: (socket: Socket) => void): Promise<Upstream> =>
  listening(
    t,
    createTlsServer({ ...authority.issue(['site.test'], []), allowHalfOpen: true }, (socket) => {
      socket.on('error', () => undefined);
      serve(socket);
    }),
  );

const connections = (records: readonly LedgerRecord[]): readonly LedgerRecord[] =>
  records.filter(({ action_type: action }) => action === 'network_connection');

const decisionOf = ({ decision }: LedgerRecord): { readonly verdict: string; readonly reason: string; readonly mode: string } =>
  decision as { verdict: string; reason: string; mode: string };

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

test('G-NET-5: a plain request is written anew: its Host is the target, hop fields and the credential stay behind, the answer ends after its outcome', async (t) => {
  const seen: unknown[] = [];
  const upstream = await http(t, (message, response) => {
    const chunks: Buffer[] = [];
    message.on('data', (chunk: Buffer) => chunks.push(chunk));
    message.on('end', () => {
      seen.push([message.method, message.url, { ...message.headersDistinct }, Buffer.concat(chunks).toString()]);
      response.writeHead(302, {
        location: 'http://evil.test/',
        'set-cookie': ['a=1; x', 'b=2'],
        connection: 'x-hop',
        'x-hop': '1',
        'x-kept': '2',
        'x-sealwright-denial': 'stopped',
      });
      response.end('moved');
    });
  });
  const { running, run, client } = await open(t, `[${rule(upstream.port)}]`);
  const url = `http://Site.TEST:${upstream.port}/a?b=%20c`;
  const fields = [
    `host: evil.test`,
    `proxy-authorization: ${basic(run.credential)}`,
    'connection: close, x-mine',
    'x-mine: 1',
    `x-token: ${run.credential}`,
    'te: trailers',
    'x-own: 2',
  ];
  const { status, headers, body } = await client.asked(`POST ${url} HTTP/1.1\r\n${fields.join('\r\n')}\r\ncontent-length: 4\r\n\r\nbody`);
  assert.equal(status, 302);
  assert.match(headers, /set-cookie: a=1; x\r\nset-cookie: b=2/);
  assert.match(headers, /x-kept: 2/);
  assert.doesNotMatch(headers, /x-hop|x-sealwright/);
  assert.match(body, /^5\r\nmoved\r\n0\r\n\r\n$/);
  assert.deepEqual(seen, [
    [
      'POST',
      '/a?b=%20c',
      { host: [`site.test:${upstream.port}`], 'x-own': ['2'], 'content-length': ['4'], connection: ['keep-alive'] },
      'body',
    ],
  ]);
  const [, outcome] = connections((await running.stop()).agent);
  assert.partialDeepStrictEqual(outcome, { success: true, upstream_status: 302, bytes_sent: 4, bytes_received: 5 });
});

test('G-NET-5: what could be read as two requests, another scheme and a method that is not carried reach no destination', async (t) => {
  const upstream = await http(t, (_message, response) => void response.end());
  const { running, run, client } = await open(t, `[${rule(upstream.port)}]`);
  const authorised = `proxy-authorization: ${basic(run.credential)}\r\nconnection: close\r\nhost: x\r\n`;
  const at = `http://site.test:${upstream.port}`;
  for (const [request, status] of [
    [`POST ${at}/ HTTP/1.1\r\n${authorised}content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`, 400],
    [`POST ${at}/ HTTP/1.1\r\n${authorised}content-length: 4\r\ncontent-length: 5\r\n\r\nabcd`, 400],
    [`POST ${at}/ HTTP/1.1\r\n${authorised}transfer-encoding: xchunked\r\n\r\nabcd`, 400],
    [`GET https://site.test:${upstream.port}/ HTTP/1.1\r\n${authorised}\r\n`, 400],
    [`GET http://user@site.test:${upstream.port}/ HTTP/1.1\r\n${authorised}\r\n`, 400],
    [`TRACE ${at}/ HTTP/1.1\r\n${authorised}\r\n`, 400],
    [`GET /path HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n`, 400],
    [`GET ${at}/ HTTP/1.1\r\n${authorised}x-long: ${'x'.repeat(40_000)}\r\n\r\n`, 413],
  ] as const)
    // Where the answer has begun when the parser finds out, the connection is broken instead.
    assert.ok([status, 0].includes((await client.asked(request)).status), request.slice(0, 60));
  assert.equal(upstream.connections(), 0);
  await running.stop();
});

test('G-DECIDE-3: under observe a connection that no rule permits goes on, and its record says what would have happened', async (t) => {
  const upstream = await http(t, (_message, response) => void response.end('observed'));
  const names = { 'site.test': ['127.0.0.1'] };
  const { running, run, client } = await open(t, `[{ host: other.test, addresses: [127.0.0.1] }]`, names, 'policies: { mode: observe }\n');
  const { status } = await client.asked(
    `GET http://site.test:${upstream.port}/ HTTP/1.1\r\nhost: x\r\nconnection: close\r\nproxy-authorization: ${basic(run.credential)}\r\n\r\n`,
  );
  assert.equal(status, 403, 'observing is for rules: an address that is refused stays refused');
  const [decision, outcome] = connections((await running.stop()).agent);
  assert.ok(decision !== undefined);
  assert.deepEqual([decisionOf(decision).verdict, decisionOf(decision).mode], ['deny', 'observe']);
  assert.match(decisionOf(decision).reason, /No policy permits the role demo to connect to site\.test/);
  assert.partialDeepStrictEqual(outcome, { success: false });
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
  await assert.rejects(starting('http://127.0.0.1:9', '[10.0.0.0/8]'), /is refused: it lies outside/);
  const running = await starting('http://127.0.0.1:9', '[127.0.0.0/8]');
  t.after(() => running.remove());
  const { credential } = await running.open();
  const { status, body } = await createProxyClient(t, running.envelope.doors.network).asked(connectRequest('out.test:443', credential));
  assert.equal(status, 403);
  assert.match(body, /outside the private ranges/);
  await running.stop();
});

test('G-NET-5: no two plain requests share a connection, which one of them could have signed in', async (t) => {
  const upstream = await http(t, (_message, response) => void response.end('x'));
  const { running, run, client } = await open(t, `[${rule(upstream.port)}]`);
  const request = `GET http://site.test:${upstream.port}/ HTTP/1.1\r\nhost: x\r\nconnection: close\r\nproxy-authorization: ${basic(run.credential)}\r\n\r\n`;
  for (let count = 1; count <= 2; count += 1) {
    assert.equal((await client.asked(request)).status, 200);
    assert.equal(upstream.connections(), count);
  }
  await running.stop();
});
