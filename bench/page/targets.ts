// The targets, one row each: what is promised, what was measured, how far single rounds lay apart, and whether it is met.
// Contract: made from the results alone; a target whose question was not asked says so, and a row is never met without figures.

import type { Results } from '../results.ts';
import type { CellResult } from '../rounds.ts';
import { type Spread, spreadOf } from '../statistics.ts';
import { answerOf, betweenRounds, cellWhere, cpuUs, growthOf, minus, over, perSecond, spreadIn, under } from './answers.ts';
import { shown } from './svg.ts';

export interface Row {
  readonly what: string;
  readonly target: string;
  readonly measured: string;
  readonly spread: string;
  /** Null where nothing is promised, or nothing was measured. */
  readonly met: boolean | null;
}

const KB = 1_000;

const spreadText = ({ p10, p90 }: Spread): string => `${shown(p10)} to ${shown(p90)}`;

const missing = (what: string, target: string): Row => ({ what, target, measured: 'not measured', spread: '', met: null });

type Bound = readonly ['≥' | '≤', number] | null;

const row = (what: string, bound: Bound, measured: Spread | undefined, unit = ''): Row => {
  const target = bound === null ? 'none' : `${bound[0]} ${shown(bound[1])}${unit}`;
  if (measured === undefined || !Number.isFinite(measured.median)) return missing(what, target);
  const { median } = measured;
  const met = bound === null ? null : bound[0] === '≥' ? median >= bound[1] : median <= bound[1];
  return { what, target, measured: `${shown(median)}${unit}`, spread: spreadText(measured), met };
};

const sides = ['envelope', 'undici proxy'] as const;

const throughputRows = (results: Results): readonly Row[] => {
  const cells = answerOf(results, 'throughput')?.cells ?? [];
  const of = (clients: number, streaming: boolean): CellResult | undefined => cellWhere(cells, { bytes: KB, clients, streaming });
  const ratio = (cell: CellResult | undefined): Spread | undefined => cell && betweenRounds(cell, sides, perSecond, over);
  const work = (cell: CellResult | undefined): Spread | undefined => cell && betweenRounds(cell, sides, cpuUs, under);
  const [whole, streamed] = [of(32, false), of(32, true)];
  const fresh = cellWhere(cells, { bytes: KB, clients: 32, streaming: false, fresh: true });
  const portkey = whole && betweenRounds(whole, ['envelope', 'Portkey'], perSecond, over);
  return [
    row('requests a second of a bare undici proxy, 1 KB, 32 clients', ['≥', 0.5], ratio(whole)),
    row('the same, by processor time of a request', ['≥', 0.5], work(whole)),
    row('the same, by requests a second, 512 clients', ['≥', 0.5], ratio(of(512, false))),
    row('the same, by requests a second, streamed, 32 clients', null, ratio(streamed)),
    row('the same, streamed, by processor time', null, work(streamed)),
    row('text that was not there before, by processor time, 1 KB', null, work(fresh)),
    row('requests a second of ungoverned Portkey, 1 KB, 32 clients', ['≥', 7], portkey),
  ];
};

/** Parts of a crossing, in processor time of one request through the bare proxy. */
export const budgetOf = (results: Results) => {
  const cells = answerOf(results, 'throughput')?.cells ?? [];
  const whole = cellWhere(cells, { bytes: KB, clients: 32, streaming: false });
  const stages = answerOf(results, 'stages');
  if (whole === undefined || stages === undefined) return null;
  const unit = spreadIn(whole, 'undici proxy', cpuUs).median;
  const all = spreadIn(whole, 'envelope', cpuUs).median;
  const inUnits = (values: readonly number[], times = 1): Spread =>
    spreadOf(
      values.map((us) => (us * times) / unit),
      3,
    );
  const [reading, deciding, records] = [inUnits(stages.readUs), inUnits(stages.decideUs), inUnits(stages.records.cpuUs, 2)];
  const rest = all / unit - 1 - reading.median - deciding.median - records.median;
  return { unitUs: unit, all: all / unit, reading, deciding, records, rest };
};

