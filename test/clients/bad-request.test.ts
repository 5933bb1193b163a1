// What clients send by mistake or on purpose, in every wire format, through the door: refused in the caller's own dialect and recorded,
// or passed on as it was read. Nothing ends in an error of ours, and nothing that was not read reaches an upstream.

import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { brotliCompressSync, gzipSync, zstdCompressSync } from 'node:zlib';
import type { DenialCode } from '../../src/core/denial.ts';
import { limits } from '../../src/core/limits.ts';
import { casesOf } from '../conformance/cases.ts';
import type { Running, Upstream } from '../envelope/running.ts';
import { startRunning, startUpstream } from '../envelope/running.ts';
import type { Dialect } from './dialect.ts';
import { agents, dialects, furtherDialects, pin, titleOf, withEveryDialect } from './dialect.ts';
import type { Answer } from './rendering.ts';

const everyDialect = [...dialects, ...furtherDialects];
const answersAt = new Map(everyDialect.map(({ path, streaming, answer }) => [`${path} ${streaming}`, answer]));

let upstream: Upstream;
let running: Running;
/** What each record that an answer named must say. */
const named: { readonly title: string; readonly id: string; readonly denial: string }[] = [];

/** Invocations that attempted one thing, which was malformed. */
const malformedAlone: { readonly title: string; readonly invocation: string }[] = [];

before(async () => {
  upstream = await startUpstream((message, body, response) => {
    const streaming = (message.url ?? '').includes('alt=sse') || /"stream":\s*true/.test(body.toString());
    const [prefix = ''] = everyDialect.find(({ path }) => path.endsWith(message.url ?? ''))?.path.match(/^\/\w+/) ?? [];
    const { contentType, body: fair } = answersAt.get(`${prefix}${message.url} ${streaming}`) ?? assert.fail(`no answer at ${message.url}`);
    response.writeHead(200, { 'content-type': contentType, trailer: 'x-behind' }).write(fair);
    response.addTrailers({ 'x-behind': 'behind', 'content-type': 'text/html', 'x-sealwright-denial': 'behind' });
    response.end();
  });
  running = await startRunning(upstream.url, withEveryDialect);
});

after(async () => {
  const { model } = await running.stop();
  running.remove();
  await upstream.close();
  const records = new Map(model.map((record) => [record['log_id'], record]));
  assert.ok(named.length > 200);
  for (const { title, id, denial } of named) assert.equal(records.get(id)?.['denial'], denial, title);
  for (const { title, invocation } of malformedAlone) {
    const attempts = model.filter((record) => record['invocation_id'] === invocation);
    assert.deepEqual(
      attempts.map(({ kind, denial }) => [kind, denial]),
      [['decision', 'malformed']],
      title,
    );
  }
  const intents = model.filter(({ kind, denial }) => kind === 'decision' && denial === undefined);
  const outcomes = Map.groupBy(model, (record) => record['decision_log_id']);
  for (const { log_id: id } of intents) assert.equal(outcomes.get(id)?.length, 1, 'one outcome each');
});

const open = ({ client }: Dialect): ReturnType<Running['open']> => running.open(agents[client]);

interface Sent {
  readonly body: string | Uint8Array;
  readonly headers?: Record<string, string>;
}

const post = async (dialect: Dialect, { body, headers }: Sent, credential?: string): Promise<Answer> => {
  const who = credential ?? (await open(dialect)).credential;
  const response = await fetch(`${running.envelope.doors.model}${dialect.path}`, {
    method: 'POST',
    body: new Uint8Array(Buffer.from(body)),
    headers: { authorization: `Bearer ${who}`, 'content-type': 'application/json', ...headers },
  });
  return { status: response.status, headers: response.headers, text: await response.text(), cut: false };
};

const assertRefused = (title: string, dialect: Dialect, answer: Answer, denial?: DenialCode): void => {
  const code = answer.headers.get('x-sealwright-denial') ?? assert.fail(`no denial: ${answer.status} ${answer.text}`);
  if (denial !== undefined) assert.equal(code, denial);
  const sentence = dialect.refusal(answer);
  assert.ok(!/\n\s+at /.test(sentence), 'no stack trace');
  named.push({ title, id: answer.headers.get('x-sealwright-record') ?? '', denial: code });
};

