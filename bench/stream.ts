// How long a streamed answer of 1 MB takes through the envelope, as a ratio to a bare proxy: `node bench/stream.ts [--json] [--rounds N] [--only SHAPE]`.
// Method: on loopback, each a process of its own: an upstream with a made-up answer (bench/claude-stream.ts), an undici proxy that does nothing, and
// the whole envelope with its ledger on disk. One client, here, asks both in turn within each round and reads to the end; the ratio is taken per
// round, and what is judged is the median. Every answer is compared with what the upstream sent. Ends with 1 when a target is missed.
// `--profile FOLDER` leaves a CPU profile of the envelope there.

import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { claudeStream } from './claude-stream.ts';
import { quantile, round } from './reading.ts';
import type { Received, StreamClient } from './stream-client.ts';
import { openClient } from './stream-client.ts';
import type { Side } from './stream-process.ts';
import { startSide } from './stream-process.ts';
import type { ShapeName } from './stream-shapes.ts';
import { isShapeName, STREAM_BYTES, STREAM_SEED } from './stream-shapes.ts';

const TARGET = 1.15;
const STREAMS_AT_ONCE = 64;

const described = {
  paced: 'over 1.5 s, an event a chunk',
  events: 'at once, an event a chunk',
  pieces: 'at once, chunks of 16 KiB',
} as const;
type Judged = keyof typeof described;

/** Rounds that take seconds are fewer. */
const shareOfRounds: Readonly<Record<Judged, number>> = { paced: 0.1, events: 1, pieces: 1 };

interface Spread {
  readonly median: number;
  readonly p10: number;
  readonly p90: number;
}

const spreadOf = (values: readonly number[], digits: number): Spread => ({
  median: round(quantile(values, 0.5), digits),
  p10: round(quantile(values, 0.1), digits),
  p90: round(quantile(values, 0.9), digits),
});

/** One of the two that are compared. */
interface Contender {
  readonly side: Side;
  readonly client: StreamClient;
}
type Names = 'proxy' | 'envelope';
type Contenders = Readonly<Record<Names, Contender>>;
const names = ['proxy', 'envelope'] as const;

const expected = Buffer.concat(claudeStream(STREAM_SEED, STREAM_BYTES));
const MEGABYTES = expected.length / 1e6;

const asked = async ({ client }: Contender, shape: ShapeName): Promise<Received> => {
  const received = await client.ask(shape);
  const { body } = received;
  if (!body.equals(expected)) {
    const alike = body.findIndex((byte, at) => byte !== expected[at]);
    throw new Error(`an answer of ${body.length} bytes is not what the upstream sent: ${body.toString('utf8', alike, alike + 300)}`);
  }
  return received;
};

export interface Figure {
  readonly name: string;
  readonly target: number;
  readonly rounds: number;
  readonly ratio: Spread;
  /** From the request to the last byte. */
  readonly wholeMs: Readonly<Record<Names, Spread>>;
  /** From the request to the whole first event. */
  readonly firstMs: Readonly<Record<Names, Spread>>;
  readonly addedFirstMs: Spread;
  /** From there to the last byte. */
  readonly restMs: Readonly<Record<Names, Spread>>;
  /** Milliseconds of processor time for one megabyte, requests and records included. */
  readonly cpuMsPerMb: Readonly<Record<Names, number>>;
}

const forBoth = <Value>(of: (name: Names) => Value): Readonly<Record<Names, Value>> => ({ proxy: of('proxy'), envelope: of('envelope') });

const measure = async (contenders: Contenders, shape: Judged, rounds: number): Promise<Figure> => {
  const received: Record<Names, Received[]> = { proxy: [], envelope: [] };
  const cpuUs: Record<Names, number> = { proxy: 0, envelope: 0 };
  const warmUp = Math.ceil(rounds / 5);
  for (let number = 0; number < warmUp + rounds; number += 1) {
    // The order turns, so that neither always comes after the other.
    for (const name of number % 2 === 0 ? names : names.toReversed()) {
      const { side } = contenders[name];
      const beforeUs = await side.cpuUs();
      const one = await asked(contenders[name], shape);
      if (number < warmUp) continue;
      received[name].push({ ...one, body: Buffer.alloc(0) });
      cpuUs[name] += (await side.cpuUs()) - beforeUs;
    }
  }
  const perRound = (of: (proxy: Received, envelope: Received) => number): readonly number[] =>
    received.proxy.flatMap((proxy, index) => {
      const envelope = received.envelope[index];
      return envelope === undefined ? [] : [of(proxy, envelope)];
    });
  const each = (of: (one: Received) => number) => forBoth((name) => spreadOf(received[name].map(of), 2));
  const ratios = perRound((proxy, envelope) => envelope.wholeMs / proxy.wholeMs);
  const added = perRound((proxy, envelope) => envelope.firstMs - proxy.firstMs);
  return {
    name: described[shape],
    target: TARGET,
    rounds,
    ratio: spreadOf(ratios, 3),
    wholeMs: each(({ wholeMs }) => wholeMs),
    firstMs: each(({ firstMs }) => firstMs),
    addedFirstMs: spreadOf(added, 2),
    restMs: each(({ wholeMs, firstMs }) => wholeMs - firstMs),
    cpuMsPerMb: forBoth((name) => round(cpuUs[name] / 1_000 / rounds / MEGABYTES, 1)),
  };
};

