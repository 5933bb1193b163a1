// Time and chance as values that are passed in, so that a simulation can own both.
// Wall time is only ever written into records; leases, deadlines and delays use monotonic time.

export interface Clock {
  /** Wall time in milliseconds since the Unix epoch. May step. */
  readonly wallMs: () => number;
  /** Milliseconds since an arbitrary start. Never steps back. */
  readonly monotonicMs: () => number;
  /** Calls `run` once after `delayMs`; the returned function cancels it. */
  readonly after: (delayMs: number, run: () => void) => () => void;
}

export interface Random {
  /** `count` unpredictable bytes. */
  readonly bytes: (count: number) => Uint8Array<ArrayBuffer>;
}
