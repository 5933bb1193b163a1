// Crossings that are under way, so that one that must end can be reached wherever it waits.
// A crossing that was cut off before anyone listened is told as soon as somebody does. Pure memory; never fails.

import type { Denial } from '../core/denial.ts';
import type { Recorder } from '../core/receipt.ts';
import { isRefusal } from '../core/receipt.ts';
import type { Stoppable } from '../core/stop.ts';

export interface CrossingUnderWay {
  /** As `Admission.whenCutOff`. */
  readonly whenCutOff: (listener: (denial: Denial) => void) => () => void;
  readonly leave: () => void;
}

export interface UnderWay {
  readonly enter: (what: Stoppable) => CrossingUnderWay;
  /** Cuts off every crossing that matches; answers how many. */
  readonly cutOff: (matches: (what: Stoppable) => boolean, denial: Denial) => number;
}

interface Entry {
  readonly what: Stoppable;
  denial: Denial | null;
  listener: ((denial: Denial) => void) | null;
}

export const createUnderWay = (): UnderWay => {
  const entries = new Set<Entry>();
  return {
    enter: (what) => {
      const entry: Entry = { what, denial: null, listener: null };
      entries.add(entry);
      return {
        whenCutOff: (listener) => {
          entry.listener = listener;
          if (entry.denial !== null) listener(entry.denial);
          return () => {
            entry.listener = null;
          };
        },
        leave: () => void entries.delete(entry),
      };
    },
    cutOff: (matches, denial) => {
      let count = 0;
      for (const entry of entries) {
        if (entry.denial !== null || !matches(entry.what)) continue;
        entry.denial = denial;
        entry.listener?.(denial);
        count += 1;
      }
      return count;
    },
  };
};

/**
 * A tunnel would go on by itself for as long as both sides like: once nothing can be recorded any more, it ends. All else ends by itself, and is told then.
 * Connections are the crossings that concern no model and no tool.
 */
export const endingConnections = ({ append }: Recorder, { cutOff }: Pick<UnderWay, 'cutOff'>): Recorder => ({
  append: async (body) => {
    const receipt = await append(body);
    if (isRefusal(receipt) && receipt.refused === 'sealed')
      cutOff(({ model, tools }) => model === null && tools.length === 0, { denial: 'record_unavailable', problem: receipt.problem });
    return receipt;
  },
});
