// Makes room for a unix socket: a socket that nobody answers on was left by a process that ended and is removed.
// One that answers belongs to another envelope, and what is no socket is not ours to touch: both are said, and nothing is changed.

import { lstatSync, statSync, unlinkSync } from 'node:fs';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import { folderRightsProblem } from '../core/file-rights.ts';

interface NoRoom {
  readonly problem: string;
  /** What to do, as a sentence. */
  readonly next: string;
}

const another = 'choose another socket with `--control PATH`.';

/** Null when `socketPath` can be listened on. Its folder must exist. */
export const makeRoomForSocket = async (socketPath: string): Promise<NoRoom | null> => {
  try {
    const folder = dirname(socketPath);
    const others = folderRightsProblem(folder, statSync(folder), process.getuid?.() ?? null);
    if (others !== null) return { problem: `Others could replace the control socket. ${others}`, next: `Or ${another}` };
    const found = lstatSync(socketPath, { throwIfNoEntry: false });
    if (found === undefined) return null;
    if (!found.isSocket()) return { problem: `${socketPath} exists and is not a socket.`, next: `Move it away, or ${another}` };
    if (await answers(socketPath)) return { problem: `Another envelope listens at ${socketPath}.`, next: `Stop it, or ${another}` };
    unlinkSync(socketPath);
    return null;
  } catch (problem) {
    const code = problem instanceof Error && 'code' in problem ? String(problem.code) : 'unknown error';
    return {
      problem: `There can be no socket at ${socketPath} (${code}).`,
      next: `Make a folder for it that you can write to, or ${another}`,
    };
  }
};

const answers = (socketPath: string): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(socketPath);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