/** The fair answer, without the fields that stand behind it. */
const assertPassed = (dialect: Dialect, answer: Answer): void => {
  assert.deepEqual([answer.status, answer.text], [200, dialect.answer.body.toString()]);
  assert.deepEqual([answer.headers.get('trailer'), answer.headers.get('content-type')], [null, dialect.answer.contentType]);
};

/** What reached the upstream of requests that say these words. */
const calls = (words: string): Upstream['seen'] => upstream.seen.filter(({ body }) => body.toString().includes(words));

const fair = (dialect: Dialect): string => JSON.stringify(dialect.body('Hello'));
const withFirst = (dialect: Dialect, member: string): string => fair(dialect).replace('{', `{${member},`);

/** The member that holds what the model is to read. */
const asking: Readonly<Record<string, string>> = {
  'anthropic-messages': 'messages',
  'openai-chat': 'messages',
  'openai-responses': 'input',
  'openai-embeddings': 'input',
  gemini: 'contents',
};
const askingOf = ({ format, operation }: Dialect): string =>
  operation === 'embedContent' ? 'content' : operation === 'batchEmbedContents' ? 'requests' : (asking[format] ?? '');

const malformed: Readonly<Record<string, (dialect: Dialect) => string | Uint8Array>> = {
  'JSON that ends too early': (dialect) => fair(dialect).slice(0, -5),
  garbage: () => Buffer.from([0x00, 0xff, 0x1f, 0x8b, 0x7b]),
  'an empty body': () => '',
  'a list': () => '[]',
  'a text': () => '"hello"',
  'nesting 10,000 deep': (dialect) => withFirst(dialect, `"x":${'['.repeat(10_000)}${']'.repeat(10_000)}`),
  'objects 10,000 deep': (dialect) => withFirst(dialect, `"x":${'{"x":'.repeat(10_000)}1${'}'.repeat(10_000)}`),
  'bytes in a string that are not UTF-8': (dialect) => {
    const [head = '', tail = ''] = withFirst(dialect, '"x":"?"').split('?');
    return Buffer.concat([Buffer.from(head), Buffer.from([0xc3, 0x28]), Buffer.from(tail)]);
  },
  'a member given twice': (dialect) => withFirst(dialect, `"${askingOf(dialect)}":[]`),
  'a member given twice, once with an escape': (dialect) =>
    withFirst(dialect, `"${String.raw`\u00`}${askingOf(dialect).charCodeAt(0).toString(16)}${askingOf(dialect).slice(1)}":[]`),
  'text behind the end': (dialect) => `${fair(dialect)}{}`,
  'a number in the place of what is to be read': (dialect) => JSON.stringify({ ...dialect.body(''), [askingOf(dialect)]: 7 }),
  'a model of the wrong type': (dialect) => JSON.stringify({ ...dialect.body(''), model: { name: pin } }),
  'no JSON at all': () => 'model=pinned-1&messages=hello',
};

const compressions = { gzip: gzipSync, br: brotliCompressSync, zstd: zstdCompressSync } as const;

describe('a body that cannot be read is malformed, in the dialect of the caller', () => {
  for (const [name, bodyOf] of Object.entries(malformed))
    describe(name, { concurrency: 8 }, () => {
      for (const dialect of everyDialect)
        test(titleOf(dialect), async () => {
          assertRefused(`${name}: ${titleOf(dialect)}`, dialect, await post(dialect, { body: bodyOf(dialect) }), 'malformed');
        });
    });
});

