// From arguments to one command and its exit code.
// Usage errors end with 2, what a person can act on with the code of its `CommandError`, a path that the system refuses with 1,
// a bug with 70 and one sentence; never a stack trace.
// With `--json` every error is one line `{"error":{…}}` on stderr.

import type { ParseArgsOptionsConfig } from 'node:util';

import { nearest } from '../core/nearest.ts';
import { CommandError, exitCode, writeJson, type Command, type CommandInput, type CommandIo, type CommandRow } from './command.ts';

/** Not imported: an import reads every member of the module. Help is loaded when somebody asks for it. */
const { parseArgs } = process.getBuiltinModule('node:util');
const loadHelp = () => import('./help.ts');

const usage = (message: string, next: string): CommandError => new CommandError('usage', message, next, exitCode.usage);

interface Found {
  readonly row: CommandRow;
  readonly argv: readonly string[];
}

/** The row whose name of one or two words `argv` begins with. */
export const findCommand = (rows: readonly CommandRow[], argv: readonly string[]): Found | undefined => {
  for (const words of [2, 1]) {
    const name = argv.slice(0, words).join(' ');
    const row = argv.length >= words ? rows.find((each) => each.name === name) : undefined;
    if (row) return { row, argv: argv.slice(words) };
  }
  return undefined;
};

/** Rows of a group such as `audit`. */
export const findGroup = (rows: readonly CommandRow[], name: string): readonly CommandRow[] =>
  rows.filter((row) => row.name.startsWith(`${name} `));

/** A usage error for words that name no command, with the one that was probably meant. */
export const unknownCommand = (rows: readonly CommandRow[], argv: readonly string[]): CommandError => {
  const first = argv[0] ?? '';
  const inGroup = findGroup(rows, first);
  const typed = inGroup.length > 0 ? argv.slice(0, 2).join(' ') : first;
  const known = inGroup.length > 0 ? inGroup.map((row) => row.name) : rows.flatMap((row) => [row.name, row.name.split(' ')[0] ?? row.name]);
  const meant = nearest(typed, known);
  return usage(
    `there is no command \`${typed}\``,
    meant ? `Did you mean \`sealwright ${meant}\`?` : 'Run `sealwright help` for the list of commands.',
  );
};

const parserOptions = (command: Command): ParseArgsOptionsConfig => {
  const options: ParseArgsOptionsConfig = { json: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } };
  for (const option of command.options) {
    options[option.name] = {
      type: option.type === 'text' ? 'string' : 'boolean',
      ...(option.short === undefined ? {} : { short: option.short }),
      ...(option.many ? { multiple: true } : {}),
    };
  }
  return options;
};

const optionProblem = (command: Command, problem: unknown): CommandError => {
  const message = problem instanceof Error ? (problem.message.split(/[.\n]/)[0] ?? '') : String(problem);
  const lacking = /^Option '(?:-\w, )?--([\w-]+)(?: <value>)?' argument/.exec(message)?.[1];
  if (lacking !== undefined)
    return usage(`\`--${lacking}\` needs a value`, `A value that begins with a dash is given as \`--${lacking}=VALUE\`.`);
  const [, dashes = '', typed] = /^Unknown option '(-*)([^']*)'/.exec(message) ?? [];
  const meant = typed === undefined ? undefined : nearest(typed, ['json', 'help', ...command.options.map((option) => option.name)]);
  const sentence = typed === undefined ? message : `\`${command.name}\` has no option \`${dashes}${typed}\``;
  return usage(sentence, meant ? `Did you mean \`--${meant}\`?` : `Run \`sealwright ${command.name} --help\` for what it takes.`);
};

const checkPositionals = (command: Command, given: readonly string[]): void => {
  const least = command.positionals.filter((positional) => !positional.optional).length;
  const endless = command.positionals.at(-1)?.many === true;
  const see = `Run \`sealwright ${command.name} --help\` for what it takes.`;
  if (given.length < least) throw usage(`\`${command.name}\` needs ${command.positionals[given.length]?.name ?? 'an argument'}`, see);
  if (!endless && given.length > command.positionals.length) {
    throw usage(`\`${command.name}\` does not take \`${given[command.positionals.length]}\``, see);
  }
};

/** Reads `argv`, without the command's own name, as `command` declares it. Throws a usage error. Exported for tests of single commands. */
export const parseInput = (command: Command, argv: readonly string[]): CommandInput & { readonly help: boolean } => {
  const split = argv.indexOf('--');
  const own = command.takesCommand && split !== -1 ? argv.slice(0, split) : argv;
  let parsed;
  try {
    parsed = parseArgs({ args: [...own], options: parserOptions(command), allowPositionals: true, strict: true });
  } catch (problem) {
    throw optionProblem(command, problem);
  }
  const values: Readonly<Record<string, unknown>> = parsed.values;
  const help = values['help'] === true;
  if (!help) checkPositionals(command, parsed.positionals);
  const text = (name: string): string | undefined => {
    const value = values[name];
    return typeof value === 'string' ? value : command.options.find((option) => option.name === name)?.default;
  };
  return {
    positionals: parsed.positionals,
    rest: command.takesCommand && split !== -1 ? argv.slice(split + 1) : [],
    text,
    texts: (name) => {
      const value = values[name];
      return Array.isArray(value) ? value.filter((each) => typeof each === 'string') : [];
    },
    flag: (name) => values[name] === true,
    whole: (name, least) => {
      const given = text(name);
      if (given === undefined) return undefined;
      const number = Number(given);
      if (!/^\d{1,15}$/.test(given) || number < least) {
        throw usage(`\`--${name}\` takes a whole number from ${least} on, not \`${given}\``, 'Correct the number.');
      }
      return number;
    },
    json: values['json'] === true,
    help,
  };
};

