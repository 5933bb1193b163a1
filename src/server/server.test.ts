import assert from 'node:assert/strict';
import { once } from 'node:events';
import fs from 'node:fs';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { request } from 'node:http';
import { syncBuiltinESMExports } from 'node:module';
import type { Socket } from 'node:net';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Denial } from '../core/denial.ts';
import { isDenial } from '../core/denial.ts';
import type { Incoming, Outgoing } from '../core/http.ts';
import { limits } from '../core/limits.ts';
import type { ListenerSettings } from './server.ts';
import { until } from '../../test/until.ts';
import { createFairShare } from '../core/fair-share.ts';
import { listen } from './server.ts';

const settingsFor = (
  handle: (incoming: Incoming, outgoing: Outgoing) => Promise<void>,
  change: Partial<ListenerSettings> = {},
): ListenerSettings => ({
  name: 'test',
  listen: { host: '127.0.0.1', port: 0 },
  hostNames: ['127.0.0.1'],
  handle,
  refuse: (denial: Denial) => ({ status: 403, headers: { 'x-denial': denial.denial }, body: Buffer.from(denial.denial) }),
  bodyLimit: 'controlBodyBytes',
  bodies: createFairShare(4 * limits.requestOverheadBytes),
  turnedAway: () => undefined,
  onError: (problem) => assert.fail(String(problem)),
  ...change,
});

const echo = async (incoming: Incoming, outgoing: Outgoing): Promise<void> => {
  const body = await incoming.body();
  outgoing.begin(200, {});
  await outgoing.write(isDenial(body) ? Buffer.from(body.denial) : body);
  outgoing.end();
};

const post = async (
  port: number | null,
  body: string,
  headers: Record<string, string> = {},
): Promise<{ readonly status: number; readonly text: string }> => {
  const answer = await fetch(`http://127.0.0.1:${port}/`, { method: 'POST', body, headers });
  return { status: answer.status, text: await answer.text() };
};

test('bodies pass whole, and one over the limit is a denial', async () => {
  const listener = await listen(settingsFor(echo, { bodies: createFairShare(4 * limits.controlBodyBytes) }));
  const most = 'x'.repeat(limits.controlBodyBytes);
  assert.equal((await post(listener.port, most)).text, most);
  assert.equal((await post(listener.port, `${most}x`)).text, 'too_large');
  await listener.close();
});

test('fields of a name that stands more than once are one, and cookies are parted as cookies are', async () => {
  const listener = await listen(
    settingsFor(async ({ headers }, outgoing) => {
      outgoing.begin(200, {});
      await outgoing.write(Buffer.from(JSON.stringify([headers['accept'], headers['cookie']])));
      outgoing.end();
    }),
  );
  const socket = connect(listener.port ?? 0, '127.0.0.1');
  const fields = ['Host: 127.0.0.1', 'Connection: close', 'Accept: a', 'Cookie: one=1; two=2', 'accept: b', 'cookie: three=3'];
  socket.end(`GET / HTTP/1.1\r\n${fields.join('\r\n')}\r\n\r\n`);
  let said = '';
  for await (const chunk of socket) said += String(chunk);
  assert.ok(said.includes('["a, b","one=1; two=2; three=3"]'), said);
  await listener.close();
});

test('bodies in flight are bounded together, and what ended is given back', async () => {
  const bodies = createFairShare(3 * limits.requestOverheadBytes + 2_500);
  let letGo: () => void = () => undefined;
  const held = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  const slow = async (incoming: Incoming, outgoing: Outgoing): Promise<void> => {
    const body = await incoming.body();
    if (!isDenial(body) && body.length === 1_000) await held;
    outgoing.begin(200, {});
    await outgoing.write(Buffer.from(isDenial(body) ? body.denial : 'ok'));
    outgoing.end();
  };
  const listener = await listen(settingsFor(slow, { bodies }));
  const first = post(listener.port, 'x'.repeat(1_000));
  await until(() => bodies.held() === limits.requestOverheadBytes + 1_000);
  assert.equal((await post(listener.port, 'y'.repeat(999))).text, 'overloaded');
  letGo();
  assert.equal((await first).text, 'ok');
  assert.equal((await post(listener.port, 'y'.repeat(999))).text, 'ok');
  await listener.close();
});

test('where every connection has a request under way, the next is told so, and its connection is closed', async (t) => {
  const turnedAway: string[] = [];
  const listener = await listen(settingsFor(() => new Promise(() => undefined), { turnedAway: (from) => turnedAway.push(from) }));
  const come = async (): Promise<Socket> => {
    const socket = connect(listener.port ?? 0, '127.0.0.1');
    socket.on('error', () => undefined);
    t.after(() => socket.destroy());
    await once(socket, 'connect');
    socket.write('POST / HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 1\r\n\r\n');
    return socket;
  };
  for (let count = 0; count < limits.connectionsCount; count += 128) await Promise.all(Array.from({ length: 128 }, come));
  assert.deepEqual(turnedAway, []);
  const surplus = await come();
  assert.match(String((await once(surplus, 'data'))[0]), /^HTTP\/1.1 403 [^]*connection: close\r\n[^]*overloaded$/);
  await until(() => surplus.closed);
  assert.deepEqual(turnedAway, ['test 127.0.0.1/32']);
  void listener.close();
});

