import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { TestContext } from 'node:test';
import { test } from 'node:test';
import { dialing, freePort, home, named, tcp } from '../../test/loopback.ts';
import { startProxy } from '../../test/loopback-proxy.ts';
import type { UpstreamFailure, Via } from '../core/endpoint.ts';
import { direct } from '../core/endpoint.ts';
import { limits } from '../core/limits.ts';
import { judgeConfined, judgeDestination } from './addresses.ts';
import type { Place, Resolve } from './connect.ts';
import type { Reached } from '../core/stages.ts';
import type { Dial } from './dial.ts';
import { createDial } from './dial.ts';

const here = judgeDestination(['127.0.0.0/8'], () => false);
const placeAt = (port: number, change: Partial<Place> = {}): Place => ({
  origin: new URL(`http://host.test:${port}`),
  topology: 'self-hosted',
  via: direct,
  judge: here,
  ...change,
});

const never = new AbortController().signal;
const reached = (outcome: Reached | UpstreamFailure): Reached => {
  assert.ok('stream' in outcome, JSON.stringify(outcome));
  outcome.stream.on('error', () => undefined);
  return outcome;
};
const reasonOf = (outcome: Reached | UpstreamFailure): string => ('reason' in outcome ? outcome.reason : assert.fail('it was reached'));

/** Gives one list of addresses after the other, as a name does that is rebound. */
const inTurn = (...answers: readonly (readonly string[])[]): { readonly resolve: Resolve; readonly asked: () => number } => {
  let asked = 0;
  const resolve: Resolve = async (name) => named(...(answers[asked++ % answers.length] ?? []))(name);
  return { resolve, asked: () => asked };
};

const unreached = (t: TestContext, resolve: Resolve, change: Partial<Place> = {}): Promise<string> =>
  dialing(t, resolve).reach(placeAt(443, change), never).then(reasonOf);

test('G-NET-3: a destination is dialled at the address that was judged, and its name is asked for once', async (t) => {
  const upstream = await tcp(t, (socket) => socket.end('hello'));
  const { resolve, asked } = inTurn(['127.0.0.1'], ['192.0.2.1']);
  const { stream, address } = reached(await dialing(t, resolve).reach(placeAt(upstream.port), never));
  assert.equal(address, `127.0.0.1:${upstream.port}`);
  assert.equal(asked(), 1);
  stream.destroy();
});

test('G-NET-3: nothing may be added to the name of a destination to find it; an endpoint is named by the config', async (t) => {
  const wholes: (boolean | undefined)[] = [];
  const resolve: Resolve = async (_name, whole) => {
    wholes.push(whole);
    return [];
  };
  const dial = dialing(t, resolve);
  await dial.reach(placeAt(443), never);
  await dial.reach({ origin: new URL('http://host.test'), topology: 'self-hosted', via: direct }, never);
  assert.deepEqual(wholes, [true, false]);
});

test('G-NET-3: one refused address among those of a destination refuses them all', async (t) => {
  const judge = judgeDestination(null, () => false);
  assert.match(
    await unreached(t, named('8.8.8.8', '10.0.0.1'), { judge }),
    /destination resolves to an address that is refused: it is private/,
  );
  assert.match(await unreached(t, home, { judge }), /it is this machine/);
  assert.match(await unreached(t, home, { origin: new URL('http://169.254.169.254:80'), judge }), /special range/);
  assert.match(await unreached(t, named()), /no address/);
});

test('a destination may end its direction and still be told something', async (t) => {
  let heard = '';
  const upstream = await tcp(t, (socket) => {
    socket.end('bye');
    socket.on('data', (chunk: Buffer) => void (heard += chunk.toString()));
  });
  const { stream } = reached(await dialing(t).reach(placeAt(upstream.port), never));
  stream.resume();
  await once(stream, 'end');
  await new Promise<void>((resolve) => stream.end('still here', () => resolve()));
  await upstream.empty();
  assert.equal(heard, 'still here');
});

test('G-NET-3: a proxy before a destination is asked for the address that was judged, not for the name', async (t) => {
  const upstream = await tcp(t, () => undefined);
  const proxy = await startProxy(t);
  const via: Via = { proxy: { url: proxy.url, secret: async () => 'user:secret' }, ca: [] };
  const { stream, address } = reached(await dialing(t).reach(placeAt(upstream.port, { via }), never));
  assert.equal(address, `127.0.0.1:${upstream.port}`);
  assert.equal(proxy.asked[0]?.split('\r\n')[0], `CONNECT 127.0.0.1:${upstream.port} HTTP/1.1`);
  stream.destroy();
  assert.match(await unreached(t, home, { via, judge: judgeDestination(null, () => false) }), /this machine/);
  assert.equal(proxy.asked.length, 1, 'what is refused is not asked for');
});

test('G-NET-7: confined, a destination, an endpoint and a proxy outside the ranges are all refused', async (t) => {
  const dial: Dial = createDial(home, limits, judgeConfined(['10.0.0.0/8']));
  t.after(() => dial.close());
  const via: Via = { proxy: { url: new URL('http://proxy.test:3128'), secret: null }, ca: [] };
  assert.match(reasonOf(await dial.reach(placeAt(443), never)), /air-gapped/);
  assert.match(
    reasonOf(await dial.reach({ origin: new URL('http://model.test'), topology: 'self-hosted', via: direct }, never)),
    /air-gapped/,
  );
  assert.match(reasonOf(await dial.reach({ origin: new URL('http://model.test'), topology: 'self-hosted', via }, never)), /air-gapped/);
});

test('a destination that is not there, and one that is asked for after the end, are failures', async (t) => {
  const dial = dialing(t);
  assert.match(reasonOf(await dial.reach(placeAt(await freePort(t)), never)), /destination could not be reached/);
  const upstream = await tcp(t, () => undefined);
  const { stream } = reached(await dial.reach(placeAt(upstream.port), never));
  await dial.close();
  assert.ok(stream.destroyed);
  assert.match(reasonOf(await dial.reach(placeAt(upstream.port), AbortSignal.abort())), /cancelled/);
});

test('names of destinations that nobody answers take up only so many lookups, and those of endpoints are asked for all the same', async (t) => {
  const upstream = await tcp(t, (socket) => socket.end('hello'));
  const answers: (() => void)[] = [];
  const silent: Resolve = (name) => {
    if (name === 'model.test') return home(name);
    return new Promise((resolve) => answers.push(() => resolve(home(name))));
  };
  const dial = dialing(t, silent, { destinationLookupsCount: 2 });
  const at = (name: string, change: Partial<Place> = {}): Place =>
    placeAt(upstream.port, { origin: new URL(`http://${name}:${upstream.port}`), ...change });
  const waiting = ['one.test', 'two.test', 'two.test'].map((name) => dial.reach(at(name), never));
  assert.match(reasonOf(await dial.reach(at('three.test'), never)), /Too many names of destinations are being resolved/);
  const { judge: _, ...endpoint } = at('model.test');
  reached(await dial.reach(endpoint, never)).stream.destroy();
  assert.equal(answers.length, 2);
  for (const answer of answers) answer();
  for (const outcome of waiting) reached(await outcome).stream.destroy();
  reached(await Promise.resolve().then(() => dial.reach(at('model.test'), never))).stream.destroy();
});
