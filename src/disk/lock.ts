// One writer at a time: an exclusive lock of the operating system on a file, held through SQLite, which also sees a second holder in this process.
// The lock ends with the process, however it ends; the file itself may stay and means nothing. While it is held it must stay: a lock is on the file, not on its name.
// Answers null when another holds it; throws where the file cannot be made.

import { chmodSync, lstatSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { limits } from '../core/limits.ts';

export interface Lock {
  /** False once the path names another file, or none: another process can then hold a lock there, too. */
  readonly isHeld: () => boolean;
  /** Once; called again it does nothing. */
  readonly release: () => void;
}

const sqliteBusy = 5;
const sqliteLocked = 6;

const isHeld = (error: unknown): boolean =>
  error instanceof Error && 'errcode' in error && (error.errcode === sqliteBusy || error.errcode === sqliteLocked);

/** Takes the lock or not; waits no longer than two that come at the same moment need to agree on one. */
export const lockFile = (path: string): Lock | null => {
  const database = new DatabaseSync(path, { timeout: limits.lockContentionMs });
  try {
    // Nothing is ever stored, so the journal stays in memory and no second file appears.
    // The transaction stays open and holds the lock. An exclusive locking mode would keep the shared lock of one that fails,
    // and of two that come at the same moment each would then refuse the other.
    database.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
    chmodSync(path, 0o600);
  } catch (error) {
    database.close();
    if (isHeld(error)) return null;
    throw error;
  }
  const own = lstatSync(path);
  return {
    isHeld: () => {
      const now = lstatSync(path, { throwIfNoEntry: false });
      return database.isOpen && now?.ino === own.ino && now.dev === own.dev;
    },
    release: () => {
      if (database.isOpen) database.close();
    },
  };
};
