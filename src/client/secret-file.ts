// Reads a file that holds a secret, anew at each call, and only where nobody else on this machine can read or change it.
// Contract: what is not a plain file of bounded size with safe rights is refused by name. No sentence holds anything of its content.

import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { shellWord } from '../core/shell-word.ts';

export type SecretText = { readonly text: string } | { readonly absent: boolean; readonly problem: string };

/** A platform that projects a file for a program owns it as root and lets the program's group read it. */
const foreignRights = (mode: number, owner: number): number => mode & (owner === 0 ? 0o027 : 0o077);

/** Why the file is not safe to hold a secret of `uid`, or null. */
export const secretRightsProblem = (
  path: string,
  { mode, uid: owner }: { mode: number; uid: number },
  uid: number | null,
): string | null => {
  if (uid === null) return null;
  if (owner !== uid && owner !== 0) return `${path} belongs to another user, who can read and change it. Use a file of your own.`;
  if (foreignRights(mode, owner) === 0) return null;
  return `${path} holds a secret and others than its owner have rights to it. Run: chmod 600 ${shellWord(path)}`;
};

const codeOf = (error: unknown): string => (error instanceof Error && 'code' in error ? String(error.code) : 'unknown error');

/** The whole text of the file at `path`. `uid` is the user that reads; null where the platform knows no owners. */
export const readSecretFile = async (path: string, uid: number | null, bytesMax: number): Promise<SecretText> => {
  try {
    // Not blocking, so that a pipe that somebody put there is seen as one instead of waited for.
    await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const status = await file.stat();
    if (!status.isFile()) return { absent: false, problem: `${path} is not a plain file.` };
    const unsafe = secretRightsProblem(path, status, uid);
    if (unsafe !== null) return { absent: false, problem: unsafe };
    // Its size may be another by now.
    const { bytesRead, buffer } = await file.read(Buffer.alloc(bytesMax + 1), 0, bytesMax + 1, 0);
    if (bytesRead > bytesMax) return { absent: false, problem: `${path} has more than the ${bytesMax} bytes that it may have.` };
    return { text: buffer.toString('utf8', 0, bytesRead) };
  } catch (error) {
    const code = codeOf(error);
    const absent = code === 'ENOENT' || code === 'ENOTDIR';
    return {
      absent,
      problem: absent
        ? `There is no ${path}. Correct the path, or put the file there.`
        : `${path} cannot be read (${code}). Look who has the right to read it.`,
    };
  }
};
