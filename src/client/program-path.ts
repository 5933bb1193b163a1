// Finds a program that we run for the person: on the absolute folders of PATH, but not inside the folder that an agent is to work in.
// A hostile repository may hold a program of any name; whoever means such a one gives its path. Answers null where there is none.

import { accessSync, constants, realpathSync, statSync } from 'node:fs';
import { delimiter, isAbsolute, join, relative, resolve } from 'node:path';

export interface ProgramPlace {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly home: string;
  readonly cwd: string;
}

const real = (path: string): string => {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
};

const liesWithin = (folder: string, path: string): boolean => {
  const way = relative(real(folder), real(path));
  return way === '' || (!isAbsolute(way) && way !== '..' && !way.startsWith('../'));
};

const isProgram = (path: string): boolean => {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
};

/** The absolute path of a program; null when there is none that may be taken. */
export const findProgram = (name: string, { env, home, cwd }: ProgramPlace): string | null => {
  if (name.includes('/')) return resolve(cwd, name);
  // A home folder, and what holds it, is everything that the person has, so nothing can be told from it.
  const untrusted = liesWithin(cwd, home) ? null : cwd;
  const folders = (env['PATH'] ?? '').split(delimiter).filter((folder) => isAbsolute(folder));
  return (
    folders
      .filter((folder) => untrusted === null || !liesWithin(untrusted, folder))
      .map((folder) => join(folder, name))
      .find(isProgram) ?? null
  );
};
