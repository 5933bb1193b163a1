// What comes to the doors of a running envelope, at each limit and one beyond it: at the limit it is served like anything smaller, one more is refused in
// words that name the limit, and the next request is served. The table takes its numbers from `limits`.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { after, before, test } from 'node:test';
import { limits } from '../../src/core/limits.ts';
import { connectRequest, textOf } from '../envelope/proxy-client.ts';
import { extensionOf, helloMessage, recordsOf } from '../client-hello.ts';
import { balanced } from './books.ts';
import { ask, quietSocket } from './clients.ts';
import { assertNoTrace, credentialOf, type Up } from './up.ts';
import { createWorld, type World } from './world.ts';

let world: World;
let up: Up;
let credential: string;

before(async () => {
  world = await createWorld({ edit: (text) => text.replace('tls: false }]', `tls: true }]`) });
  up = await world.start();
  credential = await credentialOf(up);
});
after(async () => {
  const got = await ask(up, credential, { stream: true, text: 'after all limits' });
  assert.deepEqual([got?.status, got?.whole], [200, true], got?.text ?? '');
  assert.equal(await up.stop(), 0);
  assertNoTrace(up.said());
  await balanced(world.dataDir);
  await world.remove();
});

/** Status and text of what comes back for these bytes; nothing where the connection is broken without a word. */
const said = async (door: string, bytes: string | Uint8Array): Promise<string> => {
  const socket = quietSocket(door);
  socket.write(bytes);
  const text = await textOf(socket);
  socket.destroy();
  return text.replace(/^HTTP\/1\.1 /, '');
};

const message = (more = ''): string => `{"model":"pinned-1","max_tokens":9,"messages":[{"role":"user","content":"hi"}]${more}}`;

const headOf = (fields: readonly string[], body: string): string =>
  ['POST /anthropic/v1/messages HTTP/1.1', 'host: localhost', 'connection: close', `x-api-key: ${credential}`, ...fields].join('\r\n') +
  `\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n`;

const posted = (fields: readonly string[], body: string): Promise<string> => said(up.doors.model, headOf(fields, body) + body);

const inChunks = (body: string): Promise<string> =>
  said(
    up.doors.model,
    headOf(['transfer-encoding: chunked'], body).replace(/\r\ncontent-length: \d+/, '') +
      `${Buffer.byteLength(body).toString(16)}\r\n${body}\r\n0\r\n\r\n`,
  );

const padded = (bytes: number): string => message().padEnd(bytes, ' ');

/** Fields that the request has without those that a case adds. */
const ownFields = 4;

const toControl = (body: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', 'content-length': body.length };
    // A connection that is to be closed is closed behind the answer, while this may still be sending.
    const agent = new Agent({ keepAlive: true });
    const sent = request({ socketPath: up.control, method: 'POST', path: '/invocations', headers, agent }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (part: string) => void (text += part));
      answer.on('end', () => {
        agent.destroy();
        resolve(`${answer.statusCode} ${text}`);
      });
    });
    sent.on('error', reject);
    sent.end(body);
  });

/** A hello of so many bytes, records and all, that asks for no name, as one to an address does. */
const helloOfBytes = (bytes: number): Buffer => {
  const padding = (count: number): Buffer => recordsOf(helloMessage([extensionOf(21, Buffer.alloc(count))]), 8_192);
  const hello = padding(bytes - padding(0).length - 5);
  assert.equal(hello.length, bytes);
  return hello;
};

/** What comes through a tunnel that says this first. */
const throughTunnel = async (bytes: Uint8Array): Promise<string> => {
  const socket = quietSocket(up.doors.network);
  socket.write(connectRequest(`127.0.0.1:${world.host.port}`, credential));
  assert.match(String((await once(socket, 'data'))[0]), /^HTTP\/1\.1 200 /);
  socket.end(bytes);
  const text = await textOf(socket);
  socket.destroy();
  return Buffer.from(text, 'latin1').equals(bytes) ? 'echoed' : `${text.length} bytes`;
};

const name = (characters: number): string => `${'a'.repeat(63)}.${'b'.repeat(63)}.${'c'.repeat(63)}.`.padEnd(characters - 5, 'd') + '.test';

interface Case {
  readonly limit: string;
  readonly at: number;
  readonly send: (size: number) => Promise<string>;
  readonly served: RegExp;
  readonly refused: RegExp;
}

const nested = (depth: number): string => message(`,"x":${'['.repeat(depth - 1)}${']'.repeat(depth - 1)}`);
/** With the values that the message has itself. */
const ownValues = 8;
const values = (count: number): string => message(`,"x":[${Array.from({ length: count - ownValues }, () => '1').join(',')}]`);

