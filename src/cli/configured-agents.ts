// The agents that a command is about: those of the config that is named, else those of the running envelope.
// Throws what a person can act on.

import { isClientFailure, type ConfiguredAgent } from '../client/client.ts';
import type { Config } from '../config/config.ts';
import { carriedByDefault } from '../core/principal.ts';
import { CommandError, type CommandInput, type CommandIo } from './command.ts';
import { controlClientOf, exitOf } from './control-client.ts';

export const agentsIn = ({ agents }: Pick<Config, 'agents'>): readonly ConfiguredAgent[] =>
  Object.entries(agents).map(
    ([name, { client, roles, version = null, sha256 = null, carry = carriedByDefault, toolchains = [], changed_programs: changed }]) => ({
      name,
      client,
      roles,
      version,
      sha256,
      carry,
      toolchains,
      failsOnChangedPrograms: changed === 'fail',
    }),
  );

const ofConfig = async (path: string, io: CommandIo): Promise<readonly ConfiguredAgent[]> => {
  const [{ loadOrExplain }, { resolve }] = await Promise.all([import('./envelope-options.ts'), import('node:path')]);
  return agentsIn(loadOrExplain(resolve(io.cwd, path)).config);
};

/** Null where no config is named and no envelope answers. */
export const configuredAgents = async (input: CommandInput, io: CommandIo): Promise<readonly ConfiguredAgent[] | null> => {
  const config = input.text('config');
  if (config !== undefined) return ofConfig(config, io);
  const agents = await controlClientOf(input, io).agents();
  if (!isClientFailure(agents)) return agents;
  if (agents.failure === 'unreachable' && input.text('control') === undefined) return null;
  throw new CommandError(agents.code ?? agents.failure, agents.problem, 'Or name a config with --config FILE.', exitOf(agents));
};
