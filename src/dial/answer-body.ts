// The body of one answer: what has come and was not read yet, bounded, for one reader who may leave.
// Small chunks that came together are read as one; what came before a body broke is still read, then reading rejects with what broke it.
// Letting go takes the little that may be left, so that the connection can be used again; more ends the answer, and with it the connection.

import type { UpstreamAnswer } from '../core/endpoint.ts';

/** How a body that comes is held back, or ended before its end; ending it makes `failed` be called. */
export interface Flow {
  readonly pause: () => void;
  readonly resume: () => void;
  readonly abort: (reason: Error) => void;
}

export interface BodyLimits {
  readonly drainedBytes: number;
  readonly drainedMs: number;
}

export interface AnswerBody extends Pick<UpstreamAnswer, 'body' | 'discard'> {
  /** What comes, from whoever receives it; after `ended` or `failed` nothing more. */
  readonly came: (chunk: Uint8Array) => void;
  readonly ended: () => void;
  readonly failed: (problem: Error) => void;
  /** Nobody is to have any more of it, nor what has come already. */
  readonly cutOff: (problem: Error) => void;
}

/** So much waits for its reader before the sender is held back. */
const WAITING_BYTES = 65_536;
/** A chunk that is this large costs more to copy than to pass on by itself. */
const LARGE_CHUNK_BYTES = 4_096;

interface Reader {
  readonly resolve: (result: IteratorResult<Uint8Array>) => void;
  readonly reject: (problem: Error) => void;
}

const done: IteratorResult<Uint8Array> = { done: true, value: undefined };
const letGo = new Error('The answer is not read any further.');

export const createAnswerBody = (flow: Flow, { drainedBytes, drainedMs }: BodyLimits): AnswerBody => {
  let waiting: Uint8Array[] = [];
  let waitingBytes = 0;
  let held = false;
  let reader: Reader | null = null;
  let end: 'whole' | Error | null = null;
  /** Not null once the reader has left. */
  let leftBytes: number | null = null;
  let stopTimer = (): void => undefined;

  /** A large chunk by itself, or all small ones that stand before the next large one. */
  const take = (): Uint8Array | null => {
    const large = waiting.findIndex(({ length }) => length >= LARGE_CHUNK_BYTES);
    const count = large === 0 ? 1 : large === -1 ? waiting.length : large;
    const [first, ...others] = waiting.splice(0, count);
    if (first === undefined) return null;
    const taken = others.length === 0 ? first : Buffer.concat([first, ...others]);
    waitingBytes -= taken.length;
    if (held && waitingBytes < WAITING_BYTES) {
      held = false;
      flow.resume();
    }
    return taken;
  };

  /** Gives the reader what there is for him; he waits on where there is nothing. */
  const serve = (): void => {
    if (reader === null) return;
    const { resolve, reject } = reader;
    const value = take();
    if (value === null && end === null) return;
    reader = null;
    if (value !== null) resolve({ done: false, value });
    else if (end === 'whole' || end === null) resolve(done);
    else reject(end);
  };

  const next = (): Promise<IteratorResult<Uint8Array>> =>
    new Promise((resolve, reject) => {
      reader = { resolve, reject };
      if (leftBytes !== null && end === null) reject(letGo);
      else serve();
    });

  const discard = (): void => {
    if (leftBytes !== null || end !== null) return;
    leftBytes = drainedBytes;
    waiting = [];
    waitingBytes = 0;
    const timer = setTimeout(() => flow.abort(letGo), drainedMs);
    stopTimer = () => clearTimeout(timer);
    flow.resume();
  };

  const close = (how: 'whole' | Error): void => {
    end ??= how;
    stopTimer();
    serve();
  };

  const read = {
    next,
    return: async () => {
      discard();
      return done;
    },
  };
  return {
    body: { [Symbol.asyncIterator]: () => read },
    discard,
    came: (chunk) => {
      if (leftBytes !== null) {
        leftBytes -= chunk.length;
        if (leftBytes < 0) flow.abort(letGo);
        return;
      }
      // Whoever waits is served when all that came together is here.
      if (reader !== null && waiting.length === 0) queueMicrotask(serve);
      waiting.push(chunk);
      waitingBytes += chunk.length;
      if (waitingBytes < WAITING_BYTES || held) return;
      held = true;
      flow.pause();
    },
    ended: () => close('whole'),
    failed: close,
    cutOff: (problem) => {
      waiting = [];
      waitingBytes = 0;
      close(problem);
    },
  };
};
