// Help texts, written from the commands' own declarations: for all commands, for a group, for one command; and the command `help`.
// Pure but for loading the commands that it describes.

import { exitCode, writeJson, type Command, type CommandError, type CommandOption, type CommandRow } from './command.ts';

/** Longer lines are hard to read. */
const lineCharacters = 100;

/** How long lines are: as long as the terminal is wide, where there is one. */
type Width = number | null;

/** Lines broken between words; lines that are there stay. */
const linesOf = (text: string, characters: number): readonly string[] =>
  text.split('\n').flatMap((paragraph) => {
    const lines: string[] = [];
    for (const word of paragraph.split(' ')) {
      const last = lines.at(-1);
      if (last === undefined || last.length + 1 + word.length > characters) lines.push(word);
      else lines[lines.length - 1] = `${last} ${word}`;
    }
    return lines;
  });

const charactersOf = (width: Width): number => Math.min(width ?? lineCharacters, lineCharacters);

const wrapped = (text: string, width: Width): string => linesOf(text, charactersOf(width)).join('\n');

/** Where less is left for the right side, lines are as long as they are. */
const narrowest = 24;

const columns = (rows: readonly (readonly [string, string])[], width: Width): string => {
  const left = Math.max(...rows.map(([name]) => name.length));
  const inset = left + 4;
  const room = charactersOf(width) - inset;
  return rows
    .map(([name, meaning]) => {
      const lines = linesOf(meaning, room < narrowest ? Number.POSITIVE_INFINITY : room);
      return `  ${name.padEnd(left)}  ${lines.join(`\n${' '.repeat(inset)}`)}`.trimEnd();
    })
    .join('\n');
};

const shared: readonly CommandOption[] = [
  { name: 'json', type: 'flag', describe: 'Print JSON for machines; errors too, on stderr' },
  { name: 'help', short: 'h', type: 'flag', describe: 'Show this' },
];

/** The options of a command with those that every command has. */
export const optionsOf = (command: Command): readonly CommandOption[] => [...command.options, ...shared];

/** Such as `sealwright run [OPTIONS] -- CMD…`. */
export const usageLine = (command: Command): string => {
  const parts = ['sealwright', command.name];
  if (command.options.length > 0) parts.push('[OPTIONS]');
  for (const { name, optional, many } of command.positionals) {
    const text = many ? `${name}…` : name;
    parts.push(optional ? `[${text}]` : text);
  }
  if (command.takesCommand) parts.push('-- CMD…');
  return parts.join(' ');
};

/** Such as `--key VKEY` or `-h, --help`. */
export const optionForm = ({ name, short, type, value }: CommandOption): string =>
  `${short === undefined ? '' : `-${short}, `}--${name}${type === 'text' ? ` ${value ?? 'TEXT'}` : ''}`;

/** What the option does, with its default. */
export const optionMeaning = (option: CommandOption): string =>
  `${option.describe}${option.many ? ' (may be repeated)' : ''}${option.default === undefined ? '' : ` (default: ${option.default})`}`;

export const commandHelp = (command: Command, width: Width): string => {
  const parts = [`${command.summary}.`, `Usage: ${usageLine(command)}`];
  if (command.describe !== undefined) parts.push(wrapped(command.describe, width));
  if (command.positionals.length > 0)
    parts.push(
      columns(
        command.positionals.map(({ name, describe }) => [name, describe]),
        width,
      ),
    );
  const options = optionsOf(command).map((option) => [optionForm(option), optionMeaning(option)] as const);
  parts.push(`Options:\n${columns(options, width)}`);
  if (command.examples.length > 0) {
    parts.push(`Examples:\n${command.examples.map(({ line, does }) => `  # ${does}\n  ${line}`).join('\n')}`);
  }
  return `${parts.join('\n\n')}\n`;
};

const listed = async (rows: readonly CommandRow[], width: Width): Promise<string> => {
  const commands = await Promise.all(rows.map((row) => row.load()));
  return columns(
    commands.map(({ name, summary }) => [name, summary]),
    width,
  );
};

export const groupHelp = async (group: string, rows: readonly CommandRow[], width: Width): Promise<string> =>
  `Usage: sealwright ${group} COMMAND\n\n${await listed(rows, width)}\n\nMore about one: sealwright help ${group} COMMAND\n`;

export const tableHelp = async (rows: readonly CommandRow[], width: Width): Promise<string> =>
  `${wrapped('Sealwright: the envelope around AI agents. What an agent sends out or takes in passes one gate and is recorded before it happens.', width)}\n\nUsage: sealwright COMMAND\n\n${await listed(rows, width)}\n\nMore about one: sealwright help COMMAND\nExit codes: 0 ok, 1 the answer is no, 2 usage, 3 the envelope is unreachable, 70 a bug\n`;

/** `help`, over the rows of the table that it is itself part of. */
export const createHelp = (rows: readonly CommandRow[], unknown: (words: readonly string[]) => CommandError): Command => ({
  name: 'help',
  summary: 'Explain all commands, or one',
  positionals: [{ name: 'COMMAND', describe: 'A command of one or two words', optional: true, many: true }],
  options: [],
  examples: [{ line: 'sealwright help audit verify', does: 'what `audit verify` takes' }],
  run: async (input, io) => {
    const name = input.positionals.join(' ');
    const row = rows.find((each) => each.name === name);
    const group = rows.filter((each) => each.name.startsWith(`${name} `));
    if (name !== '' && !row && group.length === 0) throw unknown(input.positionals);
    if (input.json) {
      const described = await Promise.all((row ? [row] : group.length > 0 ? group : rows).map((each) => each.load()));
      writeJson(io.stdout, { commands: described });
    } else if (row) io.stdout.write(commandHelp(await row.load(), io.columns));
    else io.stdout.write(group.length > 0 ? await groupHelp(name, group, io.columns) : await tableHelp(rows, io.columns));
    return exitCode.ok;
  },
});
