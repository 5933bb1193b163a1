// One cell of a comparison: the same load on each contender in turn, round after round, so that what else the machine does hits all alike.
// What is kept are the figures of each round; ratios are taken between figures of the same round, by whoever shows them.

import { type Contender, cpuMs, residentBytes } from './contenders/contender.ts';
import type { Format, Manner } from './load/exchange.ts';
import type { Load } from './load/load.ts';
import type { Measured } from './load/loops.ts';
import { createHistogram, type HistogramCounts, round } from './statistics.ts';

export interface Cell {
  readonly format: Format;
  readonly manner: Manner;
  readonly bytes: number;
  readonly clients: number;
  readonly streaming: boolean;
  /** Whether no text was there before. */
  readonly fresh: boolean;
  /** Requests a second of an open loop; null for a closed one. */
  readonly perSecond: number | null;
}

export interface RoundFigures {
  readonly requests: number;
  readonly errors: number;
  readonly perSecond: number;
  /** Processor time of one answer, all processes and threads of the contender together; null for none of its own. */
  readonly cpuUs: number | null;
  /** Share of one processor that it used. */
  readonly busy: number | null;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  readonly firstP50Ms: number;
  readonly firstP99Ms: number;
  /** How late the generator itself was, in an open loop. */
  readonly lateP99Ms: number | null;
  readonly longestGapMs: number;
  readonly residentMb: number | null;
}

export interface CellResult {
  readonly cell: Cell;
  readonly durationMs: number;
  readonly sides: Readonly<Record<string, readonly RoundFigures[]>>;
  /** By contender; only those that had one. */
  readonly firstErrors: Readonly<Record<string, string>>;
}

export interface RoundSettings {
  readonly rounds: number;
  readonly durationMs: number;
  /** Rounds before the first that counts. */
  readonly warmUpRounds: number;
}

const MB = 1_000_000;

const histogramOf = (counts: HistogramCounts) => {
  const histogram = createHistogram();
  histogram.addCounts(counts);
  return histogram;
};

const figuresOf = (measured: Measured, usedMs: number | null, residentMb: number | null): RoundFigures => {
  const { requests, errors, elapsedMs, longestGapMs } = measured;
  const [latency, first, late] = [histogramOf(measured.latency), histogramOf(measured.first), histogramOf(measured.late)];
  return {
    requests,
    errors,
    perSecond: round(((requests - errors) / elapsedMs) * 1_000, 1),
    cpuUs: usedMs === null || errors === requests ? null : round((usedMs * 1_000) / (requests - errors), 1),
    busy: usedMs === null ? null : round(usedMs / elapsedMs, 2),
    p50Ms: latency.quantileMs(0.5),
    p99Ms: latency.quantileMs(0.99),
    p999Ms: latency.quantileMs(0.999),
    firstP50Ms: first.quantileMs(0.5),
    firstP99Ms: first.quantileMs(0.99),
    lateP99Ms: late.count() === 0 ? null : late.quantileMs(0.99),
    longestGapMs: round(longestGapMs, 1),
    residentMb,
  };
};

/** One contender under one load. */
export const measureOnce = async (load: Load, contender: Contender, cell: Cell, durationMs: number) => {
  await contender.renew?.();
  const way = contender.ways[cell.format];
  if (way === undefined) throw new Error(`${contender.name} does not speak ${cell.format}`);
  const { format, manner, bytes, streaming, fresh, clients, perSecond } = cell;
  const beforeMs = cpuMs(contender);
  const measured = await load.carryOut({
    port: contender.port,
    path: way.path,
    fields: way.fields,
    asking: { format, manner, bytes, streaming },
    fresh,
    clients,
    durationMs,
    perSecond,
  });
  const afterMs = cpuMs(contender);
  const usedMs = beforeMs === null || afterMs === null ? null : afterMs - beforeMs;
  const resident = residentBytes(contender);
  return {
    figures: figuresOf(measured, usedMs, resident === null ? null : round(resident / MB, 1)),
    firstError: measured.firstError,
  };
};

export const measureCell = async (
  load: Load,
  contenders: readonly Contender[],
  cell: Cell,
  { rounds, durationMs, warmUpRounds }: RoundSettings,
): Promise<CellResult> => {
  const sides: Record<string, RoundFigures[]> = Object.fromEntries(contenders.map(({ name }) => [name, []]));
  const firstErrors: Record<string, string> = {};
  for (let number = -warmUpRounds; number < rounds; number += 1) {
    // The order turns with the round, so that none always comes after the same one.
    const first = ((number % contenders.length) + contenders.length) % contenders.length;
    for (const contender of [...contenders.slice(first), ...contenders.slice(0, first)]) {
      const { figures, firstError } = await measureOnce(load, contender, cell, durationMs);
      if (firstError !== null) firstErrors[contender.name] ??= firstError;
      if (number >= 0) sides[contender.name]?.push(figures);
    }
  }
  return { cell, durationMs, sides, firstErrors };
};
