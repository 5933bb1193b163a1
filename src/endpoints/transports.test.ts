import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createAuthority } from '../../test/certificate.ts';
import { createVirtualClock } from '../../test/virtual-clock.ts';
import type { UpstreamRequest, Via } from '../core/endpoint.ts';
import { direct } from '../core/endpoint.ts';
import type { EndpointSettings } from './config.ts';
import type { RouteParts } from './transports.ts';
import { openRoutes, readingOnce, transportsOf, trustedCertificates } from './transports.ts';

const endpoint = (change: Partial<EndpointSettings> = {}): EndpointSettings => ({
  formats: ['openai-chat'],
  topology: 'vendor',
  provider: 'openai',
  region: 'us',
  streaming: 'incremental',
  base_url: 'https://api.example.com/v1',
  credential: { env: 'KEY' },
  models: [{ pin: 'm' }],
  ...change,
});

const { cert } = createAuthority('Test');

const opening = (settings: Readonly<Record<string, EndpointSettings>>, change: Partial<RouteParts> = {}) => {
  const sent: { readonly via: Via; readonly path: string; readonly headers: Readonly<Record<string, string>> }[] = [];
  const routes = openRoutes(settings, {
    sources: {
      clock: createVirtualClock(),
      environment: { KEY: 'the-secret', PROXY: 'user:word' },
      readFile: () => assert.fail('no secret lies in a file'),
      run: () => assert.fail('nothing is run'),
    },
    readFile: () => Buffer.from(cert),
    send: async (outbound) => {
      sent.push(outbound);
      return { failure: 'unreachable', reason: 'None.', attempts: 1 };
    },
    ...change,
  });
  return { routes, sent };
};

const request: UpstreamRequest = {
  candidate: {
    endpoint: { id: 'e', topology: 'vendor', provider: 'openai', region: 'us', streaming: 'incremental' },
    pin: 'm',
    reports: [],
  },
  formatName: 'openai-chat',
  operation: 'chat_completions',
  path: '/v1/chat/completions',
  query: '',
  headers: {},
  body: Buffer.from('{}'),
  cancel: new AbortController().signal,
};

test('an endpoint is called through what stands before it, in the way of its vendor', async () => {
  const via = { proxy: { url: 'http://proxy.example:3128', credential: { env: 'PROXY' } }, ca: '/ca.pem' };
  const settings = { plain: endpoint(), behind: endpoint({ via, credential_header: 'x-api-key' }) };
  const { routes, sent } = opening(settings);
  assert.ok(!('problem' in routes));
  const send = transportsOf(routes);
  await send('plain')(request);
  await send('behind')(request);
  assert.deepEqual(
    sent.map(({ path, headers }) => [path, headers['authorization'], headers['x-api-key']]),
    [
      ['/v1/chat/completions', 'Bearer the-secret', undefined],
      ['/v1/chat/completions', undefined, 'the-secret'],
    ],
  );
  assert.equal(sent[0]?.via, direct);
  assert.deepEqual([sent[1]?.via.proxy?.url.href, sent[1]?.via.ca], ['http://proxy.example:3128/', [cert]]);
  assert.equal(await sent[1]?.via.proxy?.secret?.(), 'user:word');
});

test('an endpoint whose certificates cannot be used keeps everything from starting, by the path of the setting', () => {
  const settings = { first: endpoint(), behind: endpoint({ via: { ca: '/ca.pem' } }) };
  const problem = (readFile: RouteParts['readFile']): unknown => opening(settings, { readFile }).routes;
  assert.deepEqual(
    problem(() => assert.fail('EACCES')),
    { problem: 'endpoints.behind.via.ca cannot be read' },
  );
  assert.deepEqual(
    problem(() => Buffer.from('none')),
    { problem: 'endpoints.behind.via.ca holds no certificate in PEM' },
  );
});

test('an endpoint that has no route is not called', async () => {
  const { routes, sent } = opening({ plain: endpoint() });
  assert.ok(!('problem' in routes));
  const answer = await transportsOf(routes)('other')(request);
  assert.ok('failure' in answer && answer.failure === 'unreachable');
  assert.deepEqual(sent, []);
});

test('G-RECORD-6: the certificates that an endpoint trusts are named by their digests, so that another one makes another release', () => {
  const settings = { plain: endpoint(), proxied: endpoint({ via: { ca: '/ca.pem' } }) };
  const digests = (pem: string) => trustedCertificates(settings, () => Buffer.from(pem));
  const one = digests(cert);
  assert.deepEqual(Object.keys(one), ['proxied']);
  assert.match(one['proxied']?.join() ?? '', /^[0-9a-f]{64}$/);
  assert.deepEqual(digests(`# a remark\n${cert}`), one, 'what stands beside a certificate changes nothing');
  assert.notDeepEqual(digests(createAuthority('Other').cert), one);
});

test('a file is read once, so that what the release says of it is what is used of it', () => {
  let reads = 0;
  const readFile = readingOnce((path) => Buffer.from(`${path} ${(reads += 1)}`));
  assert.equal(readFile('/a').toString(), readFile('/a').toString());
  assert.notEqual(readFile('/b').toString(), readFile('/a').toString());
  assert.equal(reads, 2);
});
