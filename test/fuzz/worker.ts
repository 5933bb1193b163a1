// One search in a thread of its own: loads one target with counters in it, searches, and tells the thread that started it.
// Contract: what is tried stands in shared memory, so that an input that never ends, or takes all memory, is known to whoever watches.

import { parentPort, workerData } from 'node:worker_threads';
import { watchCoverage } from './coverage.ts';
import { hashOf } from './dice.ts';
import { casesOf, corpusOf } from './inputs.ts';
import { plantedBugs } from './planted.ts';
import { distil, search, type Failure, type Search } from './search.ts';
import { createTrace } from './trace.ts';

export interface Order {
  readonly target: string;
  readonly seed: number;
  /** It ends after so long, or after so many inputs. */
  readonly ms: number;
  readonly executionsMax: number;
  /** The name of a bug to plant. */
  readonly planted: string | null;
  /** Whether the first failure ends it, which is then told as it came. */
  readonly quick: boolean;
  /** Whether to make a corpus of what was found. */
  readonly keep: boolean;
  readonly trace: SharedArrayBuffer;
}

export type Told =
  | { readonly told: 'failure'; readonly failure: Failure }
  | {
      readonly told: 'end';
      readonly executions: number;
      readonly inputsCount: number;
      readonly reachedCount: number;
      readonly stepsPerByte: number;
      readonly corpus: readonly Uint8Array[] | null;
    };

const order = workerData as Order;
// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a port between threads has none
const tell = (told: Told): void => parentPort?.postMessage(told);

const coverage = watchCoverage(plantedBugs.find(({ name }) => name === order.planted) ?? null);
// Only now may anything of `src/` be loaded.
const { targets } = await import('./targets.ts');
const load = targets[order.target];
if (load === undefined) throw new Error(`no target ${order.target}`);
const { target } = await load();

const trace = createTrace(order.trace);
const seeds = target.seeds();
// Some engines take a second to begin, which is no part of the search.
const [first = new Uint8Array(0)] = seeds;
trace.begins(first);
try {
  await target.check(Buffer.from(first));
} catch {
  // The search finds it again.
}
trace.ended();
let failed = false;
const endMs = performance.now() + order.ms;
const tellFailure = (failure: Failure): void => {
  failed = true;
  tell({ told: 'failure', failure });
};
const searched: Search = {
  target,
  coverage,
  seed: (order.seed ^ hashOf(Buffer.from(order.target))) >>> 0,
  inputs: [...seeds, ...corpusOf(order.target).map(({ bytes }) => bytes), ...casesOf(order.target).map(({ bytes }) => bytes)],
  shrinks: !order.quick,
  isOver: (executions) => executions >= order.executionsMax || performance.now() > endMs || (failed && order.quick),
  watch: { begins: trace.begins, ended: trace.ended, failed: tellFailure },
};
const { executions, inputs, reachedCount, stepsPerByte } = await search(searched);
const corpus = order.keep ? await distil(searched, inputs) : null;
tell({ told: 'end', executions, inputsCount: inputs.length, reachedCount, stepsPerByte, corpus });
await target.end?.();
// What targets have in folders goes when a thread exits.
process.exit();
