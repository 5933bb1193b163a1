// A command of ours in a process of its own, as a person would type it.
// Ends with it; what it says goes where the caller wants it. Rejects where the process cannot be started.

import { spawn } from 'node:child_process';
import { exitCode, type Sink } from './command.ts';

export interface OwnProcess {
  readonly argv: readonly string[];
  readonly stdout: Sink;
  readonly stderr: Sink;
  readonly cwd: string;
  /** In place of this process's own. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** Ends it, and all that it started. */
  readonly signal?: AbortSignal;
}

/** Its exit code; 70 where a signal ended it. */
export const runOwn = ({ argv, stdout, stderr, cwd, environment, signal }: OwnProcess): Promise<number> =>
  new Promise((done, fail) => {
    const entry = process.argv[1] ?? '';
    const apart = signal !== undefined;
    const child = spawn(process.execPath, [entry, ...argv], {
      stdio: ['ignore', 'pipe', 'pipe'],
      cwd,
      detached: apart,
      ...(environment !== undefined && { env: environment }),
    });
    const end = (): void => {
      if (child.pid !== undefined) process.kill(apart ? -child.pid : child.pid, 'SIGTERM');
    };
    signal?.addEventListener('abort', end, { once: true });
    child.stdout.setEncoding('utf8').on('data', (text: string) => stdout.write(text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => stderr.write(text));
    child.once('error', fail);
    child.once('close', (code) => {
      signal?.removeEventListener('abort', end);
      done(code ?? exitCode.internal);
    });
  });
