// The client's side of a streamed answer: whether it has begun, and events that keep it waiting while nothing else comes.
// Begins by itself where something on the way holds a stream back until it is whole, and shortly before a client would ask again; else with the
// upstream's answer.
// Disposing it stops the waiting.

import type { Clock } from '../core/clock.ts';
import type { ModelCall } from '../core/crossing.ts';
import { limits } from '../core/limits.ts';
import type { Delivery, Recorded } from '../core/stages.ts';
import type { StreamReader } from '../core/wire-format.ts';
import type { Deadline } from './deadline.ts';

export interface LiveStream extends Disposable {
  readonly reader: StreamReader;
  readonly begun: () => boolean;
  /** The answer is no stream: from now on nothing begins by itself. */
  readonly stayQuiet: () => void;
  /** Begins the answer unless it has begun, and writes. Null when the client has it; else it is waited for, no longer than the crossing may take. */
  readonly write: (status: number, headers: Readonly<Record<string, string>>, bytes: Uint8Array) => Promise<void> | null;
}

const EARLY_STATUS = 200;
const earlyHeaders = { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache' };

/** From when on a stream may begin before the upstream has answered. What would have been its status can then only be said inside. */
const earlyFromMs = (buffered: boolean, answerWithinMs: number | null): number => {
  if (buffered) return 0;
  return answerWithinMs === null ? Infinity : answerWithinMs - 2 * limits.keepAliveMs;
};

/** `buffered` says that streams are held back on the way. */
export const openLiveStream = (
  { invocation }: Recorded,
  { format, operation }: ModelCall,
  { clock, delivery, deadline }: { readonly clock: Clock; readonly delivery: Delivery; readonly deadline: Deadline },
  buffered: boolean,
): LiveStream => {
  const { client } = invocation.agent;
  const reader = format.readStream(operation);
  const earlyMs = clock.monotonicMs() + earlyFromMs(buffered, format.answerWithinMs(client));
  let begun = false;
  let writing = 0;
  let quietSinceMs = clock.monotonicMs();
  let stopTimer: () => void = () => undefined;

  const taken = unlessOver(deadline.over);
  const waitFor = async (client: Promise<void>): Promise<void> => {
    writing += 1;
    await taken(client);
    writing -= 1;
    quietSinceMs = clock.monotonicMs();
  };
  const write: LiveStream['write'] = (status, headers, bytes) => {
    if (!begun) delivery.begin(status, headers);
    begun = true;
    const written = delivery.write(bytes);
    if (written !== null) return waitFor(written);
    quietSinceMs = clock.monotonicMs();
    return null;
  };
  /** Only between two pieces: what the reader knows as shown is then what the client has. */
  const look = (): void => {
    if (deadline.signal.aborted) return;
    const nowMs = clock.monotonicMs();
    const leftMs = quietSinceMs + limits.keepAliveMs - nowMs;
    const event = leftMs > 0 || writing > 0 || !(begun || nowMs >= earlyMs) ? null : reader.keepAlive(client);
    if (event !== null) void write(EARLY_STATUS, earlyHeaders, event);
    stopTimer = clock.after(leftMs > 0 ? leftMs : limits.keepAliveMs, look);
  };
  stopTimer = clock.after(limits.keepAliveMs, look);
  const stop = (): void => stopTimer();
  return { reader, begun: () => begun, stayQuiet: stop, write, [Symbol.dispose]: stop };
};

/** Waits for a write, but not beyond `over`. Listens to that once: a race would leave something behind for each write of a long stream. */
const unlessOver = (over: Promise<void>): ((writing: Promise<void>) => Promise<void>) => {
  const waiting = new Set<() => void>();
  let isOver = false;
  void over.then(() => {
    isOver = true;
    for (const leave of waiting) leave();
  });
  return (writing) =>
    new Promise((resolve, reject) => {
      if (isOver) resolve();
      else waiting.add(resolve);
      void writing.then(resolve, reject).finally(() => waiting.delete(resolve));
    });
};
