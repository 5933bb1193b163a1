// What commands may ask of sets of rules; the rooms that hold them are not open to a command, so `main.ts` gives these functions.
// And what all of those commands share: which release or config is meant, and how a problem with it is told.

import { dirname, join, resolve } from 'node:path';

import type { LoadedConfig } from '../config/config.ts';
import type { RuleBook } from '../core/rules.ts';
import { CommandError, type CommandInput, type CommandIo, type CommandOption } from './command.ts';
import type { PolicyFinding } from './check.ts';

export interface PolicyTestReport {
  readonly results: readonly { readonly file: string; readonly number: number; readonly name: string; readonly problem: string | null }[];
  /** Hand-written policies that no test exercised. */
  readonly unexercised: readonly { readonly id: string; readonly file: string; readonly line: number | null }[];
  readonly unexercisedCompiled: readonly string[];
}

export type Problems = { readonly problems: readonly PolicyFinding[] };

export interface RuleBooks {
  /** Of a config, with the policies of `folder`; null without hand-written ones. */
  readonly ofConfig: (loaded: LoadedConfig, folder: string | null) => RuleBook | Problems;
  /** Of a release that is kept in the folder `releases`. */
  readonly ofRelease: (releases: string, digest: string) => RuleBook | { readonly problem: string; readonly missing: boolean };
  /** Of the config of the release that was last active there, with the policies of `folder`. */
  readonly ofLastRelease: (releases: string, folder: string) => RuleBook | Problems;
  /** Of the release that was last active there, as it is kept. */
  readonly lastInForce: (releases: string) => RuleBook | { readonly problem: string };
  readonly test: (loaded: LoadedConfig, folder: string) => PolicyTestReport | Problems;
  /** What `cedar run-tests` needs, by file name. */
  readonly exported: (loaded: LoadedConfig, folder: string) => ReadonlyMap<string, string> | Problems;
}

export const releasesOption: CommandOption = {
  name: 'releases',
  type: 'text',
  value: 'DIR',
  describe: 'Folder of the kept releases; by default `releases` beside the ledger folder',
};

export const releasesFolder = (ledgerFolder: string, input: CommandInput, io: CommandIo): string => {
  const given = input.text('releases');
  return given === undefined ? join(dirname(ledgerFolder), 'releases') : resolve(io.cwd, given);
};

const lineOf = ({ file, line, message }: PolicyFinding): string => `${file}${line === null ? '' : `:${line}`}: ${message}`;

/** The problems as one thing that a person can act on. */
export const rulesError = ({ problems }: Problems): CommandError => {
  const [first] = problems;
  const more = problems.length > 1 ? ` (and ${problems.length - 1} more)` : '';
  return new CommandError(
    'policies',
    `the policies cannot be used: ${first === undefined ? 'no reason is known' : lineOf(first)}${more}`,
    'Correct that, then try again.',
  );
};