/** Where in this package a bug showed, such as `ledger/journal.ts:88`; nothing of the machine. */
const placeOf = (bug: unknown): string => {
  const stack = bug instanceof Error ? (bug.stack ?? '') : '';
  const place = /\/(?:src|dist)\/([\w./-]+\.c?[jt]s:\d+)/.exec(stack)?.[1];
  return place === undefined ? '' : ` (${place})`;
};

/** What the operating system said about a path, by its error code: what is wrong, and what to do. */
const refusals: Readonly<Record<string, readonly [problem: string, next: string]>> = {
  EACCES: ['this user has no right to it', 'Give this user the right to it, or name another path.'],
  EPERM: ['this user has no right to it', 'Give this user the right to it, or name another path.'],
  EROFS: ['it is on a file system that is read-only', 'Name another path.'],
  ENOENT: ['it is not there, or its folder is not', 'Correct the path, or make its folder first.'],
  ENOTDIR: ['a part of it is not a folder', 'Correct the path.'],
  EISDIR: ['it is a folder', 'Name a file.'],
  EEXIST: ['something is already there', 'Name another path.'],
  ELOOP: ['its links lead in a circle', 'Correct the path.'],
  ENAMETOOLONG: ['it is too long', 'Name a shorter path.'],
  ENOSPC: ['the disk is full', 'Free some space, or name a path on another disk.'],
  EDQUOT: ["this user's share of the disk is used up", 'Free some space, or name a path on another disk.'],
  EIO: ['the disk failed', 'Look at the messages of the kernel.'],
};

/** A path or a disk that the system refuses is for the person to mend, wherever it came up. */
const systemRefusal = (thrown: unknown): CommandError | undefined => {
  if (!(thrown instanceof Error) || !('syscall' in thrown) || !('code' in thrown)) return undefined;
  const [problem, next] = refusals[String(thrown.code)] ?? [];
  if (problem === undefined || next === undefined) return undefined;
  const path = 'path' in thrown ? String(thrown.path) : 'a file';
  return new CommandError('path_refused', `${path} cannot be used: ${problem} (${String(thrown.code)})`, next);
};

/** Failures of the client to reach an envelope: their last sentence says what to do. What an envelope answers is its own, and stays whole. */
const withRemedy: ReadonlySet<string> = new Set(['unreachable', 'no_answer', 'untrusted_certificate', 'unsafe_socket']);

/** For machines what to do stands apart. */
const apart = (code: string, message: string, next: string): { readonly message: string; readonly next: string } => {
  const [, wrong, todo] = (next === '' && withRemedy.has(code) && /^([^]+\.) ([A-Z][^]*)$/.exec(message)) || [];
  return wrong === undefined || todo === undefined ? { message, next } : { message: wrong, next: todo };
};

/** Says what was thrown, as one sentence for a person or one line for a machine, and answers with the exit code that it stands for. */
export const reportThrown = (thrown: unknown, argv: readonly string[], io: CommandIo): number => {
  const split = argv.indexOf('--');
  const json = (split === -1 ? argv : argv.slice(0, split)).includes('--json');
  const known = thrown instanceof CommandError ? thrown : systemRefusal(thrown);
  const bug = thrown instanceof Error ? thrown.message : String(thrown);
  const message = known?.message ?? `this is a bug in sealwright ${io.version}: ${bug.split('\n')[0]}${placeOf(thrown)}`;
  const next = known?.next ?? "Please report this sentence to the project's issue tracker, or as SECURITY.md says if it may be a weakness.";
  const code = known?.code ?? 'internal';
  if (json) writeJson(io.stderr, { error: { code, ...apart(code, message, next) } });
  else io.stderr.write(`sealwright: ${message}\n${next === '' ? '' : `  ${next}\n`}`);
  return known?.exitCode ?? exitCode.internal;
};

const asksForHelp = (word: string | undefined): boolean => word === '--help' || word === '-h' || word === 'help';

const dispatch = async (rows: readonly CommandRow[], argv: readonly string[], io: CommandIo): Promise<number> => {
  const first = argv[0];
  if (first === undefined) {
    io.stderr.write(await (await loadHelp()).tableHelp(rows, io.columns));
    return exitCode.usage;
  }
  if (first === '--version' || first === '-V') return dispatch(rows, ['version', ...argv.slice(1)], io);
  if (first === '--help' || first === '-h') return dispatch(rows, ['help', ...argv.slice(1)], io);
  const found = findCommand(rows, argv);
  if (!found) {
    const group = findGroup(rows, first);
    if (group.length === 0 || (argv.length > 1 && !asksForHelp(argv[1]))) throw unknownCommand(rows, argv);
    (argv.length > 1 ? io.stdout : io.stderr).write(await (await loadHelp()).groupHelp(first, group, io.columns));
    return argv.length > 1 ? exitCode.ok : exitCode.usage;
  }
  const command = await found.row.load();
  const input = parseInput(command, found.argv);
  if (input.help) {
    io.stdout.write((await loadHelp()).commandHelp(command, io.columns));
    return exitCode.ok;
  }
  return command.run(input, io);
};

/** Runs what `argv` asks for and answers with its exit code; never rejects. */
export const runCli = async (rows: readonly CommandRow[], argv: readonly string[], io: CommandIo): Promise<number> => {
  try {
    return await dispatch(rows, argv, io);
  } catch (thrown) {
    return reportThrown(thrown, argv, io);
  }
};
