// What a command is: data that help, completion, the reference page and the parser all read, and one function.
// A command returns its exit code. What a person can act on is thrown as a `CommandError`; anything else thrown is a bug (exit 70).

import type { Clock, Random } from '../core/clock.ts';

/** The only exit codes of commands; `run` returns those of the agent instead. */
export const exitCode = { ok: 0, no: 1, usage: 2, unreachable: 3, internal: 70 } as const;

export interface Sink {
  readonly write: (text: string) => unknown;
}

/** The world as a command sees it, so that tests can give it another one. */
export interface CommandIo {
  readonly stdout: Sink;
  readonly stderr: Sink;
  /** Whether a person watches; decides about progress and colour, never about content. */
  readonly isTerminal: { readonly stdin: boolean; readonly stdout: boolean; readonly stderr: boolean };
  /** How wide the terminal at stdout is; null where there is none. */
  readonly columns: number | null;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly platform: NodeJS.Platform;
  /** Version of this package. */
  readonly version: string;
  /** Folder of this package: it holds `examples/` and `package.json`. */
  readonly packageFolder: string;
  readonly clock: Clock;
  readonly random: Random;
  /** Calls `listener` at SIGINT, SIGTERM and SIGHUP until the returned function is called. Without a listener they end the process. */
  readonly onInterrupt: (listener: (signal: NodeJS.Signals) => void) => () => void;
}

export interface CommandOption {
  readonly name: string;
  readonly short?: string;
  /** `text` takes a value, `flag` takes none. */
  readonly type: 'text' | 'flag';
  /** What stands for the value in help, such as `DIR`; for `text` only. */
  readonly value?: string;
  readonly describe: string;
  readonly default?: string;
  /** May be given several times. */
  readonly many?: true;
}

export interface CommandPositional {
  readonly name: string;
  readonly describe: string;
  readonly optional?: true;
  /** Takes all that follow; the last positional only. */
  readonly many?: true;
}

export interface CommandInput {
  readonly positionals: readonly string[];
  /** What follows `--`, for a command with `takesCommand`. */
  readonly rest: readonly string[];
  /** The value of a `text` option, or its default. */
  readonly text: (name: string) => string | undefined;
  /** All values of a `many` option. */
  readonly texts: (name: string) => readonly string[];
  /** Whether a `flag` was given. */
  readonly flag: (name: string) => boolean;
  /** The value of a `text` option as a whole number from `least` on; anything else is a usage error. */
  readonly whole: (name: string, least: number) => number | undefined;
  /** Whether `--json` was given; every command takes it. */
  readonly json: boolean;
}

export interface Command {
  /** One or two words, such as `audit verify`. */
  readonly name: string;
  /** One line without a full stop. */
  readonly summary: string;
  /** Sentences for the command's own help and the reference page. */
  readonly describe?: string;
  readonly positionals: readonly CommandPositional[];
  /** `--json` and `--help` are added for every command. */
  readonly options: readonly CommandOption[];
  /** Words after `--` are a command to run. */
  readonly takesCommand?: true;
  readonly examples: readonly { readonly line: string; readonly does: string }[];
  readonly run: (input: CommandInput, io: CommandIo) => Promise<number>;
}

/** A row of the table: loaded only when needed, so that starting stays fast. */
export interface CommandRow {
  readonly name: string;
  readonly load: () => Promise<Command>;
}

/** Something that the person can act on. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly exitCode: number;
  /** Stable, in snake_case, for machines. */
  readonly code: string;
  /** What to do next, as a sentence. */
  readonly next: string;

  /** `message` is one sentence that says what is wrong, without a full stop at its end being required. */
  constructor(code: string, message: string, next: string, exit: number = exitCode.no) {
    super(message);
    this.code = code;
    this.next = next;
    this.exitCode = exit;
  }
}

/** The option of every command that reads or writes a data folder. */
export const dataOption: CommandOption = {
  name: 'data',
  type: 'text',
  value: 'DIR',
  describe: 'Data folder (the one that `data_dir` names in the config)',
};

export const configOption: CommandOption = {
  name: 'config',
  type: 'text',
  value: 'FILE',
  describe: 'Config file',
};

const control = { name: 'control', type: 'text', value: 'SOCKET' } as const;

/** The option of every command that asks a running envelope. */
export const controlOption: CommandOption = {
  ...control,
  describe: 'Control socket of the envelope; or, of one elsewhere, its admin port as https://HOST:PORT',
};

/** The same where the envelope must be one of this machine: it listens there, or says where its files lie. */
export const socketOption: CommandOption = { ...control, describe: 'Control socket of the envelope' };

/** One JSON value on a line of its own. */
export const writeJson = (sink: Sink, value: unknown): void => {
  sink.write(`${JSON.stringify(value)}\n`);
};
