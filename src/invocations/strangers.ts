// Attempts by callers whom nobody could identify: counted by source and minute and recorded once,
// so that a stranger leaves a trace and cannot fill the disk.

import type { Clock } from '../core/clock.ts';
import { limits } from '../core/limits.ts';
import type { Recorder } from '../core/receipt.ts';
import type { Stamp } from '../core/stamp.ts';

export interface Strangers {
  /** `from` is listener and network. */
  readonly seen: (from: string) => void;
  /** Records what was counted; a clean stop does it early. */
  readonly flush: () => Promise<void>;
}

const minuteMs = 60_000;

export const createStrangers = (clock: Clock, recorder: Recorder, stamp: () => Stamp): Strangers => {
  const counts = new Map<string, number>();
  let stopTimer: (() => void) | null = null;

  const flush = async (): Promise<void> => {
    stopTimer?.();
    stopTimer = null;
    const counted = [...counts];
    counts.clear();
    await Promise.all(
      counted.map(([source, count]) => {
        const finding = { code: 'unidentified_attempts', sentence: `Callers at ${source} could not be identified.`, count };
        return recorder.append({ ...stamp(), stream: 'control', kind: 'finding', source: 'envelope', finding });
      }),
    );
  };

  return {
    seen: (from) => {
      const source = counts.has(from) || counts.size < limits.unidentifiedSourcesPerMinuteCount ? from : 'other';
      counts.set(source, (counts.get(source) ?? 0) + 1);
      stopTimer ??= clock.after(minuteMs, () => void flush());
    },
    flush,
  };
};
