// What `login`, `logout`, `whoami` and whoever shows a proof of the invoker have in common: options, and the world as the client takes it.
// Throws usage errors only.

import { homeFolder, type ClientFailure } from '../client/client.ts';
import type { CredentialOrder } from '../client/credential-sources.ts';
import type { IdentityOffer, Plane } from '../client/login.ts';
import { shellWords } from '../core/shell-word.ts';
import { CommandError, exitCode, type CommandInput, type CommandIo, type CommandOption } from './command.ts';

/** Asks the envelope behind `control` (null for the usual place) whom it believes. */
export type AskIdentity = (control: string | null, io: CommandIo) => Promise<IdentityOffer | ClientFailure>;

export const issuerOption: CommandOption = {
  name: 'issuer',
  type: 'text',
  value: 'NAME',
  describe: 'Issuer as the config of the envelope names it; not needed where there is only one',
};

export const adminOption: CommandOption = {
  name: 'admin',
  type: 'flag',
  describe: 'For the control plane, whose logins are apart from those that start agents',
};

/** The options that name a proof of the invoker. */
export const credentialOptions: readonly CommandOption[] = [
  { name: 'token-file', type: 'text', value: 'PATH', describe: 'File with a token that proves who you are, read anew each time' },
  { name: 'token-command', type: 'text', value: 'CMD', describe: 'Program with its arguments that prints such a token; no shell runs it' },
];

export const credentialOrderOf = (input: CommandInput): CredentialOrder => {
  const [file, line] = [input.text('token-file') ?? null, input.text('token-command')];
  if (line === undefined) return { tokenFile: file, tokenCommand: null };
  const usage = (problem: string, next: string): CommandError => new CommandError('usage', problem, next, exitCode.usage);
  if (file !== null) throw usage('`--token-file` and `--token-command` exclude each other', 'Give one of them.');
  const words = shellWords(line);
  if (words === null || words.length === 0)
    throw usage(
      '`--token-command` takes one program with its arguments, which no shell runs',
      'For more, write: --token-command "sh -c \'…\'"',
    );
  return { tokenFile: null, tokenCommand: words };
};

export const planeOf = (input: CommandInput): Plane => (input.flag('admin') ? 'admin' : 'invocation');

export const clientSurroundings = ({ environment, cwd, clock, random }: CommandIo) => ({
  env: environment,
  home: homeFolder(environment),
  cwd,
  uid: process.getuid?.() ?? null,
  clock,
  random,
});

/** Such as `2026-11-21T10:00:00Z`; `seconds` since the Unix epoch. */
export const timeOf = (seconds: number | null): string | null => {
  const date = new Date((seconds ?? Number.NaN) * 1_000);
  return Number.isNaN(date.getTime()) ? null : date.toISOString().replace('.000Z', 'Z');
};
