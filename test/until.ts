// Waiting for what another process or socket does, of which nothing tells a test: it looks again and again.
// Without a bound of its own: a test that waits in vain ends by the time that tests have.

import { setTimeout as pause } from 'node:timers/promises';

export const until = async (holds: () => boolean): Promise<void> => {
  while (!holds()) await pause(10);
};
