import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createCountingRandom, createVirtualClock } from '../../test/virtual-clock.ts';
import { direct } from '../core/endpoint.ts';
import { createSecret } from './credentials.ts';
import type { EndpointSettings } from './config.ts';
import { createEndpoints } from './endpoints.ts';
import { createHttpTransport } from './http.ts';

const endpoint = (change: Partial<EndpointSettings> = {}): EndpointSettings => ({
  formats: ['anthropic-messages'],
  topology: 'self-hosted',
  provider: 'own',
  region: 'local',
  streaming: 'incremental',
  models: [{ pin: 'pin-1', also_called: ['alias'], reports: ['pin-1-2026'] }],
  ...change,
});

test('candidates are the endpoints that list the model and speak the format, in the order of the config', () => {
  const endpoints = createEndpoints(
    { first: endpoint(), other: endpoint({ formats: ['gemini'] }), last: endpoint({ region: 'far', streaming: 'buffered' }) },
    () => () => assert.fail('nothing is sent'),
    { clock: createVirtualClock(), random: createCountingRandom() },
  );
  assert.deepEqual(
    endpoints.candidates('alias', 'anthropic-messages').map(({ endpoint: { id, streaming }, pin }) => [id, streaming, pin]),
    [
      ['first', 'incremental', 'pin-1'],
      ['last', 'buffered', 'pin-1'],
    ],
  );
  assert.deepEqual(endpoints.candidates('unknown', 'anthropic-messages'), []);
});

const upstream = { status: 200, headers: {}, body: (async function* () {})(), discard: () => undefined, address: null, attempts: 1 };
const call = {
  candidate: {
    endpoint: { id: 'e', topology: 'self-hosted', provider: 'own', region: 'local', streaming: 'incremental' },
    pin: 'pin-1',
    reports: [],
  },
  formatName: 'anthropic-messages',
  operation: 'messages',
  path: '/v1/messages',
  query: 'beta=true',
  headers: { 'anthropic-version': '2023-06-01', 'content-type': 'application/json; charset=utf-7', 'accept-encoding': 'br' },
  body: new Uint8Array(),
  cancel: new AbortController().signal,
} as const;

const parts = { baseUrl: new URL('https://models.example'), topology: 'vendor', via: direct, credentialField: undefined } as const;

test("a call goes to the base URL's path with our credential and asks for an answer that can be inspected", async () => {
  const sent: { path: string; headers: Readonly<Record<string, string>> }[] = [];
  const transport = createHttpTransport({
    ...parts,
    baseUrl: new URL('https://models.example/prefix/'),
    secret: async () => 'the-secret',
    send: async (outbound) => {
      sent.push(outbound);
      return upstream;
    },
  });
  await transport(call);
  assert.equal(sent[0]?.path, '/prefix/v1/messages?beta=true');
  assert.deepEqual(sent[0]?.headers, {
    'anthropic-version': '2023-06-01',
    'content-type': 'application/json',
    'accept-encoding': 'identity',
    'x-api-key': 'the-secret',
  });
});

test('without its credential an endpoint is not called', async () => {
  const transport = createHttpTransport({ ...parts, secret: async () => null, send: () => assert.fail('nothing is sent') });
  const answer = await transport(call);
  assert.ok('failure' in answer && answer.failure === 'credential_unavailable');
});

test('a call that is cancelled while its credential is fetched ends at once and is not sent', async () => {
  const leaving = new AbortController();
  const never = new Promise<string>(() => undefined);
  const transport = createHttpTransport({ ...parts, secret: () => never, send: () => assert.fail('nothing is sent') });
  const answering = transport({ ...call, cancel: leaving.signal });
  leaving.abort();
  const answer = await answering;
  assert.ok('failure' in answer && answer.failure === 'cancelled');
});

