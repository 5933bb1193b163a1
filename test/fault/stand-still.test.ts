// An envelope that stands still for a while, as one does whose machine is moved or saved: nobody stopped its disk or its runners.
// What was under way goes on as if nothing had been.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { after, before, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { limits } from '../../src/core/limits.ts';
import { root } from '../project-files.ts';
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

interface Check {
  readonly check: string;
  readonly standing: string;
  readonly finding: string;
  readonly next: string;
}

test('`doctor` tells an envelope that stands still from one that was never started', async () => {
  const up = await world.start();
  up.process.kill('SIGSTOP');
  const env = { PATH: process.env['PATH'] ?? '', HOME: world.folder };
  const doctor = spawn(`${root}bin/sealwright`, ['doctor', '--json', '--offline', '--control', up.control], {
    env,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const { ok, checks } = JSON.parse(await text(doctor.stdout)) as { readonly ok: boolean; readonly checks: readonly Check[] };
  up.process.kill('SIGCONT');
  assert.equal(ok, false);
  const [envelope] = checks.filter(({ check }) => check === 'envelope');
  assert.equal(envelope?.standing, 'fail');
  assert.match(envelope.finding, /does not answer within 10 s\. It is there: /);
  assert.match(envelope.next, /kill -CONT/);
  assert.equal(await up.stop(), 0);
});
