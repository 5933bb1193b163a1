import assert from 'node:assert/strict';
import { createServer as createHttpsServer } from 'node:https';
import { test } from 'node:test';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { createCertificate } from '../../test/certificate.ts';
import { answered, dialing, failed, http, listening, tcp, textOf, to } from '../../test/loopback.ts';

test('a redirect is an answer and is not followed', async (t) => {
  let calls = 0;
  const upstream = await http(t, (_message, response) => {
    calls += 1;
    response.writeHead(307, { location: '/elsewhere' }).end();
  });
  const outcome = answered(await dialing(t).send(to(upstream.port)));
  assert.equal(outcome.status, 307);
  await textOf(outcome);
  assert.equal(calls, 1);
});

test('an upstream that changes the protocol, or does not speak HTTP, is a failure', async (t) => {
  const cases = [
    ['HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n', 'reset'],
    ['SSH-2.0-x\r\n', 'unreadable'],
  ] as const;
  for (const [said, failure] of cases) {
    const upstream = await tcp(t, (socket) => socket.once('data', () => socket.write(said)));
    assert.deepEqual(failed(await dialing(t).send(to(upstream.port))), [failure, 1]);
    await upstream.empty();
  }
});

test('a call that cannot be written as HTTP is a failure', async (t) => {
  const upstream = await http(t, () => assert.fail('it was sent'));
  assert.deepEqual(failed(await dialing(t).send(to(upstream.port, { path: '/two words' }))), ['unreachable', 1]);
});

const withEnvironment = async (variables: Readonly<Record<string, string>>, work: () => Promise<void>): Promise<void> => {
  const before = Object.fromEntries(Object.keys(variables).map((name) => [name, process.env[name]]));
  Object.assign(process.env, variables);
  try {
    await work();
  } finally {
    for (const [name, value] of Object.entries(before)) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  }
};

test('proxies that the environment names are not used', async (t) => {
  const upstream = await http(t, (_message, response) => response.end('direct'));
  const proxy = await tcp(t, (socket) => socket.destroy());
  const url = `http://127.0.0.1:${proxy.port}`;
  await withEnvironment({ HTTP_PROXY: url, http_proxy: url, HTTPS_PROXY: url, ALL_PROXY: url, NODE_USE_ENV_PROXY: '1' }, async () => {
    assert.equal(await textOf(await dialing(t).send(to(upstream.port))), 'direct');
  });
  assert.equal(proxy.connections(), 0);
});

test('over TLS the name is asked for and checked; an address is not sent as a name, and is checked as an address', async (t) => {
  const pair = createCertificate(['model.test'], ['127.0.0.1']);
  const askedFor: unknown[] = [];
  const server = createHttpsServer(pair, (_message, response) => response.end('secret'));
  server.on('secureConnection', ({ servername }) => askedFor.push(servername));
  const { port } = await listening(t, server);
  const dial = dialing(t);
  const ask = (host: string) => dial.send(to(port, { origin: new URL(`https://${host}:${port}`) }));

  const untrusted = await ask('model.test');
  assert.match('reason' in untrusted ? untrusted.reason : '', /certificate could not be verified/);
  // A variable that switches checking off in Node does not do so here.
  await withEnvironment({ NODE_TLS_REJECT_UNAUTHORIZED: '0' }, async () =>
    assert.deepEqual(failed(await ask('model.test')), ['unreachable', 1]),
  );

  const trusted = getCACertificates('default');
  setDefaultCACertificates([...trusted, pair.cert]);
  t.after(() => setDefaultCACertificates(trusted));
  askedFor.length = 0;
  assert.equal(await textOf(await ask('model.test')), 'secret');
  assert.equal(await textOf(await ask('127.0.0.1')), 'secret');
  assert.deepEqual(askedFor, ['model.test', false]);
  assert.deepEqual(failed(await ask('other.test')), ['unreachable', 1]);
});