test('a client that has left is given no more memory, which nobody would give back', async () => {
  const bodies = createFairShare(1_000);
  const reserved = Promise.withResolvers<Denial | null>();
  const late = async (incoming: Incoming): Promise<void> => {
    await new Promise((resolve) => incoming.gone.addEventListener('abort', resolve));
    // As a door does that decodes a body while its sender leaves.
    reserved.resolve(incoming.reserve(300));
  };
  const listener = await listen(settingsFor(late, { bodies }));
  const client = connect(listener.port ?? 0, '127.0.0.1', () => {
    client.write('POST / HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 9\r\n\r\n');
    setTimeout(() => client.destroy(), 20);
  });
  assert.notEqual(await reserved.promise, null);
  assert.equal(bodies.held(), 0);
  await listener.close();
});

test('G-SHARE-1: requests that came behind one another by one connection all end with it, and give back what they held', async () => {
  const bodies = createFairShare(64 * limits.requestOverheadBytes);
  const came: string[] = [];
  const ended: string[] = [];
  const waiting = async (incoming: Incoming, outgoing: Outgoing): Promise<void> => {
    await incoming.body();
    came.push(incoming.path);
    if (incoming.path === '/says') {
      outgoing.begin(200, {});
      // More than waits for its turn without being held back.
      await outgoing.write(Buffer.alloc(1_048_576));
    } else await new Promise((resolve) => incoming.gone.addEventListener('abort', resolve));
    outgoing.end();
    ended.push(incoming.path);
  };
  const listener = await listen(settingsFor(waiting, { bodies }));
  const client = connect(listener.port ?? 0, '127.0.0.1');
  for (const path of ['/first', '/says', '/last']) client.write(`POST ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 1\r\n\r\nx`);
  await until(() => came.length === 3);
  client.destroy();
  await until(() => ended.length === 3);
  await until(() => bodies.held() === 0);
  await listener.close();
});

test('memory is there for a whole body when the first of it is read: two that come bit by bit do not keep each other from being read', async (t) => {
  const bodyBytes = 10_000;
  const bodies = createFairShare(2 * (limits.requestOverheadBytes + bodyBytes) + limits.requestOverheadBytes);
  const listener = await listen(settingsFor(echo, { bodies }));
  const come = async (): Promise<Socket> => {
    const socket = connect(listener.port ?? 0, '127.0.0.1');
    t.after(() => socket.destroy());
    await once(socket, 'connect');
    socket.write(`POST / HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: ${bodyBytes}\r\n\r\n`);
    return socket;
  };
  const first = await come();
  await until(() => bodies.held() === limits.requestOverheadBytes + bodyBytes);
  const second = await come();
  let told = '';
  second.on('data', (bytes) => (told += String(bytes)));
  await until(() => told.endsWith('overloaded\r\n0\r\n\r\n'));
  first.write('x'.repeat(bodyBytes));
  assert.match(String((await once(first, 'data'))[0]), /^HTTP\/1.1 200 /);
  void listener.close();
});

test('a Host of another place and any Origin never reach the handler', async () => {
  const turnedAway: string[] = [];
  const listener = await listen(settingsFor(() => assert.fail('the handler was reached'), { turnedAway: (from) => turnedAway.push(from) }));
  assert.equal((await post(listener.port, '', { origin: 'null' })).status, 403);
  const answer = await new Promise<number>((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port: listener.port ?? 0, headers: { host: 'elsewhere.example' } }, (message) => {
      message.resume();
      resolve(message.statusCode ?? 0);
    });
    sent.on('error', reject);
    sent.end();
  });
  assert.equal(answer, 403);
  assert.deepEqual(turnedAway, ['test 127.0.0.1/32', 'test 127.0.0.1/32']);
  await listener.close();
});

