// Which config file a command reads: the one that `--config` names, else the one of the system; never one of the working folder by itself.
// Says only where; the file may be absent.

import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';

import type { CommandInput, CommandIo } from './command.ts';

export const systemConfigPath = '/etc/sealwright/sealwright.yaml';

export const configPathOf = (input: Pick<CommandInput, 'text'>, io: Pick<CommandIo, 'cwd'>): string =>
  resolve(io.cwd, input.text('config') ?? systemConfigPath);

const localName = 'sealwright.yaml';

/** How to name the config of the working folder, where that is likely meant: none is named, the system has none, and one lies there. */
export const localConfigHint = (input: Pick<CommandInput, 'text'>, io: Pick<CommandIo, 'cwd'>): string | null =>
  input.text('config') === undefined && !existsSync(systemConfigPath) && existsSync(join(io.cwd, localName))
    ? `--config ${localName}`
    : null;
