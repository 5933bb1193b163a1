import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo, Server, Socket } from 'node:net';
import { connect, createServer } from 'node:net';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { until } from '../../../test/until.ts';
import { limits } from '../../core/limits.ts';
import { relayTo } from './relay.ts';

const listening = async (t: TestContext): Promise<{ readonly server: Server; readonly port: number }> => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  return { server, port: (server.address() as AddressInfo).port };
};

/** All that a socket says until the other side has ended. */
const said = (socket: Socket): Promise<string> =>
  new Promise((resolve) => {
    let text = '';
    socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
    socket.on('end', () => resolve(text));
  });

test('G-JAIL-2: each connection reaches the door behind the line that says whose it is, and answers come back', async (t) => {
  const [jail, door] = [await listening(t), await listening(t)];
  Object.assign(door.server, { allowHalfOpen: true });
  const heard: string[] = [];
  door.server.on('connection', (socket: Socket) => {
    void said(socket).then((text) => {
      heard.push(text);
      socket.end(`answer to ${text.length}`);
    });
  });
  const relay = relayTo(jail.server, `http://127.0.0.1:${door.port}`, 'sw_mine');
  t.after(relay.close);
  for (const words of ['hello', 'SEALWRIGHT/1 sw_other\n']) {
    const inside = connect({ port: jail.port, host: '127.0.0.1', allowHalfOpen: true });
    inside.end(words);
    assert.equal(await said(inside), `answer to ${'SEALWRIGHT/1 sw_mine\n'.length + words.length}`);
  }
  assert.deepEqual(heard, ['SEALWRIGHT/1 sw_mine\nhello', 'SEALWRIGHT/1 sw_mine\nSEALWRIGHT/1 sw_other\n']);
});

test('a door that is not there, and one that breaks off, break the connection inside', async (t) => {
  const [jail, gone] = [await listening(t), await listening(t)];
  gone.server.close();
  const relay = relayTo(jail.server, `http://127.0.0.1:${gone.port}`, 'sw_mine');
  t.after(relay.close);
  const inside = connect(jail.port, '127.0.0.1');
  inside.on('error', () => undefined);
  await once(inside, 'close');
});

test('closing the relay breaks what is open and takes nothing more', async (t) => {
  const [jail, door] = [await listening(t), await listening(t)];
  door.server.on('connection', (socket: Socket) => socket.on('error', () => undefined).resume());
  const relay = relayTo(jail.server, `http://127.0.0.1:${door.port}`, 'sw_mine');
  const inside = connect(jail.port, '127.0.0.1');
  inside.on('error', () => undefined);
  await once(door.server, 'connection');
  relay.close();
  await once(inside, 'close');
  const late = connect(jail.port, '127.0.0.1');
  const [problem] = (await once(late, 'error')) as [NodeJS.ErrnoException];
  assert.equal(problem.code, 'ECONNREFUSED');
});

test('beyond so many connections at a time a jail gets no more, and one that ends makes place', { timeout: 60_000 }, async (t) => {
  const [jail, door] = [await listening(t), await listening(t)];
  let most = 0;
  let open = 0;
  door.server.on('connection', (socket: Socket) => {
    open += 1;
    most = Math.max(most, open);
    socket.on('error', () => undefined).on('close', () => void (open -= 1));
    socket.on('data', () => socket.write('here'));
  });
  const relay = relayTo(jail.server, `http://127.0.0.1:${door.port}`, 'sw_mine');
  t.after(relay.close);
  const ask = (): Promise<Socket | null> =>
    new Promise((resolve) => {
      const inside = connect(jail.port, '127.0.0.1');
      inside.on('error', () => undefined).on('close', () => resolve(null));
      inside.once('data', () => resolve(inside));
    });
  const asked: (Socket | null)[] = [];
  // As many at a time as wait to be accepted.
  while (asked.length < limits.relayedConnectionsCount + 64) asked.push(...(await Promise.all(Array.from({ length: 64 }, ask))));
  const held = asked.filter((socket) => socket !== null);
  assert.deepEqual([held.length, most], [limits.relayedConnectionsCount, limits.relayedConnectionsCount]);
  const [first] = held;
  first?.destroy();
  await until(() => open < limits.relayedConnectionsCount);
  const late = await ask();
  assert.notEqual(late, null);
  for (const socket of [...held, late]) socket?.destroy();
});
