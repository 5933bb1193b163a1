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

/** One warning for each secret that cannot be had from where the config says that it lies. */
export const secretWarnings = ({ endpoints, network, server }: Config, environment: Environment): readonly ConfigProblem[] => {
  const warnings = (path: string, reference: Config['endpoints'][string]['credential'], fails: string): readonly ConfigProblem[] => {
    const problem = missing(reference, environment);
    return problem === null ? [] : [{ path, line: null, message: `has no secret: ${problem}; until it is there, ${fails} fail` }];
  };
  return [
    ...Object.entries(endpoints).flatMap(([id, { credential, via }]) => [
      ...warnings(`endpoints.${id}.credential`, credential, 'calls to this endpoint'),
      ...warnings(`endpoints.${id}.via.proxy.credential`, via?.proxy?.credential, 'calls to this endpoint'),
    ]),
    ...warnings('server.metrics.credential', server.metrics?.credential, 'scrapes of `/metrics`'),
    ...warnings('network.via.proxy.credential', network.via?.proxy.credential, 'connections of agents'),
  ];
};
