// Turns the units of an event stream into pieces: what may pass at once, and what a format holds back until it can be judged.
// A piece counts as released when the next one is asked for; a consumer that stops at a piece has not released it.
// The pieces hold the upstream's bytes in their order; a format that cannot frame its stream ends it with `unreadable`.

import type { StreamPiece } from '../core/wire-format.ts';
import type { Recognise, StreamEvent, StreamUnit } from './sse.ts';
import { createStreamSource, isStreamProblem } from './sse.ts';

/** What becomes of one unit: it passes, the format keeps it, or it completes a piece. */
export type Step = 'pass' | 'held' | Exclude<StreamPiece, { readonly piece: 'pass' }>;

export interface Framing<Shown> {
  /** Several pieces of one unit are asked for one by one, each when the one before it is settled. */
  readonly step: (unit: StreamEvent) => Step | Iterable<StreamPiece>;
  /** How many bytes at the beginning are whole events that `step` would let pass one after the other, and that would change nothing. */
  readonly passing?: Recognise;
  /** The upstream ended: what is wrong with that, or the ending where only the end of the stream says it, or null. */
  readonly atEnd: () => string | (StreamPiece & { readonly piece: 'ending' }) | null;
  /** What a client has seen once everything that was read is released. */
  readonly seen: () => Shown;
}

export interface HeldStream<Shown> {
  readonly push: (chunk: Uint8Array) => Iterable<StreamPiece>;
  readonly end: () => Iterable<StreamPiece>;
  /** What the client has seen of the stream so far. */
  readonly shown: () => Shown;
}

/** Up to this length bytes are moved to make one piece of several: a piece costs more than they do. */
const MOVED_BYTES = 4_096;

const nothing: readonly StreamPiece[] = [];

interface Span {
  /** False when `part` can only stand in a piece of its own: take first what is there. */
  readonly add: (part: Uint8Array) => boolean;
  /** All that was added since the last time; null for nothing. */
  readonly take: () => Uint8Array | null;
}

/** Puts together bytes that pass: where they lie one behind the other as they are, where they do not by moving them, if they are few. */
const createSpan = (): Span => {
  let parts: Uint8Array[] = [];
  /** Bytes of the last part and of what lies behind it. */
  let lastLength = 0;
  let length = 0;
  const close = (): void => {
    const last = parts.pop();
    if (last !== undefined) parts.push(last.length === lastLength ? last : new Uint8Array(last.buffer, last.byteOffset, lastLength));
  };
  return {
    add: (part) => {
      const last = parts.at(-1);
      const follows = last !== undefined && part.buffer === last.buffer && part.byteOffset === last.byteOffset + lastLength;
      if (!follows) {
        if (last !== undefined && length + part.length > MOVED_BYTES) return false;
        close();
        parts.push(part);
        lastLength = 0;
      }
      lastLength += part.length;
      length += part.length;
      return true;
    },
    take: () => {
      close();
      const [first, second] = parts;
      const taken = second === undefined ? (first ?? null) : Buffer.concat(parts);
      parts = [];
      length = 0;
      return taken;
    },
  };
};

export const createHeldStream = <Shown>(framing: Framing<Shown>): HeldStream<Shown> => {
  const source = createStreamSource(framing.passing);
  let shown = framing.seen();
  let over = false;

  function* unreadable(problem: string): Iterable<StreamPiece> {
    over = true;
    yield { piece: 'unreadable', problem };
  }

  const stepOf = (unit: StreamUnit): Step | Iterable<StreamPiece> => {
    if ('run' in unit) return 'pass';
    return isStreamProblem(unit) ? { piece: 'unreadable', problem: unit.problem } : framing.step(unit);
  };

  /** The bytes that passed, as a piece; `shownAfter` is what the client has seen with them. */
  function* pass(span: Span, shownAfter: Shown): Iterable<StreamPiece> {
    const bytes = span.take();
    if (bytes === null) return;
    yield { piece: 'pass', bytes };
    shown = shownAfter;
  }

  function* settle(next: () => StreamUnit | null): Iterable<StreamPiece> {
    const span = createSpan();
    let shownAfter = shown;
    for (let unit = next(); unit !== null && !over; unit = next()) {
      const step = stepOf(unit);
      if (step === 'held') continue;
      if (step === 'pass') {
        if ('raw' in unit && !span.add(unit.raw)) {
          yield* pass(span, shownAfter);
          span.add(unit.raw);
        }
        shownAfter = framing.seen();
        continue;
      }
      yield* pass(span, shownAfter);
      for (const piece of Symbol.iterator in step ? step : [step]) {
        over = piece.piece === 'unreadable';
        yield piece;
        shown = framing.seen();
      }
    }
    yield* pass(span, shownAfter);
  }

  /** A unit that was asked for to see whether there is one. */
  let ahead: StreamUnit | null = null;
  const next = (): StreamUnit | null => {
    const unit = ahead ?? source.next();
    ahead = null;
    return unit;
  };

  return {
    push: (chunk) => {
      source.add(chunk);
      // A stream in small chunks is mostly chunks that complete nothing.
      ahead ??= source.next();
      return ahead === null ? nothing : settle(next);
    },
    *end() {
      yield* settle(source.last);
      const last = over ? null : framing.atEnd();
      if (typeof last === 'string') yield* unreadable(last);
      else if (last !== null) {
        yield last;
        shown = framing.seen();
      }
    },
    shown: () => shown,
  };
};
