import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { connect } from 'node:net';
import { test, type TestContext } from 'node:test';
import { until } from '../../test/until.ts';
import { limits } from '../core/limits.ts';
import { bound, createCrowd, crowdLimitsOf } from './crowd.ts';

const crowded = async (t: TestContext, connectionsCount: number, surplusConnectionsCount = 1) => {
  let turnedAway = 0;
  let asked = 0;
  let opened = 0;
  let closed = 0;
  let now = 0;
  const crowd = createCrowd(
    { connectionsCount, surplusConnectionsCount, firstWordMs: 100 },
    () => now,
    () => (turnedAway += 1),
  );
  const server = createServer((request, response) => {
    asked += 1;
    if (crowd.isSurplus(request.socket)) response.writeHead(503, { connection: 'close' }).end('too many');
    else if (request.url !== '/slow') response.end('answered');
  });
  server.on('connection', (socket) => {
    opened += 1;
    socket.once('close', () => (closed += 1));
  });
  bound(server, crowd);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return {
    turnedAway: () => turnedAway,
    pass: (ms: number) => (now += ms),
    asked: () => asked,
    opened: () => opened,
    closed: () => closed,
    come: async (): Promise<Socket> => {
      const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
      socket.on('error', () => undefined);
      t.after(() => socket.destroy());
      await once(socket, 'connect');
      return socket;
    },
  };
};

const ask = async (socket: Socket): Promise<void> => {
  socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
  assert.match(String((await once(socket, 'data'))[0]), /answered/);
};

test('G-CROWD-1: the connection that has said nothing for longest makes place for another, and one that has spoken stays', async (t) => {
  const { come, turnedAway, pass, opened } = await crowded(t, 3);
  const spoken = await come();
  await ask(spoken);
  const [first, second] = [await come(), await come()];
  second.write('GET / HT');
  await until(() => opened() === 3);
  pass(100);
  const third = await come();
  await until(() => first.closed);
  await ask(third);
  assert.deepEqual([turnedAway(), second.closed, spoken.closed], [1, false, false]);
  await ask(spoken);
});

test('G-CROWD-1: where all have spoken, the one whose answer ended longest ago makes place', async (t) => {
  const { come, turnedAway } = await crowded(t, 2);
  const [first, second] = [await come(), await come()];
  for (const socket of [first, second, first]) await ask(socket);
  const third = await come();
  await until(() => second.closed);
  await ask(third);
  await ask(first);
  assert.equal(turnedAway(), 1);
});

test('where all have a request under way, a newcomer is answered that there are too many, one more is closed, and place comes back', async (t) => {
  const { come, turnedAway, asked, closed } = await crowded(t, 2);
  const [first, second] = [await come(), await come()];
  for (const socket of [first, second]) socket.write('GET /slow HTTP/1.1\r\nhost: x\r\n\r\n');
  await until(() => asked() === 2);
  const surplus = await come();
  const beyond = await come();
  await until(() => beyond.closed);
  surplus.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
  assert.match(String((await once(surplus, 'data'))[0]), /503[^]*too many/);
  await until(() => surplus.closed);
  assert.equal(turnedAway(), 2);
  first.destroy();
  await until(() => closed() === 3);
  await ask(await come());
  assert.equal(second.closed, false);
});

test('one that came a moment ago does not make place: it may have spoken already', async (t) => {
  const { come, pass, opened } = await crowded(t, 2);
  const first = await come();
  await ask(first);
  const fresh = await come();
  await until(() => opened() === 2);
  pass(99);
  await ask(await come());
  assert.deepEqual([first.closed, fresh.closed], [true, false]);
});

test('where the process may open few files each listener holds few connections, so that some are left for the ledger', () => {
  const { connectionsCount, surplusConnectionsCount, firstWordMs } = limits;
  assert.deepEqual(crowdLimitsOf(Infinity), { connectionsCount, surplusConnectionsCount, firstWordMs });
  assert.deepEqual(crowdLimitsOf(1_024), { connectionsCount: 163, surplusConnectionsCount: 11, firstWordMs });
  assert.equal(crowdLimitsOf(64).connectionsCount, 1);
});