const cases: readonly Case[] = [
  {
    limit: 'requestBodyBytes, with its length',
    at: limits.requestBodyBytes,
    send: (size) => posted([], padded(size)),
    served: /^200 /,
    refused: /^413 [^]*32 MiB/,
  },
  {
    limit: 'requestBodyBytes, in chunks',
    at: limits.requestBodyBytes,
    send: (size) => inChunks(padded(size)),
    served: /^200 /,
    refused: /^413 [^]*32 MiB/,
  },
  {
    limit: 'headerCount',
    at: limits.headerCount,
    send: (size) =>
      posted(
        Array.from({ length: size - ownFields }, (_, index) => `x-${index}: y`),
        message(),
      ),
    served: /^200 /,
    refused: /^413 [^]*too_large[^]*more than 200 header fields/,
  },
  {
    limit: 'jsonDepth',
    at: limits.jsonDepth,
    send: (size) => posted([], nested(size)),
    served: /^200 /,
    refused: /^400 [^]*nested more than 200 deep/,
  },
  {
    limit: 'jsonNodesCount',
    at: limits.jsonNodesCount,
    send: (size) => posted([], values(size)),
    served: /^200 /,
    refused: /^400 [^]*more than 500000 values/,
  },
  {
    limit: 'preambleBytes',
    at: limits.preambleBytes,
    send: (size) => said(up.doors.model, `${'SEALWRIGHT/1 sw_'.padEnd(size - 1, 'A')}\n${headOf([], message())}${message()}`),
    served: /^401 /,
    refused: /^$/,
  },
  {
    limit: 'controlBodyBytes',
    at: limits.controlBodyBytes,
    send: (size) => toControl('{"agent":"sdk","role":"demo","facts":{}}'.padEnd(size, ' ')),
    served: /^201 /,
    refused: /^4\d\d [^]*2 MiB/,
  },
  {
    limit: 'clientHelloBytes',
    at: limits.clientHelloBytes,
    send: (size) => throughTunnel(helloOfBytes(size)),
    served: /^echoed$/,
    refused: /^7 bytes$/,
  },
  {
    limit: 'the characters of a host name',
    at: 253,
    send: (size) => said(up.doors.network, connectRequest(`${name(size)}:443`, credential)),
    served: /^403 [^]*not_permitted/,
    refused: /^400 [^]*malformed/,
  },
];

for (const { limit, at, send, served, refused } of cases)
  test(`${limit}: ${at - 1} and ${at} are served, ${at + 1} is refused`, async () => {
    for (const [size, expected] of [
      [at - 1, served],
      [at, served],
      [at + 1, refused],
    ] as const)
      assert.match((await send(size)).slice(0, 2_000), expected, `${size}`);
    assert.equal((await ask(up, credential, { stream: false, text: `after ${limit}` }))?.status, 200);
  });

test(`headerBytes: a head is served up to ${limits.headerBytes} bytes, and the first that is longer is refused`, async () => {
  const withField = (size: number): Promise<string> => posted([`x: ${'y'.repeat(size)}`], message());
  let [served, refused] = [0, limits.headerBytes + 1];
  while (refused - served > 1) {
    const middle = Math.floor((served + refused) / 2);
    const answer = await withField(middle);
    if (answer.startsWith('200 ')) served = middle;
    else {
      assert.match(answer, /^413 [^]*32 KiB/, `${middle}`);
      refused = middle;
    }
  }
  const head = headOf([`x: ${'y'.repeat(served)}`], message()).length;
  assert.ok(head <= limits.headerBytes + 64, `a head of ${head} bytes is served`);
  assert.ok(head > limits.headerBytes - 64, `a head of ${head} bytes is the longest that is served`);
});

test('answerBodyBytes: an answer of so many bytes arrives whole, and one of one more is a failure that its record names', async () => {
  const { answer } = world.upstream;
  try {
    for (const [more, status] of [
      [0, 200],
      [1, 502],
    ] as const) {
      const body = '{"type":"message","model":"pinned-1","content":[],"stop_reason":"end_turn"}'.padEnd(limits.answerBodyBytes + more, ' ');
      world.upstream.answer = (_message, _body, response) => response.writeHead(200, { 'content-type': 'application/json' }).end(body);
      const got = await ask(up, credential, { stream: false, text: `answered ${more}` });
      assert.deepEqual([got?.status, status === 200 ? got?.text.length : 0], [status, status === 200 ? limits.answerBodyBytes : 0]);
    }
  } finally {
    world.upstream.answer = answer;
  }
});
