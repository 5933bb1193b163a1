// A process beside bench/stream.ts: says where it listens, tells how much processor time it has used, and ends with its parent.

import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { forkOn } from './processors.ts';

/** Where a process listens on loopback, and what it takes as a credential. */
export interface Listening {
  readonly port: number;
  readonly credential: string;
}

export interface Side extends Listening {
  readonly pid: number;
  /** Microseconds of processor time used so far, all threads together. */
  readonly cpuUs: () => Promise<number>;
  readonly stop: () => Promise<void>;
}

/** In the process: says that it is ready. `close` runs before it ends. */
export const reportToParent = (listening: Listening, close: () => Promise<void>): void => {
  const end = (): void => void close().finally(() => process.exit());
  process.on('message', (asked) => {
    const { user, system } = process.cpuUsage();
    if (asked === 'cpu') process.send?.(user + system);
    else end();
  });
  process.on('disconnect', end);
  process.send?.(listening);
};

const answerOf = (child: ChildProcess): Promise<unknown> =>
  new Promise((resolve, reject) => {
    const ended = (code: number | null): void => reject(new Error(`a process of the bench ended with ${code}`));
    child.once('exit', ended);
    child.once('message', (message) => {
      child.off('exit', ended);
      resolve(message);
    });
  });

const isListening = (message: unknown): message is Listening => typeof message === 'object' && message !== null && 'port' in message;

/** Starts `program`, a file beside this one. */
export const startSide = async (program: string, args: readonly string[], nodeArgs: readonly string[] = []): Promise<Side> => {
  const child = forkOn(/upstream/.test(program) ? 'load' : 'measured', new URL(program, import.meta.url), args, nodeArgs);
  const listening = await answerOf(child);
  if (!isListening(listening)) throw new Error(`${program} does not listen`);
  return {
    ...listening,
    pid: child.pid ?? 0,
    cpuUs: async () => {
      child.send('cpu');
      return Number(await answerOf(child));
    },
    stop: async () => {
      const ended = once(child, 'exit');
      child.send('stop');
      await ended;
    },
  };
};
