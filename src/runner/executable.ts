// Finds the program that `run` was asked to start, as a shell would, with one difference: a bare name is never found inside the workspace.
// A hostile repository may hold a `claude` of its own; whoever means such a program names it by its path. Failures carry the exit code of `run`.

import { accessSync, constants, realpathSync, statSync } from 'node:fs';
import { delimiter, isAbsolute, join, relative, resolve } from 'node:path';

export interface NoExecutable {
  /** 126: there, but not to be executed. 127: not found. */
  readonly exitCode: 126 | 127;
  readonly problem: string;
}

type Found = 'executable' | 'not executable' | 'absent';

const probe = (path: string): Found => {
  try {
    if (!statSync(path).isFile()) return 'not executable';
    accessSync(path, constants.X_OK);
    return 'executable';
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EACCES' ? 'not executable' : 'absent';
  }
};

/** With symbolic links resolved; as it is where it leads nowhere. */
export const realOrItself = (path: string): string => {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
};

export const liesWithin = (folder: string, path: string): boolean => {
  const way = relative(folder, path);
  return way === '' || (!isAbsolute(way) && way !== '..' && !way.startsWith('../'));
};

const notExecutable = (path: string): NoExecutable => ({
  exitCode: 126,
  problem: `${path} cannot be executed. Is it a program, and may you execute it?`,
});

export interface SearchPlace {
  readonly path: string;
  readonly cwd: string;
  /** Folder whose files are not trusted; null when it holds the person's whole home and so says nothing. */
  readonly workspace: string | null;
}

/** A relative entry of PATH means whatever folder one happens to stand in. */
const isTrusted = (folder: string, workspace: string | null): boolean =>
  isAbsolute(folder) && (workspace === null || !liesWithin(workspace, realOrItself(folder)));

/** PATH without what would let a workspace say which `git` or `node` it is that other programs start; and the entries that are left out. */
export const trustedPath = ({ path, workspace }: SearchPlace): { readonly path: string; readonly leftOut: readonly string[] } => {
  const entries = path.split(delimiter);
  return {
    path: entries.filter((folder) => isTrusted(folder, workspace)).join(delimiter),
    leftOut: entries.filter((folder) => folder !== '' && !isTrusted(folder, workspace)),
  };
};

/** The absolute path of `name`, its own symbolic links not resolved. */
export const findExecutable = (name: string, { path, cwd, workspace }: SearchPlace): string | NoExecutable => {
  if (name.includes('/')) {
    const named = resolve(cwd, name);
    const found = probe(named);
    if (found === 'executable') return named;
    return found === 'absent' ? { exitCode: 127, problem: `There is no ${named}. Check the path after \`--\`.` } : notExecutable(named);
  }
  let blocked: string | null = null;
  let within: string | null = null;
  for (const folder of path.split(delimiter)) {
    const candidate = name === '' ? '' : join(isAbsolute(folder) ? folder : resolve(cwd, folder), name);
    const found = candidate === '' ? 'absent' : probe(candidate);
    if (found === 'not executable') blocked ??= candidate;
    if (found !== 'executable') continue;
    if (isTrusted(folder, workspace)) return candidate;
    within ??= candidate;
  }
  if (within !== null) {
    return {
      exitCode: 127,
      problem: `${JSON.stringify(name)} was found only inside the workspace, where a bare name is not looked up. If you mean that program, name it by its path: ${within}`,
    };
  }
  if (blocked !== null) return notExecutable(blocked);
  return { exitCode: 127, problem: `There is no program ${JSON.stringify(name)} on the PATH. Install it, or give its path after \`--\`.` };
};