const budgetRows = (results: Results): readonly Row[] => {
  const budget = budgetOf(results);
  const rest = budget === null ? undefined : { median: budget.rest, p10: Number.NaN, p90: Number.NaN };
  return [
    row('reading request and answer, of a proxied request', ['≤', 0.15], budget?.reading),
    row('identifying and deciding', ['≤', 0.15], budget?.deciding),
    row('two records', ['≤', 0.5], budget?.records),
    { ...row('the rest', ['≤', 0.2], rest), spread: '' },
    row(
      'one record, processor time',
      ['≤', 35],
      answerOf(results, 'stages') && spreadOf(answerOf(results, 'stages')?.records.cpuUs ?? [], 1),
      ' µs',
    ),
  ];
};

const latencyRows = (results: Results): readonly Row[] => {
  const latency = answerOf(results, 'latency');
  const added = (of: 'p50Ms' | 'p99Ms'): Spread | undefined =>
    latency && betweenRounds(latency.alone, ['envelope', 'direct'], (round) => round[of], minus);
  const less = (spread: Spread | undefined, commitsMs: number): Spread | undefined =>
    spread && { median: spread.median - commitsMs, p10: spread.p10 - commitsMs, p90: spread.p90 - commitsMs };
  const { twoP50Ms = Number.NaN, twoP99Ms = Number.NaN } = latency?.commits ?? {};
  return [
    row('added to a direct connection, one client, median', null, added('p50Ms'), ' ms'),
    row(`less two commits, ${shown(twoP50Ms)} ms`, ['≤', 0.8], less(added('p50Ms'), twoP50Ms), ' ms'),
    row('added to a direct connection, one client, 99th percentile', null, added('p99Ms'), ' ms'),
    row(`less two commits, ${shown(twoP99Ms)} ms`, ['≤', 2], less(added('p99Ms'), twoP99Ms), ' ms'),
  ];
};

/** Silence of so long in a stream whose events are 20 ms apart is a stall. */
const stallMs = 200;

const streamRows = (results: Results): readonly Row[] => {
  const streams = answerOf(results, 'streams');
  const cell = streams?.cell;
  const memory = streams?.memory.samples['envelope'];
  const grown = memory && growthOf(memory);
  const resident =
    memory &&
    spreadOf(
      memory.slice(Math.floor(memory.length / 3)).map(({ megabytes }) => megabytes),
      1,
    );
  const growth = grown && { median: grown.perMinute, p10: Number.NaN, p90: Number.NaN };
  return [
    row(
      '512 streams at once: longest silence within one',
      ['≤', stallMs],
      cell && spreadIn(cell, 'envelope', (round) => round.longestGapMs, 1),
      ' ms',
    ),
    row(
      '512 streams at once: added to the first event, 99th percentile',
      ['≤', 3],
      cell && betweenRounds(cell, ['envelope', 'direct'], (round) => round.firstP99Ms, minus),
      ' ms',
    ),
    row('resident with 512 streams', ['≤', 250], resident, ' MB'),
    { ...row('growth of that in a minute', ['≤', 5], growth, ' MB'), spread: '' },
  ];
};

const bodyRows = (results: Results): readonly Row[] => {
  const bodies = answerOf(results, 'bodies');
  if (bodies === undefined) return [missing('bodies', '≤ 32 MiB each, ≤ 128 MiB in flight')];
  const { heldMib, oneMore, tooLarge, residentMb } = bodies;
  return [
    { what: 'a body over 32 MiB', target: 'refused, 413', measured: tooLarge, spread: '', met: tooLarge.includes(' 413 ') },
    {
      what: 'bodies beyond 128 MiB in flight',
      target: 'refused, 503',
      measured: `${oneMore}, with ${heldMib} MiB in flight and ${shown(residentMb ?? Number.NaN)} MB resident`,
      spread: '',
      met: heldMib <= 128 && oneMore.includes(' 503 '),
    },
  ];
};

