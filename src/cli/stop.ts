// `stop`: ends at once what an agent, a role, a person, a run, a model or a tool does, until another person lifts it.
// Ends with 1 when the envelope refuses, 3 when none answers. What is said to be in force is in force when the command returns.

import { isClientFailure } from '../client/client.ts';
import { limits } from '../core/limits.ts';
import type { Stop, StopKind, StopScope } from '../core/stop.ts';
import { scopeText, stopKinds } from '../core/stop.ts';
import { CommandError, exitCode, writeJson, type Command, type CommandInput, type CommandIo, type CommandOption } from './command.ts';
import { callerOptions, controlClientOf, orThrow } from './control-client.ts';

const meanings: Readonly<Record<StopKind, string>> = {
  agent: 'An agent, as the config names it: its runs end, and none begins',
  role: 'A role: the runs that took it end, and none begins',
  user: 'A person or program: a pseudonym of the records (user_…), or ISSUER:SUBJECT',
  invocation: 'One run, by its id: it is closed',
  model: 'A model, by its pin: no call of it passes, and those under way end',
  tool: 'A tool, by its name: no call of it passes',
  all: 'Everything',
};

const scopeOptions: readonly CommandOption[] = stopKinds.map((kind) =>
  kind === 'all'
    ? { name: kind, type: 'flag', describe: meanings[kind] }
    : { name: kind, type: 'text', value: kind === 'invocation' ? 'ID' : 'NAME', describe: meanings[kind] },
);

const usage = (problem: string, next: string): CommandError => new CommandError('usage', problem, next, exitCode.usage);

const scopeOf = (input: CommandInput): StopScope => {
  const scopes = stopKinds.flatMap((kind): StopScope[] => {
    if (kind === 'all') return input.flag(kind) ? [{ kind, name: null }] : [];
    const name = input.text(kind);
    return name === undefined ? [] : [{ kind, name }];
  });
  const [scope, other] = scopes;
  if (scope === undefined || other !== undefined)
    throw usage(
      '`stop` takes exactly one of --agent, --role, --user, --invocation, --model, --tool and --all',
      'For example: sealwright stop --agent sdk --reason "it leaks"',
    );
  return scope;
};

/** Why, as a person says it. It is recorded and shown to whoever is stopped. */
export const reasonOf = (input: CommandInput): string => {
  const reason = input.text('reason')?.trim() ?? '';
  if (reason === '') throw usage('`--reason` is missing', 'Say why; it is recorded, and shown to whoever is stopped.');
  if (reason.length > limits.stopReasonCharacters)
    throw usage(`\`--reason\` takes at most ${limits.stopReasonCharacters} characters, not ${reason.length}`, 'Say it shorter.');
  return reason;
};

export const reasonOption: CommandOption = {
  name: 'reason',
  type: 'text',
  value: 'TEXT',
  describe: 'Why; recorded as it stands, so name no person',
};

/** One stop on one line. */
export const stopLine = ({ id, scope, reason, author, since }: Stop): string =>
  `${id}  ${since}  ${scopeText(scope)}  by ${author}: ${reason}`;

const liftedBy = (proved: boolean): string =>
  proved
    ? '; another person lifts it with `sealwright stops lift`'
    : '; nobody can lift it, since under `local_development` nobody is proved to be another person';

const runStop = async (input: CommandInput, io: CommandIo): Promise<number> => {
  const [scope, reason] = [scopeOf(input), reasonOf(input)];
  const client = controlClientOf(input, io);
  const stop = orThrow(await client.stop(scope, reason), 'It takes the control role breaker.');
  if (input.json) writeJson(io.stdout, stop);
  else {
    const offer = await client.identity();
    const proved = isClientFailure(offer) || !offer.local_development;
    io.stdout.write(`stopped: ${scopeText(stop.scope)}\nstop ${stop.id}${stop.scope.kind === 'invocation' ? '' : liftedBy(proved)}\n`);
  }
  return exitCode.ok;
};

export const stop: Command = {
  name: 'stop',
  summary: 'Stop an agent, role, person, run, model, tool or everything, at once',
  describe:
    'In force when the command returns: streams that are open end, nothing new passes, and a restart changes nothing. It needs the control role breaker; lifting needs another person with the role approver.',
  positionals: [],
  options: [...scopeOptions, reasonOption, ...callerOptions],
  examples: [
    { line: 'sealwright stop --agent sdk --reason "it sends what it should not"', does: 'end every run of an agent' },
    { line: 'sealwright stop --all --reason incident', does: 'end everything' },
  ],
  run: runStop,
};