const answerTo = async (change: { readonly status?: number; readonly headers?: Readonly<Record<string, string>> }) => {
  let discarded = 0;
  const discard = (): void => void (discarded += 1);
  const transport = createHttpTransport({ ...parts, secret: null, send: async () => ({ ...upstream, ...change, discard }) });
  const answer = await transport(call);
  return { outcome: 'failure' in answer ? answer.failure : answer.status, discarded };
};

test('G-DECIDE-2: an answer in another character set than the one we read it in does not pass', async () => {
  const types = ['application/json; charset=utf-7', 'text/event-stream;charset="UTF-16"', 'application/json; charset=utf-8; charset=utf-7'];
  for (const type of types)
    assert.deepEqual(await answerTo({ headers: { 'content-type': type } }), { outcome: 'unreadable', discarded: 1 });
  for (const type of [
    'application/json',
    'text/event-stream; charset=utf-8',
    'application/json; Charset="UTF-8"',
    'application/json;charset=utf8',
  ])
    assert.deepEqual(await answerTo({ headers: { 'content-type': type } }), { outcome: 200, discarded: 0 });
});

test('a compressed answer does not pass, and its body is let go', async () => {
  for (const encoding of ['br', 'gzip', 'identity, gzip'])
    assert.deepEqual(await answerTo({ headers: { 'content-encoding': encoding } }), { outcome: 'unreadable', discarded: 1 });
  for (const encoding of ['identity', 'Identity'])
    assert.deepEqual(await answerTo({ headers: { 'content-encoding': encoding } }), { outcome: 200, discarded: 0 });
});

test('a redirect is a failure, and its body is let go', async () => {
  for (const status of [300, 302, 307, 399])
    assert.deepEqual(await answerTo({ status, headers: { location: '/elsewhere' } }), { outcome: 'redirected', discarded: 1 });
  for (const status of [200, 299, 400, 529]) assert.deepEqual(await answerTo({ status }), { outcome: status, discarded: 0 });
});

test('a secret comes from an environment variable, a file or a command, is kept a minute, and is never anything else than a header could carry', async () => {
  const clock = createVirtualClock();
  let reads = 0;
  const sources = {
    clock,
    environment: { KEY: 'from-environment', BAD: 'two words' },
    readFile: async (path: string) => {
      reads += 1;
      if (path === '/missing') throw new Error('ENOENT /missing');
      return 'from-file\n';
    },
    run: async (argv: readonly string[]) => `${argv.join('-')}\nsecond line`,
  };
  assert.equal(await createSecret({ env: 'KEY' }, sources)(), 'from-environment');
  assert.equal(await createSecret({ env: 'NONE' }, sources)(), null);
  assert.equal(await createSecret({ env: 'BAD' }, sources)(), null);
  assert.equal(await createSecret({ command: ['a', 'b'] }, sources)(), 'a-b');
  assert.equal(await createSecret({ file: '/missing' }, sources)(), null);
  const file = createSecret({ file: '/secret' }, sources);
  reads = 0;
  await file();
  await file();
  assert.equal(reads, 1);
  clock.advance(60_000);
  assert.equal(await file(), 'from-file');
  assert.equal(reads, 2);
});

test('calls that need a secret at the same time share one fetch, and a failed fetch is tried again after a second', async () => {
  const clock = createVirtualClock();
  let runs = 0;
  let output = '';
  const sources = {
    clock,
    environment: {},
    readFile: () => assert.fail('no file is read'),
    run: async () => {
      runs += 1;
      if (output === '') throw new Error('exit 1');
      return output;
    },
  };
  const secret = createSecret({ command: ['print-it'] }, sources);
  assert.deepEqual(await Promise.all([secret(), secret(), secret()]), [null, null, null]);
  assert.equal(runs, 1);
  output = 'mended';
  assert.equal(await secret(), null);
  clock.advance(1_000);
  assert.deepEqual(await Promise.all([secret(), secret()]), ['mended', 'mended']);
  assert.equal(runs, 2);
});
