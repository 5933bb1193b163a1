import assert from 'node:assert/strict';
import type { RequestListener } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { TestContext } from 'node:test';
import { test } from 'node:test';
import { createAuthority, createCertificate } from '../../test/certificate.ts';
import type { Upstream } from '../../test/loopback.ts';
import { answered, dialing, failed, firstChunkOf, freePort, home, http, listening, named, tcp, textOf, to } from '../../test/loopback.ts';
import { startProxy } from '../../test/loopback-proxy.ts';
import type { UpstreamAnswer, UpstreamFailure, Via } from '../core/endpoint.ts';
import type { Outbound } from './dial.ts';

const authority = createAuthority('Test Inspection');
const through = (url: URL, change: Partial<Via> = {}, secret: (() => Promise<string | null>) | null = null): Via => ({
  proxy: { url, secret },
  ca: [authority.cert],
  ...change,
});

const https = (t: TestContext, pair: { key: string; cert: string }, answer: RequestListener): Promise<Upstream> =>
  listening(t, createHttpsServer(pair, answer));

/** A vendor at a public name, as the config of an endpoint behind a proxy has it. */
const vendor = (port: number, via: Via, change: Partial<Outbound> = {}): Outbound =>
  to(port, { origin: new URL(`https://model.test:${port}`), topology: 'vendor', via, ...change });

const reasonOf = (outcome: UpstreamAnswer | UpstreamFailure): string =>
  'reason' in outcome ? outcome.reason : assert.fail('it was answered');

test("through a proxy the endpoint's own certificate is asked for and checked, and the proxy's address is the one that is known", async (t) => {
  const upstream = await https(t, authority.issue(['model.test'], []), ({ headers, url }, response) =>
    response.end(`${headers.host} ${url} ${headers['proxy-authorization']}`),
  );
  const proxy = await startProxy(t);
  const resolved: string[] = [];
  const dial = dialing(t, async (name) => {
    resolved.push(name);
    return home(name);
  });
  const outcome = answered(
    await dial.send(
      vendor(
        upstream.port,
        through(proxy.url, {}, async () => 'user:secret'),
      ),
    ),
  );
  assert.equal(await textOf(outcome), `model.test:${upstream.port} /v1/messages undefined`);
  assert.equal(outcome.address, `127.0.0.1:${proxy.port}`);
  assert.deepEqual(proxy.asked, [
    `CONNECT model.test:${upstream.port} HTTP/1.1\r\nhost: model.test:${upstream.port}\r\nproxy-authorization: Basic ${btoa('user:secret')}\r\n\r\n`,
  ]);
  assert.deepEqual(resolved, ['proxy.test'], 'the name of the endpoint is for the proxy to resolve');
});

test('an endpoint that is named by its address shows a certificate for that address', async (t) => {
  const upstream = await https(t, authority.issue([], ['127.0.0.1']), (_message, response) => response.end('by address'));
  const proxy = await startProxy(t);
  const origin = new URL(`https://127.0.0.1:${upstream.port}`);
  assert.equal(await textOf(await dialing(t).send(to(upstream.port, { origin, via: through(proxy.url) }))), 'by address');
});

test('a proxy is reached over TLS where its address says so, and a tunnel is made for an endpoint without TLS too', async (t) => {
  const secure = await https(t, authority.issue(['model.test'], []), (_message, response) => response.end('secure'));
  const plain = await http(t, (_message, response) => response.end('plain'));
  for (const pair of [undefined, authority.issue(['proxy.test'], [])]) {
    const proxy = await startProxy(t, pair === undefined ? {} : { pair });
    const dial = dialing(t);
    assert.equal(await textOf(await dial.send(vendor(secure.port, through(proxy.url)))), 'secure');
    assert.equal(await textOf(await dial.send(to(plain.port, { via: through(proxy.url) }))), 'plain');
    assert.equal(proxy.asked.length, 2);
    assert.doesNotMatch(proxy.asked.join(), /proxy-authorization/);
  }
});

test('a kept tunnel carries the next call, and is closed on both sides when it is let go', async (t) => {
  const upstream = await https(t, authority.issue(['model.test'], []), ({ url }, response) =>
    url === '/endless' ? void response.writeHead(200).write('part') : void response.end('whole'),
  );
  for (const pair of [undefined, authority.issue(['proxy.test'], [])]) {
    const proxy = await startProxy(t, pair === undefined ? {} : { pair });
    const dial = dialing(t, home, { drainedMs: 20 });
    const via = through(proxy.url);
    assert.equal(await textOf(await dial.send(vendor(upstream.port, via))), 'whole');
    assert.equal(await textOf(await dial.send(vendor(upstream.port, via))), 'whole');
    assert.equal(proxy.connections(), 1);
    await firstChunkOf(await dial.send(vendor(upstream.port, via, { path: '/endless' })));
    await Promise.all([proxy.empty(), upstream.empty()]);
  }
});

