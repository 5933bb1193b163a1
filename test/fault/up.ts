// The envelope as a process of its own, started as an operator starts it, so that it can be killed, starved and lied to; and the command beside it.
// Contract: whoever starts one ends it. What it says on standard error is kept, for nothing that breaks may end in a stack trace.

import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { createControlClient, isClientFailure } from '../../src/client/client.ts';
import { root } from '../project-files.ts';

const main = join(root, 'src/main.ts');

/** How a process ended: a code, or the signal that ended it. */
export type Ending = number | NodeJS.Signals;

export interface Up {
  readonly process: ChildProcess;
  readonly doors: { readonly model: string; readonly network: string; readonly admin: string };
  readonly control: string;
  readonly ended: Promise<Ending>;
  readonly said: () => string;
  /** Opens an invocation as a runner does; gives the credential, or the sentence why not. */
  readonly open: () => Promise<{ readonly credential: string } | { readonly problem: string }>;
  /** Sends SIGTERM and waits for the end. */
  readonly stop: () => Promise<Ending>;
}

export interface NotUp {
  readonly ended: Ending;
  readonly said: string;
}

export interface Starting {
  readonly config: string;
  readonly control: string;
  readonly environment?: Readonly<Record<string, string>>;
  /** What stands before the program, such as a limit that it gets. */
  readonly before?: readonly string[];
  readonly options?: readonly string[];
  /** Told of the process at once, before it is ready. */
  readonly spawned?: (child: ChildProcess) => void;
}

const environment = (more: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv => ({
  PATH: process.env['PATH'],
  NO_COLOR: '1',
  SCRIPTED_SECRET: 'secret',
  // Hundreds of processes would strip and compile the same files anew.
  NODE_COMPILE_CACHE: join(root, 'node_modules/.cache/compiled'),
  ...more,
});

export const tryUp = ({ config, control, environment: more, before = [], options = [], spawned }: Starting): Promise<Up | NotUp> =>
  new Promise((resolve) => {
    const [program = '', ...argv] = [
      ...before,
      process.execPath,
      main,
      'up',
      '--config',
      config,
      '--control',
      control,
      '--json',
      ...options,
    ];
    const child = spawn(program, argv, { stdio: ['ignore', 'pipe', 'pipe'], env: environment(more) });
    spawned?.(child);
    let [said, answer] = ['', ''];
    child.stderr.setEncoding('utf8').on('data', (text: string) => void (said += text));
    const ended = new Promise<Ending>((end) => void child.once('close', (code, signal) => end(code ?? signal ?? 'SIGKILL')));
    void ended.then((how) => resolve({ ended: how, said }));
    child.once('error', (problem) => resolve({ ended: 127, said: problem.message }));
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      answer += text;
      if (!answer.includes('\n')) return;
      const { doors } = JSON.parse(answer) as Pick<Up, 'doors'>;
      const stop = (): Promise<Ending> => {
        child.kill('SIGTERM');
        return ended;
      };
      resolve({ process: child, doors, control, ended, said: () => said, open: () => openInvocation(control), stop });
    });
  });

export const startUp = async (starting: Starting): Promise<Up> => {
  const up = await tryUp(starting);
  if ('doors' in up) return up;
  throw new Error(`up ended with ${up.ended}: ${up.said}`);
};

const openInvocation: (control: string) => ReturnType<Up['open']> = async (control) => {
  const opened = await createControlClient(control).open({
    agent: 'sdk',
    agentVersion: null,
    agentDigest: null,
    role: 'demo',
    task: null,
    containment: 'advisory',
    facts: {},
  });
  return isClientFailure(opened) ? { problem: opened.problem } : { credential: opened.credential };
};

export const credentialOf = async (up: Up): Promise<string> => {
  const opened = await up.open();
  assert.ok('credential' in opened, JSON.stringify(opened));
  return opened.credential;
};

export interface Said {
  readonly code: Ending;
  readonly out: string;
  readonly err: string;
}

/** Runs a command to its end. */
export const sealwright = (...argv: readonly string[]): Promise<Said> =>
  new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [main, ...argv], { stdio: ['ignore', 'pipe', 'pipe'], env: environment() });
    let [out, err] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text: string) => void (out += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => void (err += text));
    child.once('error', reject);
    child.once('close', (code, signal) => resolve({ code: code ?? signal ?? 'SIGKILL', out, err }));
  });

/** Whatever broke, a person reads sentences: no place in a source file, and no word of an error inside. */
export const assertNoTrace = (said: string): void => {
  assert.doesNotMatch(said, /\n\s+at |file:\/\/|node:internal|Uncaught|internal error/, said);
};
