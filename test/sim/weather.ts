// What the disk of one life does to the envelope: works, is slow, is full for a while, or fails once, as the seed has it.
// Also says when the power goes: at a seeded operation of the disk, with that operation and others still under way.
// Contract: faults come only from here, so a run can tell a refusal that has a cause from one that has none.

import type { DiskOperation, MemoryDiskSettings } from './memory-disk.ts';
import type { RecordWatch } from './record-watch.ts';
import type { Chance, Life } from './schedule.ts';

/** A disk that says nothing for longer than whoever is late waits for it. */
const hangsMs = 30_000;

export type Sky = 'calm' | 'slow' | 'full' | 'failing';

/** What a disk gave cause to. */
export interface Trouble {
  /** Whether it gave cause to refuse anything. */
  readonly any: () => boolean;
  /** For how long there has been space again; null where there was always some, or is none. */
  readonly spaceForMs: () => number | null;
  /** Whether there was ever no space. */
  readonly wasFull: () => boolean;
}

export interface Weather extends Omit<Trouble, 'any'> {
  readonly sky: Sky;
  readonly settings: MemoryDiskSettings;
  /** Whether any operation was made to fail, so that the envelope may refuse to go on. */
  readonly troubled: () => boolean;
  /** Lets the power go within the next few operations. */
  readonly crashSoon: () => void;
}

export interface WeatherParts {
  readonly life: Life;
  readonly chance: Chance;
  readonly sky: Sky;
  /** The operation at which the power goes; null when it stays. */
  readonly crashStep: number | null;
  readonly crash: () => void;
  /** Told when the journal could not be written or synced, and when the lock is lost. */
  readonly invariants: Pick<RecordWatch, 'journalFailed' | 'lockLost'>;
  readonly loseLock: () => void;
  /** Puts a copy in the place of the newest journal segment, as a backup that is played back does. */
  readonly replaceJournal: () => void;
}

const inJournal = ({ path }: DiskOperation): boolean => path.endsWith('.wal');

export const createWeather = ({ life, chance, sky, crashStep, crash, invariants, replaceJournal, loseLock }: WeatherParts): Weather => {
  let troubled = false;
  let wasFull = false;
  let publishingMs = 0;
  let failAt = sky === 'failing' ? chance.between(20, 160) : Infinity;
  const failsOn = chance.pick(['write', 'sync', 'sync', 'preparation'] as const);
  let crashAt = crashStep;
  let lastStep = 0;
  let rolled = false;
  // Space ends when the next segment is made, where it hurts most, or at any time.
  let fullFromMs = chance.happens(0.8) ? Infinity : life.clock.monotonicMs() + chance.between(0, 8_000);
  const fullForMs = chance.between(2_000, 60_000);

  if (sky !== 'calm' && chance.happens(0.1))
    life.later('somebody replaces a journal segment', chance.between(50, 9_000), () => {
      troubled = true;
      replaceJournal();
    });
  if (sky !== 'calm' && chance.happens(0.05))
    life.later('another process takes the lock', chance.between(50, 9_000), () => {
      troubled = true;
      loseLock();
      invariants.lockLost(sky !== 'slow' && life.clock.monotonicMs() - publishingMs > 50);
    });

  const fault: NonNullable<MemoryDiskSettings['fault']> = (operation) => {
    const { what, path, step } = operation;
    if (sky === 'slow' && chance.happens(path.endsWith('/next.tmp') ? 0.2 : 0.02)) {
      troubled = true;
      return 'slow';
    }
    rolled ||= what === 'rename' && path.includes('/seg-');
    if (sky === 'full' && fullFromMs === Infinity && rolled && what === 'write' && path.endsWith('/next.tmp'))
      fullFromMs = life.clock.monotonicMs();
    if (step < failAt || what === 'read') return 'ok';
    if (failsOn === 'preparation' ? path.endsWith('/next.tmp') : inJournal(operation) && what === failsOn) {
      failAt = Infinity;
      troubled = true;
      // What was left of the segment that could not be made goes first.
      if (failsOn === 'preparation') life.later('no next segment can be made', 100, invariants.journalFailed);
      else invariants.journalFailed();
      return chance.pick(['failed', 'failed_but_persisted', 'torn']);
    }
    // Others fail now and then, up to the one failure that counts.
    if (chance.happens(0.05)) troubled = true;
    else return 'ok';
    return chance.pick(['failed', 'failed_but_persisted']);
  };

  const settings: MemoryDiskSettings = {
    chance: () => chance.below(2 ** 30) / 2 ** 30,
    fault,
    pause: ({ what, path, step }) => {
      const name = `disk ${step}: ${what} ${path}`;
      lastStep = step;
      if (path.includes('/logs/') || path.includes('heads')) publishingMs = life.clock.monotonicMs();
      if (step !== crashAt) return life.pause(name, what === 'sync' ? chance.below(6) : chance.below(2));
      life.later('the power goes', chance.below(12), crash);
      return new Promise(() => undefined);
    },
    slowly: ({ what, path }) => life.pause(`slow ${what} ${path}`, chance.happens(0.1) ? hangsMs : chance.between(300, 4_500)),
    capacityBytes: () => {
      const now = life.clock.monotonicMs();
      const isFull = sky === 'full' && now >= fullFromMs && now < fullFromMs + fullForMs;
      troubled ||= isFull;
      wasFull ||= isFull;
      return isFull ? 0 : Infinity;
    },
  };
  const spaceForMs = (): number | null => {
    const againMs = life.clock.monotonicMs() - (fullFromMs + fullForMs);
    return againMs > 0 ? againMs : null;
  };
  return {
    sky,
    settings,
    spaceForMs,
    wasFull: () => wasFull,
    troubled: () => troubled,
    crashSoon: () => void (crashAt = lastStep + chance.between(1, 4)),
  };
};
