// How soon what is durable can be seen by others: published, and stated in the control log, so that no log can be set back alone.
// Contract: as `record-watch.ts`, to which it belongs; asked whenever a record is acknowledged, and silent while the disk gives trouble.

import { limits } from '../../src/core/limits.ts';
import type { Receipt } from '../../src/core/receipt.ts';
import { timersLateMs } from './authority.ts';
import type { Evidence, Violated } from './evidence.ts';
import type { Trouble } from './weather.ts';

export interface Showing {
  readonly started: (trouble: Trouble) => void;
  readonly acknowledged: (receipt: Receipt) => void;
}

/** Until the timer runs, late as it may be, and the files are written. */
const publishedWithinMs = limits.checkpointEveryMs + timersLateMs + 1_000;
/** The same, once more: what is stated was published before. */
const statedWithinMs = limits.checkpointSetEveryMs + timersLateMs + publishedWithinMs;

/** So many records of a log are to be seen, since when. */
interface Due {
  readonly size: number;
  readonly sinceMs: number;
}

export const createShowing = (evidence: Evidence, violated: Violated, nowMs: () => number): Showing => {
  const unpublished = new Map<string, Due>();
  const unstated = new Map<string, Due>();
  let trouble: Trouble = { any: () => false, spaceForMs: () => null, wasFull: () => false };

  const look = (due: Map<string, Due>, sizes: ReadonlyMap<string, number>, withinMs: number, rule: string): void => {
    for (const [log, { size, sinceMs }] of due) {
      if ((sizes.get(log) ?? 0) >= size) due.delete(log);
      else if (!trouble.any() && nowMs() - sinceMs > withinMs) violated(rule, `${log} at ${size} after ${nowMs() - sinceMs} ms`);
    }
  };

  /** The heads of the newest logs of those streams that the control log states. */
  const newest = (): ReadonlyMap<string, number> => {
    const ofStream = new Map([...evidence.published()].toSorted(([a], [b]) => (a < b ? -1 : 1)).map((log) => [log[0].split('/')[1], log]));
    return new Map(
      ['agent', 'model'].flatMap((stream) => [ofStream.get(stream) ?? []].filter((log) => log.length > 0) as [string, number][]),
    );
  };

  return {
    started: (now) => {
      trouble = now;
      unpublished.clear();
      unstated.clear();
      const waiting = new Set(evidence.unpublished());
      for (const { origin, size } of evidence.heads()) if (waiting.has(origin)) unpublished.set(origin, { size, sinceMs: nowMs() });
    },
    acknowledged: ({ origin, index }) => {
      look(unpublished, evidence.published(), publishedWithinMs, 'what is durable is published soon');
      look(unstated, evidence.stated(), statedWithinMs, 'the heads of the other logs stand in the control log soon');
      if (!unpublished.has(origin)) unpublished.set(origin, { size: index + 1, sinceMs: nowMs() });
      const logs = newest();
      // A log of a quarter that is over is stated no more.
      for (const log of unstated.keys()) if (!logs.has(log)) unstated.delete(log);
      for (const [log, size] of logs)
        if (!unstated.has(log) && (evidence.stated().get(log) ?? 0) < size) unstated.set(log, { size, sinceMs: nowMs() });
    },
  };
};