describe('G-BYTES-1: a compressed body is read and leaves as what was read, or is refused', { concurrency: 8 }, () => {
  for (const dialect of everyDialect)
    for (const [coding, encode] of Object.entries(compressions)) {
      const title = `${coding}: ${titleOf(dialect)}`;
      test(title, async () => {
        const headers = { 'content-encoding': coding };
        const body = JSON.stringify(dialect.body(title));
        assertPassed(dialect, await post(dialect, { body: encode(body), headers }));
        const left = calls(title).map((call) => [call.body.toString(), call.headers['content-encoding']]);
        assert.deepEqual(left, [[body, undefined]]);
        assertRefused(title, dialect, await post(dialect, { body: encode(body).subarray(0, -6), headers }), 'malformed');
        assertRefused(title, dialect, await post(dialect, { body, headers }), 'malformed');
        const twice = { 'content-encoding': `${coding}, ${coding}` };
        assertRefused(title, dialect, await post(dialect, { body: encode(encode(body)), headers: twice }), 'not_inspectable');
      });
    }
});

test('a body over the limit is refused, as it is and compressed', async () => {
  const large = Buffer.alloc(limits.requestBodyBytes + 1, ' ');
  const packed = gzipSync(large);
  for (const dialect of dialects.filter(({ streaming, format }) => streaming || format === 'openai-embeddings')) {
    assertRefused(`large: ${titleOf(dialect)}`, dialect, await post(dialect, { body: large }), 'too_large');
    const headers = { 'content-encoding': 'gzip' };
    assertRefused(`bomb: ${titleOf(dialect)}`, dialect, await post(dialect, { body: packed, headers }), 'too_large');
  }
});

/** Sends bytes as they are; gives what comes back until the end. A client that `leaves` says that nothing more comes. */
const raw = (head: readonly string[], body: string, leaves: boolean): Promise<string> => {
  const { hostname, port } = new URL(running.envelope.doors.model);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => {
      socket.write(`${head.join('\r\n')}\r\nhost: localhost\r\nconnection: close\r\n\r\n${body}`);
      if (leaves) socket.end();
    });
    const chunks: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    socket.on('close', () => resolve(Buffer.concat(chunks).toString()));
    socket.on('error', reject);
  });
};

/** An answer that has a length, as it came. */
const answerIn = (bytes: string): Answer => {
  const [head = '', text = ''] = bytes.split('\r\n\r\n', 2);
  const [line = '', ...fields] = head.split('\r\n');
  const headers = new Headers(fields.map((field) => [field.slice(0, field.indexOf(':')), field.slice(field.indexOf(':') + 1).trim()]));
  return { status: Number(line.split(' ')[1]), headers, text, cut: false };
};

describe('a body of another length than it says goes nowhere and is recorded, and so do fields behind a body', { concurrency: 8 }, () => {
  /** The connection of a client that sends what is no HTTP is broken, unless there is time to say why. */
  const lying = async (dialect: Dialect, words: string, byBytes: number): Promise<void> => {
    const { invocation_id: invocation, credential } = await open(dialect);
    const body = JSON.stringify(dialect.body(words));
    const length = `content-length: ${Buffer.byteLength(body) + byBytes}`;
    const bytes = await raw([`POST ${dialect.path} HTTP/1.1`, `authorization: Bearer ${credential}`, length], body, byBytes > 0);
    if (bytes !== '') assertRefused(words, dialect, answerIn(bytes), 'malformed');
    assert.equal(calls(words).length, 0);
    malformedAlone.push({ title: words, invocation });
  };

  for (const dialect of everyDialect) {
    const title = titleOf(dialect);
    test(`${title}: shorter than it says`, () => lying(dialect, `shorter, ${title}`, 10));
    test(`${title}: longer than it says`, () => lying(dialect, `longer, ${title}`, -3));

    test(`${title}: in pieces, with fields behind`, async () => {
      const words = `pieces, ${title}`;
      const body = JSON.stringify(dialect.body(words));
      const chunks = [body.slice(0, 7), body.slice(7)].map((part) => `${Buffer.byteLength(part).toString(16)}\r\n${part}\r\n`);
      const trailers = 'x-trailer: behind\r\nauthorization: Bearer behind\r\ncontent-encoding: gzip\r\n';
      const { credential } = await open(dialect);
      const fields = [`authorization: Bearer ${credential}`, 'transfer-encoding: chunked', 'trailer: x-trailer'];
      const bytes = await raw([`POST ${dialect.path} HTTP/1.1`, ...fields], `${chunks.join('')}0\r\n${trailers}\r\n`, false);
      assert.match(bytes, /^HTTP\/1\.1 200 /);
      assert.ok(!bytes.includes('behind'), 'nor does what stands behind the answer come back');
      const [call, ...others] = calls(words);
      assert.deepEqual([call?.body.toString(), others.length], [body, 0]);
      assert.ok(!JSON.stringify(call?.headers).includes('behind'));
    });
  }
});

