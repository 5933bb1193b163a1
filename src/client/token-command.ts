// Runs the program that prints a credential: without a shell, in the environment that we have, for a bounded time and output.
// Fails with a sentence that names the program and nothing that it printed. Never rejects.

import { spawn } from 'node:child_process';
import { limits } from '../core/limits.ts';
import { findProgram, type ProgramPlace } from './program-path.ts';

export type CommandText = { readonly text: string } | { readonly problem: string };

const notRun = (name: string, error: unknown): { readonly problem: string } => ({
  problem: `${name} cannot be run (${error instanceof Error && 'code' in error ? String(error.code) : 'unknown error'}).`,
});

const endOf = (code: number | null, signal: NodeJS.Signals | null): string =>
  code === null ? `was ended by ${signal}` : `ended with ${code}`;

/** What the command printed, whole. */
export const runTokenCommand = (
  argv: readonly string[],
  surroundings: ProgramPlace,
  answerMs: number = limits.credentialCommandMs,
): Promise<CommandText> => {
  const [name = '', ...args] = argv;
  const program = findProgram(name, surroundings);
  if (program === null) return Promise.resolve({ problem: `There is no program ${name} on the PATH outside this folder; give its path.` });
  return new Promise<CommandText>((settle) => {
    const child = spawn(program, args, { env: surroundings.env, cwd: surroundings.cwd, stdio: ['ignore', 'pipe', 'ignore'] });
    const chunks: Buffer[] = [];
    let size = 0;
    const give = (answer: CommandText): void => {
      clearTimeout(timer);
      settle(answer);
    };
    const stop = (problem: string): void => {
      child.kill('SIGKILL');
      // What it started may hold the pipe open for as long as it likes.
      child.stdout.destroy();
      give({ problem });
    };
    const timer = setTimeout(() => stop(`${name} printed no credential within ${answerMs / 1_000} s.`), answerMs);
    child.stdout.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size <= limits.credentialBytes) chunks.push(chunk);
      else stop(`${name} printed more than the ${limits.credentialBytes} bytes that a credential may have.`);
    });
    child.on('error', (error) => give(notRun(name, error)));
    child.on('close', (code, signal) => {
      if (code === 0) give({ text: Buffer.concat(chunks).toString('utf8') });
      else give({ problem: `${name} ${endOf(code, signal)}. Run it by hand to see why.` });
    });
    // Some refusals of the system are thrown instead of told.
  }).catch((error: unknown) => notRun(name, error));
};
