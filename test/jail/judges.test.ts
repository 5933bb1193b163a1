import assert from 'node:assert/strict';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { nameServerAddress, inNamespace } from '../namespace.ts';
import { callsIn, jailedAmong, placesReached, socketsMade } from './calls.ts';
import { doors, modelPort, places, type Seen } from './judged-world.ts';
import type { Packet } from './packets.ts';

// What leaves, judged by others than ourselves: every packet of the machine that envelope and runner stand on and of the jail, as the kernel hands it over, and
// every call of the runner and all that it started, as strace sees it. An agent that works and tries to get out by every way that it knows is judged
// twice: in a jail, and without one, where the same judges must find what they look for.

const timeout = 120_000;
const world = (containment: string): Promise<Seen> => inNamespace(join(import.meta.dirname, 'judged-world.ts'), containment);

let jailed: Seen;
let unjailed: Seen;
before(
  async () => {
    jailed = await world('jail');
    unjailed = await world('advisory');
  },
  { timeout },
);

const doorPlaces = Object.values(doors).map((port) => `127.0.0.1:${port}`);
/** Those that the envelope has a reason to ask for: its endpoint, and destinations that a rule permits. */
const askedNames = ['site.test', 'inside.test', 'model.test'];

const isOf =
  (place: string) =>
  (packet: Packet): boolean =>
    packet.to === place || packet.from === place;

/** Packets that are neither of a conversation with a door, nor a question for a name that may be asked, nor of a connection that the envelope may make. */
const strays = (packets: readonly Packet[]): readonly string[] =>
  packets
    .filter((packet) => {
      const { protocol, name, from, to } = packet;
      if (protocol === 'udp') return !(isOf(`${nameServerAddress}:53`)(packet) && askedNames.includes(name ?? ''));
      if (protocol !== 'tcp') return true;
      const dialled = [`${places.site}:443`, `${places.model}:${modelPort}`].some((place) => isOf(place)(packet));
      const relayed = doorPlaces.some((place) => isOf(place)(packet)) && from.startsWith('127.0.0.1:') && to.startsWith('127.0.0.1:');
      return !dialled && !relayed;
    })
    .map(({ protocol, name, to }) => `${protocol} ${name || to}`);

const opened = (packets: readonly Packet[], place: string): number => packets.filter(({ opens, to }) => opens && to === place).length;
const linesOf = ({ run }: Seen): readonly string[] => run.stdout.split('\n');

test('in a jail an agent works through the doors, and every other way that it tries fails', () => {
  const lines = linesOf(jailed);
  assert.equal(lines.filter((line) => line === 'of the site').length, 2, jailed.run.stderr);
  assert.ok(lines.includes('of the repository') && lines.some((line) => line.includes('of the model')));
  assert.deepEqual(
    lines.filter((line) => line.endsWith(' went')),
    ['own went', 'later went'],
  );
  for (const way of ['site', 'refused', 'six', 'door', 'datagram', 'question', 'name']) assert.ok(lines.includes(`${way} failed`), way);
});

test('G-JAIL-1, G-NET-3: every packet outside a jail is of a door or of a connection that the envelope recorded; refused names and places have none', () => {
  const { outside, reached } = jailed;
  assert.deepEqual(strays(outside), []);
  const connections = opened(outside, `${places.site}:443`);
  assert.ok(connections >= 3);
  assert.deepEqual(
    reached,
    Array.from({ length: connections }, () => `${places.site}:443`),
    'each is a crossing in the ledger',
  );
  assert.equal(opened(outside, `${places.model}:${modelPort}`), 1);
});

test('G-JAIL-1: no packet of a jail leaves its loopback, and the doors are all that answers there', () => {
  const { inJail } = jailed;
  assert.ok(opened(inJail, '127.0.0.1:7420') === 1 && opened(inJail, '127.0.0.1:7421') >= 3, 'what it does by the doors is seen');
  assert.deepEqual(
    inJail.filter(({ device, from, to }) => device !== 'lo' || ![from, to].every((place) => place.startsWith('127.'))),
    [],
  );
});

test('packets that get out are seen: without a jail the same judge finds each of them', () => {
  const found = new Set(strays(unjailed.outside));
  for (const packet of [
    `tcp ${places.inside}:443`,
    `tcp ${places.refused}:443`,
    `tcp [${places.six}]:443`,
    `udp ${places.refused}:53`,
    'udp refused.test',
    'udp direct.test',
    'udp asked.test',
  ])
    assert.ok(found.has(packet), `${packet} is not among ${[...found].join(', ')}`);
  assert.notEqual(unjailed.reached.length, opened(unjailed.outside, `${places.site}:443`), 'nor is what it does itself in the ledger');
});

/** Where processes got to that are not the doors of a jail, nor sockets that they made. */
const waysOut = ({ calls: text }: Seen, whose: 'jail' | 'all'): readonly string[] => {
  const calls = callsIn(text);
  const inside = jailedAmong(calls);
  const judged = whose === 'all' ? calls : calls.filter(({ pid }) => inside.has(pid));
  const own = [...socketsMade(judged), '127.0.0.1:7420', '127.0.0.1:7421'];
  return [...new Set(placesReached(judged))].filter((place) => !own.includes(place));
};

test('G-JAIL-1: nothing in a jail connects to anything but the doors and what it made itself, as strace sees it', () => {
  const { calls: text, workspace } = jailed;
  const calls = callsIn(text);
  const inside = jailedAmong(calls);
  const reached = placesReached(calls.filter(({ pid }) => inside.has(pid)));
  assert.ok(inside.size > 10 && reached.includes('127.0.0.1:7420') && reached.includes('127.0.0.1:7421') && reached.includes('own.sock'));
  // The datagram is to its own loopback, where nobody is. The socket was made outside, after the start, in the workspace: the way out that is said to be one.
  assert.deepEqual(waysOut(jailed, 'jail'), [`${nameServerAddress}:53`, `${workspace}/later.sock`]);
});

test('G-JAIL-1: the runner itself speaks to the doors and to its control socket only, and asks for no name', () => {
  const calls = callsIn(jailed.calls);
  const inside = jailedAmong(calls);
  const reached = new Set(placesReached(calls.filter(({ pid }) => !inside.has(pid))));
  assert.deepEqual([...reached].toSorted(), [...doorPlaces, join(jailed.workspace, '../c.sock')].toSorted());
});

test('calls that lead out are seen: without a jail the same judge finds each of them', () => {
  const found = waysOut(unjailed, 'all');
  for (const place of [
    `${places.site}:443`,
    `${places.refused}:443`,
    `[${places.six}]:443`,
    `${places.refused}:53`,
    `${nameServerAddress}:53`,
    doorPlaces[1],
  ])
    assert.ok(found.includes(place ?? ''), `${place} is not among ${found.join(', ')}`);
});
