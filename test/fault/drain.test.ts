// SIGTERM to the whole envelope while models stream and tunnels carry: what can end does, the rest is told why, nothing is lost, and the end is a clean one.
// What is cut off after the whole wait is tried in machine/drain-wait.test.ts.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { closed } from '../envelope/proxy-client.ts';
import { until } from '../until.ts';
import { assertIntended, assertOutcomes, balanced, tunnelIntents } from './books.ts';
import { answersHeld, ask, openTunnelIn, quietSocket } from './clients.ts';
import { assertNoTrace, credentialOf, type Up } from './up.ts';
import { createWorld, done } from './world.ts';

const takes = async (door: string): Promise<boolean> => {
  const socket = quietSocket(door);
  const taken = await once(socket, 'connect').then(
    () => true,
    () => false,
  );
  socket.destroy();
  return taken;
};

/** Waits until the signal has arrived, which shows at the doors. */
const refusesNew = async ({ doors }: Up): Promise<void> => {
  // The port of the control plane stays open to the end, to say that nothing else is.
  for (const door of [doors.model, doors.network]) while (await takes(door)) await pause(10);
};

describe('a SIGTERM', { concurrency: true }, () => {
  test('G-RECORD-2: lets streams, answers and tunnels that are under way come to their ends, loses nothing, and ends with 0', async () => {
    const world = await createWorld();
    try {
      const held = answersHeld(world);
      const up = await world.start();
      const credential = await credentialOf(up);
      const answers = [true, false, true, false].map((stream) => ask(up, credential, { stream, text: `drained ${stream}` }));
      const tunnels = await Promise.all([1, 2, 3].map(() => openTunnelIn(up, credential, world)));
      await until(() => held.length === answers.length);
      up.process.kill('SIGTERM');
      await refusesNew(up);
      for (const response of held) response.end(response.getHeader('content-type') === 'text/event-stream' ? done : '{"type":"message"}');
      for (const tunnel of tunnels) tunnel.end('last word');
      for (const tunnel of tunnels) await closed(tunnel);
      assert.equal(await up.ended, 0);
      assertNoTrace(up.said());
      for (const answer of await Promise.all(answers)) assert.deepEqual([answer?.status, answer?.whole], [200, true], answer?.text ?? '');
      const books = await balanced(world.dataDir);
      assertOutcomes(books, ['req_0', 'req_1', 'req_2', 'req_3']);
      assertIntended(
        books,
        world.dataDir,
        world.upstream.seen.map(({ body }) => body),
      );
      assert.equal(tunnelIntents(books).length, tunnels.length);
      assert.ok(books.outcomes.every(({ success }) => success === true));
      const carried = books.outcomes.filter(({ action_type: action }) => action === 'network_connection');
      assert.deepEqual(new Set(carried.map(({ bytes_sent: bytes }) => bytes)), new Set(['wordlast word'.length]));
    } finally {
      await world.remove();
    }
  });

  test('that comes twice ends at once, and the next start says what stayed open', async () => {
    const world = await createWorld();
    try {
      const held = answersHeld(world);
      const up = await world.start();
      const answer = ask(up, await credentialOf(up), { stream: true, text: 'left open' });
      await until(() => held.length === 1);
      up.process.kill('SIGTERM');
      await refusesNew(up);
      up.process.kill('SIGTERM');
      assert.equal(await up.ended, 'SIGTERM');
      assert.equal((await answer)?.whole, false);
      assert.equal(await (await world.start()).stop(), 0);
      const books = await balanced(world.dataDir);
      assert.deepEqual(
        books.outcomes.map(({ success }) => success),
        [null],
      );
    } finally {
      await world.remove();
    }
  });
});
