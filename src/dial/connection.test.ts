import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import { connect, createServer } from 'node:net';
import type { TestContext } from 'node:test';
import { test } from 'node:test';
import { chunksOf } from '../../test/loopback.ts';
import { limits } from '../core/limits.ts';
import type { Connection, ConnectionLimits } from './connection.ts';
import { createConnection } from './connection.ts';
import { DialProblem } from './problem.ts';

const call = { method: 'POST', path: '/', headers: {}, body: Buffer.from('{}'), cancel: new AbortController().signal } as const;

interface Pair {
  readonly connection: Connection;
  readonly socket: Socket;
  readonly peer: Socket;
}

const connected = async (t: TestContext, bounds: ConnectionLimits = limits): Promise<Pair> => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const accepted = once(server, 'connection');
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  const [peer] = (await accepted) as [Socket];
  t.after(() => {
    socket.destroy();
    peer.destroy();
    server.close();
  });
  const origin = new URL(`http://model.test:${port}`);
  return { connection: createConnection(origin, { socket, address: `127.0.0.1:${port}` }, bounds), socket, peer };
};

const exchanged = (connection: Connection): ReturnType<Connection['exchange']> => connection.exchange(call, () => undefined);

const respond = (peer: Socket): void => void peer.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: keep-alive\r\n\r\n{}');

/** Whether the failure says that nothing was sent. */
const saysUnsent = async (exchange: Promise<unknown>): Promise<boolean> => {
  const problem: unknown = await exchange.then(
    () => assert.fail('it was answered'),
    (caught: unknown) => caught,
  );
  assert.ok(problem instanceof DialProblem);
  assert.equal(problem.failure, 'reset');
  return problem.again;
};

test('a connection that was lost before the call was written says that nothing was sent', async (t) => {
  const { connection, socket, peer } = await connected(t);
  let received = 0;
  peer.on('data', ({ length }) => (received += length)).resume();
  socket.destroy();
  assert.equal(await saysUnsent(exchanged(connection)), true);
  assert.equal(received, 0);
});

test('a kept connection that is lost while the next call waits says that nothing was sent', async (t) => {
  const { connection, socket, peer } = await connected(t);
  let received = 0;
  peer.on('data', ({ length }) => (received += length));
  peer.once('data', () => respond(peer));
  const { body } = await exchanged(connection);
  assert.equal(Buffer.concat(await chunksOf({ body })).toString(), '{}');
  const before = received;
  const exchange = exchanged(connection);
  socket.destroy();
  assert.equal(await saysUnsent(exchange), true);
  assert.equal(received, before);
});

test('a connection that was lost after the call was written does not say so', async (t) => {
  const { connection, peer } = await connected(t);
  peer.once('data', () => peer.destroy());
  assert.equal(await saysUnsent(exchanged(connection)), false);
});

test('a kept connection that was lost after the next call was written does not say so', async (t) => {
  const { connection, peer } = await connected(t);
  peer.once('data', () => respond(peer));
  const { body } = await exchanged(connection);
  assert.equal(Buffer.concat(await chunksOf({ body })).toString(), '{}');
  peer.once('data', () => peer.end());
  assert.equal(await saysUnsent(exchanged(connection)), false);
  assert.equal(connection.isLost(), true);
});

test('a connection that was destroyed on our side does not say so', async (t) => {
  const { connection } = await connected(t);
  connection.destroy();
  assert.equal(await saysUnsent(exchanged(connection)), false);
});

test('an answer whose head cannot be read is unreadable and not a lost connection, which would be tried again', async (t) => {
  const heads = {
    'is larger than': `HTTP/1.1 200 OK\r\nx-large: ${'x'.repeat(limits.upstreamHeaderBytes)}\r\n\r\n`,
    'cannot be read as HTTP': 'SMTP ready\r\n\r\n',
  };
  for (const [said, head] of Object.entries(heads)) {
    const { connection, peer } = await connected(t);
    peer.once('data', () => peer.write(head));
    await assert.rejects(exchanged(connection), (problem) => {
      assert.ok(problem instanceof DialProblem);
      assert.equal(problem.failure, 'unreadable');
      assert.match(problem.message, new RegExp(said));
      return true;
    });
  }
});

test('an upstream that sends nothing but announcements of an answer has no more time to begin it than one that is silent', async (t) => {
  const { connection, peer } = await connected(t, { ...limits, upstreamHeadersMs: 200 });
  const announcing = setInterval(() => peer.write('HTTP/1.1 103 Early Hints\r\nlink: </>\r\n\r\n'), 5);
  t.after(() => clearInterval(announcing));
  peer.on('error', () => undefined);
  await assert.rejects(exchanged(connection), { failure: 'timed_out' });
  assert.ok(connection.isLost());
});
