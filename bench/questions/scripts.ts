// Questions that a script of its own answers, in a process of its own: what it prints as JSON is the answer. A script that ends with 1 missed its target
// and has an answer all the same; one without an answer is an error that says what it printed.

import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { endWithUs, heldTo } from '../processors.ts';
import type { Question } from './question.ts';

const saidCharacters = 1_000;
/** Longer than any of them takes. */
const patienceMs = 10 * 60_000;

/** Whole, or the last line of it. */
const jsonIn = (text: string): object | null => {
  for (const part of [text, text.trimEnd().split('\n').at(-1) ?? '']) {
    try {
      const parsed: unknown = JSON.parse(part);
      if (typeof parsed === 'object' && parsed !== null) return parsed;
    } catch {
      // Then the next.
    }
  }
  return null;
};

interface Script {
  readonly file: string;
  readonly args: readonly string[];
  readonly quickArgs: readonly string[];
  /** Where the script itself is what is measured. */
  readonly measured?: true;
}

const run = (argv: readonly string[]): Promise<object> =>
  new Promise((resolve, reject) => {
    const [program = '', ...args] = argv;
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    endWithUs(child);
    const said = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'] as const) child[name].on('data', (chunk: Buffer) => void (said[name] += chunk.toString()));
    const patience = setTimeout(() => child.kill(), patienceMs);
    child.on('error', reject);
    child.on('close', (code) => {
      clearTimeout(patience);
      const answer = jsonIn(said.stdout);
      if (answer === null) reject(new Error(`ended with ${code ?? 'a signal'}: ${said.stderr.slice(-saidCharacters)}`));
      else resolve(answer);
    });
  });

const question = (name: string, { file, args, quickArgs, measured }: Script): Question => ({
  name,
  ask: ({ quick }) => {
    const script = fileURLToPath(new URL(`../${file}`, import.meta.url));
    const argv = [process.execPath, script, '--json', ...(quick ? quickArgs : args)];
    return run(measured === true ? heldTo('measured', argv) : argv);
  },
});

export const scripts: readonly Question[] = [
  question('stages', { file: 'stages.ts', args: ['--rounds', '7'], quickArgs: ['--rounds', '1'], measured: true }),
  question('reading', { file: 'reading.ts', args: ['--rounds', '100'], quickArgs: ['--rounds', '3'], measured: true }),
  question('decide', { file: 'decide.ts', args: ['--rounds', '10'], quickArgs: ['--rounds', '1'] }),
  question('replay', { file: 'replay.ts', args: ['--records', '20000'], quickArgs: ['--records', '2000'] }),
  question('stream', { file: 'stream.ts', args: ['--rounds', '24'], quickArgs: ['--rounds', '1', '--only', 'over75ms'] }),
  question('stop', { file: 'stop.ts', args: [], quickArgs: [] }),
  question('run', { file: 'run.ts', args: ['--rounds', '15'], quickArgs: ['--rounds', '2'] }),
  question('network', { file: 'network.ts', args: ['--rounds', '5'], quickArgs: ['--rounds', '1', '--only', 'connects'] }),
  question('jail', { file: 'jail.ts', args: ['--rounds', '15'], quickArgs: ['--rounds', '2'] }),
];
