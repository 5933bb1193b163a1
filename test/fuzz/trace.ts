// The input that a thread is trying just now, in memory that it shares with the thread that watches it.
// Contract: one writes, any number read; a reader sees a whole input as long as the writer stands still, which is when it is asked.

const headerBytes = 16;
const inputBytesMax = 256 * 1_024;

export const traceBytes = headerBytes + inputBytesMax;

export interface Trace {
  readonly begins: (input: Uint8Array) => void;
  readonly ended: () => void;
  /** How many inputs have begun. */
  readonly count: () => number;
  /** The input under way; null between two. */
  readonly current: () => Uint8Array | null;
}

export const createTrace = (memory: SharedArrayBuffer): Trace => {
  const header = new Int32Array(memory, 0, headerBytes / 4);
  const bytes = new Uint8Array(memory, headerBytes);
  return {
    begins: (input) => {
      bytes.set(input.subarray(0, inputBytesMax));
      Atomics.store(header, 1, Math.min(input.length, inputBytesMax));
      Atomics.store(header, 2, 1);
      Atomics.add(header, 0, 1);
    },
    ended: () => void Atomics.store(header, 2, 0),
    count: () => Atomics.load(header, 0),
    current: () => (Atomics.load(header, 2) === 1 ? Uint8Array.from(bytes.subarray(0, Atomics.load(header, 1))) : null),
  };
};