export interface ManyFigure {
  readonly streams: number;
  readonly cpuMsPerMb: Readonly<Record<Names, number>>;
  readonly wholeMs: Readonly<Record<Names, Spread>>;
}

/** Many slow streams at once: what they cost, and whether any of them is held up. */
const measureMany = async (contenders: Contenders): Promise<ManyFigure> => {
  const results: Partial<Record<Names, { readonly cpuMsPerMb: number; readonly wholeMs: Spread }>> = {};
  for (const name of names) {
    const { side } = contenders[name];
    const clients = await Promise.all(Array.from({ length: STREAMS_AT_ONCE }, () => openClient(side)));
    const beforeUs = await side.cpuUs();
    const all = await Promise.all(clients.map((client) => asked({ side, client }, 'slow')));
    const usedMs = ((await side.cpuUs()) - beforeUs) / 1_000;
    for (const { close } of clients) close();
    const wholeMs = spreadOf(
      all.map((one) => one.wholeMs),
      0,
    );
    results[name] = { cpuMsPerMb: round(usedMs / STREAMS_AT_ONCE / MEGABYTES, 1), wholeMs };
  }
  const { proxy, envelope } = results;
  if (proxy === undefined || envelope === undefined) throw new Error('a side was not measured');
  return {
    streams: STREAMS_AT_ONCE,
    cpuMsPerMb: { proxy: proxy.cpuMsPerMb, envelope: envelope.cpuMsPerMb },
    wholeMs: { proxy: proxy.wholeMs, envelope: envelope.wholeMs },
  };
};

const printTable = (figures: readonly Figure[]): void => {
  const rows = figures.map(({ name, ratio, target, wholeMs, addedFirstMs, cpuMsPerMb }) => [
    name,
    ratio.median.toFixed(3),
    `${ratio.p10.toFixed(2)}–${ratio.p90.toFixed(2)}`,
    `≤ ${target}`,
    wholeMs.proxy.median.toFixed(1),
    wholeMs.envelope.median.toFixed(1),
    addedFirstMs.median.toFixed(1),
    cpuMsPerMb.proxy.toFixed(1),
    cpuMsPerMb.envelope.toFixed(1),
  ]);
  const head = ['1 MB', 'ratio', 'p10–p90', 'target', 'proxy ms', 'envelope ms', 'first event + ms', 'proxy CPU ms', 'envelope CPU ms'];
  for (const row of [head, head.map(() => '---'), ...rows]) process.stdout.write(`| ${row.join(' | ')} |\n`);
};

export interface StreamResult {
  readonly node: string;
  readonly cpu: string;
  readonly bytes: number;
  readonly events: number;
  readonly figures: readonly Figure[];
  readonly many: ManyFigure | null;
}

const isJudged = (name: string): name is Judged => isShapeName(name) && name in described;

export const benchStream = async (rounds: number, only: string | undefined, profile: string | undefined): Promise<StreamResult> => {
  const upstream = await startSide('./stream-upstream.ts', []);
  const url = `http://127.0.0.1:${upstream.port}`;
  const proxy = await startSide('./stream-proxy.ts', [url]);
  const profiling = profile === undefined ? [] : ['--cpu-prof', '--cpu-prof-interval', '200', '--cpu-prof-dir', profile];
  const envelope = await startSide('./stream-envelope.ts', [url], profiling);
  const contenders = {
    proxy: { side: proxy, client: await openClient(proxy) },
    envelope: { side: envelope, client: await openClient(envelope) },
  };
  const figures: Figure[] = [];
  for (const shape of Object.keys(described).filter(isJudged))
    if (only === undefined || only === shape) figures.push(await measure(contenders, shape, Math.ceil(rounds * shareOfRounds[shape])));
  const many = only === undefined || only === 'many' ? await measureMany(contenders) : null;
  for (const { client } of Object.values(contenders)) client.close();
  for (const side of [envelope, proxy, upstream]) await side.stop();
  return {
    node: process.version,
    cpu: cpus()[0]?.model ?? 'unknown',
    bytes: expected.length,
    events: claudeStream(STREAM_SEED, STREAM_BYTES).length,
    figures,
    many,
  };
};

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      json: { type: 'boolean', default: false },
      rounds: { type: 'string', default: '60' },
      only: { type: 'string' },
      profile: { type: 'string' },
    },
  });
  const result = await benchStream(Math.max(1, Number.parseInt(values.rounds, 10) || 1), values.only, values.profile);
  if (!values.json) printTable(result.figures);
  process.stdout.write(`${JSON.stringify(result, null, values.json ? 2 : 0)}\n`);
  if (result.figures.some(({ ratio, target }) => ratio.median > target)) process.exitCode = 1;
}
