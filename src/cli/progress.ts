// A line of progress on a terminal's stderr, for work that takes longer than a moment.
// Writes nothing where stderr is not a terminal, at most ten times a second, and leaves no trace when it ends.

import type { CommandIo } from './command.ts';

const pauseMs = 100;
const eraseLine = '\r\u001B[K';

export interface Progress {
  /** `done` of `total` units; without a total only the count is shown. */
  readonly update: (done: number, total?: number) => void;
  /** Erases the line. May be called more than once. */
  readonly end: () => void;
}

/** `doing` is what happens, such as `verifying`; `unit` is what is counted, such as `records`. */
export const createProgress = (io: Pick<CommandIo, 'stderr' | 'isTerminal' | 'clock'>, doing: string, unit: string): Progress => {
  const visible = io.isTerminal.stderr;
  let shown = false;
  let lastMs = io.clock.monotonicMs();
  return {
    update: (done, total) => {
      const nowMs = io.clock.monotonicMs();
      if (!visible || nowMs - lastMs < pauseMs) return;
      lastMs = nowMs;
      shown = true;
      const share = total === undefined || total === 0 ? '' : ` of ${total} ${unit} (${Math.floor((done / total) * 100)}%)`;
      io.stderr.write(`${eraseLine}${doing}: ${done}${share === '' ? ` ${unit}` : share}`);
    },
    end: () => {
      if (shown) io.stderr.write(eraseLine);
      shown = false;
    },
  };
};
