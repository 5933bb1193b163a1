// A proxy that runs elsewhere as a subject: the kit listens at addresses of its machine that the proxy can reach, asks it, and judges by what arrives there.
// What would arrive nowhere that the kit sees is not tried. Without what is allowed arriving there is nothing to conclude, said as a problem.

import { randomBytes } from 'node:crypto';
import { lookup } from 'node:dns/promises';
import { connect } from 'node:net';
import type { Arrival, Path } from './attempt.ts';
import { requestTo } from './attempts/exchanges.ts';
import { kit } from './attempts/attempts.ts';
import { controls } from './controls.ts';
import { answersHere, createElsewhere, standingsOf } from './elsewhere.ts';
import { judge, type Place } from './judge.ts';
import { allowedPorts } from './names.ts';
import type { Line, Order, RemoteProxy } from './order.ts';
import { createProbes } from './probes.ts';
import { startTrier } from './trier.ts';
import { startOutpost } from './witness.ts';

const once = <T>(make: () => Promise<T>): (() => Promise<T>) => {
  let made: Promise<T> | null = null;
  return () => (made ??= make());
};

const lookUp = (name: string): Promise<readonly string[]> =>
  lookup(name, { all: true, family: 4 }).then(
    (found) => found.map(({ address }) => address),
    () => [],
  );

const patienceMs = 5_000;

const answers = (host: string, port: number, path: string): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect({ host, port, timeout: patienceMs });
    socket.once('connect', () => void socket.write(`GET ${path} HTTP/1.1\r\nHost: kit\r\nConnection: close\r\n\r\n`));
    for (const [event, good] of [
      ['data', true],
      ['error', false],
      ['timeout', false],
      ['close', false],
    ] as const)
      socket.once(event, () => {
        resolve(good);
        socket.destroy();
      });
  });

/** Tries all that the kit would see, and says what came of it as lines. */
export const tryRemote = async (
  { url, authority, fixtures }: RemoteProxy,
  { only, folder }: Pick<Order, 'only' | 'folder'>,
  environment: NodeJS.ProcessEnv,
  { say, stop }: { readonly say: (line: Line) => void; readonly stop: AbortSignal },
): Promise<void> => {
  const standings = standingsOf(fixtures);
  const outpost = await startOutpost(fixtures, answersHere(standings));
  const needed = allowedPorts.map(outpost.deaf).find((problem) => problem !== null);
  if (needed !== undefined) {
    outpost.end();
    return say({
      line: 'problem',
      problem: `The kit has to listen where allowed names lead to: ${needed}. Free the port, and let Node take it (CAP_NET_BIND_SERVICE, or root)`,
    });
  }
  const trier = await startTrier([], { ...environment, ...(authority !== null && { SEALWRIGHT_KIT_PROXY_USER: authority }) }, folder);
  const ownAddress = (at: string): string => standings.find(({ here }) => here === at)?.own ?? at;
  const arrivals = (): readonly Arrival[] => outpost.arrivals.map((arrival) => ({ ...arrival, at: ownAddress(arrival.at) }));
  const places = new Map<Path, Place>([
    ['connect', { trier, door: url }],
    ['forward', { trier, door: url }],
  ]);
  const notAsked = once(async () => {
    if (outpost.deafToNames !== null) return outpost.deafToNames;
    const name = `probe-${randomBytes(5).toString('hex')}.wild.test`;
    await trier.exchange(url, { parts: [requestTo(`http://${name}/probe`)] });
    return outpost.arrivals.some(({ kind, at }) => kind === 'name' && at === name)
      ? null
      : `a name below wild.test was asked for through the proxy, and nobody asked the kit at ${fixtures[0]}, port 53`;
  });
  try {
    const controlled = { places, arrivals, say, pastAll: (path: string) => answers(fixtures[0] ?? '', allowedPorts[0], path) };
    if (!(await controls(controlled, 'before'))) return;
    const attempts = only.length === 0 ? kit : kit.filter(({ id }) => only.includes(id));
    const elsewhere = createElsewhere({ standings, deaf: outpost.deaf, notAsked, lookUp: (name) => lookUp(name) });
    const bench = { places, own: null, arrivals, elsewhere, has: createProbes(places, arrivals) };
    const results = await judge(attempts, bench, (id, done) => {
      stop.throwIfAborted();
      say({ line: 'doing', id, done, total: attempts.length });
    });
    if (!(await controls(controlled, 'after'))) return;
    for (const result of results) say({ line: 'result', result });
    say({ line: 'end' });
  } finally {
    await trier.end();
    outpost.end();
  }
};
