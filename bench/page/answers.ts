// The answers of the results by question, with the shape that each has, and what is computed of them: ratios between figures of one round, and their spread.
// A question that was not asked yet is undefined, and whatever shows it says so.

import type { BodiesAnswer } from '../questions/bodies.ts';
import type { LatencyAnswer } from '../questions/latency.ts';
import type { MemorySample, StreamsAnswer } from '../questions/streams.ts';
import type { ThroughputAnswer } from '../questions/throughput.ts';
import type { ReadingResult } from '../reading.ts';
import type { Results } from '../results.ts';
import type { Cell, CellResult, RoundFigures } from '../rounds.ts';
import type { StagesResult } from '../stages.ts';
import { quantile, type Spread, spreadOf } from '../statistics.ts';
import type { StreamResult } from '../stream.ts';

/** Of a process: how many in a second, or how long. */
type BySide = Readonly<Record<'squid' | 'envelope', Spread>>;

export interface SoakAnswer {
  readonly minutes: number;
  readonly requests: number;
  readonly errors: number;
  readonly records: number;
  readonly samples: readonly MemorySample[];
}

export interface Answers {
  readonly throughput: ThroughputAnswer;
  readonly others: ThroughputAnswer;
  readonly latency: LatencyAnswer;
  readonly streams: StreamsAnswer;
  readonly bodies: BodiesAnswer;
  readonly stages: StagesResult;
  readonly reading: ReadingResult;
  readonly decide: {
    readonly figures: readonly {
      readonly name: string;
      readonly target: number;
      readonly ratio: Spread;
      readonly us: number;
      readonly unitUs: number;
    }[];
  };
  readonly replay: { readonly figures: readonly { readonly questions: string; readonly records: number; readonly perCpuSecond: number }[] };
  readonly stream: StreamResult;
  readonly stop: { readonly streams: number; readonly took_ms: readonly number[] };
  readonly run: {
    readonly medians_ms: Readonly<Record<string, number>>;
    readonly ratios: Readonly<Record<string, Spread>>;
    readonly cold_ms: number;
  };
  readonly network: {
    readonly figures: readonly { readonly name: string; readonly perSecond: BySide; readonly ratio: Spread }[];
    readonly idleKib: { readonly squid: readonly number[]; readonly envelope: readonly number[] } | null;
  };
  readonly jail: { readonly ratio: Spread; readonly ratioWithProxy: Spread; readonly mediansMs: Readonly<Record<string, number>> };
  readonly soak: SoakAnswer;
}

export const answerOf = <Name extends keyof Answers>(results: Results, name: Name): Answers[Name] | undefined =>
  results.questions[name]?.answer as Answers[Name] | undefined;

export const cellWhere = (cells: readonly CellResult[], wanted: Partial<Cell>): CellResult | undefined =>
  cells.find(({ cell }) =>
    Object.entries({ format: 'openai-chat', manner: 'quick', fresh: false, perSecond: null, ...wanted }).every(
      ([name, value]) => cell[name as keyof Cell] === value,
    ),
  );

type Figure = (round: RoundFigures) => number | null;

const numbers = (values: readonly (number | null | undefined)[]): readonly number[] => values.map((value) => value ?? Number.NaN);

/** Of one side, over the rounds. */
export const spreadIn = ({ sides }: CellResult, side: string, of: Figure, digits = 3): Spread =>
  spreadOf(numbers((sides[side] ?? []).map(of)), digits);

/** One side's figure made with another's of the same round. */
export const betweenRounds = (
  { sides }: CellResult,
  [side, other]: readonly [string, string],
  of: Figure,
  join: (value: number, unit: number) => number,
  digits = 3,
): Spread =>
  spreadOf(
    (sides[side] ?? []).map((round, index) => {
      const unit = sides[other]?.[index];
      return join(of(round) ?? Number.NaN, (unit === undefined ? null : of(unit)) ?? Number.NaN);
    }),
    digits,
  );

export const perSecond: Figure = (round) => round.perSecond;
export const cpuUs: Figure = (round) => round.cpuUs;
export const over = (value: number, unit: number): number => value / unit;
export const under = (value: number, unit: number): number => unit / value;
export const minus = (value: number, unit: number): number => value - unit;

/** How much of a load memory grows by in a minute, from the median of the second third to that of the last: what comes before is the start. */
export const growthOf = (samples: readonly MemorySample[]): { readonly megabytes: number; readonly perMinute: number } => {
  const third = Math.floor(samples.length / 3);
  const medianOf = (some: readonly MemorySample[]): number =>
    quantile(
      some.map(({ megabytes }) => megabytes),
      0.5,
    );
  const [middle, last] = [samples.slice(third, 2 * third), samples.slice(-third)];
  const apart = ((last[0]?.second ?? Number.NaN) - (middle[0]?.second ?? Number.NaN)) / 60;
  return { megabytes: medianOf(last), perMinute: (medianOf(last) - medianOf(middle)) / apart };
};
