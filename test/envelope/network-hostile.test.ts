// Clients of the network door that break its rules on purpose, over real sockets before a whole envelope: slow, huge, half closed.
// Names resolve as the test says, to loopback only; the whole envelope runs in this process.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdirSync, rmSync } from 'node:fs';
import type { Socket } from 'node:net';
import { connect } from 'node:net';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { test } from 'node:test';
import { limits } from '../../src/core/limits.ts';
import { startProxy } from '../loopback-proxy.ts';
import { tcp } from '../loopback.ts';
import { connections, open, rule } from './network-world.ts';
import { basic, closed, connectRequest, textOf } from './proxy-client.ts';

const connected = async (t: TestContext, door: string): Promise<Socket> => {
  const socket = connect({ port: Number(new URL(door).port), host: '127.0.0.1', allowHalfOpen: true });
  socket.on('error', () => undefined);
  t.after(() => socket.destroy());
  await once(socket, 'connect');
  return socket;
};

/** Says one byte after the other for as long as the other side listens. */
const trickle = (socket: Socket, text: string): void => {
  let at = 0;
  const next = setInterval(() => socket.write(text[at++] ?? 'x'), 100);
  socket.once('close', () => clearInterval(next));
  socket.once('end', () => clearInterval(next));
};

test('a head, and the line of a relay, that come byte by byte are cut off, and others are served meanwhile', async (t) => {
  const upstream = await tcp(t, (socket) => void socket.end('word'));
  const { running, run, client } = await open(t, `[${rule(upstream.port, ', tls: false')}]`);
  const slow = await Promise.all(Array.from({ length: 200 }, () => connected(t, running.envelope.doors.network)));
  const ends = slow.map((socket, index) => {
    trickle(socket, index % 2 === 0 ? `CONNECT site.test:443 HTTP/1.1\r\nx-long: ${'x'.repeat(300)}` : `SEALWRIGHT/1 ${'x'.repeat(300)}`);
    return textOf(socket);
  });
  const socket = await client.tunnel(`site.test:${upstream.port}`, run.credential);
  assert.equal(await textOf(socket), 'word');
  socket.end();
  const said = await Promise.all(ends);
  assert.deepEqual(new Set(said.map((text) => text.split('\r\n')[0])), new Set(['HTTP/1.1 400 Refused', '']));
  const { agent, control } = await running.stop();
  assert.equal(connections(agent).length, 2, 'nothing of them became a crossing');
  assert.ok(control.some(({ finding }) => (finding as { code?: string } | undefined)?.code === 'unidentified_attempts'));
});

test('header fields that are too large, or too many to be read, are refused', async (t) => {
  const upstream = await tcp(t, (socket) => void socket.end('word'));
  const { running, run, client } = await open(t, `[${rule(upstream.port, ', tls: false')}]`);
  const target = `site.test:${upstream.port}`;
  const withFields = (fields: string): string => connectRequest(target, run.credential).replace('\r\n\r\n', `\r\n${fields}\r\n\r\n`);
  const many = (count: number): string => Array.from({ length: count }, (_, index) => `x-${index}: y`).join('\r\n');
  for (const fields of [`x-long: ${'x'.repeat(limits.headerBytes)}`, many(limits.headerCount)]) {
    const { status, headers } = await client.asked(withFields(fields));
    assert.deepEqual([status, /x-sealwright-denial: too_large/.test(headers)], [413, true], fields.slice(0, 20));
  }
  const plain = `GET http://${target}/ HTTP/1.1\r\nhost: x\r\nconnection: close\r\n${many(limits.headerCount)}\r\nproxy-authorization: ${basic(run.credential)}\r\n\r\n`;
  assert.equal((await client.asked(plain)).status, 413);
  assert.equal(upstream.connections(), 0);
  assert.match(await client.said(withFields(many(limits.headerCount - 2))), /^HTTP\/1\.1 200 /);
  await running.stop();
});

test('G-NET-1: a client that has nothing more to say when it asks is heard to the end, and one that leaves at once leaves one outcome', async (t) => {
  let heard = 0;
  const upstream = await tcp(t, (socket) => {
    socket.on('data', (chunk: Buffer) => (heard += chunk.length));
    setImmediate(() => socket.end('word'));
  });
  const { running, run } = await open(t, `[${rule(upstream.port, ', tls: false')}]`);
  const request = connectRequest(`site.test:${upstream.port}`, run.credential);
  const silent = await connected(t, running.envelope.doors.network);
  silent.end(`${request}early`);
  assert.match(await textOf(silent), /^HTTP\/1\.1 200 [^]*word$/);
  const gone = await connected(t, running.envelope.doors.network);
  gone.write(request);
  gone.resetAndDestroy();
  await upstream.empty();
  const records = connections((await running.stop()).agent);
  const outcomes = records.filter(({ kind }) => kind === 'outcome');
  assert.equal(outcomes.length, records.length / 2);
  assert.partialDeepStrictEqual(outcomes[0], { success: true, bytes_sent: 5, bytes_received: 4 });
  assert.equal(heard, 5);
});

test('G-NET-6: when the ledger can record nothing any more, tunnels that are open end, and no other is opened', async (t) => {
  const upstream = await tcp(t, (socket) => void socket.resume());
  const { running, run, client } = await open(t, `[${rule(upstream.port, ', tls: false')}]`);
  const request = connectRequest(`site.test:${upstream.port}`, run.credential);
  const tunnels = await Promise.all([1, 2].map(() => client.tunnel(`site.test:${upstream.port}`, run.credential)));
  assert.equal(upstream.open.size, 2);
  const journal = join(running.dataDir, 'ledger/journal');
  for (const name of readdirSync(journal)) rmSync(join(journal, name));
  const { status, headers } = await client.asked(request);
  assert.equal(status, 503);
  assert.match(headers, /x-sealwright-denial: record_unavailable/);
  for (const socket of tunnels) await closed(socket);
  await upstream.empty();
  assert.equal((await client.asked(request)).status, 407, 'its outcome could not be recorded, so that the invocation is closed');
  assert.equal(upstream.connections(), 2);
  await running.envelope.close();
});

test('G-NET-3: behind a corporate proxy a name with a private address is refused here, and the proxy hears nothing of it', async (t) => {
  const proxy = await startProxy(t);
  const names = {
    'inside.test': ['10.0.0.5'],
    'mixed.test': ['8.8.8.8', '10.0.0.5'],
    'meta.test': ['169.254.169.254'],
    'proxy.test': ['127.0.0.1'],
  };
  const via = `network: { via: { proxy: { url: "${proxy.url.origin}" } } }\n`;
  const { running, run, client } = await open(t, '[inside.test, mixed.test, meta.test]', names, via);
  for (const name of ['inside', 'mixed', 'meta']) {
    const { status, body } = await client.asked(connectRequest(`${name}.test:443`, run.credential));
    assert.equal(status, 403, name);
    assert.match(body, /resolves to an address that is refused/);
  }
  assert.equal(proxy.connections(), 0);
  const outcomes = connections((await running.stop()).agent).filter(({ kind }) => kind === 'outcome');
  assert.equal(outcomes.length, 3);
  for (const outcome of outcomes) assert.partialDeepStrictEqual(outcome, { success: false });
});
