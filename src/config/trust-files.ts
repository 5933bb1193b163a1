// Files whose content decides whom an endpoint's connections trust: readable, certificates, and not to be changed by anybody else.
// They are only judged here; the envelope reads them when it starts. A problem names the setting that names the file.

import nodePath from 'node:path';
import { fileRightsProblem, folderRightsProblem } from '../core/file-rights.ts';
import { limits } from '../core/limits.ts';
import { certificatesIn } from '../endpoints/config.ts';
import type { Config, ConfigFiles } from './config.ts';
import type { ConfigProblem, PathStep } from './problem.ts';

export interface TrustFiles {
  readonly files: ConfigFiles;
  readonly userId: number | null;
}

export const trustFileProblems = (
  { endpoints }: Pick<Config, 'endpoints'>,
  at: (path: readonly PathStep[], message: string) => ConfigProblem,
  trust: TrustFiles,
): readonly ConfigProblem[] =>
  Object.entries(endpoints).flatMap(([id, { via }]) => {
    const problem = via?.ca === undefined ? null : problemOf(via.ca, trust);
    return problem === null ? [] : [at(['endpoints', id, 'via', 'ca'], problem)];
  });

const problemOf = (path: string, { files, userId }: TrustFiles): string | null => {
  try {
    const target = files.realpathSync(path);
    const status = files.statSync(target);
    if (!status.isFile()) return 'is not a file';
    const folder = nodePath.dirname(target);
    const rights = fileRightsProblem(target, status, userId) ?? folderRightsProblem(folder, files.statSync(folder), userId);
    if (rights !== null) return `names a file that decides whom to trust: ${rights}`;
    if (status.size > limits.trustedCertificatesBytes) return `is larger than ${limits.trustedCertificatesBytes} bytes`;
    const read = certificatesIn(files.readFileSync(target));
    return 'problem' in read ? read.problem : null;
  } catch (error) {
    return `cannot be read (${error instanceof Error && 'code' in error ? String(error.code) : 'unknown error'})`;
  }
};
