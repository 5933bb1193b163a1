// An envelope that stands still for a while, as one does whose machine is moved or saved: nobody stopped its disk or its runners.
// What was under way goes on as if nothing had been.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { limits } from '../../src/core/limits.ts';
import { balanced } from './books.ts';
import { answersHeld, ask } from './clients.ts';
import { assertNoTrace, credentialOf } from './up.ts';
import { answerAtOnce, createWorld, done, type World } from './world.ts';
import { until } from '../until.ts';

const clientsCount = 16;
/** Between the beginning of a commit and its end is where it hurts: many of them make it likely that one is there. */
const busyMs = 500;

let world: World;
before(async () => {
  world = await createWorld();
});
after(() => world.remove());

test('G-RECORD-3: an envelope that stands still for longer than a record may take loses no outcome, ends no run, and refuses nothing', async () => {
  const up = await world.start();
  const credential = await credentialOf(up);
  const held = answersHeld(world);
  const stream = ask(up, credential, { stream: true, text: 'begun before' });
  await until(() => held.length === 1);
  world.upstream.answer = answerAtOnce();
  const ending = new AbortController();
  const statuses = new Map<string, number>();
  const busy = Array.from({ length: clientsCount }, async () => {
    while (!ending.signal.aborted) {
      const got = await ask(up, credential, { stream: false, text: 'again' });
      const came = `${got?.status} ${got?.denial ?? ''}`.trim();
      statuses.set(came, (statuses.get(came) ?? 0) + 1);
    }
  });
  await pause(busyMs);
  up.process.kill('SIGSTOP');
  await pause(limits.commitMs + 500);
  up.process.kill('SIGCONT');
  await pause(busyMs);
  ending.abort();
  await Promise.all(busy);
  held[0]?.end(done);
  assert.equal((await stream)?.whole, true);
  assert.deepEqual([...statuses.keys()], ['200']);
  assert.equal(await up.stop(), 0);
  assertNoTrace(up.said());
  await balanced(world.dataDir);
});
