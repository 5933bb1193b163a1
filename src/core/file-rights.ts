// Who could change a file: judged from its mode and owner, before anything in it is believed.
// Pure; whoever reads the disk passes the status in. Says what to do, or null where only its owner can write.

import { shellWord } from './shell-word.ts';

export interface FileStatus {
  readonly mode: number;
  readonly uid: number;
}

const groupWrite = 0o020;
const othersWrite = 0o002;
const sticky = 0o1000;

const foreignOwner = (status: FileStatus, userId: number): boolean => status.uid !== userId && status.uid !== 0;

const writers = (mode: number): string =>
  [(mode & groupWrite) !== 0 ? 'its group' : '', (mode & othersWrite) !== 0 ? 'others' : ''].filter(Boolean).join(' and ');

const remedy = (mode: number): string =>
  `chmod ${(mode & groupWrite) !== 0 ? 'g-w' : ''}${
    (mode & (groupWrite | othersWrite)) === (groupWrite | othersWrite) ? ',' : ''
  }${(mode & othersWrite) !== 0 ? 'o-w' : ''}`;

const becomeOwner = (path: string, userId: number): string => `Make it yours: chown ${userId} ${shellWord(path)}`;

/** Why the file at `path` cannot be trusted by `userId`, with the command that mends it. Null is a platform that knows no users: nothing can be said. */
export const fileRightsProblem = (path: string, status: FileStatus, userId: number | null): string | null => {
  if (userId === null) return null;
  if (foreignOwner(status, userId)) return `${path} belongs to another user, who can change it. ${becomeOwner(path, userId)}`;
  if ((status.mode & (groupWrite | othersWrite)) === 0) return null;
  return `${path} can be changed by ${writers(status.mode)}. Run: ${remedy(status.mode)} ${shellWord(path)}`;
};

/** The same for a folder, in which a sticky bit keeps others from replacing files that are not theirs. */
export const folderRightsProblem = (path: string, status: FileStatus, userId: number | null): string | null => {
  if (userId === null) return null;
  if (foreignOwner(status, userId)) return `${path} belongs to another user, who can replace what is in it. ${becomeOwner(path, userId)}`;
  if ((status.mode & (groupWrite | othersWrite)) === 0 || (status.mode & sticky) !== 0) return null;
  return `What is in ${path} can be replaced by ${writers(status.mode)}. Run: ${remedy(status.mode)} ${shellWord(path)}`;
};
