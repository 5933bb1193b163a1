import assert from 'node:assert/strict';
import { test } from 'node:test';
import { answerOf, bytes, createWorld, crossingOf, deliver, permittedAt } from '../../test/gate-world.ts';
import { createVirtualClock } from '../../test/virtual-clock.ts';
import type { UpstreamAnswer, UpstreamFailure } from '../core/endpoint.ts';
import { limits } from '../core/limits.ts';
import type { Delivery, Recorded, Stages } from '../core/stages.ts';
import { createGate } from './gate.ts';
import { openLiveStream } from './live-stream.ts';

const tick = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A crossing over a clock of its own, with an upstream that answers when the test says so. */
const start = (change: Partial<Stages> = {}, answerWithinMs: number | null = null) => {
  const clock = createVirtualClock();
  const forwarded = Promise.withResolvers<UpstreamAnswer | UpstreamFailure>();
  const world = createWorld(answerOf('text/event-stream', []), { forward: () => forwarded.promise, ...change });
  const { delivery, delivered } = deliver(world.happened);
  const asked = crossingOf();
  assert.ok(asked.call.action === 'model_request');
  const call = { ...asked.call, format: { ...asked.call.format, answerWithinMs: () => answerWithinMs } };
  const crossing = createGate(world.stages, clock, () => 'inner')({ crossing: { ...asked, call }, claim: { credential: 'c' } }, delivery);
  const wait = async (ms: number): Promise<void> => {
    await tick();
    clock.advance(ms);
    await tick();
  };
  return { world, crossing, delivered, wait, answer: forwarded.resolve };
};

test('a stream that says nothing for a while is kept alive, and its digest knows nothing of that', async () => {
  const gap = Promise.withResolvers<void>();
  const body = (async function* () {
    yield bytes('one ');
    await gap.promise;
    yield bytes('end');
  })();
  const { world, crossing, delivered, wait, answer } = start();
  answer({ ...answerOf('text/event-stream', []), body });
  await wait(limits.keepAliveMs - 1);
  assert.equal(delivered(), 'one ');
  await wait(1);
  await wait(limits.keepAliveMs);
  assert.equal(delivered(), 'one ... ... ');
  gap.resolve();
  assert.equal((await crossing).crossed, 'answered');
  assert.equal(delivered(), 'one ... ... end');
  const plain = createWorld(answerOf('text/event-stream', ['one ', 'end']));
  await createGate(
    plain.stages,
    createVirtualClock(),
    () => 'inner',
  )({ crossing: crossingOf(), claim: { credential: 'c' } }, deliver([]).delivery);
  assert.equal(world.endings[0]?.responseDigest, plain.endings[0]?.responseDigest);
});

test('nothing begins before the upstream answers, however long that takes', async () => {
  const { crossing, delivered, wait, answer } = start();
  await wait(10 * limits.keepAliveMs);
  assert.equal(delivered(), '');
  answer({ failure: 'reset', reason: 'It broke.', attempts: 1 });
  assert.equal((await crossing).crossed, 'failed');
});

test('where streams are held back on the way, the answer begins early, and what follows is said inside it', async () => {
  const cases: readonly (readonly [UpstreamAnswer | UpstreamFailure, string])[] = [
    [answerOf('text/event-stream', ['one end']), '... one end'],
    [{ failure: 'reset', reason: 'It broke.', attempts: 1 }, '... <502>'],
    [answerOf('application/json', ['overloaded'], 529), '... <529>'],
    [answerOf('application/json', ['whole']), '... <not_inspectable>'],
    [answerOf('text/html', ['<html>']), '... <not_inspectable>'],
  ];
  for (const [upstream, expected] of cases) {
    const { world, crossing, delivered, wait, answer } = start({ decide: () => permittedAt('buffered') });
    await wait(limits.keepAliveMs);
    answer(upstream);
    assert.equal((await crossing).crossed, 'answered', expected);
    assert.equal(delivered(), expected);
    assert.equal(world.endings.length, 1);
  }
});