test('one header field more than is taken, and many more, are told as that and counted, whatever is asked for', async (t) => {
  const [turnedAway, refused]: [string[], Denial[]] = [[], []];
  const listener = await listen(
    settingsFor(echo, {
      connect: async ({ refuse }) => refuse({ status: 403, headers: {}, body: Buffer.alloc(0) }),
      turnedAway: (from) => turnedAway.push(from),
      refuse: (denial) => {
        refused.push(denial);
        return { status: 413, headers: {}, body: Buffer.from('refused') };
      },
    }),
  );
  t.after(() => void listener.close());
  const statusOf = async (begin: string, fieldsCount: number): Promise<string> => {
    const socket = connect(listener.port ?? 0, '127.0.0.1');
    const fields = Array.from({ length: fieldsCount - 2 }, (_, index) => `x-${index}: y\r\n`).join('');
    socket.write(`${begin} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n${fields}\r\n`);
    const [first] = (await once(socket, 'data')) as [Buffer];
    socket.destroy();
    return first.toString('latin1').split(' ')[1] ?? '';
  };
  for (const [begin, taken] of [
    ['GET /', '200'],
    ['CONNECT site.test:443', '403'],
  ] as const) {
    assert.equal(await statusOf(begin, limits.headerCount), taken);
    for (const count of [limits.headerCount + 1, 5 * limits.headerCount]) assert.equal(await statusOf(begin, count), '413');
  }
  assert.deepEqual(
    refused,
    Array.from({ length: 4 }, () => ({ denial: 'too_large', limit: 'headerCount' })),
  );
  assert.deepEqual(turnedAway, Array(4).fill('test 127.0.0.1/32'));
});

test('a unix socket has the mode that was asked for', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'sealwright-socket-'));
  const socketPath = join(folder, 's');
  const listener = await listen(settingsFor(echo, { listen: { socketPath, mode: 0o600 }, hostNames: [] }));
  assert.equal(statSync(socketPath).mode & 0o777, 0o600);
  await listener.close();
  rmSync(folder, { recursive: true });
});

test('a unix socket is never open to others, not even before its mode is set, whatever the mask of the process', async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'sealwright-socket-'));
  const socketPath = join(folder, 's');
  const modes: number[] = [];
  const set = fs.chmodSync;
  context.mock.method(fs, 'chmodSync', (path: string, mode: number) => {
    modes.push(statSync(path).mode & 0o077);
    set(path, mode);
  });
  syncBuiltinESMExports();
  const before = process.umask(0);
  const listener = await listen(settingsFor(echo, { listen: { socketPath, mode: 0o660 }, hostNames: [] }));
  try {
    assert.deepEqual([modes, statSync(socketPath).mode & 0o777], [[0], 0o660]);
    assert.equal(process.umask(), 0, 'the mask is what it was');
  } finally {
    await listener.close();
    process.umask(before);
    context.mock.restoreAll();
    syncBuiltinESMExports();
    rmSync(folder, { recursive: true });
  }
});

test('closing lets an answer that is under way end', async () => {
  let arrived: () => void = () => undefined;
  const underWay = new Promise<void>((resolve) => {
    arrived = resolve;
  });
  const listener = await listen(
    settingsFor(async (_incoming, outgoing) => {
      outgoing.begin(200, {});
      await outgoing.write(Buffer.from('one '));
      arrived();
      await new Promise((resolve) => setTimeout(resolve, 50));
      await outgoing.write(Buffer.from('two'));
      outgoing.end();
    }),
  );
  const answer = post(listener.port, '');
  await underWay;
  await listener.close();
  assert.equal((await answer).text, 'one two');
});

test('a handler that fails breaks the connection and says so to the operator only', async () => {
  const problems: unknown[] = [];
  const listener = await listen(settingsFor(() => Promise.reject(new Error('a bug')), { onError: (problem) => problems.push(problem) }));
  await assert.rejects(post(listener.port, ''));
  assert.equal(problems.length, 1);
  await listener.close();
});

test('bytes that are not HTTP behind an answer that has begun break the connection instead of entering the answer', async () => {
  let began: () => void = () => undefined;
  const listener = await listen(
    settingsFor(async (_incoming, outgoing) => {
      outgoing.begin(200, {});
      await outgoing.write(Buffer.from('one'));
      began();
      await new Promise((resolve) => setTimeout(resolve, 100));
      outgoing.end();
    }),
  );
  const received = await new Promise<string>((resolve) => {
    const socket = connect(listener.port ?? 0, '127.0.0.1', () => socket.write('GET / HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n'));
    began = () => socket.write('garbage garbage\r\n\r\n');
    let text = '';
    socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
    socket.on('close', () => resolve(text));
    socket.on('error', () => undefined);
  });
  assert.equal(received.match(/HTTP\/1\.1/g)?.length, 1);
  await listener.close();
});

test('closing waits for handlers whose clients have gone', async () => {
  const finished: string[] = [];
  let entered: () => void = () => undefined;
  const inside = new Promise<void>((resolve) => {
    entered = resolve;
  });
  const listener = await listen(
    settingsFor(async (incoming, outgoing) => {
      entered();
      await new Promise<void>((resolve) => incoming.gone.addEventListener('abort', () => resolve()));
      await new Promise((resolve) => setTimeout(resolve, 50));
      finished.push('handler');
      outgoing.end();
    }),
  );
  const leaving = new AbortController();
  const call = fetch(`http://127.0.0.1:${listener.port}/`, { signal: leaving.signal });
  await inside;
  leaving.abort();
  await assert.rejects(call);
  await listener.close();
  assert.deepEqual(finished, ['handler']);
});
