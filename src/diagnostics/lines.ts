// Lines of diagnostics on their way out. Never waits for whoever reads them and never keeps more than `limits.diagnosticsWaitingBytes`:
// what does not fit is dropped and counted, and the next line that goes through says how many were lost.

import type { Clock } from '../core/clock.ts';
import type { DiagnosticLine, LineFormat, LineLevel } from '../core/diagnostic-line.ts';
import { lineLevels, renderLine } from '../core/diagnostic-line.ts';
import { limits } from '../core/limits.ts';

/** Where lines go: a stream that does not block. */
export interface LineSink {
  readonly write: (text: string) => unknown;
  /** What it holds and nobody has taken yet. */
  readonly waitingBytes: () => number;
}

export interface LineSettings {
  readonly format: LineFormat;
  /** The lowest that is written; `off` writes none. */
  readonly level: LineLevel | 'off';
}

export interface Lines {
  readonly tell: (line: DiagnosticLine) => void;
  readonly isTold: (level: LineLevel) => boolean;
}

/** `dropped` is told of each line that was lost. */
export const createLines = (
  { format, level }: LineSettings,
  { sink, clock, dropped }: { readonly sink: LineSink; readonly clock: Pick<Clock, 'wallMs'>; readonly dropped: () => void },
): Lines => {
  const lowest = level === 'off' ? lineLevels.length : lineLevels.indexOf(level);
  const isTold = (of: LineLevel): boolean => lineLevels.indexOf(of) >= lowest;
  let lost = 0;
  const put = (line: DiagnosticLine): void => void sink.write(`${renderLine(line, clock.wallMs(), format)}\n`);
  return {
    isTold,
    tell: (line) => {
      if (!isTold(line.level)) return;
      if (sink.waitingBytes() > limits.diagnosticsWaitingBytes) {
        lost += 1;
        dropped();
        return;
      }
      if (lost > 0) put({ level: 'warn', event: 'lines_dropped', members: { count: lost } });
      lost = 0;
      put(line);
    },
  };
};
