import assert from 'node:assert/strict';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { request } from 'node:http';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { limits } from '../../src/core/limits.ts';
import { until } from '../until.ts';
import type { LedgerRecord, Running, Upstream } from './running.ts';
import { startRunning, startUpstream } from './running.ts';

// Bad input gets a clear answer in the vendor's own error shape and loses nothing: what an identified caller attempted is in the ledger.

let upstream: Upstream;
let running: Running;
let credential: string;
/** What the records of the model stream must say at the end, by the record id that the answer named. */
const expected = new Map<string, (record: LedgerRecord) => void>();

before(async () => {
  upstream = await startUpstream((_message, body, response) => scripted(body, response));
  running = await startRunning(upstream.url);
  ({ credential } = await running.open());
});

after(async () => {
  const { model } = await running.stop();
  running.remove();
  await upstream.close();
  assert.ok(expected.size > 10, 'the cases above were seen');
  for (const [id, check] of expected) check(model.find((record) => record['log_id'] === id) ?? assert.fail(`no record ${id}`));
  const intents = model.filter(({ kind, denial }) => kind === 'decision' && denial === undefined);
  for (const { log_id: id } of intents)
    assert.equal(model.filter((record) => record['decision_log_id'] === id).length, 1, 'each intent has one outcome');
});

const start =
  'event: message_start\ndata: {"type":"message_start","message":{"id":"m","type":"message","role":"assistant","model":"pinned-1","content":[],"usage":{"input_tokens":1,"output_tokens":1}}}\n\n';
const block = 'event: content_block_start\ndata: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}\n\n';

const scripted = (body: Buffer, response: ServerResponse): void => {
  const asked = body.toString();
  const stream = (text: string): void => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(text);
  };
  if (asked.includes('please stall')) stream(start);
  else if (asked.includes('please cut')) {
    stream(start + block);
    setTimeout(() => response.destroy(), 20);
  } else if (asked.includes('please end early')) response.end((stream(start), ''));
  else if (asked.includes('please fail'))
    response.end((stream(start), 'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"busy"}}\n\n'));
  else if (asked.includes('please babble')) response.end((stream(start), 'event: content_block_start\ndata: {not json\n\n'));
  else if (asked.includes('please compress')) response.writeHead(200, { 'content-encoding': 'gzip' }).end('x');
  else
    response
      .writeHead(200, { 'content-type': 'application/json' })
      .end('{"type":"message","model":"pinned-1","content":[],"usage":{"input_tokens":1,"output_tokens":1}}');
};

interface Sent {
  readonly body?: string | Buffer | ReadableStream;
  readonly duplex?: 'half';
  readonly path?: string;
  readonly headers?: Record<string, string>;
  readonly signal?: AbortSignal;
}

const send = (sent: Sent = {}, who = credential): Promise<Response> =>
  fetch(`${running.envelope.doors.model}${sent.path ?? '/anthropic/v1/messages'}`, {
    method: 'POST',
    body: sent.body ?? asking('hello'),
    headers: { 'x-api-key': who, 'content-type': 'application/json', ...sent.headers },
    ...(sent.duplex && { duplex: sent.duplex }),
    ...(sent.signal && { signal: sent.signal }),
  });

const asking = (content: string, model = 'pinned-1', stream = false): string =>
  JSON.stringify({ model, max_tokens: 5, stream, messages: [{ role: 'user', content }] });

/** The answer is Anthropic's error shape with our code, and its record says the same. */
const assertDenied = async (response: Response, status: number, code: string, says: RegExp, recorded = true): Promise<void> => {
  const text = await response.text();
  assert.equal(response.status, status, text);
  const body = JSON.parse(text) as { type: string; error: { type: string; message: string } };
  assert.equal(body.type, 'error');
  assert.match(body.error.message, says);
  assert.ok(!/\n\s+at /.test(text), 'no stack trace');
  assert.equal(response.headers.get('x-sealwright-denial'), code);
  assert.equal(response.headers.get('x-should-retry'), 'false');
  const recordId = response.headers.get('x-sealwright-record');
  if (!recorded) return;
  expected.set(recordId ?? assert.fail('the answer names no record'), (record) => {
    assert.equal(record['kind'], record['decision_log_id'] === undefined ? 'decision' : 'outcome');
    if (record['kind'] === 'decision') assert.equal(record['denial'], code);
    else assert.equal(record['success'], false);
  });
};

