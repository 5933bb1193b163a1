// What the ledger is given: where it lies, what it is called, and the world it acts through.
// Settings that would make no origin or no journal are a problem, told before anything is touched.

import type { Clock, Random } from '../core/clock.ts';
import type { Disk } from '../disk/disk.ts';
import { originPart } from './origin.ts';
import type { LedgerProblem } from './stored-log.ts';

export interface LedgerSettings {
  /** May be given to readers; nothing secret is in it. */
  readonly directory: string;
  /** Holds the signing key and the newest heads. */
  readonly privateDirectory: string;
  /** Only a cache. */
  readonly stateDirectory: string;
  readonly deploymentName: string;
  readonly retentionClass: string;
  readonly environment: string;
  readonly deployment: string;
  readonly release: string;
  readonly segmentBytes: number;
  /** Signed checkpoints that this ledger must continue. */
  readonly knownCheckpoints: readonly string[];
}

export interface LedgerDeps {
  readonly disk: Disk;
  readonly clock: Clock;
  readonly random: Random;
  /** Resolves when all that the system had to tell in this turn was dealt with; at once without it. */
  readonly endOfTurn?: () => Promise<void>;
  /** Told how long each batch took to become durable. */
  readonly took?: (ms: number) => void;
}

const smallestSegmentBytes = 512 * 1024;

export const settingsProblem = (settings: LedgerSettings): LedgerProblem | null => {
  if (!originPart.test(settings.deploymentName) || !originPart.test(settings.retentionClass)) {
    return { problem: 'the name and the retention class of a ledger have only lower-case letters, digits, dots and hyphens' };
  }
  return settings.segmentBytes < smallestSegmentBytes || !Number.isSafeInteger(settings.segmentBytes)
    ? { problem: `a journal segment has at least ${smallestSegmentBytes} bytes` }
    : null;
};

/** A cache of what is open. */
export const openWorkFile = (settings: LedgerSettings): string => `${settings.stateDirectory}/open-work.json`;
/** Names the newest segment of the journal. */
export const newestFile = ({ directory }: Pick<LedgerSettings, 'directory'>): string => `${directory}/newest-segment`;
/** The newest heads, kept apart from the folder that they are about. */
export const headsFile = (settings: LedgerSettings): string => `${settings.privateDirectory}/ledger-heads.json`;
