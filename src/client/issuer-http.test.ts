import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createServer } from 'node:https';
import { createCertificate } from '../../test/certificate.ts';
import { http, listening } from '../../test/loopback.ts';
import { startProxy } from '../../test/loopback-proxy.ts';
import { createSend, IssuerProblem } from './issuer-http.ts';

const direct = { ca: null, env: {} };
const get = { method: 'GET', headers: {} };

test('nothing is sent in clear but to this machine, and that only for an issuer that is on it', async (t) => {
  const upstream = await http(t, (_, answer) => answer.end('{}'));
  const here = `http://127.0.0.1:${upstream.port}`;
  assert.equal((await createSend(new URL(here), direct)(`${here}/x`, get)).status, 200);
  for (const [issuer, url] of [
    ['https://issuer.example', here],
    [here, 'http://192.0.2.1/'],
    [here, 'http://127.0.0.1.example/'],
    [here, 'file:///etc/passwd'],
    [here, 'https://user@192.0.2.1/'],
  ] as const)
    await assert.rejects(createSend(new URL(issuer), direct)(url, get), IssuerProblem, `${issuer} to ${url}`);
  assert.equal(upstream.connections(), 1);
});

test('an issuer that says nothing in time, or never ends what it says, is given up', async (t) => {
  const silent = await http(t, () => undefined);
  const slow = await http(t, (_, answer) => void answer.writeHead(200).write('{'));
  for (const { port } of [silent, slow]) {
    const url = `http://127.0.0.1:${port}`;
    await assert.rejects(createSend(new URL(url), direct, 30)(url, get), /none came within/);
  }
});

test('a form is sent whole with its length, and of the answer only status, type and body are taken', async (t) => {
  let got = '';
  const upstream = await http(t, async (sent, answer) => {
    for await (const chunk of sent) got += String(chunk);
    got += ` ${sent.headers['content-length']}`;
    answer.writeHead(400, { 'content-type': 'application/json', 'set-cookie': 'a=b' }).end('{"error":"x"}');
  });
  const url = `http://127.0.0.1:${upstream.port}`;
  const answer = await createSend(new URL(url), direct)(url, { method: 'POST', headers: {}, body: new URLSearchParams({ a: 'ü b' }) });
  assert.equal(got, 'a=%C3%BC+b 10');
  assert.deepEqual(
    [answer.status, [...answer.headers], await answer.json()],
    [400, [['content-type', 'application/json']], { error: 'x' }],
  );
});

test('an issuer elsewhere is reached through the proxy that the environment names, which sees its name and nothing else', async (t) => {
  const pair = createCertificate(['issuer.example'], []);
  const upstream = await listening(
    t,
    createServer(pair, (_, answer) => void answer.end('{"a":1}')),
  );
  const proxy = await startProxy(t);
  const url = `https://issuer.example:${upstream.port}`;
  const env = { HTTPS_PROXY: `http://127.0.0.1:${proxy.port}` };
  const answer = await createSend(new URL(url), { ca: pair.cert, env })(`${url}/token`, {
    method: 'POST',
    headers: {},
    body: new URLSearchParams({ a: 'secret' }),
  });
  assert.deepEqual(await answer.json(), { a: 1 });
  assert.equal(proxy.asked.length, 1);
  assert.match(proxy.asked[0] ?? '', /^CONNECT issuer\.example:\d+ HTTP\/1\.1\r\n/);
  assert.doesNotMatch(proxy.asked[0] ?? '', /secret|token/);
  await assert.rejects(createSend(new URL(url), { ca: null, env })(url, get), /certificate is not trusted here/);
  const other = createCertificate(['other.example'], []);
  await assert.rejects(createSend(new URL(url), { ca: other.cert, env })(url, get), IssuerProblem);
});