describe('a WebSocket is answered 426 whatever it asks for, goes nowhere and is recorded', () => {
  for (const dialect of everyDialect)
    test(titleOf(dialect), async () => {
      const { credential } = await open(dialect);
      const upgrade = [
        'connection: Upgrade',
        'upgrade: websocket',
        'sec-websocket-version: 13',
        'sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==',
      ];
      // As Codex asks before it falls back to HTTP.
      const fields = [`authorization: Bearer ${credential}`, 'openai-beta: responses_websockets=2026-02-06', ...upgrade];
      const before = upstream.seen.length;
      const answer = answerIn(await raw([`GET ${dialect.path} HTTP/1.1`, ...fields], '', false));
      assert.deepEqual([answer.status, answer.headers.get('x-sealwright-denial')], [426, 'not_permitted']);
      assert.match(answer.text, /send the same call by HTTP/);
      assert.equal(upstream.seen.length, before);
      named.push({ title: titleOf(dialect), id: answer.headers.get('x-sealwright-record') ?? '', denial: 'not_permitted' });
    });
});

type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };

const strange: readonly Json[] = [null, true, -1, 1e300, '', 'x', [], {}, [[]], [null], [{}], { type: 'x' }, { '': [] }];

const isList = (value: Json): value is readonly Json[] => Array.isArray(value);

/** The value with one node replaced, for every node: each time by something of another type. */
function* replaced(value: Json, turn: { at: number }): Iterable<Json> {
  const other = strange[(turn.at += 1) % strange.length] ?? null;
  yield other;
  if (typeof value !== 'object' || value === null) return;
  for (const [name, item] of Object.entries(value))
    for (const each of replaced(item, turn)) yield isList(value) ? value.with(Number(name), each) : { ...value, [name]: each };
}

/** Each shape of request once that clients of the vendor's are known to send. */
const requestsOf = ({ format, operation, streaming }: Dialect): readonly Json[] =>
  casesOf(format)
    .filter(({ expected: { request } }) => request.operation === operation && request.streaming === streaming)
    .map(({ request }) => JSON.parse(Buffer.from(request).toString()) as Json)
    .map((body) => (typeof body === 'object' && body !== null && 'model' in body && format !== 'gemini' ? { ...body, model: pin } : body));

/** Of each dialect, spread over all. */
const mutationsMax = 40;

describe('a wrong type anywhere is refused or passed on as it is, and never an error of ours', { concurrency: 4 }, () => {
  for (const dialect of everyDialect.filter(({ client }) => client === 'sdk'))
    test(titleOf(dialect), async () => {
      const mutations = requestsOf(dialect).flatMap((body, index) => [...replaced(body, { at: index })]);
      const step = Math.max(1, Math.floor(mutations.length / mutationsMax));
      const { credential } = await open(dialect);
      let refused = 0;
      for (let at = 0; at < mutations.length; at += step) {
        const body = JSON.stringify(mutations[at]);
        const answer = await post(dialect, { body }, credential);
        if (answer.headers.has('x-sealwright-denial')) {
          refused += 1;
          assert.ok(answer.status < 500, `${body}: ${answer.text}`);
          assertRefused(`${titleOf(dialect)}: ${body}`, dialect, answer);
        } else assert.equal(answer.status, 200, `${body}: ${answer.text}`);
      }
      assert.ok(refused > 0, 'some of it is wrong');
    });
});
