// Runs searches in threads, as many at a time as there are processors, and ends one whose input does not end or takes all memory.
// Contract: each order comes to a report; a thread that dies is a failure of the input that it had, or of the target where it had none.

import { Worker } from 'node:worker_threads';
import type { Failure } from './search.ts';
import { createTrace, traceBytes } from './trace.ts';
import type { Order, Told } from './worker.ts';

export interface Report {
  readonly target: string;
  readonly seed: number;
  readonly planted: string | null;
  readonly executions: number;
  readonly inputsCount: number;
  readonly reachedCount: number;
  readonly stepsPerByte: number;
  readonly failures: readonly Failure[];
  readonly corpus: readonly Uint8Array[] | null;
}

export interface Session {
  readonly orders: readonly Omit<Order, 'trace'>[];
  readonly threadsCount: number;
  /** One input that takes longer does not end. */
  readonly inputMs?: number;
  readonly reported?: (report: Report) => void;
  /** Told how many inputs were tried in all, now and then. */
  readonly progress?: (executions: number) => void;
}

const usualInputMs = 20_000;
const lookMs = 500;
const heapMb = 1_024;

const runOne = (order: Omit<Order, 'trace'>, inputMs: number, count: (executions: number) => void): Promise<Report> =>
  new Promise((resolve) => {
    const memory = new SharedArrayBuffer(traceBytes);
    const trace = createTrace(memory);
    const worker = new Worker(new URL('worker.ts', import.meta.url), {
      workerData: { ...order, trace: memory } satisfies Order,
      resourceLimits: { maxOldGenerationSizeMb: heapMb },
    });
    const failures: Failure[] = [];
    let seen = { count: -1, atMs: performance.now() };
    let isOver = false;
    const { target, seed, planted } = order;
    const finish = (told: Omit<Report, 'target' | 'seed' | 'planted' | 'failures'>): void => {
      isOver = true;
      clearInterval(timer);
      resolve({ target, seed, planted, failures, ...told });
    };
    const died = (problem: string): void => {
      failures.push({ problem, input: trace.current() ?? new Uint8Array(0), after: trace.count() });
      finish({ executions: trace.count(), inputsCount: 0, reachedCount: 0, stepsPerByte: 0, corpus: null });
    };
    const timer = setInterval(() => {
      count(trace.count());
      if (trace.count() !== seen.count || trace.current() === null) seen = { count: trace.count(), atMs: performance.now() };
      else if (performance.now() - seen.atMs > inputMs) {
        died(`the input does not end within ${inputMs} ms`);
        void worker.terminate();
      }
    }, lookMs);
    worker.on('message', (told: Told) => {
      if (told.told === 'failure') failures.push(told.failure);
      else finish(told);
    });
    worker.on('exit', (code) => {
      if (!isOver) died(`the thread ended with ${code}`);
    });
    worker.on('error', (error) => died(error instanceof Error ? (error.stack ?? error.message) : String(error)));
  });

export const runSession = async ({
  orders,
  threadsCount,
  inputMs = usualInputMs,
  reported,
  progress,
}: Session): Promise<readonly Report[]> => {
  const waiting = [...orders];
  const reports: Report[] = [];
  const counts = new Map<object, number>();
  const work = async (): Promise<void> => {
    for (let order = waiting.shift(); order !== undefined; order = waiting.shift()) {
      const key = order;
      const report = await runOne(order, inputMs, (executions) => {
        counts.set(key, executions);
        progress?.([...counts.values()].reduce((sum, each) => sum + each, 0));
      });
      counts.set(key, report.executions);
      reports.push(report);
      reported?.(report);
    }
  };
  await Promise.all(Array.from({ length: threadsCount }, work));
  return reports;
};
