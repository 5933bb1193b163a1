// Whether this user can keep data in a folder, asked before anything is started or when something was refused.
// Looks and changes nothing; answers with one sentence, or null where nothing stands in the way. Never throws.

import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

/** The folder itself, or the nearest one above it that is there. */
export const nearestFolder = (path: string): string => {
  let folder = path;
  while (!existsSync(folder) && dirname(folder) !== folder) folder = dirname(folder);
  return folder;
};

/** Why nothing can be written at `path`, which need not exist yet. `access` is there for tests, which may run as a user who may do everything. */
export const unwritableProblem = (path: string, access: (path: string, mode: number) => void = accessSync): string | null => {
  const folder = nearestFolder(path);
  try {
    if (!statSync(folder).isDirectory()) return `The data folder ${path} cannot be made: ${folder} is not a folder.`;
    access(folder, constants.W_OK | constants.X_OK);
    return null;
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
    const above = folder === path ? '' : `, because ${folder} cannot`;
    return `The data folder ${path} cannot be written by this user${above} (${code}).`;
  }
};
