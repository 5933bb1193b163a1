// `completion`: a script for the shell, generated from the table of commands.
// Prints text and touches nothing; the person installs it.

import { CommandError, exitCode, writeJson, type Command, type CommandRow } from './command.ts';
import { optionsOf } from './help.ts';

const shells = ['bash', 'zsh', 'fish'] as const;
type Shell = (typeof shells)[number];

interface Word {
  readonly word: string;
  readonly describe: string;
}

/** What may follow each beginning: the first word, the second word of a group, the options of a command. */
interface Follows {
  readonly first: readonly Word[];
  readonly second: ReadonlyMap<string, readonly Word[]>;
  readonly options: ReadonlyMap<string, readonly Word[]>;
  /** Commands behind whose `--` stands a command of somebody else. */
  readonly takingCommands: readonly string[];
}

const followsOf = (commands: readonly Command[]): Follows => {
  const first = new Map<string, Word>();
  const second = new Map<string, Word[]>();
  const options = new Map<string, readonly Word[]>();
  for (const command of commands) {
    const [one = '', two] = command.name.split(' ');
    if (two === undefined) first.set(one, { word: one, describe: command.summary });
    else {
      const group = second.get(one) ?? [];
      group.push({ word: two, describe: command.summary });
      second.set(one, group);
      if (!first.has(one)) first.set(one, { word: one, describe: `Commands about ${one}` });
    }
    options.set(
      command.name,
      optionsOf(command).map(({ name, describe }) => ({ word: `--${name}`, describe })),
    );
  }
  const takingCommands = commands.flatMap(({ name, takesCommand }) => (takesCommand ? [name] : []));
  return { first: [...first.values()], second, options, takingCommands };
};

const words = (list: readonly Word[]): string => list.map(({ word }) => word).join(' ');

/** What was typed so far is the command, alone or with words behind it; not another one that begins with its name. */
const isCommand = (name: string): string => `'${name}'|'${name} '*`;
const isBehindDashes = (name: string): string => `'${name}'*' --'|'${name}'*' -- '*`;

const bash = ({ first, second, options, takingCommands }: Follows): string => {
  const cases = [
    ...takingCommands.map((name) => `    ${isBehindDashes(name)}) ;;`),
    ...[...options].map(([name, list]) => `    ${isCommand(name)}) [[ $word == -* ]] && next='${words(list)}' ;;`),
    ...[...second].map(([group, list]) => `    '${group}') next='${words(list)}' ;;`),
  ];
  return `# bash completion for sealwright; source it from ~/.bashrc
_sealwright() {
  local word=\${COMP_WORDS[COMP_CWORD]} next=
  local before="\${COMP_WORDS[*]:1:COMP_CWORD-1}"
  case $before in
    '') next='${words(first)}' ;;
${cases.join('\n')}
  esac
  if [[ -n $next ]]; then
    COMPREPLY=($(compgen -W "$next" -- "$word"))
  else
    COMPREPLY=($(compgen -f -- "$word"))
  fi
}
complete -o filenames -F _sealwright sealwright
`;
};

const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;
const zshWords = (list: readonly Word[]): string =>
  list.map(({ word, describe }) => quoted(`${word.replaceAll(':', '\\:')}:${describe}`)).join(' ');

const zsh = ({ first, second, options, takingCommands }: Follows): string => {
  const cases = [
    ...takingCommands.map((name) => `    ${isBehindDashes(name)}) ;;`),
    ...[...options].map(([name, list]) => `    ${isCommand(name)}) [[ $PREFIX == -* ]] && next=(${zshWords(list)}) ;;`),
    ...[...second].map(([group, list]) => `    '${group}') next=(${zshWords(list)}) ;;`),
  ];
  return `#compdef sealwright
# zsh completion for sealwright; save it as _sealwright in a folder of $fpath
_sealwright() {
  local -a next
  local before="\${(j: :)words[2,CURRENT-1]}"
  case $before in
    '') next=(${zshWords(first)}) ;;
${cases.join('\n')}
  esac
  if (( \${#next} )); then
    _describe sealwright next
  else
    _files
  fi
}
_sealwright "$@"
`;
};

const fish = ({ first, second, options }: Follows): string => {
  const lines = ['# fish completion for sealwright; save it as ~/.config/fish/completions/sealwright.fish'];
  for (const { word, describe } of first) {
    lines.push(`complete -c sealwright -n __fish_use_subcommand -f -a ${quoted(word)} -d ${quoted(describe)}`);
  }
  const seen = (name: string): string =>
    name
      .split(' ')
      .map((word) => `__fish_seen_subcommand_from ${word}`)
      .join('; and ');
  for (const [group, list] of second) {
    const unfinished = `__fish_seen_subcommand_from ${group}; and not __fish_seen_subcommand_from ${words(list)}`;
    for (const { word, describe } of list) {
      lines.push(`complete -c sealwright -n ${quoted(unfinished)} -f -a ${quoted(word)} -d ${quoted(describe)}`);
    }
  }
  for (const [name, list] of options) {
    for (const { word, describe } of list) {
      lines.push(`complete -c sealwright -n ${quoted(seen(name))} -l ${word.slice(2)} -d ${quoted(describe)}`);
    }
  }
  return `${lines.join('\n')}\n`;
};

const scripts: Readonly<Record<Shell, (follows: Follows) => string>> = { bash, zsh, fish };

export const createCompletion = (rows: readonly CommandRow[]): Command => ({
  name: 'completion',
  summary: 'Print a completion script for a shell',
  positionals: [{ name: 'SHELL', describe: 'bash, zsh or fish' }],
  options: [],
  examples: [{ line: 'source <(sealwright completion bash)', does: 'complete commands and options in this shell' }],
  run: async (input, io) => {
    const shell = shells.find((each) => each === input.positionals[0]);
    if (!shell) {
      throw new CommandError('usage', `there is no completion for \`${input.positionals[0]}\``, 'Name bash, zsh or fish.', exitCode.usage);
    }
    const commands = await Promise.all(rows.filter((row) => row.name !== 'completion').map((row) => row.load()));
    const script = scripts[shell](followsOf([...commands, createCompletion(rows)]));
    if (input.json) writeJson(io.stdout, { shell, script });
    else io.stdout.write(script);
    return exitCode.ok;
  },
});
