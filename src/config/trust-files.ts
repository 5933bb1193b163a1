// Files whose content decides whom an endpoint's connections trust, or who an invoker is: readable, and not to be changed by anybody else.
// They are only judged here; the envelope reads them when it starts. A problem names the setting that names the file.

import nodePath from 'node:path';
import { certificatesIn } from '../core/certificates.ts';
import { fileRightsProblem, folderRightsProblem } from '../core/file-rights.ts';
import { limits } from '../core/limits.ts';
import type { Config, ConfigFiles } from './config.ts';
import type { ConfigProblem, PathStep } from './problem.ts';

export interface TrustFiles {
  readonly files: ConfigFiles;
  readonly userId: number | null;
}

/** A setting, the file that it names, and what is wrong with the file's content. */
interface Named {
  readonly setting: readonly PathStep[];
  readonly path: string;
  readonly bytesMax: number;
  readonly problemIn: (bytes: Uint8Array) => string | null;
}

const certificates = (setting: readonly PathStep[], path: string | undefined): readonly Named[] => {
  const problemIn: Named['problemIn'] = (bytes) => {
    const read = certificatesIn(bytes);
    return 'problem' in read ? read.problem : null;
  };
  return path === undefined ? [] : [{ setting, path, bytesMax: limits.trustedCertificatesBytes, problemIn }];
};

const plain = (setting: readonly PathStep[], path: string | undefined): readonly Named[] =>
  path === undefined ? [] : [{ setting, path, bytesMax: limits.trustedCertificatesBytes, problemIn: () => null }];

type Naming = Pick<Config, 'endpoints' | 'identity' | 'server'>;

const namedFiles = ({ endpoints, identity, server: { tls } }: Naming): readonly Named[] => [
  ...certificates(['server', 'tls', 'certificate'], tls?.certificate),
  ...plain(['server', 'tls', 'key'], tls?.key),
  ...certificates(['server', 'tls', 'client_ca'], tls?.client_ca),
  ...Object.entries(endpoints).flatMap(([id, { via }]) => certificates(['endpoints', id, 'via', 'ca'], via?.ca)),
  ...Object.entries(identity.issuers).flatMap(([name, { ca }]) => certificates(['identity', 'issuers', name, 'ca'], ca)),
  ...Object.entries(identity.clients).map(([id, { keys }]) => ({
    setting: ['identity', 'clients', id, 'keys'],
    path: keys,
    bytesMax: limits.keySetBytes,
    problemIn: () => null,
  })),
];

export const trustFileProblems = (
  config: Naming,
  at: (path: readonly PathStep[], message: string) => ConfigProblem,
  trust: TrustFiles,
): readonly ConfigProblem[] =>
  namedFiles(config).flatMap((named) => {
    const problem = problemOf(named, trust);
    return problem === null ? [] : [at(named.setting, problem)];
  });

const problemOf = ({ path, bytesMax, problemIn }: Named, { files, userId }: TrustFiles): string | null => {
  try {
    const target = files.realpathSync(path);
    const status = files.statSync(target);
    if (!status.isFile()) return 'is not a file';
    const folder = nodePath.dirname(target);
    const rights = fileRightsProblem(target, status, userId) ?? folderRightsProblem(folder, files.statSync(folder), userId);
    if (rights !== null) return `names a file that decides whom to trust: ${rights}`;
    return status.size > bytesMax ? `is larger than ${bytesMax} bytes` : problemIn(files.readFileSync(target));
  } catch (error) {
    return `cannot be read (${error instanceof Error && 'code' in error ? String(error.code) : 'unknown error'})`;
  }
};
