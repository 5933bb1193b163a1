// What `up` and `demo` share: loading the config, settings that a command line may override, and waiting for the end.
// Ports and folders may be overridden; nothing that decides may.

import { lstatSync } from 'node:fs';
import { resolve } from 'node:path';
import { controlSocketPath } from '../client/client.ts';
import { problemText, type ConfigProblem, type LoadedConfig } from '../config/config.ts';
import { type LineFormat, lineFormats, type LineLevel, lineLevels } from '../core/diagnostic-line.ts';
import { shellWord } from '../core/shell-word.ts';
import { CommandError, exitCode, type CommandInput, type CommandIo, type CommandOption } from './command.ts';
import { readConfig } from './config-file.ts';
import { systemConfigPath } from './config-path.ts';
import { unwritableProblem } from './data-folder.ts';
import { secretWarnings } from './secret-sources.ts';
import { toolNameWarnings } from './tool-names.ts';

/** The envelope, as far as a command knows it; `envelope.ts` is injected. */
export interface RunningEnvelope {
  readonly doors: { readonly model: string; readonly network: string; readonly admin: string };
  readonly release: string;
  readonly controlSocket: string;
  /** Verifier key of the ledger. */
  readonly vkey: string;
  readonly close: () => Promise<void>;
}

export interface StartSettings {
  readonly loaded: LoadedConfig;
  readonly controlSocket: string;
  /** Which diagnostics are written to stderr, and how; without it only what must not be missed, as text. */
  readonly lines?: { readonly format: LineFormat; readonly level: LineLevel | 'off' };
}

export type StartEnvelope = (
  settings: StartSettings,
  io: CommandIo,
) => Promise<RunningEnvelope | { readonly problem: string; readonly next: string }>;

export const portOptions: readonly CommandOption[] = [
  { name: 'port', type: 'text', value: 'PORT', describe: 'Port of the model door, instead of `server.ports.model`; 0 takes any free one' },
  {
    name: 'network-port',
    type: 'text',
    value: 'PORT',
    describe: 'Port of the network door, instead of `server.ports.network`; 0 takes any free one',
  },
  {
    name: 'admin-port',
    type: 'text',
    value: 'PORT',
    describe: 'Port of the admin plane, instead of `server.ports.admin`; 0 takes any free one',
  },
];

export const lineOptions: readonly CommandOption[] = [
  {
    name: 'log-format',
    type: 'text',
    value: 'text|json',
    default: 'text',
    describe: 'How diagnostics are written to stderr: as lines for people, or as one JSON object a line',
  },
  {
    name: 'log-level',
    type: 'text',
    value: 'info|warn|error|off',
    default: 'info',
    describe: 'The lowest level that is written; each crossing is one line, most of them at info',
  },
];

/** What the options of `lineOptions` ask for. */
export const linesOf = (input: CommandInput): NonNullable<StartSettings['lines']> => ({
  format: chosen(input, 'log-format', lineFormats),
  level: chosen(input, 'log-level', [...lineLevels, 'off']),
});

const chosen = <Choice extends string>(input: CommandInput, name: string, choices: readonly Choice[]): Choice => {
  const given = input.text(name);
  const choice = choices.find((each) => each === given);
  if (choice !== undefined) return choice;
  throw new CommandError('usage', `\`--${name}\` takes ${choices.join(', ')}`, 'Choose one of them.', exitCode.usage);
};

/** The config at `path`; a problem is a `CommandError` that names the first and counts the rest. */
export const loadOrExplain = (path: string): LoadedConfig => {
  if (lstatSync(path, { throwIfNoEntry: false }) === undefined) throw noConfig(path);
  const loaded = readConfig(path);
  if ('config' in loaded) return loaded;
  const [first] = loaded.problems;
  const message = first === undefined ? `${path} cannot be read` : problemText(path, first);
  const more = loaded.problems.length > 1 ? ` (and ${loaded.problems.length - 1} more)` : '';
  // A problem of the file as a whole says itself what to do, and is the only one.
  const next = first?.path === '' ? 'Correct that, then try again.' : `Run \`sealwright check --config ${shellWord(path)}\` for all of it.`;
  throw new CommandError('config', `${message}${more}`, next);
};

const noConfig = (path: string): CommandError =>
  path === systemConfigPath
    ? new CommandError(
        'config',
        `no config is named, and there is none at ${path}`,
        'Name one with --config FILE; `sealwright init` writes one to begin with.',
      )
    : new CommandError(
        'config',
        `there is no file ${path}`,
        'Name another with --config FILE; `sealwright init` writes one to begin with.',
      );

/** The config with what the command line overrides. */
export const overridden = (loaded: LoadedConfig, input: CommandInput, io: CommandIo, dataDir: string | undefined): LoadedConfig => {
  const { ports } = loaded.config.server;
  const port = (name: string, configured: number): number => {
    const given = input.whole(name, 0) ?? configured;
    if (given <= 65_535) return given;
    throw new CommandError('usage', `\`--${name}\` takes a port up to 65535`, 'Choose another port.', exitCode.usage);
  };
  return {
    ...loaded,
    config: {
      ...loaded.config,
      data_dir: dataDir === undefined ? loaded.config.data_dir : resolve(io.cwd, dataDir),
      server: {
        ...loaded.config.server,
        ports: {
          model: port('port', ports.model),
          network: port('network-port', ports.network),
          admin: port('admin-port', ports.admin),
        },
      },
    },
  };
};

/** What a person should know before the envelope starts with this config. */
export const warningsOf = ({ config, warnings }: LoadedConfig, io: CommandIo): readonly ConfigProblem[] => [
  ...warnings,
  ...toolNameWarnings(config),
  ...secretWarnings(config, io.environment),
];

export const controlSocketOf = (loaded: LoadedConfig, input: CommandInput, io: CommandIo): string => {
  const named = input.text('control') ?? loaded.config.server.control_socket ?? null;
  const path = controlSocketPath(named, io.environment, 'listen');
  if (typeof path === 'string') return path;
  throw new CommandError('control_socket', path.problem, '', exitCode.usage);
};

/** Starts, or explains why not. A busy port names the option that chooses another. */
export const startOrExplain = async (
  start: StartEnvelope,
  loaded: LoadedConfig,
  controlSocket: string,
  io: CommandIo,
  lines?: StartSettings['lines'],
): Promise<RunningEnvelope> => {
  const { data_dir: data } = loaded.config;
  const problem = unwritableProblem(data);
  if (problem !== null)
    throw new CommandError('data_folder', problem, 'Make it writable for this user, or name another with `--data DIR` or `data_dir`.');
  const envelope = await start({ loaded, controlSocket, ...(lines && { lines }) }, io);
  if ('problem' in envelope) throw new CommandError('not_started', envelope.problem, envelope.next);
  return envelope;
};

/** Resolves at the first interrupt. */
export const interrupted = (io: CommandIo): Promise<NodeJS.Signals> =>
  new Promise((done) => {
    const stop = io.onInterrupt((signal) => {
      stop();
      done(signal);
    });
  });