test('for a client that asks again when no answer begins, one begins shortly before, and what follows is said inside it', async () => {
  const patienceMs = 6 * limits.keepAliveMs;
  const cases: readonly (readonly [UpstreamAnswer | UpstreamFailure, string])[] = [
    [answerOf('text/event-stream', ['one end']), 'one end'],
    [{ failure: 'reset', reason: 'It broke.', attempts: 4 }, '<502>'],
    [answerOf('application/json', ['wrong'], 400), '<400>'],
  ];
  for (const [upstream, expected] of cases) {
    const { world, crossing, delivered, wait, answer } = start({}, patienceMs);
    for (let waited = limits.keepAliveMs; waited < 4 * limits.keepAliveMs; waited += limits.keepAliveMs) {
      await wait(limits.keepAliveMs);
      assert.equal(delivered(), '', `after ${waited} ms the upstream's own status can still be told`);
    }
    await wait(limits.keepAliveMs);
    assert.equal(delivered(), '... ');
    answer(upstream);
    assert.equal((await crossing).crossed, 'answered', expected);
    assert.equal(delivered(), `... ${expected}`);
    assert.equal(world.endings.length, 1);
  }
});

test('a status that the client would repeat becomes a failure of ours, with the upstream in the record', async () => {
  const { world, crossing, delivered, answer } = start();
  answer(answerOf('application/json', ['absorbed'], 503));
  const crossed = await crossing;
  assert.equal(crossed.crossed === 'failed' && `${crossed.status} ${crossed.sentence}`, '503 The upstream answered 503.');
  assert.equal(delivered(), '');
  assert.equal(world.endings[0]?.status, 503);
});

/** The client's side of a stream whose end the test decides. */
const liveUntil = (over: Promise<void>, write: Delivery['write'], clock = createVirtualClock(), { signal } = new AbortController()) => {
  const deadline = { signal, over, denial: () => null, cancel: () => undefined, [Symbol.dispose]: () => undefined };
  const { call } = crossingOf();
  assert.ok(call.action === 'model_request');
  const recorded = { invocation: { agent: { client: 'sdk' } } } as unknown as Recorded;
  const parts = { clock, delivery: { begin: () => undefined, write }, deadline };
  return openLiveStream(recorded, call, parts, false);
};

test('however many pieces are written, the end of the crossing is listened to once', async (t) => {
  const { promise: over } = Promise.withResolvers<void>();
  const listening = t.mock.method(over, 'then');
  const live = liveUntil(over, async () => undefined);
  for (let count = 0; count < 100; count++) await live.write(200, {}, bytes('word '));
  assert.equal(listening.mock.callCount(), 1);
});

test('a write that the client does not take ends with the crossing, and so does each one after that', async () => {
  const { promise: over, resolve: end } = Promise.withResolvers<void>();
  const live = liveUntil(over, () => new Promise(() => undefined));
  let taken = 0;
  const writes = [1, 2].map(async () => {
    await live.write(200, {}, bytes('word '));
    taken += 1;
  });
  await tick();
  assert.equal(taken, 0);
  end();
  await Promise.all(writes);
  await live.write(200, {}, bytes('word '));
});

test('while the client takes what it was given, nothing is said to keep it waiting', async () => {
  const clock = createVirtualClock();
  const taken = Promise.withResolvers<void>();
  const written: string[] = [];
  const write: Delivery['write'] = (chunk) => {
    written.push(Buffer.from(chunk).toString());
    return written.length === 1 ? taken.promise : null;
  };
  const live = liveUntil(new Promise(() => undefined), write, clock);
  const writing = live.write(200, {}, bytes('word '));
  clock.advance(3 * limits.keepAliveMs);
  assert.deepEqual(written, ['word ']);
  taken.resolve();
  await writing;
  clock.advance(2 * limits.keepAliveMs);
  assert.ok(written.length > 1);
});

test('once the crossing is cut off, nothing is said to keep anybody waiting', async () => {
  const clock = createVirtualClock();
  const cut = new AbortController();
  const written: string[] = [];
  const write: Delivery['write'] = (chunk) => {
    written.push(Buffer.from(chunk).toString());
    return null;
  };
  const live = liveUntil(new Promise(() => undefined), write, clock, cut);
  await live.write(200, {}, bytes('word '));
  cut.abort();
  clock.advance(3 * limits.keepAliveMs);
  assert.deepEqual(written, ['word ']);
});

test('a write that fails is a failure of the stream', async () => {
  const live = liveUntil(new Promise(() => undefined), () => Promise.reject(new Error('no')));
  await assert.rejects(async () => live.write(200, {}, bytes('word ')), /no/);
});
