// Crowds before the network door of a whole envelope: thousands of connections that say half a word, and ten thousand that ask for a tunnel and keep it.
// Loopback only, all in this process; needs about 17,000 descriptors (`ulimit -n`).

import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { connect } from 'node:net';
import type { TestContext } from 'node:test';
import { test } from 'node:test';
import { limits } from '../../src/core/limits.ts';
import { connections, open, rule } from '../envelope/network-world.ts';
import { connectRequest, textOf } from '../envelope/proxy-client.ts';
import { tcp } from '../loopback.ts';

const connected = async (t: TestContext, door: string): Promise<Socket> => {
  const socket = connect({ port: Number(new URL(door).port), host: '127.0.0.1' });
  socket.on('error', () => undefined);
  t.after(() => socket.destroy());
  await once(socket, 'connect');
  return socket;
};

test('more half-open connections than the door holds stop nobody who says what he wants', async (t) => {
  const upstream = await tcp(t, (socket) => void socket.end('word'));
  const { running, run, client } = await open(t, `[${rule(upstream.port, ', tls: false')}]`);
  const words = ['', 'CONN', 'SEALWRIGHT/1 sw_', 'CONNECT site.test:443 HTTP/1.1\r\nhost: x\r\n'];
  for (let count = 0; count < limits.connectionsCount + 500; count += 1)
    (await connected(t, running.envelope.doors.network)).write(words[count % words.length] ?? '');
  for (let count = 0; count < 20; count += 1) {
    const socket = await client.tunnel(`site.test:${upstream.port}`, run.credential);
    assert.equal(await textOf(socket), 'word');
    socket.end();
  }
  await running.stop();
});

/** A connection that asked for a tunnel: open, or null where it was turned away. */
const asking = async (t: TestContext, door: string, request: string): Promise<Socket | null> => {
  const socket = await connected(t, door);
  socket.write(request);
  const head = await new Promise<string>((resolve) =>
    socket.once('data', (bytes) => resolve(String(bytes))).once('close', () => resolve('')),
  );
  return head.startsWith('HTTP/1.1 200 ') ? socket : null;
};

test('G-SHARE-1: of ten thousand tunnels that one asks for and keeps half of all are held, each of them works, others are served meanwhile, and when they go others come', async (t) => {
  const upstream = await tcp(t, (socket) => void socket.pipe(socket));
  const { running, run } = await open(t, `[${rule(upstream.port, ', tls: false')}]`);
  const request = connectRequest(`site.test:${upstream.port}`, run.credential);
  // A crowd can take longer than a lease lasts.
  const beat = () => running.control('POST', `/invocations/${run.invocation_id}/heartbeat`, {}, { 'sealwright-runner': run.runner_key });
  const beats = setInterval(() => void beat(), limits.heartbeatMs);
  t.after(() => clearInterval(beats));
  const held: Socket[] = [];
  const worker = async (share: number): Promise<void> => {
    for (let count = 0; count < share; count += 1) {
      const socket = await asking(t, running.envelope.doors.network, request);
      if (socket !== null) held.push(socket);
    }
  };
  await Promise.all(Array.from({ length: 50 }, () => worker(200)));
  assert.equal(held.length, limits.tunnelsUnderWayCount / 2);
  assert.equal(upstream.open.size, held.length);
  const polite = await running.open();
  assert.ok((await asking(t, running.envelope.doors.network, connectRequest(`site.test:${upstream.port}`, polite.credential))) !== null);
  await Promise.all(
    held.map(async (socket) => {
      socket.write('still here');
      assert.equal(String((await once(socket, 'data'))[0]), 'still here');
    }),
  );
  for (const socket of held) socket.destroy();
  await upstream.empty();
  let other: Socket | null = null;
  for (let tries = 0; other === null && tries < 10_000; tries += 1) other = await asking(t, running.envelope.doors.network, request);
  assert.ok(other !== null, 'when they have gone others come');
  other.end('others');
  assert.equal(await textOf(other), 'others');
  clearInterval(beats);
  const records = connections((await running.stop()).agent);
  const denied = records.filter(({ denial }) => denial === 'overloaded');
  assert.equal(records.length - denied.length, 2 * upstream.connections(), 'each has a decision and an outcome');
  assert.ok(denied.length >= 10_000 - held.length, 'whoever was refused has a record of it');
});
