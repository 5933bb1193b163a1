import assert from 'node:assert/strict';
import { once } from 'node:events';
import { duplexPair, type Duplex } from 'node:stream';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { extensionOf, helloMessage, helloOf, recordsOf, serverNames } from '../../../test/client-hello.ts';
import { createVirtualClock } from '../../../test/virtual-clock.ts';
import type { Carried } from '../../core/crossing.ts';
import { limits } from '../../core/limits.ts';
import { createJoin } from './join.ts';

const secured = { tls: true, addresses: null, wildcard: null };
const open = { ...secured, tls: false };
const hello = helloOf(serverNames('site.test'));

interface Joined {
  /** The ends that agent and destination hold. */
  readonly agent: Duplex;
  readonly destination: Duplex;
  /** The end that is joined with the agent, as the dial gives it. */
  readonly peer: Duplex;
  readonly clock: ReturnType<typeof createVirtualClock>;
  readonly cut: AbortController;
  readonly carried: Promise<Carried>;
  readonly heard: () => string;
}

const join = (terms: typeof secured): Joined => {
  const [agent, client] = duplexPair();
  const [destination, peer] = duplexPair();
  const [clock, cut] = [createVirtualClock(), new AbortController()];
  const chunks: Buffer[] = [];
  destination.on('data', (chunk: Buffer) => chunks.push(chunk));
  for (const stream of [agent, client, destination, peer]) stream.on('error', () => undefined);
  const carried = createJoin(client, { name: 'site.test', kind: 'name' }, clock, () => undefined)(peer, terms, cut.signal);
  return { agent, destination, peer, clock, cut, carried, heard: () => Buffer.concat(chunks).toString('latin1') };
};

const settled = async (): Promise<void> => {
  for (let turn = 0; turn < 10; turn += 1) await setImmediate();
};

test('G-NET-4: nothing of a hello travels on before it is whole, and then all of it as it came', async () => {
  const { agent, destination, carried, heard } = join(secured);
  for (const byte of hello.subarray(0, -1)) agent.write(Buffer.from([byte]));
  await settled();
  assert.equal(heard(), '');
  agent.end(Buffer.concat([hello.subarray(-1), Buffer.from('more')]));
  await once(destination, 'end');
  assert.equal(heard(), `${hello.toString('latin1')}more`);
  destination.end('answer');
  agent.resume();
  assert.deepEqual(await carried, { bytesSent: hello.length + 4, bytesReceived: 6, denial: null, broken: false });
});

test('G-NET-4: whoever says nothing, or not all of it in time, is not waited for', async () => {
  const { agent, clock, carried, peer } = join(secured);
  agent.write(hello.subarray(0, 20));
  await settled();
  clock.advance(limits.clientHelloMs);
  const { denial, bytesSent } = await carried;
  assert.equal(bytesSent, 0);
  assert.match(denial?.denial === 'not_inspectable' ? denial.problem : '', /within 5 seconds/);
  assert.ok(peer.destroyed);
});

test('an agent that leaves, or is cut off, before its hello is whole has carried nothing', async () => {
  const left = join(secured);
  left.agent.end(hello.subarray(0, 9));
  assert.deepEqual(await left.carried, { bytesSent: 0, bytesReceived: 0, denial: null, broken: true });
  const stopped = join(secured);
  stopped.cut.abort();
  assert.deepEqual(await stopped.carried, { bytesSent: 0, bytesReceived: 0, denial: null, broken: true });
});

test('an agent that said all and ended before its tunnel was open is heard to its end', async () => {
  const [agent, client] = duplexPair();
  const [destination, peer] = duplexPair();
  agent.end(hello);
  agent.resume();
  await settled();
  const carried = createJoin(
    client,
    { name: 'site.test', kind: 'name' },
    createVirtualClock(),
    () => undefined,
  )(peer, secured, new AbortController().signal);
  destination.resume();
  await once(destination, 'end');
  destination.end('answer');
  assert.deepEqual(await carried, { bytesSent: hello.length, bytesReceived: 6, denial: null, broken: false });
});

test('G-NET-6: a cut ends both sides at once, whatever is under way', async () => {
  const { agent, destination, cut, carried } = join(open);
  agent.write('one');
  await once(destination, 'data');
  cut.abort();
  assert.deepEqual(await carried, { bytesSent: 3, bytesReceived: 0, denial: null, broken: true });
});

test('what ends after a cut is not waited for', async () => {
  const [agent, client] = duplexPair();
  const [, peer] = duplexPair();
  const clock = createVirtualClock();
  const cut = new AbortController();
  let waits = 0;
  const after: typeof clock.after = (delayMs, run) => {
    waits += 1;
    const stop = clock.after(delayMs, run);
    return () => {
      waits -= 1;
      stop();
    };
  };
  for (const stream of [agent, client, peer]) stream.on('error', () => undefined);
  const carried = createJoin(client, { name: 'site.test', kind: 'name' }, { ...clock, after }, () => undefined)(peer, open, cut.signal);
  cut.abort();
  await carried;
  agent.end();
  await settled();
  assert.equal(waits, 0);
});

test('a direction that has ended leaves the other one open for as long as it carries something', async () => {
  const { agent, destination, clock, carried, heard } = join(open);
  agent.end('question');
  await once(destination, 'end');
  for (let part = 0; part < 3; part += 1) {
    destination.write('part ');
    agent.read();
    await settled();
    clock.advance(limits.halfOpenMs - 1);
  }
  assert.equal(heard(), 'question');
  clock.advance(limits.halfOpenMs);
  assert.deepEqual(await carried, { bytesSent: 8, bytesReceived: 15, denial: null, broken: true });
});

test('what one side does not take the other is not asked for', async () => {
  const { agent, destination, carried, cut } = join(open);
  destination.pause();
  let taken = 0;
  const chunk = Buffer.alloc(16_384);
  for (let index = 0; index < 200; index += 1) if (agent.write(chunk)) taken += 1;
  await settled();
  assert.ok(agent.writableNeedDrain && taken < 20, `${taken} chunks were taken`);
  destination.resume();
  await once(agent, 'drain');
  cut.abort();
  await carried;
});

test('a side that breaks off ends the tunnel, and says so', async () => {
  const { agent, destination, peer, carried } = join(open);
  agent.write('one');
  await once(destination, 'data');
  peer.destroy(new Error('reset'));
  assert.deepEqual(await carried, { bytesSent: 3, bytesReceived: 0, denial: null, broken: true });
});

test('a hello of exactly so many bytes as one may have passes, and one byte more is refused, in one piece as in many', async () => {
  const helloOfBytes = (bytes: number): Buffer => {
    const padded = (count: number): Buffer =>
      recordsOf(helloMessage([serverNames('site.test'), extensionOf(21, Buffer.alloc(count))]), 8_192);
    return padded(bytes - padded(0).length - 5);
  };
  for (const [bytes, piece, denied] of [
    [limits.clientHelloBytes, limits.clientHelloBytes, false],
    [limits.clientHelloBytes, 1_000, false],
    [limits.clientHelloBytes + 1, limits.clientHelloBytes + 1, true],
    [limits.clientHelloBytes + 1, 1_000, true],
  ] as const) {
    const whole = helloOfBytes(bytes);
    assert.equal(whole.length, bytes);
    const { agent, carried, destination } = join(secured);
    for (let at = 0; at < bytes; at += piece) {
      agent.write(whole.subarray(at, at + piece));
      await settled();
    }
    agent.end();
    destination.end();
    assert.equal((await carried).denial !== null, denied, `${bytes} bytes in pieces of ${piece}`);
  }
});
