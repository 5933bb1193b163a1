// What can be seen of the running envelope from outside it: its metrics with what the process itself is, and whether it can serve.
// Looks at rooms that are open and at the process; changes nothing, except that asking whether it is ready may try the disk.

import { createHash, timingSafeEqual } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Health, RouteProblem } from './admin/admin.ts';
import { limits } from './core/limits.ts';
import type { Samples, Standing } from './diagnostics/diagnostics.ts';
import { createSecret } from './endpoints/credentials.ts';
import type { Closers, EnvelopeParts, Rooms } from './envelope.ts';
import { secretSources } from './outside.ts';
import { isLoopback } from './server/config.ts';
import { descriptorsMax } from './server/crowd.ts';
import type { Listener } from './server/server.ts';

/** Where the envelope is between its start and its end. */
export interface Stage {
  is: 'starting' | 'serving' | 'draining';
}

const lagResolutionMs = 20;

const one = (value: () => number | null): Samples =>
  function* () {
    const found = value();
    if (found !== null) yield { labels: [], value: found };
  };

const aboutProcess = (closers: Closers) => {
  const lag = monitorEventLoopDelay({ resolution: lagResolutionMs });
  lag.enable();
  closers.push(async () => void lag.disable());
  /** The histogram measures how late its own timer is, and so begins at its resolution. */
  const lagSeconds = (nanoseconds: number): number =>
    Number.isFinite(nanoseconds) ? Math.max(0, nanoseconds / 1e9 - lagResolutionMs / 1_000) : 0;
  return {
    process_cpu_seconds: one(() => {
      const { user, system } = process.cpuUsage();
      return (user + system) / 1e6;
    }),
    process_resident_memory_bytes: one(() => process.memoryUsage.rss()),
    process_virtual_memory_bytes: one(virtualBytes),
    process_start_time_seconds: one(() => performance.timeOrigin / 1_000),
    process_open_fds: one(openFiles),
    process_max_fds: one(openFilesMax),
    nodejs_version: function* () {
      yield { labels: [process.version], value: 1 };
    },
    nodejs_eventloop_lag_mean_seconds: one(() => lagSeconds(lag.mean)),
    nodejs_eventloop_lag_p50_seconds: one(() => lagSeconds(lag.percentile(50))),
    nodejs_eventloop_lag_p99_seconds: one(() => lagSeconds(lag.percentile(99))),
    nodejs_eventloop_lag_max_seconds: one(() => {
      const worst = lagSeconds(lag.max);
      lag.reset();
      return worst;
    }),
    nodejs_heap_size_total_bytes: one(() => process.memoryUsage().heapTotal),
    nodejs_heap_size_used_bytes: one(() => process.memoryUsage().heapUsed),
    nodejs_external_memory_bytes: one(() => process.memoryUsage().external),
  } satisfies Partial<Standing>;
};

/** From files that only Linux has; null elsewhere. */
const readText = (path: string): string | null => {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return null;
  }
};

const pageBytes = 4_096;
const virtualBytes = (): number | null => {
  const pages = Number(readText('/proc/self/statm')?.split(' ')[0]);
  return Number.isFinite(pages) ? pages * pageBytes : null;
};

const openFiles = (): number | null => {
  try {
    return readdirSync('/proc/self/fd').length;
  } catch {
    return null;
  }
};

const openFilesMax = (): number | null => {
  const most = descriptorsMax();
  return Number.isFinite(most) ? most : null;
};

const ledgerStates = ['open', 'full', 'stalled', 'sealed'] as const;

export interface Observed {
  readonly rooms: Rooms;
  readonly stage: Stage;
  readonly listeners: ReadonlyMap<string, Listener>;
}

