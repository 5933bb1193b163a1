// Where the homes of the tests lie: nobody else may write to that folder, nor to one above it. Gemini CLI takes no settings from others, such as a clone
// below /tmp would be, and Codex keeps its programs in no temporary folder.

import { accessSync, constants, mkdirSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';

const others = 0o022;

const isKept = (folder: string): boolean =>
  (statSync(folder).mode & others) === 0 && (folder === dirname(folder) || isKept(dirname(folder)));

const isOurs = (folder: string): boolean => {
  try {
    accessSync(folder, constants.W_OK);
    return isKept(folder);
  } catch {
    return false;
  }
};

/** Made where it is not there. */
export const scratchFolder = (): string => {
  const folders = { [import.meta.dirname]: '.scratch', [homedir()]: '.sealwright-tests', '/opt': 'sealwright-tests' };
  const [parent, name] = Object.entries(folders).find(([folder]) => isOurs(folder)) ?? [];
  if (parent === undefined || name === undefined)
    throw new Error(
      `others may write to ${Object.keys(folders).join(' and ')}, or to a folder above, so that no home of a test can lie there`,
    );
  const scratch = join(parent, name);
  mkdirSync(scratch, { recursive: true, mode: 0o700 });
  return scratch;
};
