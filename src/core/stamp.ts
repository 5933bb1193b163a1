// What makes a record one of its kind in time: an id of its own (UUIDv7, RFC 9562) and the wall time (RFC 3339, UTC, in milliseconds).
// Pure but for the clock and the random bytes that it is given.

import type { Clock, Random } from './clock.ts';
import { uuidv7 } from './identifier.ts';
import { timestampOf } from './timestamp.ts';

export interface Stamp {
  readonly log_id: string;
  readonly timestamp: string;
}

export const stampOf = (clock: Clock, random: Random): Stamp => ({
  log_id: uuidv7(clock, random),
  timestamp: timestampOf(clock.wallMs()),
});
