// How long a streamed answer of 1 MB takes through the envelope, as a ratio to a bare proxy: `node bench/stream.ts [--json] [--rounds N] [--only SHAPE]`.
// Method: on loopback, each a process of its own: an upstream with a made-up answer (bench/claude-stream.ts), an undici proxy that does nothing, and
// the whole envelope with its ledger on disk. One client, here, asks both in turn within each round and reads to the end; the ratio is taken per
// round, and what is judged is the median. Every answer is compared with what the upstream sent. Ends with 1 when a target is missed, which only
// paces have that a model's stream can have; what is sent faster, or at once, is measured beside them.
// `--profile FOLDER` leaves a CPU profile of the envelope there.

import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { claudeStream } from './claude-stream.ts';
import { round, type Spread, spreadOf } from './statistics.ts';
import type { Received, StreamClient } from './stream-client.ts';
import { openClient } from './stream-client.ts';
import type { Side } from './stream-process.ts';
import { startSide } from './stream-process.ts';
import type { ShapeName } from './stream-shapes.ts';
import { STREAM_BYTES, STREAM_SEED, streamShapes } from './stream-shapes.ts';

const TARGET = 1.15;
const STREAMS_AT_ONCE = 64;

/** Fast ones of today's models: some 200 tokens a second, as many events of 145 bytes. */
const MODEL_KB_PER_SECOND = 30;

interface Way {
  readonly said: string;
  /** Of the rounds: those that take long are fewer. */
  readonly share: number;
  /** Whether its ratio is held to the target, as each pace is that a stream of a model can have. */
  readonly held: boolean;
}

const ways = {
  over1500ms: { said: 'over 1.5 s, an event a chunk', share: 0.1, held: true },
  over600ms: { said: 'over 600 ms, an event a chunk', share: 0.15, held: true },
  over300ms: { said: 'over 300 ms, an event a chunk', share: 0.2, held: true },
  over150ms: { said: 'over 150 ms, an event a chunk', share: 0.4, held: true },
  over75ms: { said: 'over 75 ms, an event a chunk', share: 1, held: true },
  over40ms: { said: 'over 40 ms, an event a chunk', share: 1, held: false },
  over20ms: { said: 'over 20 ms, an event a chunk', share: 1, held: false },
  events: { said: 'at once, an event a chunk', share: 1, held: false },
  pieces: { said: 'at once, chunks of 16 KiB', share: 1, held: false },
} as const satisfies Partial<Record<ShapeName, Way>>;
type Measured = keyof typeof ways;

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
  /** Null for what is sent at once. */
  readonly pace: { readonly megabytesPerSecond: number; readonly timesAModel: number } | null;
  /** Null where there is none. */
  readonly target: number | null;
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

const paceOf = (shape: Measured): Figure['pace'] => {
  const { overMs } = streamShapes[shape];
  if (overMs === 0) return null;
  const megabytesPerSecond = (MEGABYTES * 1_000) / overMs;
  return { megabytesPerSecond: round(megabytesPerSecond, 2), timesAModel: Math.round((megabytesPerSecond * 1_000) / MODEL_KB_PER_SECOND) };
};

const measure = async (contenders: Contenders, shape: Measured, rounds: number): Promise<Figure> => {
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
    name: ways[shape].said,
    pace: paceOf(shape),
    target: ways[shape].held ? TARGET : null,
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
  const rows = figures.map(({ name, pace, ratio, target, wholeMs, addedFirstMs, cpuMsPerMb }) => [
    name,
    pace === null ? '' : pace.megabytesPerSecond.toFixed(1),
    pace === null ? '' : `${pace.timesAModel} ×`,
    ratio.median.toFixed(3),
    `${ratio.p10.toFixed(2)}–${ratio.p90.toFixed(2)}`,
    target === null ? 'none' : `≤ ${target}`,
    wholeMs.proxy.median.toFixed(1),
    wholeMs.envelope.median.toFixed(1),
    addedFirstMs.median.toFixed(1),
    cpuMsPerMb.proxy.toFixed(1),
    cpuMsPerMb.envelope.toFixed(1),
  ]);
  const about = ['1 MB', 'MB/s', 'a model', 'ratio', 'p10–p90', 'target'];
  const head = [...about, 'proxy ms', 'envelope ms', 'first event + ms', 'proxy CPU ms', 'envelope CPU ms'];
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

const isMeasured = (name: string): name is Measured => Object.hasOwn(ways, name);

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
  for (const shape of Object.keys(ways).filter(isMeasured))
    if (only === undefined || only === shape) figures.push(await measure(contenders, shape, Math.ceil(rounds * ways[shape].share)));
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
  if (result.figures.some(({ ratio, target }) => target !== null && ratio.median > target)) process.exitCode = 1;
}
