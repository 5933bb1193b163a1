import assert from 'node:assert/strict';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer as createHttpServer } from 'node:http';
import { createServer as createTcpServer } from 'node:net';
import { test } from 'node:test';
import { answered, dialing, event, failed, freePort, home, http, listening, named, tcp, textOf, to } from '../../test/loopback.ts';
import type { Resolve } from './connect.ts';

test('an upstream that refuses the connection is tried once more, because nothing was sent', async (t) => {
  assert.deepEqual(failed(await dialing(t).send(to(await freePort(t)))), ['unreachable', 2]);
});

test('a call that may have been received is never sent again', async (t) => {
  const upstream = await tcp(t, (socket) => socket.once('data', () => socket.resetAndDestroy()));
  assert.deepEqual(failed(await dialing(t).send(to(upstream.port))), ['reset', 1]);
  assert.equal(upstream.connections(), 1);
});

test('a call on a kept connection that may have been received is never sent again', async (t) => {
  let calls = 0;
  const upstream = await http(t, (message, response) => {
    calls += 1;
    if (calls === 1) response.end('first');
    else message.socket.destroy();
  });
  const dial = dialing(t);
  assert.equal(await textOf(await dial.send(to(upstream.port))), 'first');
  assert.deepEqual(failed(await dial.send(to(upstream.port))), ['reset', 1]);
  assert.deepEqual([calls, upstream.connections()], [2, 1]);
});

test('a kept connection that the upstream closed is replaced by a fresh one', async (t) => {
  const upstream = await http(t, (_message, response) => response.end('{}'));
  const dial = dialing(t);
  assert.equal(await textOf(await dial.send(to(upstream.port))), '{}');
  for (const socket of upstream.open) socket.end();
  await upstream.empty();
  assert.equal(await textOf(await dial.send(to(upstream.port))), '{}');
  assert.equal(upstream.connections(), 2);
});

test('an upstream that does not begin to answer in time is a failure, and its connection ends', async (t) => {
  const upstream = await http(t, () => undefined);
  assert.deepEqual(failed(await dialing(t, home, { upstreamHeadersMs: 50 }).send(to(upstream.port))), ['timed_out', 1]);
  await upstream.empty();
});

test('a body that stops coming ends with an error for its reader, and its connection ends', async (t) => {
  const upstream = await http(t, (_message, response) => void response.writeHead(200).write('part'));
  const outcome = answered(await dialing(t, home, { upstreamSilenceMs: 50 }).send(to(upstream.port)));
  await assert.rejects(textOf(outcome));
  await upstream.empty();
});

test('a name that never resolves is a failure after the time for connecting, and is asked for once however many wait', async (t) => {
  let asked = 0;
  const resolve: Resolve = () => {
    asked += 1;
    return new Promise(() => undefined);
  };
  const dial = dialing(t, resolve, { connectMs: 30 });
  const outcomes = await Promise.all([dial.send(to(1)), dial.send(to(1)), dial.send(to(1))]);
  for (const outcome of outcomes) assert.deepEqual(failed(outcome), ['timed_out', 1]);
  assert.equal(asked, 1);
});

test('a name that does not resolve is a failure', async (t) => {
  const dial = dialing(t, () => Promise.reject(new Error('ENOTFOUND model.test')));
  assert.deepEqual(failed(await dial.send(to(1))), ['unreachable', 1]);
  assert.deepEqual(failed(await dialing(t, named()).send(to(1))), ['address_refused', 1]);
});

test('a cancel while the name resolves ends the call at once, and what resolves later is not dialled', async (t) => {
  const upstream = await http(t, (_message, response) => response.end());
  const resolved = event();
  const leaving = new AbortController();
  const dial = dialing(t, async () => {
    await resolved.happened;
    return home('');
  });
  const sending = dial.send(to(upstream.port, { cancel: leaving.signal }));
  leaving.abort();
  assert.deepEqual(failed(await sending), ['cancelled', 1]);
  resolved.happen();
  // The same name, asked for again, is dialled; were the first call still under way, it would come before this one.
  assert.equal(await textOf(await dial.send(to(upstream.port))), '');
  assert.equal(upstream.connections(), 1);
});

test('a cancel while connecting ends the call and the connection at once', async (t) => {
  const accepted = event();
  // Accepts and never answers the TLS greeting, so that connecting does not end.
  const upstream = await tcp(t, (socket) => {
    socket.resume();
    accepted.happen();
  });
  const leaving = new AbortController();
  const origin = new URL(`https://model.test:${upstream.port}`);
  const sending = dialing(t).send(to(upstream.port, { origin, cancel: leaving.signal }));
  await accepted.happened;
  leaving.abort();
  assert.deepEqual(failed(await sending), ['cancelled', 1]);
  await upstream.empty();
});

