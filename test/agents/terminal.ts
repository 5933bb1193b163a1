// A terminal in which a person sits: tmux holds the screen, a shell with job control runs in it, keys are typed into it, and its text is read back.
// Waiting is for a text and bounded; what did not come is said with what the screen shows. Whoever opens one closes it, and all that runs in it.

import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { shellWord } from '../../src/core/shell-word.ts';
import type { Command } from './bounded-command.ts';

export interface Terminal {
  /** As it is now, without blanks at the ends of lines and empty lines at its end. */
  readonly screen: () => string;
  /** The screen as soon as it shows `text`, and has stopped changing. Throws an `Error` after a minute. */
  readonly until: (text: RegExp) => Promise<string>;
  /** Types text. */
  readonly type: (text: string) => void;
  /** Keys by the names of tmux, such as `Enter` and `C-c`. */
  readonly press: (...keys: readonly string[]) => void;
  readonly resize: (columns: number, rows: number) => void;
  readonly close: () => void;
}

const waitMs = 60_000;
const lookMs = 100;
/** Screens are drawn in steps: this many looks must show the same. */
const stillCount = 6;

/** Whether what is seen became what it `is` to be, and stopped changing, within a minute. */
const settled = async (look: () => string, is: (shown: string) => boolean): Promise<boolean> => {
  const endMs = performance.now() + waitMs;
  for (let shown = '', still = 0; still < stillCount;) {
    if (performance.now() > endMs) return false;
    await pause(lookMs);
    const now = look();
    still = now === shown && is(now) ? still + 1 : 0;
    shown = now;
  }
  return true;
};

/** What a terminal shows at a moment, once the other terminal shows it too. Throws an `Error` where the other does not come to the same moment. */
export type Meet = (terminal: Terminal, text: RegExp) => Promise<string>;

/** Two people who do the same at two terminals. At each moment one waits for the other, until both screens show the text, have stopped changing and,
 * as `compared` sees them, show the same; after a minute each goes on with what it sees, so that a difference that stays can be told. Programs
 * draw in steps that may be far apart on a busy machine, and a screen that is still for a while need not be done. */
export const meeting = (compared: (screen: string) => string): Meet => {
  let first: { readonly terminal: Terminal; readonly text: RegExp; readonly done: () => void } | undefined;
  const together = async (terminal: Terminal, text: RegExp, other: NonNullable<typeof first>): Promise<void> => {
    const both = (): string => JSON.stringify([terminal.screen(), other.terminal.screen()]);
    await settled(both, (shown) => {
      const [here = '', there = ''] = JSON.parse(shown) as string[];
      return text.test(here) && other.text.test(there) && compared(here) === compared(there);
    });
    other.done();
  };
  return async (terminal, text) => {
    if (first === undefined) {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const timer = setTimeout(() => reject(new Error(`alone at ${String(text)} on the screen:\n${terminal.screen()}`)), 2 * waitMs);
      first = { terminal, text, done: resolve };
      await promise.finally(() => clearTimeout(timer));
    } else {
      const other = first;
      first = undefined;
      await together(terminal, text, other);
    }
    return terminal.screen();
  };
};

/** Opens a shell whose prompt is `$ ` and that knows `command` by the name `agent`. */
export const openTerminal = ({ argv, cwd, env }: Pick<Command, 'argv' | 'cwd' | 'env'>, columns = 100, rows = 40): Terminal => {
  // Not below the home: the path of a socket may have 107 bytes.
  const folder = mkdtempSync(join(tmpdir(), 'term-'));
  const socket = join(folder, 's');
  const script = join(folder, 'agent');
  const config = join(folder, 'config');
  // Without it one of the agents says, sooner or later, that it would like it.
  writeFileSync(config, 'set -g focus-events on\n');
  writeFileSync(script, `#!/bin/sh\nexec ${argv.map(shellWord).join(' ')}\n`);
  chmodSync(script, 0o755);
  const tmux = (...words: readonly string[]): string => {
    const { status, stdout, stderr } = spawnSync('tmux', ['-S', socket, '-f', config, ...words], { encoding: 'utf8', env: {} });
    if (status !== 0) throw new Error(`tmux ${words.join(' ')}: ${stderr}`);
    return stdout;
  };
  const { TERM: _, PATH = '', ...rest } = env;
  const set = Object.entries({ ...rest, PATH: `${folder}:${PATH}`, PS1: '$ ', ENV: '' }).flatMap(([name, value]) => [
    '-e',
    `${name}=${value}`,
  ]);
  tmux('new-session', '-d', '-x', String(columns), '-y', String(rows), '-c', cwd, ...set, '/bin/sh', '-i');
  const screen = (): string =>
    tmux('capture-pane', '-p')
      .split('\n')
      .map((line) => line.trimEnd())
      .join('\n')
      .trimEnd();
  return {
    screen,
    until: async (text) => {
      if (!(await settled(screen, (shown) => text.test(shown)))) throw new Error(`no ${String(text)} on the screen:\n${screen()}`);
      return screen();
    },
    type: (text) => void tmux('send-keys', '-l', '--', text),
    press: (...keys) => void tmux('send-keys', ...keys),
    resize: (width, height) => void tmux('resize-window', '-x', String(width), '-y', String(height)),
    close: () => {
      spawnSync('tmux', ['-S', socket, 'kill-server']);
      rmSync(folder, { recursive: true, force: true });
    },
  };
};
