// Whether a stream came as it was made, or was held back somewhere and came whole: judged from when its parts arrived.
// Pure. Says `unknown` rather than guess: a short answer of a fast model looks like one that was held back.

import type { AnswerReport } from '../core/endpoint-check.ts';

export interface Arrival {
  /** When, on a monotonic clock. */
  readonly ms: number;
  /** Events that began in this part. */
  readonly events: number;
}

/** Parts that come so close together left the server together. */
const togetherMs = 10;
/** A model that had this long would have sent its first words apart from its last. */
const thoughtMs = 300;
const tellingEvents = 5;
const apartMs = 50;

export const judgeArrival = (
  sentMs: number,
  arrivals: readonly Arrival[],
  /** The answer said how long it was before it began; no stream that is still being made can. */
  lengthKnown: boolean,
): NonNullable<AnswerReport['streaming']> => {
  const [first, last] = [arrivals[0], arrivals.at(-1)];
  if (first === undefined || last === undefined) return 'unknown';
  if (lengthKnown) return 'buffered';
  const spreadMs = last.ms - first.ms;
  if (arrivals.length > 2 && spreadMs >= apartMs) return 'incremental';
  const events = arrivals.reduce((sum, each) => sum + each.events, 0);
  return events >= tellingEvents && spreadMs <= togetherMs && first.ms - sentMs >= thoughtMs ? 'buffered' : 'unknown';
};

/** Counts the events that begin in each part of an event stream: lines that begin with `data:`, also where a part ends within one. */
export const createEventCount = (): ((chunk: Uint8Array) => number) => {
  let tail = '\n';
  return (chunk) => {
    const text = tail + Buffer.from(chunk).toString('latin1');
    // What is kept is too short to hold a whole beginning of a line, so that none counts twice.
    tail = text.slice(-5);
    return (text.match(/[\r\n]data:/g) ?? []).length;
  };
};