test('connections are kept apart by what stands between', async (t) => {
  const upstream = await http(t, (_message, response) => response.end());
  const [one, other] = [await startProxy(t), await startProxy(t)];
  const dial = dialing(t);
  for (const via of [through(one.url), through(other.url), undefined, through(one.url)])
    await textOf(await dial.send(to(upstream.port, via === undefined ? {} : { via })));
  assert.deepEqual([one.connections(), other.connections(), upstream.connections()], [2, 1, 4]);
});

const answers: readonly (readonly [string, string, string])[] = [
  ['HTTP/1.1 403 Forbidden by policy\r\n\r\n', 'address_refused', 'The proxy did not connect to the endpoint (status 403).'],
  ['HTTP/1.1 407 Proxy Authentication Required\r\n\r\n', 'credential_unavailable', 'The proxy wants another credential (status 407).'],
  ['HTTP/1.1 502 Bad Gateway\r\n\r\n', 'unreachable', 'The proxy did not connect to the endpoint (status 502).'],
  ['HTTP/1.1 302 Found\r\nlocation: http://login.test/\r\n\r\n', 'unreachable', 'The proxy did not connect to the endpoint (status 302).'],
  ['HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n', 'unreachable', 'The proxy sent more than the answer that it was asked for.'],
  ['HTTP/1.1 204 No Content\r\n\r\n', 'unreachable', 'The proxy did not connect to the endpoint (status 204).'],
  ['HTTP/2 200 OK\r\n\r\n', 'unreachable', 'The proxy did not answer in HTTP.'],
  ['HTTP/1.1 2000 OK\r\n\r\n', 'unreachable', 'The proxy did not answer in HTTP.'],
  ['HTTP/1.1 200\tOK\r\n\r\n', 'unreachable', 'The proxy did not answer in HTTP.'],
  [' HTTP/1.1 200 OK\r\n\r\n', 'unreachable', 'The proxy did not answer in HTTP.'],
  ['220 mail.test ESMTP\r\n\r\n', 'unreachable', 'The proxy did not answer in HTTP.'],
  [
    'HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}',
    'unreachable',
    'The proxy sent more than the answer that it was asked for.',
  ],
  [`HTTP/1.1 200 OK\r\nx: ${'x'.repeat(20_000)}\r\n\r\n`, 'unreachable', 'The answer of the proxy is too long.'],
  ['x'.repeat(20_000), 'unreachable', 'The answer of the proxy is too long.'],
];

test('what a proxy answers other than a plain 200 is a failure that quotes nothing, and the connection ends', async (t) => {
  for (const [said, failure, reason] of answers) {
    const proxy = await startProxy(t, { answer: () => said });
    const outcome = await dialing(t).send(vendor(443, through(proxy.url)));
    assert.deepEqual([...failed(outcome), reasonOf(outcome)], [failure, 1, reason], said.slice(0, 60));
    await proxy.empty();
  }
});

