// One writer at a time: an exclusive lock of the operating system on a file, held through SQLite, which also sees a second holder in this process.
// The lock ends with the process, however it ends; the file itself may stay and means nothing.
// Answers null when another holds it; throws where the file cannot be made.

import { chmodSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';

export interface Lock {
  /** Once; called again it does nothing. */
  readonly release: () => void;
}

const sqliteBusy = 5;
const sqliteLocked = 6;

const isHeld = (error: unknown): boolean =>
  error instanceof Error && 'errcode' in error && (error.errcode === sqliteBusy || error.errcode === sqliteLocked);

/** Takes the lock at once or not at all. */
export const lockFile = (path: string): Lock | null => {
  const database = new DatabaseSync(path, { timeout: 0 });
  try {
    // Nothing is ever stored, so the journal stays in memory and no second file appears.
    database.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
    chmodSync(path, 0o600);
  } catch (error) {
    database.close();
    if (isHeld(error)) return null;
    throw error;
  }
  return {
    release: () => {
      if (database.isOpen) database.close();
    },
  };
};
