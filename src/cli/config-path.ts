// Which config file a command reads: the one that `--config` names, else the one of the system; never one of the working folder by itself.
// Says only where; the file may be absent.

import { resolve } from 'node:path';

import type { CommandInput, CommandIo } from './command.ts';

export const systemConfigPath = '/etc/sealwright/sealwright.yaml';

export const configPathOf = (input: Pick<CommandInput, 'text'>, io: Pick<CommandIo, 'cwd'>): string =>
  resolve(io.cwd, input.text('config') ?? systemConfigPath);