test("a proxy's answer may arrive byte by byte", async (t) => {
  const upstream = await http(t, (_message, response) => response.end('there'));
  const proxy = await tcp(t, (socket) => {
    socket.once('data', () => {
      const bytes = Buffer.from('HTTP/1.1 200 OK\r\na: b\r\n\r\n');
      let at = 0;
      const more = (): void => {
        socket.write(bytes.subarray(at, (at += 1)), () => (at < bytes.length ? setImmediate(more) : undefined));
      };
      socket.setNoDelay(true);
      more();
      socket.on('data', () => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nthere'));
    });
  });
  const url = new URL(`http://127.0.0.1:${proxy.port}`);
  assert.equal(await textOf(await dialing(t).send(to(upstream.port, { via: through(url) }))), 'there');
});

test('a proxy that hangs up, stays silent, or is not there is a failure within the time for connecting', async (t) => {
  const hangsUp = await tcp(t, (socket) => socket.once('data', () => socket.end()));
  const silent = await tcp(t, (socket) => socket.resume());
  const send = (port: number, bounds = {}) => dialing(t, home, bounds).send(vendor(443, through(new URL(`http://127.0.0.1:${port}`))));
  assert.equal(reasonOf(await send(hangsUp.port)), 'The proxy closed the connection before it answered.');
  assert.deepEqual(failed(await send(silent.port, { connectMs: 50 })), ['timed_out', 1]);
  await silent.empty();
  const absent = await send(await freePort(t));
  assert.deepEqual([...failed(absent), reasonOf(absent)], ['unreachable', 2, 'The proxy could not be reached.']);
});

test('an endpoint that never answers behind a tunnel is a failure within the time for connecting, and a cancel ends it at once', async (t) => {
  const silent = await tcp(t, (socket) => socket.resume());
  const proxy = await startProxy(t);
  assert.deepEqual(failed(await dialing(t, home, { connectMs: 80 }).send(vendor(silent.port, through(proxy.url)))), ['timed_out', 1]);
  await Promise.all([silent.empty(), proxy.empty()]);
  const leaving = new AbortController();
  const mute = await tcp(t, (socket) => socket.once('data', () => leaving.abort()));
  const outcome = await dialing(t).send(vendor(443, through(new URL(`http://127.0.0.1:${mute.port}`)), { cancel: leaving.signal }));
  assert.deepEqual(failed(outcome), ['cancelled', 1]);
  await mute.empty();
});

test("without the proxy's credential, or with one of another form, the proxy is asked for nothing", async (t) => {
  const proxy = await startProxy(t);
  for (const secret of [null, 'no-colon']) {
    const outcome = await dialing(t).send(
      vendor(
        443,
        through(proxy.url, {}, async () => secret),
      ),
    );
    assert.deepEqual(failed(outcome), ['credential_unavailable', 1]);
  }
  assert.deepEqual(proxy.asked, []);
});

test("G-WORLD-1: a proxy's addresses are judged, and so is an endpoint that is named by its address", async (t) => {
  const proxy = await startProxy(t);
  for (const address of ['169.254.169.254', 'fd00:ec2::254'])
    assert.deepEqual(failed(await dialing(t, named('127.0.0.1', address)).send(vendor(443, through(proxy.url)))), ['address_refused', 1]);
  const send = (host: string, topology: Outbound['topology']) =>
    dialing(t).send(to(443, { origin: new URL(`https://${host}`), topology, via: through(proxy.url) }));
  for (const [host, topology] of [
    ['169.254.169.254', 'self-hosted'],
    ['[fe80::1]', 'self-hosted'],
    ['10.0.0.1', 'vendor'],
    ['127.0.0.1', 'cloud-partner'],
  ] as const)
    assert.deepEqual(failed(await send(host, topology)), ['address_refused', 1], host);
  assert.equal(proxy.connections(), 0);
});

test('a certificate for another name, or of an authority that is not trusted, is refused on each leg, before anything is sent', async (t) => {
  const sent: unknown[] = [];
  const other = createAuthority('Other');
  const start = (pair: { key: string; cert: string }) => https(t, pair, ({ url }) => void sent.push(url));
  const proxy = await startProxy(t);
  const wrongName = await start(authority.issue(['other.test'], []));
  const wrongAuthority = await start(other.issue(['model.test'], []));
  const expired = await start(authority.issue(['model.test'], [], '210101000000Z'));
  for (const { port } of [wrongName, wrongAuthority, expired]) {
    const outcome = await dialing(t).send(vendor(port, through(proxy.url)));
    assert.equal(reasonOf(outcome), "The upstream's certificate could not be verified.");
  }
  const wrongAddress = await start(authority.issue(['model.test', 'proxy.test'], ['127.0.0.2']));
  const byAddress = to(wrongAddress.port, { origin: new URL(`https://127.0.0.1:${wrongAddress.port}`), via: through(proxy.url) });
  assert.equal(reasonOf(await dialing(t).send(byAddress)), "The upstream's certificate could not be verified.");
  for (const pair of [other.issue(['proxy.test'], []), authority.issue(['other.test'], [])]) {
    const untrusted = await startProxy(t, { pair });
    const outcome = await dialing(t).send(
      vendor(
        443,
        through(untrusted.url, {}, async () => 'user:secret'),
      ),
    );
    assert.equal(reasonOf(outcome), "The proxy's certificate could not be verified.");
    assert.deepEqual(untrusted.asked, []);
  }
  assert.deepEqual(sent, []);
});

test('an extra authority is trusted for the endpoints that name it and for no other, and a certificate may be its own authority', async (t) => {
  const inspected = await https(t, authority.issue(['model.test'], ['127.0.0.1']), (_message, response) => response.end('inspected'));
  const dial = dialing(t);
  const ask = (port: number, ca: readonly string[], host = 'model.test') =>
    dial.send(to(port, { origin: new URL(`https://${host}:${port}`), via: { proxy: null, ca } }));
  assert.equal(await textOf(await ask(inspected.port, [authority.cert])), 'inspected');
  assert.equal(await textOf(await ask(inspected.port, [authority.cert], '127.0.0.1')), 'inspected');
  assert.deepEqual(failed(await ask(inspected.port, [])), ['unreachable', 1]);
  assert.deepEqual(failed(await ask(inspected.port, [createAuthority('Test Inspection').cert])), ['unreachable', 1]);
  const own = createCertificate(['model.test'], []);
  const alone = await https(t, own, (_message, response) => response.end('alone'));
  assert.equal(await textOf(await ask(alone.port, [own.cert])), 'alone');
  const leaf = authority.issue(['model.test'], []);
  const pinned = await https(t, leaf, (_message, response) => response.end('pinned'));
  assert.equal(await textOf(await ask(pinned.port, [leaf.cert])), 'pinned');
});
