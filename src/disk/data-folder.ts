// Whether a data folder is ours alone: a ledger is worth nothing where others could replace its files, and keys where others could read them.
// Looks and says; changes nothing.

import { statSync } from 'node:fs';
import { join } from 'node:path';
import { folderRightsProblem } from '../core/file-rights.ts';

const rightsProblem = (path: string, judge: typeof folderRightsProblem): string | null => {
  const status = statSync(path, { throwIfNoEntry: false });
  return status === undefined ? null : judge(path, status, process.getuid?.() ?? null);
};

const readableByOthers: typeof folderRightsProblem = (path, { mode }) =>
  (mode & 0o077) === 0 ? null : `${path} can be read by others. Run: chmod go-rwx ${path}`;

/** What is wrong with the folder, with the command that mends it; null when it is absent or ours alone. `secretFolder` lies inside. */
export const sharedFolderProblem = (folder: string, secretFolder: string): string | null => {
  const inside = ['', 'ledger', 'state', 'releases'].map((name) => rightsProblem(join(folder, name), folderRightsProblem));
  const secrets = ['', 'ledger-key.pem', 'subjects'].map((name) => rightsProblem(join(secretFolder, name), readableByOthers));
  return [...inside, ...secrets].find((problem) => problem !== null) ?? null;
};
