// What the network door costs, beside squid: `node bench/network.ts [--json] [--rounds N] [--only downloads|connects|idle] [--profile FOLDER]`.
// Method: the envelope (`sealwright up`) and squid are processes of their own on loopback, and get the same tunnels from the same client to the same
// upstream, in turn. Time is processor time of the process, so that client, upstream and whatever else runs do not count.
// (1) Downloads of 1 MB: megabytes for each processor second, as a ratio to squid's. (2) New tunnels for each processor second, decision and
// outcome on disk. (3) Resident memory of a tunnel that carries nothing. Ends with 1 when a median misses its target or squid is missing.

import { cpus, loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { siteAddress } from '../test/site.ts';
import { openTunnel, repeated, type Tunnel } from './network-client.ts';
import { squidProgram } from '../test/squid.ts';
import { cpuMs, type Measured, residentBytes, startEnvelope, startSquid } from './network-doors.ts';
import { quantile, round, type Spread, spreadOf } from './statistics.ts';
import { startSide } from './stream-process.ts';

const names = ['squid', 'envelope'] as const;
type Name = (typeof names)[number];

const downloads = 800;
const connects = 2_000;
const atOnce = 32;
/** Below what one listener takes (`limits.connectionsCount`). */
const idleTunnels = 4_000;
const idleWarmUp = 200;
const idleRounds = 3;
const KIB = 1024;

const targets = { downloads: 0.7, connectsPerSecond: 2_000, idleKib: 40 } as const;

/** What the envelope publishes of its ledger comes up to a second later, and is a part of what a tunnel costs. */
const settledMs = { work: 1_500, memory: 5_000 } as const;
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

type Doors = Readonly<Record<Name, Measured>>;
type Work = (door: Measured) => Promise<void>;

/** Processor milliseconds of each round. */
const timed = async (doors: Doors, rounds: number, work: Work): Promise<Readonly<Record<Name, readonly number[]>>> => {
  const times: Record<Name, number[]> = { squid: [], envelope: [] };
  for (let number = -Math.ceil(rounds / 5); number < rounds; number += 1) {
    for (const name of number % 2 === 0 ? names : names.toReversed()) {
      const door = doors[name];
      const beforeMs = cpuMs(door);
      await work(door);
      await pause(settledMs.work);
      if (number >= 0) times[name].push(cpuMs(door) - beforeMs);
    }
  }
  return times;
};

interface Figure {
  readonly name: string;
  /** How many in each processor second. */
  readonly perSecond: Readonly<Record<Name, Spread>>;
  /** The envelope's over squid's. */
  readonly ratio: Spread;
  readonly met: boolean | null;
}

const figureOf = (
  name: string,
  count: number,
  times: Awaited<ReturnType<typeof timed>>,
  isMet: (figure: Figure) => boolean | null,
): Figure => {
  const perSecond = (of: Name): Spread =>
    spreadOf(
      times[of].map((ms) => (count / ms) * 1_000),
      0,
    );
  const ratio = spreadOf(
    times.squid.map((ms, index) => ms / (times.envelope[index] ?? Number.NaN)),
    3,
  );
  const figure = { name, perSecond: { squid: perSecond('squid'), envelope: perSecond('envelope') }, ratio, met: null };
  return { ...figure, met: isMet(figure) };
};

const inOwnTunnels =
  (target: string): Work =>
  (door) =>
    repeated(downloads, atOnce, async () => {
      const tunnel = await openTunnel(door, target);
      await tunnel.download();
      await tunnel.close();
    });

const inKeptTunnels =
  (target: string): Work =>
  async (door) => {
    const tunnels = await Promise.all(Array.from({ length: atOnce }, () => openTunnel(door, target)));
    await Promise.all(
      tunnels.map(async (tunnel) => {
        await repeated(downloads / atOnce, 1, tunnel.download);
        await tunnel.close();
      }),
    );
  };

const nothingCarried =
  (target: string): Work =>
  (door) =>
    repeated(connects, atOnce, async () => {
      const tunnel = await openTunnel(door, target);
      await tunnel.close();
    });

/** Bytes of memory that each of many open tunnels adds to a process that has had a few before. */
const idleBytes = async (door: Measured, target: string): Promise<number> => {
  await repeated(idleWarmUp, atOnce, async () => (await openTunnel(door, target)).close());
  await pause(settledMs.memory);
  const before = residentBytes(door);
  const open: Tunnel[] = [];
  await repeated(idleTunnels, atOnce, async () => void open.push(await openTunnel(door, target)));
  await pause(settledMs.memory);
  const added = (residentBytes(door) - before) / idleTunnels;
  await Promise.all(open.map((tunnel) => tunnel.close()));
  return added;
};

interface Settings {
  readonly rounds: number;
  readonly only: string | undefined;
  readonly profile: string | null;
}

const measure = async (squid: string, { rounds, only, profile }: Settings) => {
  const upstream = await startSide('./network-upstream.ts', []);
  const target = `${siteAddress}:${upstream.port}`;
  const startBoth = async (): Promise<Doors> => ({
    squid: await startSquid(squid, upstream.port),
    envelope: await startEnvelope(upstream.port, profile),
  });
  const stopBoth = async (doors: Doors): Promise<void> => {
    for (const name of names) await doors[name].stop();
  };
  const isAsked = (what: string): boolean => only === undefined || only === what;
  const figures: Figure[] = [];
  const doors = await startBoth();
  const atLeast = ({ ratio }: Figure): boolean => ratio.median >= targets.downloads;
  // First, since it is what a process that has run for long has done often.
  if (isAsked('connects')) {
    const enough = ({ perSecond }: Figure): boolean => perSecond.envelope.median >= targets.connectsPerSecond;
    figures.push(figureOf('new tunnels', connects, await timed(doors, rounds, nothingCarried(target)), enough));
  }
  if (isAsked('downloads')) {
    figures.push(figureOf('1 MB, a tunnel each', downloads, await timed(doors, rounds, inOwnTunnels(target)), atLeast));
    figures.push(figureOf('1 MB, kept tunnels', downloads, await timed(doors, rounds, inKeptTunnels(target)), atLeast));
  }
  await stopBoth(doors);
  const idle: Record<Name, number[]> = { squid: [], envelope: [] };
  for (let number = 0; isAsked('idle') && number < idleRounds; number += 1) {
    const fresh = await startBoth();
    for (const name of names) idle[name].push(round((await idleBytes(fresh[name], target)) / KIB, 1));
    await stopBoth(fresh);
  }
  await upstream.stop();
  const idleMet = quantile(idle.envelope, 0.5) <= targets.idleKib;
  return { figures, idleKib: isAsked('idle') ? { tunnels: idleTunnels, ...idle, met: idleMet } : null };
};

const printResult = ({ figures, idleKib }: Awaited<ReturnType<typeof measure>>): void => {
  const shown = ({ median, p10, p90 }: Spread): string => `${median} (${p10}–${p90})`;
  for (const { name, perSecond, ratio, met } of figures)
    process.stdout.write(
      `${name}: ${shown(perSecond.envelope)} a processor second, squid ${shown(perSecond.squid)}; ratio ${shown(ratio)}${met === false ? ', target missed' : ''}\n`,
    );
  if (idleKib !== null)
    process.stdout.write(
      `an idle tunnel: ${idleKib.envelope.join(', ')} KiB, squid ${idleKib.squid.join(', ')}; target ≤ ${targets.idleKib}\n`,
    );
};

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '10' },
    only: { type: 'string' },
    profile: { type: 'string' },
  },
});
const squid = squidProgram();
if (squid === null) {
  process.stderr.write('squid is not installed, and is what the network door is measured against. Install it: apt install squid\n');
  process.exitCode = 1;
} else {
  const before = loadavg()[0];
  const rounds = Math.max(1, Number.parseInt(values.rounds, 10) || 1);
  const result = await measure(squid, { rounds, only: values.only, profile: values.profile ?? null });
  if (!values.json) printResult(result);
  const load = [before, loadavg()[0]].map((value) => round(value ?? Number.NaN, 1));
  process.stdout.write(
    `${JSON.stringify({ node: process.version, cpu: cpus()[0]?.model ?? 'unknown', load, rounds, targets, ...result })}\n`,
  );
  if (result.figures.some(({ met }) => met === false) || result.idleKib?.met === false) process.exitCode = 1;
}
