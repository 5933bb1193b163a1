import assert from 'node:assert/strict';
import { createServer as createHttpsServer } from 'node:https';
import type { TestContext } from 'node:test';
import { test } from 'node:test';
import { createAuthority } from '../../test/certificate.ts';
import { home, listening, named, tcp } from '../../test/loopback.ts';
import { startProxy } from '../../test/loopback-proxy.ts';
import type { Via } from '../core/endpoint.ts';
import { direct } from '../core/endpoint.ts';
import { limits } from '../core/limits.ts';
import { createExamine } from './examine.ts';

const authority = createAuthority('Test Inspection');
const examine = createExamine(home, limits);
const at = (port: number, via: Via = direct) => ({ origin: new URL(`https://model.test:${port}`), topology: 'self-hosted' as const, via });

const silent = async (t: TestContext, pair: { key: string; cert: string }) =>
  listening(
    t,
    createHttpsServer(pair, () => assert.fail('something was sent')),
  );

test('what an endpoint shows is told, and the connection closed', async (t) => {
  const upstream = await silent(t, authority.issue(['model.test'], []));
  const found = await examine(at(upstream.port, { proxy: null, ca: [authority.cert] }));
  assert.deepEqual([found.peer, found.addresses, found.problem], ['endpoint', [{ address: '127.0.0.1', problem: null }], null]);
  assert.deepEqual([found.address, typeof found.connectMs], [`127.0.0.1:${upstream.port}`, 'number']);
  const notAfterMs = Date.UTC(2049, 11, 31, 23, 59, 59);
  assert.deepEqual(found.certificate, {
    subject: 'model.test',
    issuer: 'Test Inspection',
    notAfterMs,
    byExtraAuthority: true,
    problem: null,
  });
  await upstream.empty();
});

test('a certificate that does not verify is told with its reason', async (t) => {
  const upstream = await silent(t, authority.issue(['other.test'], []));
  const { certificate, problem } = await examine(at(upstream.port, { proxy: null, ca: [authority.cert] }));
  assert.deepEqual([certificate?.problem, certificate?.byExtraAuthority, problem], ['it is for another name', false, null]);
  assert.equal((await examine(at(upstream.port))).certificate?.problem, 'its authority is not trusted here');
  await upstream.empty();
});

test('names that a certificate chose reach nobody as control characters, and no more of them than fits a line', async (t) => {
  const upstream = await silent(t, createAuthority(`\u001b[2J${'x'.repeat(500)}`).issue(['model.test'], []));
  const issuer = (await examine(at(upstream.port))).certificate?.issuer ?? '';
  assert.match(issuer, /^\?\[2Jx{196}$/);
});

test("through a proxy the addresses are the proxy's, whose own certificate must verify", async (t) => {
  const upstream = await silent(t, authority.issue(['model.test'], []));
  const proxy = await startProxy(t, { pair: authority.issue(['proxy.test'], []) });
  const via = { proxy: { url: proxy.url, secret: null }, ca: [authority.cert] };
  const found = await examine(at(upstream.port, via));
  assert.deepEqual([found.peer, found.address, found.certificate?.subject], ['proxy', `127.0.0.1:${proxy.port}`, 'model.test']);
  await Promise.all([upstream.empty(), proxy.empty()]);
  const untrusted = await examine(at(upstream.port, { ...via, ca: [] }));
  assert.deepEqual([untrusted.certificate, untrusted.problem], [null, "The proxy's certificate could not be verified."]);
  assert.equal(proxy.asked.length, 1);
});

test('addresses that are refused, names without any and servers without TLS are told', async (t) => {
  const refused = await createExamine(named('127.0.0.1', '169.254.169.254'), limits)(at(443));
  assert.deepEqual(
    refused.addresses.map(({ problem }) => problem === null),
    [true, false],
  );
  assert.match(refused.problem ?? '', /an address that is refused/);
  const absent = await createExamine(() => Promise.reject(new Error('ENOTFOUND')), limits)(at(443));
  assert.deepEqual([absent.addresses, absent.problem], [[], 'The name of the endpoint could not be resolved.']);
  const plain = await tcp(t, (socket) => socket.end('SSH-2.0-x\r\n'));
  assert.equal((await examine(at(plain.port))).problem, 'The upstream could not be reached.');
});
