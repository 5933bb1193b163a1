import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import Anthropic, { AuthenticationError, BadRequestError, InternalServerError, PermissionDeniedError } from '@anthropic-ai/sdk';
import type { Running, Upstream } from './running.ts';
import { startRunning, startUpstream, upstreamSecret } from './running.ts';

// The vendor's own SDK drives the envelope and, side by side, the scripted upstream directly: what it sees must be the same.

const message = (content: readonly unknown[], stopReason = 'end_turn') => ({
  id: 'msg_01',
  type: 'message',
  role: 'assistant',
  model: 'pinned-1-20260101',
  content,
  stop_reason: stopReason,
  stop_sequence: null,
  usage: { input_tokens: 12, output_tokens: 7 },
  a_field_that_nobody_knows: { kept: [1, 2.5] },
});

const sse = (events: readonly { readonly type: string }[]): string =>
  events.map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`).join('');

const streamOf = (blocks: readonly { readonly start: object; readonly deltas: readonly object[] }[], stopReason: string): string =>
  sse([
    { type: 'message_start', message: { ...message([]), stop_reason: null } } as { type: string },
    ...blocks.flatMap(({ start, deltas }, index) => [
      { type: 'content_block_start', index, content_block: start },
      ...deltas.map((delta) => ({ type: 'content_block_delta', index, delta })),
      { type: 'content_block_stop', index },
    ]),
    { type: 'message_delta', delta: { stop_reason: stopReason, stop_sequence: null }, usage: { output_tokens: 7 } } as { type: string },
    { type: 'message_stop' },
  ]);

const textBlock = {
  start: { type: 'text', text: '' },
  deltas: [
    { type: 'text_delta', text: 'Grüße, ' },
    { type: 'text_delta', text: '世界 👋' },
  ],
};
const toolBlock = (name: string) => ({
  start: { type: 'tool_use', id: `toolu_${name}`, name, input: {} },
  deltas: [
    { type: 'input_json_delta', partial_json: '{"order_' },
    { type: 'input_json_delta', partial_json: 'id":"A-1"}' },
  ],
});

let upstream: Upstream;
let running: Running;
let credential: string;
/** What the `closed` record of an invocation must say of its run. */
const closings = new Map<string, (run: Record<string, unknown>) => void>();

const viaEnvelope = (): Anthropic =>
  new Anthropic({ baseURL: `${running.envelope.doors.model}/anthropic`, authToken: credential, apiKey: null, maxRetries: 2 });
const direct = (): Anthropic => new Anthropic({ baseURL: upstream.url, apiKey: 'direct', maxRetries: 2 });

const ask = { model: 'pinned-1', max_tokens: 100, messages: [{ role: 'user' as const, content: 'Hello' }] };

before(async () => {
  upstream = await startUpstream((_message, _body, response) => response.end());
  running = await startRunning(upstream.url);
  ({ credential } = await running.open());
});
after(async () => {
  const records = Object.values(await running.stop()).flat();
  const { release } = running.envelope;
  const kept = readFileSync(join(running.dataDir, 'releases', release.replace(':', '-'), 'release.json'));
  running.remove();
  assert.ok(records.length > 20);
  for (const [id, check] of closings) {
    const closed = records.find(({ kind, invocation_id: of }) => kind === 'closed' && of === id);
    check(closed?.['run'] as Record<string, unknown>);
  }
  for (const record of records) assert.equal(record['release'], release, 'G-RECORD-6: every record names the release');
  assert.equal(`sha256:${createHash('sha256').update(kept).digest('hex')}`, release, 'and its content is kept under its digest');
  for (const secret of [credential, upstreamSecret])
    assert.ok(!JSON.stringify(records).includes(secret), 'G-CREDENTIAL-1: no record holds a credential');
  await upstream.close();
});
beforeEach(() => {
  upstream.seen.length = 0;
});

const answering = (contentType: string, body: string, status = 200): void => {
  upstream.answer = (_message, _body, response) => {
    response.writeHead(status, {
      'content-type': contentType,
      'request-id': 'req_upstream',
      'anthropic-ratelimit-requests-remaining': '99',
    });
    response.end(body);
  };
};

test('G-BYTES-1: a whole answer is the same object and the same header fields as over a direct connection', async () => {
  answering(
    'application/json',
    JSON.stringify(
      message([
        { type: 'text', text: 'Hi' },
        { type: 'thinking', thinking: 'x', signature: 'c2ln' },
      ]),
    ),
  );
  const one = await viaEnvelope().messages.create(ask).withResponse();
  const other = await direct().messages.create(ask).withResponse();
  assert.deepEqual(one.data, other.data);
  assert.equal(one.request_id, 'req_upstream');
  assert.equal(one.response.headers.get('anthropic-ratelimit-requests-remaining'), '99');
});

test('G-BYTES-1: a streamed answer brings the same events in the same order as over a direct connection', async () => {
  answering('text/event-stream', streamOf([textBlock, toolBlock('allowed_tool')], 'tool_use'));
  const events = async (client: Anthropic): Promise<unknown[]> => {
    const collected: unknown[] = [];
    for await (const event of await client.messages.create({ ...ask, stream: true })) collected.push(event);
    return collected;
  };
  assert.deepEqual(await events(viaEnvelope()), await events(direct()));
});

test('G-BYTES-1: request bytes arrive at the upstream as they were sent, and answer bytes at the client as they were received', async () => {
  const body =
    '{ "model":"pinned-1",\n "max_tokens":1e2, "x":12345678901234567890, "messages":[ {"role":"user","content":"\\u00e9\\ud83d\\ude00"} ] }';
  const reply = `${JSON.stringify(message([{ type: 'text', text: 'x' }]))}\n  `;
  answering('application/json', reply);
  const response = await fetch(`${running.envelope.doors.model}/v1/messages?beta=true`, {
    method: 'POST',
    body,
    headers: { 'x-api-key': credential, 'content-type': 'application/json' },
  });
  assert.equal(await response.text(), reply);
  assert.equal(upstream.seen[0]?.body.toString(), body);
  assert.equal(upstream.seen[0]?.path, '/v1/messages?beta=true');
});

test('G-CREDENTIAL-1: the upstream gets its own secret and never the credential of the invocation', async () => {
  answering('application/json', JSON.stringify(message([])));
  await viaEnvelope().messages.create(ask);
  const { headers } = upstream.seen[0] ?? assert.fail('the upstream saw nothing');
  assert.equal(headers['x-api-key'], upstreamSecret);
  assert.equal(headers.authorization, undefined);
  assert.ok(!JSON.stringify(headers).includes(credential));
});

test('G-CREDENTIAL-1: a credential that a client puts into another field or the query does not travel, and what is listed does', async () => {
  answering('application/json', JSON.stringify(message([])));
  const call = (query: string, headers: Record<string, string>): Promise<Response> =>
    fetch(`${running.envelope.doors.model}/anthropic/v1/messages?${query}`, {
      method: 'POST',
      headers: { 'x-api-key': credential, ...headers },
      body: JSON.stringify(ask),
    });
  await call(`beta=${credential}&key=${credential}&beta=true`, {
    'user-agent': `agent/${credential}`,
    'anthropic-beta': `a,${credential}`,
  });
  await call('beta=true&other=1', { 'user-agent': 'agent/1', 'anthropic-beta': 'a,b', cookie: 'c=d' });
  const [hidden, plain] = upstream.seen;
  assert.ok(!JSON.stringify([hidden?.path, hidden?.headers]).includes(credential));
  assert.equal(hidden?.path, '/v1/messages?beta=true');
  assert.deepEqual(
    [plain?.path, plain?.headers['user-agent'], plain?.headers['anthropic-beta']],
    ['/v1/messages?beta=true', 'agent/1', 'a,b'],
  );
  assert.equal(plain?.headers.cookie, undefined);
});

test('a name that the pin is also called by is rewritten to the pin, and nothing else moves', async () => {
  answering('application/json', JSON.stringify(message([])));
  await viaEnvelope().messages.create({ ...ask, model: 'pinned' });
  assert.equal(upstream.seen[0]?.body.toString(), JSON.stringify({ ...ask, model: 'pinned-1' }));
});

test("a model that the role may not call raises the SDK's own error class, once, and the upstream sees nothing", async () => {
  await assert.rejects(viaEnvelope().messages.create({ ...ask, model: 'forbidden-1' }), (error) => {
    assert.ok(error instanceof PermissionDeniedError);
    assert.match(error.message, /The role demo may not call the model forbidden-1/);
    assert.equal(error.headers.get('x-sealwright-denial'), 'model_not_permitted');
    assert.match(error.headers.get('x-sealwright-record') ?? '', /^[0-9a-f-]{36}$/);
    return true;
  });
  assert.equal(upstream.seen.length, 0);
});

test('G-DECIDE-1, G-RECORD-6: no header field, body field or query makes a denied model permitted', async () => {
  const attempts: readonly { readonly headers?: Record<string, string>; readonly body?: object; readonly query?: string }[] = [
    { headers: { 'x-sealwright-mode': 'observe', 'x-sealwright-role': 'admin', 'x-agent-role': 'hurried' } },
    { headers: { 'x-forwarded-for': '127.0.0.1', 'x-forwarded-host': 'localhost', forwarded: 'for=127.0.0.1' } },
    { body: { policies: { mode: 'observe' }, agent_role: 'admin', sealwright: { mode: 'observe' }, metadata: { user_id: 'admin' } } },
    { query: '?mode=observe&model=pinned-1&beta=true' },
  ];
  for (const { headers = {}, body = {}, query = '' } of attempts) {
    const response = await fetch(`${running.envelope.doors.model}/anthropic/v1/messages${query}`, {
      method: 'POST',
      headers: { 'x-api-key': credential, ...headers },
      body: JSON.stringify({ ...ask, ...body, model: 'forbidden-1' }),
    });
    assert.equal(response.headers.get('x-sealwright-denial'), 'model_not_permitted', JSON.stringify({ headers, body, query }));
  }
  assert.equal(upstream.seen.length, 0);
});

test('a missing, forged or vendor credential raises AuthenticationError and is not retried', async () => {
  for (const authToken of ['', 'sk-ant-api03-of-the-vendor', 'sw_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA']) {
    const client = new Anthropic({ baseURL: `${running.envelope.doors.model}/anthropic`, authToken, apiKey: null, maxRetries: 2 });
    await assert.rejects(client.messages.create(ask), AuthenticationError);
  }
  assert.equal(upstream.seen.length, 0);
});

test('a tool call that the role may not use is replaced by our sentence, streamed and not, while a permitted one passes', async () => {
  const blocks = [
    { type: 'text', text: 'Let me see.' },
    { type: 'tool_use', id: 'toolu_a', name: 'allowed_tool', input: { n: 1 } },
    { type: 'tool_use', id: 'toolu_b', name: 'forbidden_tool', input: { n: 2 } },
  ];
  answering('application/json', JSON.stringify(message(blocks, 'tool_use')));
  const whole = await viaEnvelope().messages.create(ask);
  assert.deepEqual(
    whole.content.map(({ type }) => type),
    ['text', 'tool_use', 'text'],
  );
  assert.equal(whole.stop_reason, 'tool_use');
  assert.match(JSON.stringify(whole.content[2]), /The role demo may not use the tool forbidden_tool/);

  answering('text/event-stream', streamOf([textBlock, toolBlock('forbidden_tool')], 'tool_use'));
  const streamed = await viaEnvelope().messages.stream(ask).finalMessage();
  assert.deepEqual(
    streamed.content.map(({ type }) => type),
    ['text', 'text'],
  );
  assert.equal(streamed.stop_reason, 'end_turn');
  assert.match(JSON.stringify(streamed.content[1]), /forbidden_tool/);
});

test('an error of the provider passes through as its own class', async () => {
  answering(
    'application/json',
    JSON.stringify({ type: 'error', error: { type: 'invalid_request_error', message: 'max_tokens: too high' } }),
    400,
  );
  await assert.rejects(
    viaEnvelope().messages.create(ask),
    (error) => error instanceof BadRequestError && /max_tokens: too high/.test(error.message),
  );
});

test("an upstream that cannot be reached is a failure of the outside, in the vendor's shape", async () => {
  upstream.answer = (message) => message.socket.destroy();
  const once = new Anthropic({ baseURL: `${running.envelope.doors.model}/anthropic`, authToken: credential, apiKey: null, maxRetries: 0 });
  await assert.rejects(once.messages.create(ask), (error) => error instanceof InternalServerError && error.status === 502);
});

test('a run that changed more files than a record holds keeps the whole list in a manifest whose digest the record names', async () => {
  const run = await running.open();
  const { invocation_id: id } = run;
  const files = Array.from({ length: 100 }, (_, index) => ({ path: `src/file-${index}.ts`, change: 'modified', sha256: null }));
  const { status } = await running.closeRun(run, { exit_code: 0, files_changed: files, truncated: {} });
  assert.equal(status, 200);
  const [name = '', ...others] = readdirSync(join(running.dataDir, 'ledger', 'blobs'));
  assert.deepEqual(others, []);
  const manifest = readFileSync(join(running.dataDir, 'ledger', 'blobs', name));
  assert.equal(createHash('sha256').update(manifest).digest('hex'), name);
  assert.deepEqual(JSON.parse(manifest.toString()), files);
  closings.set(id, (run) => {
    assert.equal((run['files_changed'] as unknown[]).length, 64);
    assert.deepEqual([run['truncated'], run['manifests']], [{ files_changed: 36 }, { files_changed: `sha256:${name}` }]);
  });
});
