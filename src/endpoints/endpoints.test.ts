import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createVirtualClock } from '../../test/virtual-clock.ts';
import { createSecret } from './credentials.ts';
import type { EndpointSettings } from './endpoints.ts';
import { createEndpoints } from './endpoints.ts';
import { createHttpTransport } from './http.ts';

const endpoint = (change: Partial<EndpointSettings> = {}): EndpointSettings => ({
  formats: ['anthropic-messages'],
  topology: 'self-hosted',
  provider: 'own',
  region: 'local',
  models: [{ pin: 'pin-1', also_called: ['alias'], reports: ['pin-1-2026'] }],
  ...change,
});

test('candidates are the endpoints that list the model and speak the format, in the order of the config', () => {
  const endpoints = createEndpoints(
    { first: endpoint(), other: endpoint({ formats: ['gemini'] }), last: endpoint({ region: 'far' }) },
    () => () => assert.fail('nothing is sent'),
  );
  assert.deepEqual(
    endpoints.candidates('alias', 'anthropic-messages').map(({ endpoint: { id }, pin }) => [id, pin]),
    [
      ['first', 'pin-1'],
      ['last', 'pin-1'],
    ],
  );
  assert.deepEqual(endpoints.candidates('unknown', 'anthropic-messages'), []);
});

const upstream = { status: 200, headers: {}, body: (async function* () {})(), address: null, attempts: 1 };
const call = {
  candidate: { endpoint: { id: 'e', topology: 'self-hosted' as const, provider: 'own', region: 'local' }, pin: 'pin-1', reports: [] },
  formatName: 'anthropic-messages',
  operation: 'messages',
  path: '/v1/messages',
  query: 'beta=true',
  headers: { 'anthropic-version': '2023-06-01' },
  body: new Uint8Array(),
  cancel: new AbortController().signal,
};

test("a call goes to the base URL's path with our credential and asks for an answer that can be inspected", async () => {
  const sent: { path: string; headers: Readonly<Record<string, string>> }[] = [];
  const transport = createHttpTransport({
    baseUrl: new URL('https://models.example/prefix/'),
    topology: 'vendor',
    secret: async () => 'the-secret',
    credentialHeaders: (secret) => ({ 'x-api-key': secret }),
    send: async (outbound) => {
      sent.push(outbound);
      return upstream;
    },
  });
  await transport(call);
  assert.equal(sent[0]?.path, '/prefix/v1/messages?beta=true');
  assert.deepEqual(sent[0]?.headers, { 'anthropic-version': '2023-06-01', 'accept-encoding': 'identity', 'x-api-key': 'the-secret' });
});

test('without its credential an endpoint is not called, and a compressed answer does not pass', async () => {
  const parts = { baseUrl: new URL('https://models.example'), topology: 'vendor' as const, credentialHeaders: () => ({}) };
  const without = createHttpTransport({ ...parts, secret: async () => null, send: () => assert.fail('nothing is sent') });
  const answer = await without(call);
  assert.ok('failure' in answer && answer.failure === 'credential_unavailable');
  const compressed = createHttpTransport({
    ...parts,
    secret: null,
    send: async () => ({ ...upstream, headers: { 'content-encoding': 'br' } }),
  });
  assert.ok('failure' in (await compressed(call)));
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
