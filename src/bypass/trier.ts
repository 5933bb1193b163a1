// The program that tries, as seen from where it is started: orders go in, observations come out. One order at a time.
// A program that ends, or that says nothing in time, makes every order that is left an error; nothing is taken for a denial by that.

import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Answered, Exchange, Said, Script } from './attempt.ts';

/** The file that it is. */
export const trierFile = fileURLToPath(new URL(`./agent${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url));

const exchangePatienceMs = 2_500;
const scriptPatienceMs = 20_000;
const startPatienceMs = 30_000;
const graceMs = 5_000;
const saidCharacters = 4_000;

export interface Trier {
  /** Doors that its environment names. */
  readonly network: string | null;
  readonly model: string | null;
  readonly exchange: (door: string, exchange: Exchange) => Promise<Answered>;
  readonly script: (script: Script) => Promise<Said>;
  readonly end: () => Promise<void>;
}

type Reply = Readonly<Record<string, unknown>>;

const textOf = (value: unknown): string => Buffer.from(typeof value === 'string' ? value : '', 'base64').toString('latin1');

const encoded = (part: string | Uint8Array): string =>
  Buffer.from(typeof part === 'string' ? Buffer.from(part, 'latin1') : part).toString('base64');

/** Starts `command` with the program that tries as its last words, and waits until it says that it is ready. */
export const startTrier = async (command: readonly string[], env: NodeJS.ProcessEnv, cwd: string): Promise<Trier> => {
  const [program, ...argv] = [...command, process.execPath, trierFile];
  // One more than it is meant to have: what a guard hands on by accident is looked for inside.
  const inherited = openSync('/etc/passwd', 'r');
  const child: ChildProcess = spawn(program, argv, { env, cwd, stdio: ['pipe', 'pipe', 'pipe', inherited] });
  closeSync(inherited);
  let said = '';
  child.stderr?.on('data', (chunk: Buffer) => void (said = (said + chunk.toString()).slice(-saidCharacters)));
  const waiting = new Map<number, (reply: Reply) => void>();
  const { promise: ready, resolve: isReady, reject: isGone } = Promise.withResolvers<Reply>();
  let gone = false;
  const lost = (why: string): void => {
    gone = true;
    isGone(new Error(`${why}${said.trim() === '' ? '' : `: ${said.trim()}`}`));
    for (const tell of waiting.values()) tell({ lost: why });
    waiting.clear();
  };
  child.once('error', ({ message }) => lost(message));
  const closed = new Promise<void>((resolve) => {
    child.once('close', (code) => {
      lost(`the program that tries ended with ${code}`);
      resolve();
    });
    child.once('error', () => resolve());
  });
  child.stdin?.on('error', () => undefined);
  if (child.stdout !== null)
    createInterface({ input: child.stdout }).on('line', (line) => {
      const reply = (line.startsWith('{') ? JSON.parse(line) : {}) as Reply;
      if (reply['ready'] === true) isReady(reply);
      waiting.get(Number(reply['id']))?.(reply);
      waiting.delete(Number(reply['id']));
    });

  let next = 0;
  const ask = (order: Readonly<Record<string, unknown>>, patienceMs: number): Promise<Reply> => {
    const id = (next += 1);
    if (gone) return Promise.resolve({ lost: 'the program that tries is gone' });
    return new Promise((resolve) => {
      const late = setTimeout(() => {
        waiting.delete(id);
        resolve({ lost: 'the program that tries said nothing' });
      }, patienceMs + graceMs);
      waiting.set(id, (reply) => {
        clearTimeout(late);
        resolve(reply);
      });
      child.stdin?.write(`${JSON.stringify({ id, ...order, patienceMs })}\n`);
    });
  };

  const slow = setTimeout(() => {
    child.kill('SIGKILL');
    lost('the program that tries did not start');
  }, startPatienceMs);
  const { network, model } = await ready.finally(() => clearTimeout(slow));
  return {
    network: typeof network === 'string' ? network : null,
    model: typeof model === 'string' ? model : null,
    exchange: async (door, { parts, pauseMs = 0, unasked = false, patienceMs = exchangePatienceMs }) => {
      const reply = await ask({ door, parts: parts.map(encoded), pauseMs, unasked }, patienceMs + pauseMs * parts.length);
      return {
        status: typeof reply['status'] === 'number' ? reply['status'] : null,
        text: textOf(reply['text']),
        behind: textOf(reply['behind']),
        ended: reply['ended'] === 'open' ? 'open' : reply['ended'] === 'closed' ? 'closed' : 'failed',
        ...(typeof reply['lost'] === 'string' && { lost: reply['lost'] }),
      };
    },
    script: async (script) => {
      const reply = await ask({ script }, scriptPatienceMs);
      if (typeof reply['lost'] === 'string') return { code: null, text: reply['lost'] };
      return { code: typeof reply['code'] === 'number' ? reply['code'] : null, text: textOf(reply['said']) };
    },
    end: async () => {
      child.stdin?.end();
      const late = setTimeout(() => child.kill('SIGKILL'), graceMs);
      await closed;
      clearTimeout(late);
    },
  };
};