const aboutRooms = (
  { loaded: { config }, version }: EnvelopeParts,
  { rooms, listeners }: Observed,
  ready: () => boolean,
): Omit<Standing, keyof ReturnType<typeof aboutProcess>> => {
  const { ledger, invocations, bodies, control, release } = rooms;
  const measured = ledger.measures;
  return {
    sealwright_build: function* () {
      yield { labels: [version, release, config.environment, config.server.deployment], value: 1 };
    },
    sealwright_ready: one(() => (ready() ? 1 : 0)),
    sealwright_open_invocations: one(invocations.openCount),
    sealwright_open_connections: function* () {
      for (const [name, listener] of listeners) yield { labels: [name], value: listener.openCount() };
    },
    sealwright_bodies_in_flight_bytes: one(bodies.held),
    sealwright_stops_in_force: one(() => control.stops.inForce().length),
    sealwright_ledger_state: function* () {
      const { state } = ledger.standing();
      for (const each of ledgerStates) yield { labels: [each], value: each === state ? 1 : 0 };
    },
    sealwright_ledger_records: one(() => measured().recordsCount),
    sealwright_ledger_commits: one(() => measured().batchesCount),
    sealwright_ledger_queued_entries: one(() => measured().queuedCount),
    sealwright_ledger_oldest_wait_seconds: one(() => measured().oldestWaitMs / 1_000),
    sealwright_ledger_unpublished_bytes: one(() => measured().unpublishedBytes),
    sealwright_ledger_checkpoint_age_seconds: one(() => {
      const { checkpointAgeMs } = measured();
      return checkpointAgeMs === null ? null : checkpointAgeMs / 1_000;
    }),
  };
};

/** Why the envelope cannot serve: a word of a closed set for whoever asks, and a sentence, which names files and errors, for whom it concerns. */
interface NotReady {
  readonly word: 'starting' | 'ending' | 'ledger full' | 'ledger stalled' | 'ledger sealed';
  readonly sentence: string;
}

/** Null where it can serve. */
const createNotReady = ({ clock }: EnvelopeParts, { rooms: { ledger }, stage }: Observed): (() => NotReady | null) => {
  let triedMs = -Infinity;
  return () => {
    if (stage.is === 'starting') return { word: 'starting', sentence: 'the doors do not listen yet' };
    if (stage.is === 'draining') return { word: 'ending', sentence: 'the envelope is being restarted or shut down' };
    if (clock.monotonicMs() - triedMs >= limits.diskLookMs) {
      triedMs = clock.monotonicMs();
      ledger.tryDisk();
    }
    const { state, problem } = ledger.standing();
    if (state === 'open') return null;
    return { word: `ledger ${state}`, sentence: `the ledger is ${state}: ${problem ?? 'no reason is known'}` };
  };
};

const closed: RouteProblem = {
  problem: 'not_permitted',
  message: 'Metrics are shown on this address only to whoever knows a credential, and `server.metrics` in the config names none.',
};
const unknown: RouteProblem = { problem: 'identity_refused', message: 'Show the credential that `server.metrics` in the config names.' };

const digest = (text: string): Uint8Array => createHash('sha256').update(text).digest();

/** On loopback whoever is on the machine may look, unless the config asks for a credential; from elsewhere nobody without one. */
export const createMayScrape = (parts: EnvelopeParts): Health['mayScrape'] => {
  const { host, metrics } = parts.loaded.config.server;
  if (metrics === undefined) return async () => (isLoopback(host) ? null : closed);
  const secret = createSecret(metrics.credential, secretSources(parts));
  return async (shown) => {
    const expected = await secret();
    return expected !== null && shown !== null && timingSafeEqual(digest(shown), digest(expected)) ? null : unknown;
  };
};

/** What each plane is told: whoever reaches the port may be anybody, whom the rights of the socket let in is not. */
export interface Observation {
  readonly port: Health;
  readonly socket: Health;
}

export const openObservation = (parts: EnvelopeParts, observed: Observed, closers: Closers): Observation => {
  const notReady = createNotReady(parts, observed);
  const standing: Standing = { ...aboutRooms(parts, observed, () => notReady() === null), ...aboutProcess(closers) };
  const port: Health = {
    notReady: () => {
      const why = notReady();
      return why === null ? null : `not ready: ${why.word}`;
    },
    isServing: () => observed.stage.is === 'serving',
    mayScrape: createMayScrape(parts),
    metrics: (accept) => observed.rooms.diagnostics.metrics(standing, accept),
  };
  return { port, socket: { ...port, notReady: () => notReady()?.sentence ?? null, mayScrape: async () => null } };
};