test('connecting that takes too long is a failure, and the connection ends', async (t) => {
  const upstream = await tcp(t, (socket) => socket.resume());
  const origin = new URL(`https://model.test:${upstream.port}`);
  assert.deepEqual(failed(await dialing(t, home, { connectMs: 50 }).send(to(upstream.port, { origin }))), ['timed_out', 1]);
  await upstream.empty();
});

test('a call that was cancelled before it began is not sent', async (t) => {
  const upstream = await http(t, () => assert.fail('it was sent'));
  assert.deepEqual(failed(await dialing(t).send(to(upstream.port, { cancel: AbortSignal.abort() }))), ['cancelled', 1]);
  assert.equal(upstream.connections(), 0);
});

test('a cancel while the upstream thinks, or in the middle of its answer, ends the connection at once', async (t) => {
  const asked = event();
  const upstream = await http(t, (message, response) => {
    if (message.url === '/slow') asked.happen();
    else response.writeHead(200).write('part');
  });
  const dial = dialing(t);
  const thinking = new AbortController();
  const sending = dial.send(to(upstream.port, { path: '/slow', cancel: thinking.signal }));
  await asked.happened;
  thinking.abort();
  assert.deepEqual(failed(await sending), ['cancelled', 1]);
  await upstream.empty();

  const reading = new AbortController();
  const { body } = answered(await dial.send(to(upstream.port, { cancel: reading.signal })));
  const chunks = body[Symbol.asyncIterator]();
  assert.equal(Buffer.from((await chunks.next()).value ?? []).toString(), 'part');
  const next = chunks.next();
  reading.abort();
  await assert.rejects(next);
  await upstream.empty();
});

test('G-WORLD-1: one refused address among those that a name resolves to refuses them all', async (t) => {
  const upstream = await http(t, () => assert.fail('it was sent'));
  for (const addresses of [
    ['127.0.0.1', '169.254.169.254'],
    ['169.254.169.254', '127.0.0.1'],
  ])
    assert.deepEqual(failed(await dialing(t, named(...addresses)).send(to(upstream.port))), ['address_refused', 1]);
  assert.deepEqual(failed(await dialing(t).send(to(upstream.port, { topology: 'vendor' }))), ['address_refused', 1]);
  const literal = to(upstream.port, { origin: new URL('http://[fe80::1]/') });
  assert.deepEqual(failed(await dialing(t).send(literal)), ['address_refused', 1]);
  assert.equal(upstream.connections(), 0);
});

test('G-WORLD-1: a connection that one topology may use is not used for another', async (t) => {
  const upstream = await http(t, (_message, response) => response.end());
  const dial = dialing(t);
  assert.equal(await textOf(await dial.send(to(upstream.port))), '');
  assert.deepEqual(failed(await dial.send(to(upstream.port, { topology: 'cloud-partner' }))), ['address_refused', 1]);
});

test('the addresses of a name are tried in order until one takes the connection', async (t) => {
  const upstream = await http(t, (_message, response) => response.end());
  const outcome = answered(await dialing(t, named('127.0.0.2', '127.0.0.3', '127.0.0.1')).send(to(upstream.port)));
  assert.deepEqual([outcome.address, outcome.attempts], [`127.0.0.1:${upstream.port}`, 1]);
  await textOf(outcome);
});

test('an address that never answers leaves time for the next', async (t) => {
  const silent = await tcp(t, (socket) => socket.resume());
  const refusing = createTcpServer((socket) => socket.destroy());
  const second = await listening(t, refusing, '127.0.0.2', silent.port);
  const origin = new URL(`https://model.test:${silent.port}`);
  const dial = dialing(t, named('127.0.0.1', '127.0.0.2'), { connectMs: 600 });
  await dial.send(to(silent.port, { origin }));
  assert.ok(second.connections() > 0);
});

test('an answer names the address of the connection that carried it, whatever else was dialled meanwhile', async (t) => {
  const held = event();
  const tell = async ({ socket, url }: IncomingMessage, response: ServerResponse): Promise<void> => {
    if (url === '/held') await held.happened;
    response.end(`${socket.localAddress}:${socket.localPort}`);
  };
  const first = await http(t, tell);
  await listening(
    t,
    createHttpServer((...parts) => void tell(...parts)),
    '127.0.0.2',
    first.port,
  );
  const addresses = ['127.0.0.1', '127.0.0.2'];
  const dial = dialing(t, (name) => named(addresses.shift() ?? assert.fail('resolved again'))(name));
  const early = dial.send(to(first.port, { path: '/held' }));
  const late = answered(await dial.send(to(first.port)));
  assert.equal(late.address, await textOf(late));
  held.happen();
  assert.equal(answered(await early).address, await textOf(await early));
  // Both connections are kept now; whichever is taken is the one that is named.
  const kept = answered(await dial.send(to(first.port)));
  assert.equal(kept.address, await textOf(kept));
});
