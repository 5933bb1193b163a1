// Turns the units of an event stream into pieces: what may pass at once, and what a format holds back until it can be judged.
// A piece counts as released when the next one is asked for; a consumer that stops at a piece has not released it.
// The pieces hold the upstream's bytes in their order; a format that cannot frame its stream ends it with `unreadable`.

import type { StreamPiece } from '../core/wire-format.ts';
import type { StreamEvent, StreamProblem } from './sse.ts';
import { createStreamDecoder, isStreamProblem } from './sse.ts';

/** What becomes of one unit: it passes, the format keeps it, or it completes a piece. */
export type Step = 'pass' | 'held' | Exclude<StreamPiece, { readonly piece: 'pass' }>;

export interface Framing<Shown> {
  readonly step: (unit: StreamEvent) => Step;
  /** The upstream ended: what is wrong with that, or null. */
  readonly atEnd: () => string | null;
  /** What a client has seen once everything that was read is released. */
  readonly seen: () => Shown;
}

export interface HeldStream<Shown> {
  readonly push: (chunk: Uint8Array) => Iterable<StreamPiece>;
  readonly end: () => Iterable<StreamPiece>;
  /** What the client has seen of the stream so far. */
  readonly shown: () => Shown;
}

const joined = (parts: readonly Uint8Array[]): Uint8Array =>
  parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts);

export const createHeldStream = <Shown>(framing: Framing<Shown>): HeldStream<Shown> => {
  const decoder = createStreamDecoder();
  let shown = framing.seen();
  let over = false;

  function* unreadable(problem: string): Iterable<StreamPiece> {
    over = true;
    yield { piece: 'unreadable', problem };
  }

  function* settle(units: readonly (StreamEvent | StreamProblem)[]): Iterable<StreamPiece> {
    let passing: Uint8Array[] = [];
    let shownAfter = shown;
    for (const unit of units) {
      if (over) return;
      const step = isStreamProblem(unit) ? { piece: 'unreadable' as const, problem: unit.problem } : framing.step(unit);
      if (step === 'held') continue;
      if (step === 'pass') {
        if (!isStreamProblem(unit)) passing.push(unit.raw);
        shownAfter = framing.seen();
        continue;
      }
      if (passing.length > 0) {
        yield { piece: 'pass', bytes: joined(passing) };
        shown = shownAfter;
        passing = [];
      }
      over = step.piece === 'unreadable';
      yield step;
      shown = framing.seen();
    }
    if (passing.length > 0) {
      yield { piece: 'pass', bytes: joined(passing) };
      shown = shownAfter;
    }
  }

  return {
    push: (chunk) => settle(decoder.push(chunk)),
    *end() {
      yield* settle(decoder.end());
      const problem = over ? null : framing.atEnd();
      if (problem !== null) yield* unreadable(problem);
    },
    shown: () => shown,
  };
};
