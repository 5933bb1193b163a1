// Figures of a measurement: quantiles, spreads, and a histogram that counts durations within 1 % of their value and takes the same room for any number.
// Pure. An empty series has NaN for a quantile, which the page shows as nothing measured.

export const quantile = (values: readonly number[], share: number): number =>
  values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))] ?? Number.NaN;

export const round = (value: number, digits: number): number => Number(value.toFixed(digits));

export interface Spread {
  readonly median: number;
  readonly p10: number;
  readonly p90: number;
}

export const spreadOf = (values: readonly number[], digits: number): Spread => ({
  median: round(quantile(values, 0.5), digits),
  p10: round(quantile(values, 0.1), digits),
  p90: round(quantile(values, 0.9), digits),
});

/** Buckets for each power of two: a value is known within 1/128 of itself. */
const STEPS = 128;
const STEP_BITS = 7;

/** Bucket of a whole number: exact below 128, then 128 to each power of two. */
const bucketOf = (value: number): number => {
  if (value < STEPS) return value;
  const shift = Math.floor(Math.log2(value)) - STEP_BITS;
  return (shift + 1) * STEPS + Math.floor(value / 2 ** shift) - STEPS;
};

/** The largest value that falls into a bucket, so that a quantile is never said to be less than it was. */
const topOf = (bucket: number): number => {
  if (bucket < STEPS) return bucket;
  const shift = Math.floor(bucket / STEPS) - 1;
  return (STEPS + (bucket % STEPS) + 1) * 2 ** shift - 1;
};

/** As it crosses a process border: pairs of a bucket and its count. */
export type HistogramCounts = readonly (readonly [bucket: number, count: number])[];

export interface Histogram {
  readonly add: (ms: number) => void;
  readonly addCounts: (counts: HistogramCounts) => void;
  readonly count: () => number;
  readonly quantileMs: (share: number) => number;
  readonly counts: () => HistogramCounts;
}

/** Counts in microseconds. */
export const createHistogram = (): Histogram => {
  const buckets = new Map<number, number>();
  let total = 0;
  const addTo = (bucket: number, count: number): void => {
    buckets.set(bucket, (buckets.get(bucket) ?? 0) + count);
    total += count;
  };
  return {
    add: (ms) => addTo(bucketOf(Math.max(0, Math.round(ms * 1_000))), 1),
    addCounts: (counts) => {
      for (const [bucket, count] of counts) addTo(bucket, count);
    },
    count: () => total,
    quantileMs: (share) => {
      const rank = Math.max(1, Math.ceil(total * share));
      let seen = 0;
      for (const [bucket, count] of [...buckets].toSorted(([a], [b]) => a - b)) {
        seen += count;
        if (seen >= rank) return topOf(bucket) / 1_000;
      }
      return Number.NaN;
    },
    counts: () => [...buckets],
  };
};
