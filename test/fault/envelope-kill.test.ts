// The whole envelope as a process, killed under load: while it starts, and while models answer and tunnels carry.
// What a client got in full has a durable outcome after the restart, what reached the world has a durable intent, and every record verifies.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { seededChance } from '../sim/memory-disk.ts';
import { assertIntended, assertOutcomes, balanced, tunnelIntents } from './books.ts';
import { ask, openTunnel, talk } from './clients.ts';
import { assertNoTrace, credentialOf, type Up } from './up.ts';
import { createWorld, type World } from './world.ts';

const kills = Math.max(6, Number(process.env['SEALWRIGHT_KILLS'] ?? 6));
/** One folder lives through so many, so that recoveries follow on recoveries. */
const killsPerFolder = Math.min(20, kills);
const foldersAtATime = kills > 20 ? 2 : 1;
/** Of so many starts one is killed before it is done. */
const killedStarts = 4;

interface Heard {
  /** The model's ids of answers that arrived in full. */
  readonly answers: string[];
  tunnels: number;
}

/** Calls until the envelope is gone. */
const load = async (up: Up, credential: string, worker: number, heard: Heard, name: string): Promise<void> => {
  for (let turn = 0; ; turn += 1) {
    const got = await ask(up, credential, { stream: (turn + worker) % 2 === 0, text: `${name} ${worker} ${turn}` });
    if (got === null || got.status !== 200) return assert.equal(got?.denial ?? null, null, got?.text ?? '');
    if (got.whole) heard.answers.push(got.id);
  }
};

const carry = async (up: Up, credential: string, port: number, heard: Heard): Promise<void> => {
  for (;;) {
    const tunnel = await openTunnel(up, credential, port);
    if (tunnel === null) return;
    assert.ok(typeof tunnel !== 'string', typeof tunnel === 'string' ? tunnel : '');
    if (await talk(tunnel, 'word')) heard.tunnels += 1;
  }
};

const killDuringStart = async (world: World, lifeMs: number): Promise<void> => {
  const started = await world.tryStart({ spawned: (child) => void setTimeout(() => child.kill('SIGKILL'), lifeMs) });
  assert.equal(await started.ended, 'SIGKILL');
};

const killUnderLoad = async ({ start, host }: World, lifeMs: number, heard: Heard, name: string): Promise<void> => {
  const up = await start();
  const credential = await credentialOf(up);
  const loads = [
    ...Array.from({ length: 6 }, (_, worker) => load(up, credential, worker, heard, name)),
    ...Array.from({ length: 3 }, () => carry(up, credential, host.port, heard)),
  ];
  await pause(lifeMs);
  up.process.kill('SIGKILL');
  assert.equal(await up.ended, 'SIGKILL');
  assertNoTrace(up.said());
  await Promise.all(loads);
};

/** Kills one folder's envelopes, one after the other; gives how much had been heard. */
const killRepeatedly = async (times: number, seed: number): Promise<number> => {
  const chance = seededChance(seed);
  const world = await createWorld();
  const heard: Heard = { answers: [], tunnels: 0 };
  try {
    for (let kill = 0; kill < times; kill += 1) {
      if (kill % killedStarts === killedStarts - 1) await killDuringStart(world, chance() * 900);
      else await killUnderLoad(world, 50 + chance() * 500, heard, `kill ${kill}`);
    }
    const last = await world.start();
    assert.equal(await last.stop(), 0);
    const books = await balanced(world.dataDir);
    assertOutcomes(books, heard.answers);
    assertIntended(
      books,
      world.dataDir,
      world.upstream.seen.map(({ body }) => body),
    );
    const connections = world.host.connections();
    const intended = tunnelIntents(books).length;
    assert.ok(connections <= intended, `${connections} connections reached the host, ${intended} were decided`);
    const ended = books.outcomes.filter(({ action_type: action, success }) => action === 'network_connection' && success === true);
    assert.ok(ended.length > 0 && heard.tunnels > 0, 'tunnels came to their ends');
    assert.ok(
      books.control.some(({ kind }) => kind === 'recovery'),
      'the starts say what they found',
    );
    return heard.answers.length;
  } finally {
    await world.remove();
  }
};

test(`G-RECORD-4: after ${kills} kills of the envelope under load, each answer that was released has its outcome, each request that left its intent, and the ledger verifies`, async () => {
  const folders = Array.from({ length: Math.ceil(kills / killsPerFolder) }, (_, folder) => folder + 1);
  let answers = 0;
  const work = async (): Promise<void> => {
    for (let folder = folders.shift(); folder !== undefined; folder = folders.shift())
      answers += await killRepeatedly(killsPerFolder, folder);
  };
  await Promise.all(Array.from({ length: foldersAtATime }, work));
  // How many a life of half a second brings is for the machine to say; none would prove nothing.
  assert.ok(answers >= kills, `only ${answers} answers arrived`);
});
