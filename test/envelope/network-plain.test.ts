// Plain requests through the network door of a whole envelope: what is written anew, what stays behind, and what is refused.
// Names resolve as the test says, to loopback only; the whole envelope runs in this process.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { http } from '../loopback.ts';
import { connections, open, rule } from './network-world.ts';
import { basic } from './proxy-client.ts';
import { type LedgerRecord } from './running.ts';

const decisionOf = ({ decision }: LedgerRecord): { readonly verdict: string; readonly reason: string; readonly mode: string } =>
  decision as { verdict: string; reason: string; mode: string };

test('G-NET-5: a plain request is written anew: its Host is the target, hop fields and the credential stay behind, the answer ends after its outcome', async (t) => {
  const seen: unknown[] = [];
  const upstream = await http(t, (message, response) => {
    const chunks: Buffer[] = [];
    message.on('data', (chunk: Buffer) => chunks.push(chunk));
    message.on('end', () => {
      seen.push([message.method, message.url, { ...message.headersDistinct }, Buffer.concat(chunks).toString()]);
      response.writeHead(302, {
        location: 'http://evil.test/',
        'set-cookie': ['a=1; x', 'b=2'],
        connection: 'x-hop',
        'x-hop': '1',
        'x-kept': '2',
        'x-sealwright-denial': 'stopped',
      });
      response.end('moved');
    });
  });
  const { running, run, client } = await open(t, `[${rule(upstream.port)}]`);
  const url = `http://Site.TEST:${upstream.port}/a?b=%20c`;
  const fields = [
    `host: evil.test`,
    `proxy-authorization: ${basic(run.credential)}`,
    'connection: close, x-mine',
    'x-mine: 1',
    `x-token: ${run.credential}`,
    'te: trailers',
    'x-own: 2',
  ];
  const { status, headers, body } = await client.asked(`POST ${url} HTTP/1.1\r\n${fields.join('\r\n')}\r\ncontent-length: 4\r\n\r\nbody`);
  assert.equal(status, 302);
  assert.match(headers, /set-cookie: a=1; x\r\nset-cookie: b=2/);
  assert.match(headers, /x-kept: 2/);
  assert.doesNotMatch(headers, /x-hop|x-sealwright/);
  assert.match(body, /^5\r\nmoved\r\n0\r\n\r\n$/);
  assert.deepEqual(seen, [
    [
      'POST',
      '/a?b=%20c',
      { host: [`site.test:${upstream.port}`], 'x-own': ['2'], 'content-length': ['4'], connection: ['keep-alive'] },
      'body',
    ],
  ]);
  const [, outcome] = connections((await running.stop()).agent);
  assert.partialDeepStrictEqual(outcome, { success: true, upstream_status: 302, bytes_sent: 4, bytes_received: 5 });
});

test('G-NET-5: what could be read as two requests, another scheme and a method that is not carried reach no destination', async (t) => {
  const upstream = await http(t, (_message, response) => void response.end());
  const { running, run, client } = await open(t, `[${rule(upstream.port)}]`);
  const authorised = `proxy-authorization: ${basic(run.credential)}\r\nconnection: close\r\nhost: x\r\n`;
  const at = `http://site.test:${upstream.port}`;
  for (const [request, status] of [
    [`POST ${at}/ HTTP/1.1\r\n${authorised}content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`, 400],
    [`POST ${at}/ HTTP/1.1\r\n${authorised}content-length: 4\r\ncontent-length: 5\r\n\r\nabcd`, 400],
    [`POST ${at}/ HTTP/1.1\r\n${authorised}transfer-encoding: xchunked\r\n\r\nabcd`, 400],
    [`GET https://site.test:${upstream.port}/ HTTP/1.1\r\n${authorised}\r\n`, 400],
    [`GET http://user@site.test:${upstream.port}/ HTTP/1.1\r\n${authorised}\r\n`, 400],
    [`TRACE ${at}/ HTTP/1.1\r\n${authorised}\r\n`, 400],
    [`GET ${at}/ HTTP/1.1\r\n${authorised} folded: x\r\n\r\n`, 400],
    [`GET ${at}/ HTTP/1.1\r\n${authorised}x y: z\r\n\r\n`, 400],
    [`GET ${at}/ HTTP/1.1\n${authorised}\r\n`, 400],
    [`GET ${at}/ HTTP/3.7\r\n${authorised}\r\n`, 400],
    [`GET ${at}/a b HTTP/1.1\r\n${authorised}\r\n`, 400],
    [`GET ${at}/#x HTTP/1.1\r\n${authorised}\r\n`, 400],
    [`PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n`, 400],
    [`GET /path HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n`, 400],
    [`GET ${at}/ HTTP/1.1\r\n${authorised}x-long: ${'x'.repeat(40_000)}\r\n\r\n`, 413],
  ] as const)
    // Where the answer has begun when the parser finds out, the connection is broken instead.
    assert.ok([status, 0].includes((await client.asked(request)).status), request.slice(0, 60));
  assert.equal(upstream.connections(), 0);
  await running.stop();
});

test('G-DECIDE-3: under observe a connection that no rule permits goes on, and its record says what would have happened', async (t) => {
  const upstream = await http(t, (_message, response) => void response.end('observed'));
  const names = { 'site.test': ['127.0.0.1'] };
  const { running, run, client } = await open(t, `[{ host: other.test, addresses: [127.0.0.1] }]`, names, 'policies: { mode: observe }\n');
  const { status } = await client.asked(
    `GET http://site.test:${upstream.port}/ HTTP/1.1\r\nhost: x\r\nconnection: close\r\nproxy-authorization: ${basic(run.credential)}\r\n\r\n`,
  );
  assert.equal(status, 403, 'observing is for rules: an address that is refused stays refused');
  const [decision, outcome] = connections((await running.stop()).agent);
  assert.ok(decision !== undefined);
  assert.deepEqual([decisionOf(decision).verdict, decisionOf(decision).mode], ['deny', 'observe']);
  assert.match(decisionOf(decision).reason, /No policy permits the role demo to connect to site\.test/);
  assert.partialDeepStrictEqual(outcome, { success: false });
});

test('G-NET-5: no two plain requests share a connection, which one of them could have signed in', async (t) => {
  const upstream = await http(t, (_message, response) => void response.end('x'));
  const { running, run, client } = await open(t, `[${rule(upstream.port)}]`);
  const request = `GET http://site.test:${upstream.port}/ HTTP/1.1\r\nhost: x\r\nconnection: close\r\nproxy-authorization: ${basic(run.credential)}\r\n\r\n`;
  for (let count = 1; count <= 2; count += 1) {
    assert.equal((await client.asked(request)).status, 200);
    assert.equal(upstream.connections(), count);
  }
  await running.stop();
});
