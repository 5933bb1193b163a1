// What makes a record one of its kind in time: an id of its own (UUIDv7, RFC 9562) and the wall time (RFC 3339, UTC, in milliseconds).
// The text of the last millisecond is kept; nothing else is.

import type { Clock, Random } from './clock.ts';
import { uuidv7 } from './identifier.ts';

export interface Stamp {
  readonly log_id: string;
  readonly timestamp: string;
}

let lastMs = Number.NaN;
let lastText = '';

/** Several records are made in a millisecond, and its text is the same for all of them. */
const timestampOf = (ms: number): string => {
  if (ms !== lastMs) {
    lastText = new Date(ms).toISOString();
    lastMs = ms;
  }
  return lastText;
};

export const stampOf = (clock: Clock, random: Random): Stamp => ({
  log_id: uuidv7(clock, random),
  timestamp: timestampOf(clock.wallMs()),
});
