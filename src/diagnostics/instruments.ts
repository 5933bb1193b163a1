// Counters and histograms as plain numbers: adding costs one look into a map. Bounded: past `limits.metricSeriesCount` all that is new
// counts under `other`. Nothing here fails.

import { limits } from '../core/limits.ts';

/** Values of the labels, in the order of the metric's row. */
export type LabelValues = readonly string[];

export interface HistogramValue {
  /** Upper bounds in seconds. */
  readonly bounds: readonly number[];
  /** For each bound, how many were in its own bucket; one more for what lies above all. */
  readonly counts: readonly number[];
  readonly sum: number;
}

export interface Sample {
  readonly labels: LabelValues;
  readonly value: number | HistogramValue;
}

export type Samples = () => Iterable<Sample>;

const separator = '\u0000';

/** One cell for each combination of labels that was seen. */
const createCells = <Cell>(fresh: () => Cell, seriesMax: number) => {
  const cells = new Map<string, { readonly labels: LabelValues; readonly cell: Cell }>();
  return {
    of: (...labels: LabelValues): Cell => {
      const key = labels.length === 1 ? (labels[0] ?? '') : labels.join(separator);
      const known = cells.get(key);
      if (known !== undefined) return known.cell;
      const others = labels.map(() => 'other');
      const [name, values] = cells.size < seriesMax ? [key, labels] : [others.join(separator), others];
      const entry = cells.get(name) ?? { labels: values, cell: fresh() };
      cells.set(name, entry);
      return entry.cell;
    },
    all: () => cells.values(),
  };
};

export interface Counter {
  readonly add: (count: number, ...labels: LabelValues) => void;
  readonly samples: Samples;
}

/** `known` combinations are shown from the start, with 0, so that their first increase is seen. */
export const createCounter = (known: readonly LabelValues[] = [], seriesMax: number = limits.metricSeriesCount): Counter => {
  const cells = createCells(() => ({ value: 0 }), seriesMax);
  for (const labels of known) cells.of(...labels);
  return {
    add: (count, ...labels) => {
      cells.of(...labels).value += count;
    },
    samples: function* () {
      for (const { labels, cell } of cells.all()) yield { labels, value: cell.value };
    },
  };
};

export interface Histogram {
  readonly observe: (seconds: number, ...labels: LabelValues) => void;
  readonly samples: Samples;
}

export const createHistogram = (
  bounds: readonly number[],
  known: readonly LabelValues[] = [],
  seriesMax: number = limits.metricSeriesCount,
): Histogram => {
  const cells = createCells(() => ({ counts: Array.from({ length: bounds.length + 1 }, () => 0), sum: 0 }), seriesMax);
  for (const labels of known) cells.of(...labels);
  return {
    observe: (seconds, ...labels) => {
      const cell = cells.of(...labels);
      let bucket = 0;
      while (bucket < bounds.length && seconds > (bounds[bucket] ?? 0)) bucket += 1;
      cell.counts[bucket] = (cell.counts[bucket] ?? 0) + 1;
      cell.sum += seconds;
    },
    samples: function* () {
      for (const { labels, cell } of cells.all()) yield { labels, value: { bounds, counts: cell.counts, sum: cell.sum } };
    },
  };
};
