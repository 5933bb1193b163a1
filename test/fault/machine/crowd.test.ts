// Ten thousand connections that say nothing and a thousand that say it slowly, before every door of a running envelope, and a good client that is served all
// the while: memory and descriptors stay bounded, and a process that may open few files keeps those that its ledger needs.
// Linux; needs about 15,000 descriptors (`ulimit -n`), and fails with that sentence where there are fewer.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { before, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { limits } from '../../../src/core/limits.ts';
import { crowdLimitsOf, descriptorsMax } from '../../../src/server/crowd.ts';
import { until } from '../../until.ts';
import { assertOutcomes, balanced } from '../books.ts';
import { ask, openTunnel, quietSocket, talk } from '../clients.ts';
import { assertNoTrace, credentialOf, type Up } from '../up.ts';
import { createWorld, type World } from '../world.ts';

const descriptorsNeeded = 15_000;

before(() => {
  const may = descriptorsMax();
  assert.ok(may >= descriptorsNeeded, `this process may open ${may} files: raise the limit to ${descriptorsNeeded} (\`ulimit -Hn\`)`);
});

const descriptorsOf = ({ process: { pid } }: Up): number => readdirSync(`/proc/${pid}/fd`).length;
const residentKib = ({ process: { pid } }: Up): number =>
  Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? Number.NaN);

/** Connects so many, a few at a time, and gives those that were not turned away at once. */
const crowdBefore = async (door: string, count: number, says: string): Promise<readonly Socket[]> => {
  const sockets: Socket[] = [];
  const work = async (): Promise<void> => {
    while (sockets.length < count) {
      const socket = quietSocket(door);
      sockets.push(socket);
      await once(socket, 'connect').catch(() => undefined);
      socket.write(says);
      socket.resume();
    }
  };
  await Promise.all(Array.from({ length: 50 }, work));
  return sockets;
};

interface Served {
  readonly answers: string[];
  tunnels: number;
}

/** Comes anew each time, as another client would. */
const goodClient = async (up: Up, world: World, goesOn: () => boolean): Promise<Served> => {
  const credential = await credentialOf(up);
  const served: Served = { answers: [], tunnels: 0 };
  for (let turn = 0; goesOn(); turn += 1) {
    const got = await ask(up, credential, { stream: turn % 2 === 0, text: `in the crowd ${turn}` });
    assert.deepEqual([got?.status, got?.whole], [200, true], got?.text ?? 'no answer');
    served.answers.push(got?.id ?? '');
    const tunnel = await openTunnel(up, credential, world.host.port);
    assert.ok(tunnel !== null && typeof tunnel !== 'string', typeof tunnel === 'string' ? tunnel : 'no answer');
    assert.ok(await talk(tunnel, 'word'));
    served.tunnels += 1;
    await pause(20);
  }
  return served;
};

test('G-CROWD-1: among 10,000 idle connections, 1,000 slow ones and a door full of answered ones, who says what he wants is served', async () => {
  const world = await createWorld();
  const held: Socket[] = [];
  try {
    const up = await world.start();
    let goesOn = true;
    const client = goodClient(up, world, () => goesOn);
    await pause(300);
    const [base, baseKib] = [descriptorsOf(up), residentKib(up)];
    const { model, network, admin } = up.doors;
    for (const [door, idle, slow] of [
      [model, 5_000, 400],
      [network, 4_500, 400],
      [admin, 500, 200],
    ] as const) {
      held.push(...(await crowdBefore(door, idle, '')));
      held.push(...(await crowdBefore(door, slow, 'POST /anthropic/v1/messages HTTP/1.1\r\nhost: loc')));
    }
    const { connectionsCount, surplusConnectionsCount } = crowdLimitsOf(descriptorsMax());
    const places = 3 * (connectionsCount + surplusConnectionsCount);
    const [crowded, crowdedKib] = [descriptorsOf(up), residentKib(up)];
    assert.ok(crowded - base > places / 3, `only ${crowded - base} connections were held`);
    assert.ok(crowded <= places + base + 100, `${crowded} descriptors for ${places} places`);
    // As much as is said of an idle tunnel.
    assert.ok(crowdedKib - baseKib < places * 40, `${crowdedKib - baseKib} KiB more for ${places} places`);
    const slowly = setInterval(() => {
      for (const socket of held) if (socket.writable && socket.bytesWritten > 0) socket.write('x');
    }, 400);
    // Each has said a whole request, and nobody knows who it was.
    const answered = await crowdBefore(
      model,
      limits.connectionsCount + 200,
      'GET /anthropic/v1/models HTTP/1.1\r\nhost: localhost\r\n\r\n',
    );
    held.push(...answered);
    await pause(2_000);
    clearInterval(slowly);
    goesOn = false;
    const { answers, tunnels } = await client;
    assert.ok(answers.length > 20, `only ${answers.length} answers`);
    for (const socket of held) socket.destroy();
    await until(() => descriptorsOf(up) < base + 50);
    assert.equal(await up.stop(), 0);
    assertNoTrace(up.said());
    const books = await balanced(world.dataDir);
    assertOutcomes(books, answers);
    assert.equal(books.outcomes.length, answers.length + tunnels);
    assert.ok(books.control.length < 100, `strangers wrote ${books.control.length} records`);
  } finally {
    for (const socket of held) socket.destroy();
    await world.remove();
  }
});

test('G-CROWD-1: an envelope that may open 1,024 files keeps those that its ledger and its good clients need', async () => {
  const world = await createWorld();
  const held: Socket[] = [];
  try {
    const up = await world.start({ before: ['sh', '-c', 'ulimit -n 1024; exec "$@"', 'sh'] });
    for (const door of Object.values(up.doors)) held.push(...(await crowdBefore(door, 1_500, '')));
    // Who came a moment ago may still have something to say, and is let.
    await pause(limits.firstWordMs);
    assert.ok(descriptorsOf(up) > 3 * 100, 'the doors are full');
    assert.ok(descriptorsOf(up) < 1_024 - 100, 'and descriptors are left');
    let goesOn = true;
    const client = goodClient(up, world, () => goesOn);
    await pause(1_500);
    goesOn = false;
    const { answers } = await client;
    assert.ok(answers.length > 10, `only ${answers.length} answers`);
    assert.equal(await (await fetch(`${up.doors.admin}/readyz`)).text(), 'ready\n');
    for (const socket of held) socket.destroy();
    assert.equal(await up.stop(), 0);
    assertNoTrace(up.said());
    assertOutcomes(await balanced(world.dataDir), answers);
  } finally {
    for (const socket of held) socket.destroy();
    await world.remove();
  }
});
