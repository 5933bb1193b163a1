// Where the endpoints' secrets are to come from, looked at before a caller needs them: is the variable set, can the file be read.
// Answers with warnings, because a secret may come later; runs no command and shows no secret. Never throws.

import { accessSync, constants } from 'node:fs';

import type { Config, ConfigProblem } from '../config/config.ts';

type Environment = Readonly<Record<string, string | undefined>>;

const missing = (credential: Config['endpoints'][string]['credential'], environment: Environment): string | null => {
  if (credential === undefined) return null;
  if ('env' in credential)
    return (environment[credential.env] ?? '').trim() === '' ? `the environment variable ${credential.env} is not set here` : null;
  if (!('file' in credential)) return null;
  try {
    accessSync(credential.file, constants.R_OK);
    return null;
  } catch {
    return `the file ${credential.file} cannot be read by this user`;
  }
};

/** One warning for each endpoint whose secret cannot be had from where the config says that it lies. */
export const secretWarnings = ({ endpoints }: Config, environment: Environment): readonly ConfigProblem[] =>
  Object.entries(endpoints).flatMap(([id, { credential, via }]) =>
    Object.entries({ credential, 'via.proxy.credential': via?.proxy?.credential }).flatMap(([name, reference]) => {
      const problem = missing(reference, environment);
      if (problem === null) return [];
      return [
        {
          path: `endpoints.${id}.${name}`,
          line: null,
          message: `has no secret: ${problem}; until it is there, calls to this endpoint fail`,
        },
      ];
    }),
  );
