// A config as commands read it: from the files of this machine, as the user who runs them, whose rights it is judged by.
// What is wrong with it is the answer, as `config/` says it.

import { readFileSync, realpathSync, statSync } from 'node:fs';

import { loadConfig } from '../config/config.ts';

export const readConfig = (path: string): ReturnType<typeof loadConfig> =>
  loadConfig(path, { files: { readFileSync, realpathSync, statSync }, userId: process.getuid?.() ?? null });
