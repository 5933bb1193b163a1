// The two ways in which load comes: closed, where each client asks again as soon as it has its answer, and open, where requests come at fixed times
// whatever became of those before. In an open loop a latency counts from the time at which the request was due, so that waiting for a client that is
// still busy is a part of it. Time and chance to run come in as arguments.

import { createHistogram, type HistogramCounts } from '../statistics.ts';
import type { Answered, Connection } from './connection.ts';

export interface LoopClock {
  readonly nowMs: () => number;
  /** Calls back as soon as everything else that is due has had its turn. */
  readonly soon: (run: () => void) => void;
}

export interface Client {
  readonly ask: Connection['ask'];
  /** The next request; its bytes are not touched until it is answered. */
  readonly request: () => Buffer;
}

export interface Measured {
  readonly requests: number;
  readonly errors: number;
  readonly firstError: string | null;
  /** From the first request that counts to the last answer that does. */
  readonly elapsedMs: number;
  readonly latency: HistogramCounts;
  /** To the first byte of the body. */
  readonly first: HistogramCounts;
  /** How late requests of an open loop left although a client was free: the generator's own share. */
  readonly late: HistogramCounts;
  readonly longestGapMs: number;
}

const createCount = () => {
  const [latency, first, late] = [createHistogram(), createHistogram(), createHistogram()];
  let [requests, errors, longestGapMs] = [0, 0, 0];
  let firstError: string | null = null;
  return {
    late: (ms: number) => late.add(ms),
    answered: (beganMs: number, { error, firstMs, lastMs, gapMs }: Answered): void => {
      requests += 1;
      if (error !== null) {
        errors += 1;
        firstError ??= error;
        return;
      }
      latency.add(lastMs - beganMs);
      first.add(firstMs - beganMs);
      longestGapMs = Math.max(longestGapMs, gapMs);
    },
    measured: (elapsedMs: number): Measured => ({
      requests,
      errors,
      firstError,
      elapsedMs,
      latency: latency.counts(),
      first: first.counts(),
      late: late.counts(),
      longestGapMs,
    }),
  };
};

/** Each client asks until the time is over; what is under way then is waited for and counts, with its time. */
export const closedLoop = (clients: readonly Client[], durationMs: number, { nowMs }: LoopClock): Promise<Measured> =>
  new Promise((resolve) => {
    const count = createCount();
    const beginMs = nowMs();
    let busy = clients.length;
    const turn = (client: Client): void => {
      const beganMs = nowMs();
      if (beganMs - beginMs >= durationMs) {
        busy -= 1;
        if (busy === 0) resolve(count.measured(beganMs - beginMs));
        return;
      }
      client.ask(client.request(), (answered) => {
        count.answered(beganMs, answered);
        turn(client);
      });
    };
    for (const client of clients) turn(client);
  });

/** `perSecond` requests, evenly spaced. One that finds no free client waits for one, and its wait counts. */
export const openLoop = (
  clients: readonly Client[],
  perSecond: number,
  durationMs: number,
  { nowMs, soon }: LoopClock,
): Promise<Measured> =>
  new Promise((resolve) => {
    const count = createCount();
    const free = [...clients];
    const due: number[] = [];
    const total = Math.floor((durationMs / 1_000) * perSecond);
    const beginMs = nowMs();
    let [scheduled, answeredCount, taken] = [0, 0, 0];
    const send = (client: Client, dueMs: number): void =>
      client.ask(client.request(), (answered) => {
        count.answered(dueMs, answered);
        answeredCount += 1;
        const next = due[taken];
        if (next === undefined) free.push(client);
        else {
          taken += 1;
          send(client, next);
        }
      });
    const look = (): void => {
      const now = nowMs();
      for (; scheduled < total; scheduled += 1) {
        const dueMs = beginMs + (scheduled * 1_000) / perSecond;
        if (dueMs > now) break;
        const client = free.pop();
        if (client === undefined) due.push(dueMs);
        else {
          count.late(now - dueMs);
          send(client, dueMs);
        }
      }
      if (answeredCount === total) resolve(count.measured(nowMs() - beginMs));
      else soon(look);
    };
    look();
  });
