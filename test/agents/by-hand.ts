// A CLI agent started by itself, without `run`, but with all that its adapter lays out: at an upstream, to compare with; or at a door, with variables
// that `run` would not let through.

import { agentEnvironment } from '../../src/runner/agent-environment.ts';
import { openAgentHome } from '../../src/runner/agent-home.ts';
import { stateFolder } from '../../src/runner/run-folder.ts';
import { adapterOf } from '../../src/runner/agents/adapters.ts';
import { readCarried } from '../../src/runner/carried.ts';
import { gitSettingsFor } from '../../src/runner/git-settings.ts';
import { onlyCredential } from '../../src/runner/adapted-agent.ts';
import type { Command } from './bounded-command.ts';
import type { Cli } from './clis.ts';
import type { Person } from './person.ts';

export interface Doorway {
  /** Where it finds its provider; the vendor's prefix follows. */
  readonly origin: string;
  readonly credential: string;
  readonly invocationId?: string;
  /** Beside what the adapter says. */
  readonly environment?: Readonly<Record<string, string>>;
}

export interface ByHand {
  readonly command: Pick<Command, 'argv' | 'cwd' | 'env'>;
  readonly close: () => void;
}

export const laidByHand = (cli: Cli, { env, workspace, home: userHome }: Person, argv: readonly string[], door: Doorway): ByHand => {
  const adapter = adapterOf(cli.name);
  if (adapter === null) throw new Error(`${cli.name} has no adapter`);
  const { home, temporary, lay, close } = openAgentHome(stateFolder(env), { agent: 'byhand', client: cli.name, kept: adapter.kept });
  const { carried } = readCarried(adapter, ['instructions', 'memory'], { userHome, cwd: workspace, workspace });
  const { origin: modelDoor, credential, environment, invocationId = 'none' } = door;
  const setup = adapter.setUp({ modelDoor, credential, hostedTools: [], jailed: false, networkDoor: null, home, workspace }, carried, argv);
  lay(setup.files);
  return {
    command: {
      argv: [cli.command, ...setup.argv],
      cwd: workspace,
      env: {
        ...onlyCredential(agentEnvironment(env, { invocationId, credential, modelDoor }), adapter),
        ...gitSettingsFor(null, userHome).environment,
        TMPDIR: temporary,
        ...setup.environment,
        ...environment,
      },
    },
    close: () => void close(),
  };
};
