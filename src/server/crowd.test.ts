import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { connect } from 'node:net';
import { test, type TestContext } from 'node:test';
import { until } from '../../test/until.ts';
import { bound, createCrowd } from './crowd.ts';

const crowded = async (t: TestContext, connectionsMax: number) => {
  let turnedAway = 0;
  const server = createServer((_request, response) => response.end('answered'));
  bound(
    server,
    createCrowd(connectionsMax, () => (turnedAway += 1)),
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return {
    turnedAway: () => turnedAway,
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

test('the connection that has said nothing for longest makes place for another, and one that has spoken stays', async (t) => {
  const { come, turnedAway } = await crowded(t, 3);
  const spoken = await come();
  await ask(spoken);
  const [first, second] = [await come(), await come()];
  second.write('GET / HT');
  const third = await come();
  await until(() => first.closed);
  await ask(third);
  assert.deepEqual([turnedAway(), second.closed, spoken.closed], [1, false, false]);
  await ask(spoken);
});

test('where all have spoken the newcomer is turned away, until one of them goes', async (t) => {
  const { come, turnedAway } = await crowded(t, 2);
  const [first, second] = [await come(), await come()];
  for (const socket of [first, second]) await ask(socket);
  const third = await come();
  await until(() => third.closed);
  assert.equal(turnedAway(), 1);
  first.destroy();
  await ask(second);
  await until(() => first.closed);
  const fourth = await come();
  await ask(fourth);
});
