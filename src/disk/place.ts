// Whether an open file is still the one at its path: not deleted, not replaced, not moved away. Asked once for each commit, so it has to cost little.
// Contract: true only where the path led to the file when it was asked, or, where the system keeps the names of open files, at most `placeLookMs` before
// something was mounted over it. Fails by throwing the system's error.

import type { readlinkSync, fstatSync, lstatSync } from 'node:fs';
import { limits } from '../core/limits.ts';

export interface PlaceSystem {
  readonly fstatSync: typeof fstatSync;
  readonly lstatSync: typeof lstatSync;
  readonly readlinkSync: typeof readlinkSync;
}

/** The name that Linux keeps for an open file, with a mark once it was deleted; null where no such name is kept. See proc(5), /proc/pid/fd. */
const keptName = ({ readlinkSync }: PlaceSystem, descriptor: number): string | null => {
  try {
    return readlinkSync(`/proc/self/fd/${descriptor}`);
  } catch {
    return null;
  }
};

/**
 * The question, for a file that was opened at this path. Where there is a kept name it is compared, and the status of both only now and then: a kernel with
 * time stamps finer than its ticks notes for a file whose status was read the time of its next write by itself, and the sync of that takes half as long again.
 */
export const placeOf = (system: PlaceSystem, descriptor: number, path: string, nowMs: () => number): (() => boolean) => {
  const look = (): boolean => {
    const own = system.fstatSync(descriptor);
    const atPath = system.lstatSync(path, { throwIfNoEntry: false });
    return own.nlink > 0 && atPath?.ino === own.ino && atPath.dev === own.dev;
  };
  let name = keptName(system, descriptor);
  let lookedMs = Number.NEGATIVE_INFINITY;
  return () => {
    const now = nowMs();
    if (name !== null && now - lookedMs < limits.placeLookMs) return keptName(system, descriptor) === name;
    lookedMs = now;
    if (look()) return true;
    name = null;
    return false;
  };
};
