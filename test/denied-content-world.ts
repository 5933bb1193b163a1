// Where what is remembered of denied content lies for a test: the files of persons in this process, a clock that the test moves, keys that differ.
// What is written is there at once; whoever makes a second memory over the same world sees what an envelope sees after a restart.

import { createCountingRandom, createVirtualClock } from './virtual-clock.ts';

export const createDeniedContentWorld = () => {
  const files = new Map<string, Uint8Array>();
  return {
    files,
    clock: createVirtualClock(),
    random: createCountingRandom(),
    store: {
      read: async (userId: string): Promise<Uint8Array | null> => files.get(userId) ?? null,
      write: async (userId: string, bytes: Uint8Array): Promise<void> => void files.set(userId, bytes),
    },
  };
};
