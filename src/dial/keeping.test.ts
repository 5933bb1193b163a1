import assert from 'node:assert/strict';
import type { RequestListener } from 'node:http';
import { test } from 'node:test';
import { answered, dialing, event, failed, firstChunkOf, home, http, textOf, to, turns } from '../../test/loopback.ts';

const endless: RequestListener = (_message, response) => {
  const more = (): void => {
    while (!response.destroyed && response.write(Buffer.alloc(65_536)));
  };
  response.on('drain', more);
  more();
};

test('a connection is kept for the next call once its answer was read or let go', async (t) => {
  const upstream = await http(t, (_message, response) => response.end('x'.repeat(1_000)));
  const dial = dialing(t);
  assert.equal((await textOf(await dial.send(to(upstream.port)))).length, 1_000);
  answered(await dial.send(to(upstream.port))).discard();
  await turns();
  await firstChunkOf(await dial.send(to(upstream.port)));
  await turns();
  assert.equal((await textOf(await dial.send(to(upstream.port)))).length, 1_000);
  assert.equal(upstream.connections(), 1);
});

test('only what comes after a reader stopped counts against what is drained', async (t) => {
  const upstream = await http(t, (_message, response) => {
    response.write('x'.repeat(100_000));
    setImmediate(() => response.end('the rest'));
  });
  const dial = dialing(t);
  let bytes = 0;
  for await (const chunk of answered(await dial.send(to(upstream.port))).body) {
    bytes += chunk.length;
    if (bytes >= 100_000) break;
  }
  await turns();
  await textOf(await dial.send(to(upstream.port)));
  assert.equal(upstream.connections(), 1);
});

test('calls at the same time have a connection each', async (t) => {
  const both = event();
  let calls = 0;
  const upstream = await http(t, async (_message, response) => {
    calls += 1;
    if (calls === 2) both.happen();
    await both.happened;
    response.end();
  });
  const dial = dialing(t);
  await Promise.all([dial.send(to(upstream.port)).then(textOf), dial.send(to(upstream.port)).then(textOf)]);
  assert.equal(upstream.connections(), 2);
});

test('the connection of a body that is never read, or not to its end, is ended when much is left', async (t) => {
  const upstream = await http(t, endless);
  const dial = dialing(t, home, { drainedMs: 60_000 });
  const unread = answered(await dial.send(to(upstream.port)));
  unread.discard();
  unread.discard();
  await upstream.empty();
  await firstChunkOf(await dial.send(to(upstream.port)));
  await upstream.empty();
});

test('the connection of a body that nobody reads and that does not end is ended after a short time', async (t) => {
  const upstream = await http(t, (_message, response) => void response.writeHead(200).write('part'));
  const dial = dialing(t, home, { drainedMs: 20 });
  answered(await dial.send(to(upstream.port))).discard();
  await upstream.empty();
  await firstChunkOf(await dial.send(to(upstream.port)));
  await upstream.empty();
});

test('a reader that leaves before its first chunk, or while it waits for one, lets go of the connection', async (t) => {
  const upstream = await http(t, (_message, response) => response.writeHead(200).write('part'));
  const dial = dialing(t, home, { drainedMs: 20 });
  const unread = answered(await dial.send(to(upstream.port))).body[Symbol.asyncIterator]();
  await unread.return?.();
  await upstream.empty();

  const waiting = answered(await dial.send(to(upstream.port))).body[Symbol.asyncIterator]();
  await waiting.next();
  const next = assert.rejects(waiting.next());
  await waiting.return?.();
  await next;
  await upstream.empty();
});

test('closing ends every connection, and nothing is sent any more', async (t) => {
  const upstream = await http(t, ({ url }, response) => void (url === '/kept' ? response.end() : response.writeHead(200).write('part')));
  const dial = dialing(t);
  const open = answered(await dial.send(to(upstream.port)));
  await textOf(await dial.send(to(upstream.port, { path: '/kept' })));
  assert.equal(upstream.open.size, 2);
  await dial.close();
  await assert.rejects(textOf(open));
  await upstream.empty();
  assert.deepEqual(failed(await dial.send(to(upstream.port))), ['cancelled', 1]);
});
