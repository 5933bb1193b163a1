// Ledgers that must not open, tried beside the run that they were taken from: an older one that somebody plays back, and one without its newest segment.
// Contract: changes nothing of the run; what opens all the same is a violation.

import { createDisk } from '../../src/disk/disk.ts';
import { isLedgerProblem, openLedger } from '../../src/ledger/ledger.ts';
import { ledgerFolder, ledgerSettings } from './ledger-settings.ts';
import type { Evidence, Violated } from './evidence.ts';
import type { MemoryDisk } from './memory-disk.ts';
import { systemOver } from './memory-system.ts';
import type { Chance, Life, Schedule } from './schedule.ts';

export interface TrialParts {
  readonly chance: Chance;
  readonly schedule: Pick<Schedule, 'begin'>;
  readonly evidence: Evidence;
  readonly violated: Violated;
  readonly count: (what: string) => void;
  /** Waits for the work while time passes. */
  readonly settled: <T>(work: Promise<T>) => Promise<T | null>;
}

/** What the ledger was at an earlier time: its files, and how many durable records each log had. */
export interface Earlier {
  readonly files: ReadonlyMap<string, Uint8Array>;
  readonly sizes: ReadonlyMap<string, number>;
}

const ledgerFiles = (disk: MemoryDisk): Earlier['files'] =>
  new Map([...disk.files()].filter(([path]) => path.startsWith(`${ledgerFolder}/`)));

export const asItIs = (disk: MemoryDisk, evidence: Evidence): Earlier => ({
  files: ledgerFiles(disk),
  sizes: new Map(evidence.heads().map(({ origin, size }) => [origin, size])),
});

const draws = (chance: Chance) => ({ chance: () => chance.below(2 ** 30) / 2 ** 30 });

const opens = async ({ chance, settled }: TrialParts, life: Life, disk: MemoryDisk): Promise<boolean> => {
  const opening = openLedger(ledgerSettings, {
    disk: createDisk(systemOver(disk, (bytes) => bytes)),
    clock: life.clock,
    random: chance,
  });
  const opened = await settled(opening);
  life.end();
  return opened === null || !isLedgerProblem(opened);
};

const copyOf = ({ chance, schedule }: TrialParts, disk: MemoryDisk): { readonly life: Life; readonly trial: MemoryDisk } => {
  const life = schedule.begin();
  const trial = disk.kill({ ...draws(chance), pause: ({ what }) => life.pause(`disk: ${what}, of another ledger`, 1) });
  // Files of its own, so that nothing that is written here is found by the run.
  for (const path of trial.files().keys()) trial.tamper(path, (bytes) => bytes);
  return { life, trial };
};

/** It is refused, because others have seen what it does not hold. */
export const playBack = async (parts: TrialParts, disk: MemoryDisk, { files, sizes }: Earlier): Promise<void> => {
  const shown = parts.evidence.published();
  if (![...shown].some(([origin, size]) => size > (sizes.get(origin) ?? 0))) return;
  parts.count('played back');
  const { life, trial } = copyOf(parts, disk);
  for (const path of ledgerFiles(disk).keys()) trial.tamper(path, () => null);
  for (const [path, bytes] of files) trial.tamper(path, () => bytes);
  if (await opens(parts, life, trial)) parts.violated('an older ledger is not taken for the newest', 'it was opened');
};

/** Whoever takes the newest segment, in which something was written, takes records with it that nothing else may hold. */
export const takeNewest = async (parts: TrialParts, disk: MemoryDisk): Promise<void> => {
  const newest = [...disk.files()].filter(([path]) => /\/seg-[0-9a-f]+\.wal$/.test(path)).toSorted(([a], [b]) => (a < b ? -1 : 1)).at(-1); // prettier-ignore
  if (newest === undefined || newest[1].every((byte) => byte === 0)) return;
  parts.count('newest segment taken');
  const { life, trial } = copyOf(parts, disk);
  trial.tamper(newest[0], () => null);
  if (await opens(parts, life, trial)) parts.violated('a segment that somebody took is missed', newest[0]);
};
