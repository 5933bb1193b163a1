// Connections as a door's server reads them: the relay's line, request line, header, body, one request after the other, over a real socket.
// How the bytes come changes nothing of what reaches the handler; nothing throws; and every byte that was counted is given back.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDenial } from '../../../src/core/denial.ts';
import { createFairShare } from '../../../src/core/fair-share.ts';
import { limits } from '../../../src/core/limits.ts';
import { readPreamble } from '../../../src/server/preamble.ts';
import { listen } from '../../../src/server/server.ts';
import { cutBy } from '../cuts.ts';
import { hashOf } from '../dice.ts';
import type { Target } from '../target.ts';

const folder = mkdtempSync(join(tmpdir(), 'fuzz-server-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
const socketPath = join(folder, 's');
// A thread cannot set the mask of its process, by which the socket is its owner's alone; here the folder is.
Object.assign(process, { umask: () => 0o077 });

interface Handled {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly credential: string | null;
  readonly headers: object;
  readonly body: string;
}

/** In the order in which they came; null while a body is still read. */
let handled: (Handled | null)[] = [];
let problems: unknown[] = [];
let underWay = 0;
const bodies = createFairShare(limits.bodiesInFlightBytes);

const listener = await listen({
  name: 'model',
  listen: { socketPath, mode: 0o600 },
  takesPreamble: true,
  hostNames: [],
  connect: async ({ refuse, target }) => refuse({ status: 403, headers: {}, body: Buffer.from(target) }),
  refuse: () => ({ status: 400, headers: {}, body: Buffer.from('refused') }),
  bodyLimit: 'controlBodyBytes',
  bodies,
  turnedAway: () => undefined,
  onError: (problem) => void problems.push(problem),
  handle: async ({ method, path, query, credential, headers, body }, outgoing) => {
    underWay++;
    const place = handled.push(null) - 1;
    const bytes = await body();
    handled[place] = { method, path, query, credential, headers, body: isDenial(bytes) ? `denied ${bytes.denial}` : Buffer.from(bytes).toString('latin1') };
    outgoing.begin(200, { 'content-length': '2' });
    await outgoing.write(Buffer.from('ok'));
    outgoing.end();
    underWay--;
  },
}); // prettier-ignore

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const talk = async (chunks: readonly Uint8Array[]): Promise<{ readonly handled: readonly Handled[]; readonly answer: string }> => {
  handled = [];
  problems = [];
  const answer: Buffer[] = [];
  await new Promise<void>((resolve) => {
    const socket = connect(socketPath);
    socket.on('data', (chunk: Buffer) => void answer.push(chunk)).on('error', () => undefined);
    socket.on('close', () => resolve());
    void (async () => {
      for (const chunk of chunks) {
        socket.write(chunk);
        await turn();
      }
      socket.end();
    })();
  });
  const isBusy = (): boolean => underWay > 0 || bodies.held() > 0;
  for (let turns = 0; isBusy() && turns < 1_000; turns++) await turn();
  assert.deepEqual(problems, [], 'a handler met a bug');
  assert.equal(underWay, 0, 'a handler is left behind');
  assert.equal(bodies.held(), 0, 'bytes are counted that nobody holds');
  return { handled: handled.filter((each) => each !== null), answer: Buffer.concat(answer).toString('latin1') };
};

const check = async (input: Uint8Array): Promise<void> => {
  // A line of a relay that does not end is waited for.
  if (readPreamble(Buffer.from(input)) === 'more') return;
  const whole = await talk([input]);
  for (const { path, headers, credential } of whole.handled) {
    assert.ok(!path.includes('?'));
    for (const [name, value] of Object.entries(headers)) assert.ok(name === name.toLowerCase() && typeof value === 'string');
    if (credential !== null) assert.ok(Buffer.from(input).toString('latin1').startsWith(`SEALWRIGHT/1 ${credential}\n`), 'a credential that no relay said');
  }
  if (whole.answer !== '') assert.match(whole.answer, /^HTTP\/1\.1 \d{3} /);
  const size = 1 + Math.floor(input.length / (1 + (hashOf(input) % 4)));
  const cut = await talk(cutBy(input, [size]));
  // Whether one that the end of the connection overtakes is still read whole is a matter of moments, and so is how many follow it.
  const isWhole = ({ body }: Handled): boolean => body !== 'denied malformed';
  const shorter = Math.min(...[whole, cut].map(({ handled: each }) => each.findIndex((one) => !isWhole(one)) >>> 0), whole.handled.length, cut.handled.length);
  assert.deepEqual(cut.handled.slice(0, shorter), whole.handled.slice(0, shorter), 'how it comes changes what is handled');
}; // prettier-ignore

const seeds = [
  'POST /v1/messages?beta=true HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello',
  'SEALWRIGHT/1 sw_abc\nPOST /v1/messages HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n',
  'GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n',
  'CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n\u0016\u0003\u0001',
  'POST / HTTP/1.1\r\nHost: a\r\nOrigin: http://b\r\nContent-Length: 3\r\n\r\nabc',
  'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n1;x=y\r\na\r\n0\r\nT: x\r\n\r\n',
];

export const target: Target = {
  kind: 'lines',
  bytesMax: 2_048,
  seeds: () => seeds.map((text) => Buffer.from(text, 'latin1')),
  words: ['HTTP/1.1', 'HTTP/1.0', '\r\n', 'Host: x\r\n', 'Content-Length: ', 'Transfer-Encoding: chunked\r\n', 'Connection: close\r\n', 'Upgrade: h2c\r\n', 'SEALWRIGHT/1 ', 'Expect: 100-continue\r\n', 'Origin: ', 'CONNECT ', '0\r\n\r\n'],
  check,
  end: () => listener.close(),
}; // prettier-ignore
