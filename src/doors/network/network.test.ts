import assert from 'node:assert/strict';
import { once } from 'node:events';
import { duplexPair } from 'node:stream';
import { test } from 'node:test';
import { createVirtualClock } from '../../../test/virtual-clock.ts';
import type { Clock } from '../../core/clock.ts';
import { createNetworkDoor } from './network.ts';

test('a tunnel that closed by itself leaves no timer behind, which would keep a process that ends', async () => {
  const virtual = createVirtualClock();
  let waiting = 0;
  const after: Clock['after'] = (delayMs, run) => {
    waiting += 1;
    const stop = virtual.after(delayMs, run);
    return () => {
      waiting -= 1;
      stop();
    };
  };
  const [agent, stream] = duplexPair();
  const door = createNetworkDoor({
    cross: async (_received, delivery) => {
      delivery.begin(200, {});
      agent.end();
      stream.end();
      agent.resume();
      stream.resume();
      await once(stream, 'close');
      return { crossed: 'answered', recordId: 'record' };
    },
    clock: { ...virtual, after },
    newCrossingId: () => 'crossing',
    invocationId: () => 'invocation',
    turnedAway: () => undefined,
    letGo: () => undefined,
  });
  await door.connect({
    from: 'network local',
    target: 'site.test:443',
    headers: {},
    credential: null,
    gone: new AbortController().signal,
    stream,
    accept: () => undefined,
    refuse: () => assert.fail('it was refused'),
  });
  assert.ok(stream.destroyed);
  assert.equal(waiting, 0);
});
