import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { PassThrough } from 'node:stream';
import { after, before, test } from 'node:test';
import { letGo } from './tunnels.ts';

// Which bytes are given back once they were passed on: only those that nobody else can still read.

const server = createServer();
let [near, far]: [Socket | null, Socket | null] = [null, null];

before(async () => {
  const accepted = once(server, 'connection');
  await once(server.listen(0, '127.0.0.1'), 'listening');
  near = connect((server.address() as AddressInfo).port, '127.0.0.1');
  await once(near, 'connect');
  [far] = (await accepted) as [Socket];
});
after(() => {
  for (const socket of [near, far]) socket?.destroy();
  server.close();
});

const chunkOf = (text: string): Buffer<ArrayBuffer> => Buffer.from(new Uint8Array(Buffer.from(text)).buffer);

test('what a socket has taken is given back, and arrives', async () => {
  assert.ok(near !== null && far !== null);
  const chunk = chunkOf('taken');
  assert.ok(near.write(chunk));
  letGo(chunk, near);
  assert.equal(chunk.length, 0);
  const [arrived] = (await once(far, 'data')) as [Buffer];
  assert.equal(arrived.toString(), 'taken');
});

test('what is not yet taken, is a part of something else, or went to another kind of stream is kept', () => {
  assert.ok(near !== null);
  const whole = chunkOf('a part');
  near.write(whole.subarray(2));
  letGo(whole.subarray(2), near);
  assert.equal(whole.toString(), 'a part');
  const through = new PassThrough();
  const passed = chunkOf('passed');
  through.write(passed);
  letGo(passed, through);
  assert.equal(String(through.read()), 'passed');
  near.cork();
  const waiting = chunkOf('waiting');
  near.write(waiting);
  letGo(waiting, near);
  assert.equal(waiting.toString(), 'waiting');
  near.uncork();
});
