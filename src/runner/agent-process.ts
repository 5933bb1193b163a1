// The agent as a process: terminal, window size and job control are its own, in the runner's process group, as if the shell had started it.
// The runner outlives the signals of the keyboard, passes on those that were meant for the agent, and stops the agent when told to.
// A program that does not start is an answer with the exit code of `run`, not a throw.

import type { ChildProcess, StdioOptions } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { constants } from 'node:os';

/** Not imported: an import reads every member of the module, which takes longer than using one. */
const { spawn } = process.getBuiltinModule('node:child_process');
const { isatty } = process.getBuiltinModule('node:tty');

export type AgentExit =
  | { readonly exitCode: number; readonly signal: null }
  | { readonly exitCode: null; readonly signal: NodeJS.Signals }
  | { readonly notStarted: 126 | 127; readonly problem: string };

export interface AgentProcess {
  /** Resolves once; never rejects. */
  readonly exited: Promise<AgentExit>;
  /** SIGTERM now, SIGKILL if it is still there after `stopMs`. */
  readonly stop: () => void;
  /** Gives the runner's signals back to their defaults. */
  readonly release: () => void;
}

export interface AgentStart {
  readonly executable: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly stdio: StdioOptions;
  readonly stopMs: number;
  /** What stands around the agent: takes the process over, and knows how its signals get in. */
  readonly around?: {
    readonly attach: (child: ChildProcess) => void;
    readonly signal: (child: ChildProcess, signal: NodeJS.Signals) => void;
  } | null;
  /** The runner was stopped (`^Z`) and goes on. */
  readonly onResume: () => void;
}

const passedOn: readonly NodeJS.Signals[] = ['SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2'];
/** Sent by the keyboard, or by the shell that brings a job back, to the whole process group. */
const ofTerminal: readonly NodeJS.Signals[] = ['SIGINT', 'SIGQUIT', 'SIGCONT'];

/** Whether our process group has the terminal: then the terminal's signals reach the agent by themselves, and a second one would be one too many. */
const hasTerminal = (): boolean => {
  try {
    // proc_pid_stat(5): after the command's name come state, ppid, pgrp, session, tty_nr, tpgid.
    const stat = readFileSync('/proc/self/stat', 'latin1');
    const [, , group, , terminal, foreground] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return terminal !== '0' && group === foreground;
  } catch {
    return isatty(0);
  }
};

/** What a shell reports for a program killed by `signal`. */
export const exitCodeOf = (signal: NodeJS.Signals): number => 128 + constants.signals[signal];

const notStarted = (executable: string, error: NodeJS.ErrnoException): AgentExit =>
  error.code === 'ENOENT'
    ? { notStarted: 127, problem: `${executable} or the interpreter that it names was not found` }
    : { notStarted: 126, problem: `${executable} could not be started (${error.code ?? error.message})` };

const direct: NonNullable<AgentStart['around']> = { attach: () => undefined, signal: (child, signal) => void child.kill(signal) };

export const startAgent = ({ executable, args, cwd, env, stdio, stopMs, around, onResume }: AgentStart): AgentProcess => {
  const { attach, signal: signalAgent } = around ?? direct;
  const send = (signal: NodeJS.Signals): void => {
    if (child !== null) signalAgent(child, signal);
  };
  let running = true;
  let killing: NodeJS.Timeout | undefined;
  const settled = Promise.withResolvers<AgentExit>();
  const listeners = new Map<NodeJS.Signals, () => void>();
  const end = (exit: AgentExit): void => {
    running = false;
    clearTimeout(killing);
    settled.resolve(exit);
  };

  // Listening comes first: a signal between start and listening would end the runner and leave the agent.
  for (const signal of [...passedOn, ...ofTerminal]) {
    const listener = (): void => {
      if (running && (!ofTerminal.includes(signal) || !hasTerminal())) send(signal);
      if (signal === 'SIGCONT') onResume();
    };
    listeners.set(signal, listener);
    process.on(signal, listener);
  }
  let child: ChildProcess | null = null;
  try {
    child = spawn(executable, args, { cwd, env, stdio });
    if (child.pid !== undefined) attach(child);
    const { pid } = child;
    child.on('error', (error) => {
      if (pid === undefined) end(notStarted(executable, error));
    });
    child.on('exit', (exitCode, signal) => end(signal === null ? { exitCode: exitCode ?? 0, signal: null } : { exitCode: null, signal }));
  } catch (error) {
    // Some refusals of the system (arguments too long, no format to execute) are thrown instead of told.
    end(notStarted(executable, error as NodeJS.ErrnoException));
  }

  return {
    exited: settled.promise,
    stop: () => {
      if (!running || killing !== undefined) return;
      send('SIGTERM');
      // One that was suspended would not see it.
      send('SIGCONT');
      killing = setTimeout(() => send('SIGKILL'), stopMs);
    },
    release: () => {
      for (const [signal, listener] of listeners) process.off(signal, listener);
    },
  };
};