const ledgerRows = (results: Results): readonly Row[] => {
  const stages = answerOf(results, 'stages');
  return [
    row('durable records a second, 64 writers, one core', ['≥', 10_000], stages && spreadOf(stages.records.perSecond, 0)),
    row('leaves verified in a processor second', ['≥', 50_000], stages && spreadOf(stages.verify.perCpuSecond, 0)),
  ];
};

const networkRows = (results: Results): readonly Row[] => {
  const network = answerOf(results, 'network');
  const figure = (name: string) => network?.figures.find((each) => each.name === name);
  const idle = network?.idleKib;
  return [
    row('downloads of 1 MB, a tunnel each, of squid', ['≥', 0.7], figure('1 MB, a tunnel each')?.ratio),
    row('downloads of 1 MB, kept tunnels, of squid', ['≥', 0.7], figure('1 MB, kept tunnels')?.ratio),
    row('new tunnels in a processor second', ['≥', 2_000], figure('new tunnels')?.perSecond.envelope),
    row('memory of an idle tunnel', ['≤', 40], idle ? spreadOf(idle.envelope, 1) : undefined, ' KiB'),
  ];
};

const startRows = (results: Results): readonly Row[] => {
  const [jail, run] = [answerOf(results, 'jail'), answerOf(results, 'run')];
  return [
    row('a jailed start, of bubblewrap around `node`', ['≤', 3], jail?.ratio),
    row('the same, both told of a proxy', null, jail?.ratioWithProxy),
    row('`run` around any program, of `node -e 0`', ['≤', 3], run?.ratios['any program']),
    row('`run` around a CLI agent, of `node -e 0`', ['≤', 3], run?.ratios['adapted']),
  ];
};

const furtherRows = (results: Results): readonly Row[] => {
  const [stream, reading, decide, replay, stop] = [
    answerOf(results, 'stream'),
    answerOf(results, 'reading'),
    answerOf(results, 'decide'),
    answerOf(results, 'replay'),
    answerOf(results, 'stop'),
  ];
  const paced = stream?.figures.filter(({ target }) => target !== null) ?? [];
  const slowest = paced.toSorted((a, b) => (a.pace?.timesAModel ?? 0) - (b.pace?.timesAModel ?? 0));
  const atModel = [...new Set([slowest.at(0), slowest.at(-1)])];
  const took = stop && spreadOf(stop.took_ms, 0);
  return [
    ...(atModel[0] === undefined
      ? [missing("a stream of 1 MB at a model's pace, of a bare proxy", '≤ 1.15')]
      : atModel.flatMap((figure) =>
          figure === undefined
            ? []
            : [row(`a stream of 1 MB, ${figure.pace?.timesAModel} times a model's pace, of a bare proxy`, ['≤', 1.15], figure.ratio)],
        )),
    ...(reading?.figures ?? []).map(({ name, target, ratio }) =>
      row(`reading a Claude Code turn, ${name}, of \`JSON.parse\``, ['≤', target], ratio),
    ),
    ...(decide?.figures ?? []).slice(1).map(({ target, ratio }) => row('a new decision, of one call of cedar-wasm', ['≤', target], ratio)),
    ...(replay?.figures ?? []).map(({ questions, perCpuSecond }) => ({
      ...row(`decisions made again in a processor second, questions ${questions}`, ['≥', 2_000], { median: perCpuSecond, p10: 0, p90: 0 }),
      spread: '',
    })),
    row(`from \`stop\` to the end of ${stop?.streams ?? 500} streams`, ['≤', 1_000], took, ' ms'),
  ];
};

export const targetRows = (results: Results): readonly Row[] =>
  [throughputRows, budgetRows, latencyRows, streamRows, bodyRows, ledgerRows, networkRows, startRows, furtherRows].flatMap((rows) =>
    rows(results),
  );
