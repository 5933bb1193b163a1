// A command that a test runs to its end: its output kept, its whole process group ended with it, and ended anyway when it takes too long.
// Rejects where it could not be started or had to be ended.

import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';

export interface Ran {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Command {
  readonly argv: readonly [program: string, ...args: string[]];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** What stands on its standard input; without it that is empty. */
  readonly input?: string | undefined;
  /** Called once with what sends it a signal. */
  readonly onStart?: ((signal: (name: NodeJS.Signals) => void) => void) | undefined;
}

const runMs = 150_000;
const keptCharacters = 1_000_000;

const endGroup = (child: ChildProcess): void => {
  try {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
};

export const runToEnd = ({ argv: [file, ...args], cwd, env, input, onStart }: Command): Promise<Ran> =>
  new Promise((resolve, reject) => {
    const child = spawn(file, args, { cwd, env, detached: true, stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'] });
    const said = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'] as const)
      child[name]?.on('data', (chunk: Buffer) => void (said[name] = (said[name] + chunk.toString()).slice(-keptCharacters)));
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      endGroup(child);
    }, runMs);
    child.on('error', reject);
    // What it leaves behind would hold its output open.
    child.on('exit', () => endGroup(child));
    child.on('close', (exitCode) => {
      clearTimeout(timer);
      if (late) reject(new Error(`the agent did not end within ${runMs / 1_000} s: ${said.stdout} ${said.stderr}`));
      else resolve({ exitCode, ...said });
    });
    child.stdin?.end(input);
    onStart?.((name) => void child.kill(name));
  });