for (const [name, body, says] of [
  ['malformed JSON', '{"model":"pinned-1",', /could not be read/],
  ['an empty body', '', /could not be read/],
  ['a JSON array', '[]', /could not be read/],
  ['a model of the wrong type', '{"model":1,"messages":[]}', /model/],
  ['messages of the wrong type', '{"model":"pinned-1","messages":"hello"}', /messages/],
  ['duplicate keys', '{"model":"pinned-1","model":"other","messages":[]}', /twice|duplicate/i],
  ['duplicate keys written with escapes', '{"model":"pinned-1","mod\\u0065l":"other","messages":[]}', /twice|duplicate/i],
  ['bytes that are not UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d]), /UTF-8/],
  ['nesting without end', `{"model":"pinned-1","messages":[],"x":${'['.repeat(5_000)}${']'.repeat(5_000)}}`, /deep|nest/],
] as const)
  test(`${name}: malformed, in the vendor's shape, and in the ledger`, async () => {
    await assertDenied(await send({ body }), 400, 'malformed', says);
  });

test('an unknown model is denied and recorded, also when its name is a secret or prose', async () => {
  await assertDenied(await send({ body: asking('hello', 'gpt-of-nowhere') }), 403, 'model_not_permitted', /gpt-of-nowhere/);
  const prose = 'please call someone@example.com';
  const response = await send({ body: asking('hello', prose) });
  const recordId = response.headers.get('x-sealwright-record') ?? '';
  expected.set(recordId, (record) => assert.ok(!JSON.stringify(record).includes('someone@example.com')));
});

for (const [coding, encode] of [
  ['gzip', gzipSync],
  ['deflate', deflateSync],
  ['br', brotliCompressSync],
  ['zstd', zstdCompressSync],
] as const)
  test(`G-BYTES-1: a body in ${coding} is read and leaves as what was read, or is refused`, async () => {
    const plain = asking('packed hello');
    const headers = { 'content-encoding': coding };
    upstream.seen.length = 0;
    assert.equal((await send({ body: encode(plain), headers })).status, 200);
    assert.equal(upstream.seen[0]?.body.toString(), plain);
    assert.equal(upstream.seen[0]?.headers['content-encoding'], undefined);
    const bomb = encode(Buffer.alloc(limits.requestBodyBytes + 1, 0x20));
    await assertDenied(await send({ body: bomb, headers }), 413, 'too_large', /32 MiB/);
    await assertDenied(await send({ body: encode(plain).subarray(0, -6), headers }), 400, 'malformed', /Content-Encoding/);
    await assertDenied(await send({ body: plain, headers }), 400, 'malformed', /Content-Encoding/);
  });

test('a body in another coding, or in two, is not inspectable', async () => {
  for (const coding of ['compress', 'gzip, br', 'aes128gcm'])
    await assertDenied(await send({ headers: { 'content-encoding': coding } }), 403, 'not_inspectable', /content coding/);
});

test('a query parameter that travels on and stands twice is malformed', async () => {
  await assertDenied(await send({ path: '/anthropic/v1/messages?beta=true&beta=false' }), 400, 'malformed', /twice/);
});

test('a WebSocket is answered 426, so that the client falls back to HTTP, and the attempt is recorded', async () => {
  const headers = { 'x-api-key': credential, connection: 'Upgrade', upgrade: 'websocket', 'sec-websocket-version': '13' };
  const answered = await new Promise<IncomingMessage>((resolve, reject) => {
    const sent = request(`${running.envelope.doors.model}/anthropic/v1/messages`, { headers }, resolve);
    sent
      .on('error', reject)
      .on('upgrade', () => reject(new Error('it was upgraded')))
      .end();
  });
  answered.resume();
  assert.equal(answered.statusCode, 426);
  const recordId = String(answered.headers['x-sealwright-record']);
  expected.set(recordId, (record) => assert.match(JSON.stringify(record), /WebSocket/));
});

test('the models that the role may call are listed in the shape of the vendor, to an invocation only', async () => {
  const get = (path: string, who = credential): Promise<Response> =>
    fetch(`${running.envelope.doors.model}/anthropic${path}`, { headers: { 'x-api-key': who } });
  const listed = (await (await get('/v1/models?limit=1000')).json()) as { data: { id: string }[]; has_more: boolean };
  assert.deepEqual(
    listed.data.map(({ id }) => id),
    ['pinned-1'],
  );
  assert.equal(listed.has_more, false);
  assert.equal((await get('/v1/models/pinned-1')).status, 200);
  assert.equal((await get('/v1/models/forbidden-1')).status, 404);
  await assertDenied(await get('/v1/models', 'sw_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'), 401, 'unidentified', /invocation/, false);
});

test('what the vendor offers beside is refused with the reason, an unknown path by name, and one of nobody is not found', async () => {
  await assertDenied(
    await send({ path: '/anthropic/v1/files' }),
    403,
    'not_permitted',
    /POST \/v1\/files is not carried \(files: what is stored/,
  );
  await assertDenied(
    await send({ path: '/anthropic/v1/surprise' }),
    403,
    'not_permitted',
    /POST \/v1\/surprise is nothing that is carried/,
  );
  assert.equal((await send({ path: '/somewhere' })).status, 404);
});

test('a body over the limit is refused, whether it says its length or not', async () => {
  const large = Buffer.alloc(limits.requestBodyBytes + 1, 0x20);
  await assertDenied(await send({ body: large }), 413, 'too_large', /larger than 32 MiB/);
  const unmeasured = new ReadableStream({
    start: (controller) => {
      controller.enqueue(large);
      controller.close();
    },
  });
  await assertDenied(await send({ body: unmeasured, duplex: 'half' }), 413, 'too_large', /larger than 32 MiB/);
});

test('an envelope-shaped answer meets header fields over the limit and bytes that are not HTTP', async () => {
  assert.match(
    await raw(`GET / HTTP/1.1\r\nhost: localhost\r\nx: ${'y'.repeat(limits.headerBytes)}\r\n\r\n`),
    /^HTTP\/1\.1 413[\s\S]*larger than 32 KiB/,
  );
  assert.match(await raw('HELLO\r\n\r\n'), /^HTTP\/1\.1 400/);
  assert.match(
    await raw('POST /v1/messages HTTP/1.1\r\nhost: localhost\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n'),
    /^HTTP\/1\.1 400/,
  );
});

test('a CONNECT is answered, and header fields over the limit in the shape of the vendor whose path they came with', async () => {
  assert.match(await raw('CONNECT example.com:443 HTTP/1.1\r\nhost: example.com:443\r\n\r\n'), /^HTTP\/1\.1 403[\s\S]*no proxy/);
  const long = await raw(`POST /anthropic/v1/messages HTTP/1.1\r\nhost: localhost\r\nx: ${'y'.repeat(limits.headerBytes)}\r\n\r\n`);
  assert.match(long, /^HTTP\/1\.1 413[\s\S]*x-should-retry: false[\s\S]*"type":"error","error":\{"type":"request_too_large"/);
});

test('a body over the limit of the control socket names that limit', async () => {
  const { status, body } = await running.control('POST', '/invocations', 'x'.repeat(limits.controlBodyBytes + 1));
  assert.deepEqual([status, (body as { error: { code: string } }).error.code], [413, 'too_large']);
  assert.match(JSON.stringify(body), /2 MiB/);
});

test('a slow client is cut off when its head has not arrived in time', async () => {
  assert.match(await raw('POST /v1/messages HTTP/1.1\r\nhost: loc'), /^HTTP\/1\.1 400[\s\S]*in time/);
});

test('a missing, foreign, forged or closed credential is refused without a crossing', async () => {
  const ended = await running.open();
  const { credential: closed } = ended;
  await running.closeRun(ended);
  for (const who of ['', 'sk-ant-api03-xyz', `${credential.slice(0, -4)}AAAA`, closed])
    await assertDenied(await send({}, who), 401, 'unidentified', /credential|invocation/i, false);
  const both = await send({ headers: { authorization: 'Bearer something-else' } });
  assert.equal(both.status, 401);
});

test('a page in a browser and a name that is not ours are refused', async () => {
  assert.equal((await send({ headers: { origin: 'https://evil.example' } })).status, 403);
  assert.match(await raw('POST /v1/messages HTTP/1.1\r\nhost: evil.example\r\ncontent-length: 0\r\n\r\n'), /^HTTP\/1\.1 403/);
});

test('a client that goes away in mid-stream cancels the upstream and leaves one outcome', async () => {
  const before = upstream.cancelled();
  const leaving = new AbortController();
  const response = await send({ body: asking('please stall', 'pinned-1', true), signal: leaving.signal });
  await response.body?.getReader().read();
  leaving.abort();
  await until(() => upstream.cancelled() > before);
});

test('an upstream that is cut in mid-stream is cut for the client too, and one that ends early as well', async () => {
  for (const how of ['please cut', 'please end early']) {
    const response = await send({ body: asking(how, 'pinned-1', true) });
    await assert.rejects(response.text());
  }
});

test('an upstream that fails in mid-stream says so to the client and in the record', async () => {
  const text = await (await send({ body: asking('please fail', 'pinned-1', true) })).text();
  assert.match(text, /overloaded_error/);
});

test('an upstream that babbles in mid-stream is not inspectable, and nothing of it passes', async () => {
  const text = await (await send({ body: asking('please babble', 'pinned-1', true) })).text();
  assert.match(text, /event: error/);
  assert.ok(!text.includes('not json'));
});

test('an upstream that compresses although it was asked not to is a failure', async () => {
  assert.equal((await send({ body: asking('please compress') })).status, 502);
});

test('the time that a role may take ends a stalled stream with a denial in the stream', async () => {
  const { credential: hurried } = await running.open('sdk', 'hurried');
  const response = await send({ body: asking('please stall', 'pinned-1', true) }, hurried);
  assert.match(await response.text(), /event: error[\s\S]*seconds that the role may take/);
});

/** Sends bytes as they are and gives what comes back until the end. */
const raw = (bytes: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const { hostname, port } = new URL(running.envelope.doors.model);
    const socket = connect(Number(port), hostname, () => socket.write(bytes));
    let answer = '';
    socket.on('data', (chunk: Buffer) => {
      answer += chunk.toString();
      if (answer.includes('}')) socket.end();
    });
    socket.on('end', () => resolve(answer));
    socket.on('close', () => resolve(answer));
    socket.on('error', reject);
  });
