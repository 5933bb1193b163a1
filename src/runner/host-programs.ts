// Files of a workspace that run later outside any jail, by what reads them: hooks and settings of git, editors, shells, build tools, CI, other agents.
// What an agent changed of these is listed for the person and recorded, because running them is how an agent could get out after its end. Pure.

import { hostProgramKinds } from './host-program-kinds.ts';

/** What reads and runs it; null for a file that nothing runs by its name. */
export const runsLater = (path: string): string | null => hostProgramKinds.find(({ matches }) => matches.test(path))?.runsWith ?? null;

export interface HostProgram {
  readonly path: string;
  readonly runs_with: string;
}

/** `ofGit` knows further files that git runs or obeys, which have names of any kind. */
export const hostPrograms = (paths: readonly string[], ofGit: (path: string) => boolean = () => false): readonly HostProgram[] =>
  [...new Set(paths)].flatMap((path) => {
    const runsWith = ofGit(path) ? 'git' : runsLater(path);
    return runsWith === null ? [] : [{ path, runs_with: runsWith }];
  });

/** The first of each kind, then the second of each: so many of one kind do not push those of another out of a list that is cut. */
export const inTurns = (programs: readonly HostProgram[]): readonly HostProgram[] => {
  const kinds = [...Map.groupBy(programs, ({ runs_with: kind }) => kind).values()];
  const longest = Math.max(0, ...kinds.map(({ length }) => length));
  return Array.from({ length: longest }, (_, turn) => kinds.flatMap((ofKind) => ofKind[turn] ?? [])).flat();
};
