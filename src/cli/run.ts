// `run`: starts an agent inside the envelope. Everything after `--` is the agent's command line.
// stdout is the agent's alone; our lines go to stderr. Ends with the agent's own code, or 3, 125, 126 or 127 where the agent did not start or was stopped.

import { label } from '../core/identifier.ts';
import { limits } from '../core/limits.ts';
import { containments, type Containment } from '../core/principal.ts';
import { runAgent } from '../runner/runner.ts';
import { CommandError, exitCode, writeJson, type Command, type CommandInput, type CommandIo } from './command.ts';
import { callerOptions, credentialOf, nextOf } from './control-client.ts';
import { printable } from './printable.ts';
import { createProgress } from './progress.ts';

const describe = `Starts the agent in a jail: in namespaces of its own, from which the doors of the envelope are all that it reaches, with a root of named folders in which only the workspace and what is its own can be changed. Where no jail can be made it says what is missing and starts nothing.
Opens an invocation, rebuilds the environment from a short list of variables, points the clients of the agent at the envelope, sets SEALWRIGHT_INVOCATION to the id of the invocation, and starts it in this terminal. Recorded are start, end, exit code, the digest of the program, and of a repository the commits made and the files changed.
Ends with the agent's own exit code (128 and the signal's number when it was killed), and a 0 becomes 1 when a crossing was denied in words that the agent took for an answer, or when the envelope was gone at the end, so that nobody knows. 3: no envelope answers. 125: refused or stopped by the envelope. 126: not executable. 127: not found.
A program is not looked up by its bare name inside the repository that it is to work in; give its path if you mean that one.`;

const nameOption = (input: CommandInput, name: string): string | null => {
  const given = input.text(name);
  if (given === undefined) return null;
  if (label(given) === given) return given;
  throw new CommandError('usage', `\`--${name}\` takes a name as it stands in the config`, 'Correct the name.', exitCode.usage);
};

const taskOption = (input: CommandInput): string | null => {
  const task = input.text('task') ?? null;
  if (task === null || task.length <= limits.taskCharacters) return task;
  const problem = `\`--task\` takes at most ${limits.taskCharacters} characters, not ${task.length}`;
  throw new CommandError('usage', problem, 'Shorten the description of the task.', exitCode.usage);
};

const containmentOption = (input: CommandInput): Containment => {
  const given = input.text('containment') ?? 'jail';
  const found = containments.find((each) => each === given);
  if (found !== undefined) return found;
  throw new CommandError('usage', `\`--containment\` takes ${containments.join(' or ')}`, 'Leave it out for a jail.', exitCode.usage);
};

const runCommand = async (input: CommandInput, io: CommandIo): Promise<number> => {
  const [program, ...args] = input.rest;
  if (program === undefined) {
    throw new CommandError(
      'usage',
      '`run` needs the command of an agent after `--`',
      'For example: sealwright run -- claude',
      exitCode.usage,
    );
  }
  const quiet = input.flag('quiet');
  const progress = createProgress(io, `reading ${printable(program)}`, 'bytes');
  const { exitCode: code, failure } = await runAgent(
    {
      argv: [program, ...args],
      agent: nameOption(input, 'agent'),
      role: nameOption(input, 'role'),
      task: taskOption(input),
      containment: containmentOption(input),
      control: input.text('control') ?? null,
    },
    {
      env: io.environment,
      cwd: io.cwd,
      uid: process.getuid?.() ?? 0,
      stdio: 'inherit',
      wallMs: io.clock.wallMs,
      monotonicMs: io.clock.monotonicMs,
      announce: quiet
        ? null
        : (sentence, facts) => {
            if (input.json) writeJson(io.stderr, facts);
            else io.stderr.write(`sealwright: ${printable(sentence)}\n`);
          },
      warn: (sentence) => {
        if (input.json) writeJson(io.stderr, { warning: sentence });
        else io.stderr.write(`sealwright: ${printable(sentence)}\n`);
      },
      progress: (done, total) => (done === total ? progress.end() : progress.update(done, total)),
      credential: credentialOf(input, io),
    },
  );
  if (failure !== null) throw new CommandError(failure.code, printable(failure.problem), nextOf(failure, ''), code);
  return code;
};

export const run: Command = {
  name: 'run',
  summary: 'Run an agent inside the envelope',
  describe,
  positionals: [],
  options: [
    { name: 'agent', type: 'text', value: 'NAME', describe: 'Agent as the config names it; not needed where there is only one' },
    { name: 'role', type: 'text', value: 'NAME', describe: 'Role that it takes; not needed where the agent has only one' },
    { name: 'task', type: 'text', value: 'TEXT', describe: 'What it is to do; recorded as a keyed digest' },
    {
      name: 'containment',
      type: 'text',
      value: 'HOW',
      describe:
        'By `jail`, or `advisory`: then nothing keeps the agent from going round the envelope, every record says so, and policy may forbid it',
      default: 'jail',
    },
    ...callerOptions,
    { name: 'quiet', short: 'q', type: 'flag', describe: 'No line before and after; warnings and errors stay' },
  ],
  takesCommand: true,
  examples: [
    { line: 'sealwright run -- claude', does: 'an interactive agent in this folder' },
    { line: 'sealwright run --agent sdk --role demo -- node agent.mjs', does: 'a program of your own' },
  ],
  run: runCommand,
};
