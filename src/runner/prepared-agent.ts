// What `run` starts, and how: which agent of the config it is, which program, what identifies it, and what is laid out for it.
// A program that is not there, and a workspace around which no jail can be made, are refused before anything opens.

import { realpathSync } from 'node:fs';
import { basename } from 'node:path';
import type { ConfiguredAgent, OpenedInvocation } from '../client/client.ts';
import { identifyAgent } from './agent-digest.ts';
import { agentEnvironment } from './agent-environment.ts';
import type { PreparedAgent, PreparingPlace, Refusal, Start, Wanted } from './agent-start.ts';
import { jailPlace, noProgram, seenFrom } from './agent-start.ts';
import { compatibleVariables } from './agents/compatible.ts';
import type { SearchPlace } from './executable.ts';
import { findExecutable } from './executable.ts';
import { jailVariables } from './jail-environment.ts';
import { jailOrder, walkAround, workspaceProblem, type JailedProgram } from './jail-order.ts';
import type { Walk } from './jail/lying-sockets.ts';
import { watchFiles } from './program-state.ts';
import { laidIn, openRunFolder, stateFolder } from './run-folder.ts';

const ourFailure = 125;

/** Most runs are of programs without an adapter, and need none of them. */
const loadAdapters = () => import('./agents/adapters.ts');

/** The agent that is meant: the one that was named, the only one, or the only one whose program this is. */
export const meantAgent = async (
  wanted: Pick<Wanted, 'agent' | 'argv'>,
  agents: readonly ConfiguredAgent[],
): Promise<ConfiguredAgent | null> => {
  if (wanted.agent !== null) return agents.find(({ name }) => name === wanted.agent) ?? null;
  if (agents.length === 1) return agents[0] ?? null;
  const { adapterOf } = await loadAdapters();
  const program = basename(wanted.argv[0]);
  const fitting = agents.filter(({ client }) => adapterOf(client)?.programs.includes(program) === true);
  return fitting.length === 1 ? (fitting[0] ?? null) : null;
};

/** The program that is asked for: found before anybody is asked, because without it there is nothing to ask for. */
export const foundProgram = (name: string, search: SearchPlace): string | Refusal => {
  const found = findExecutable(name, search);
  return typeof found === 'string' ? found : noProgram(found);
};

/** What the person should know who starts one of these programs as an agent of no particular kind, without having asked for that agent. */
const unadaptedWarning = async ({ agent: named, argv: [name] }: Wanted, agent: ConfiguredAgent | null): Promise<string | null> => {
  if (agent === null || named !== null) return null;
  const program = basename(name);
  const adapter = (await loadAdapters()).allAdapters.find(({ programs }) => programs.includes(program));
  return adapter === undefined
    ? null
    : `${program} runs as the agent ${agent.name}, whose client is \`sdk\`: nothing here keeps its own settings, or those of the workspace, from leading it round the envelope. To run it as ${adapter.title}, let the config name an agent with \`client: ${adapter.client}\`.`;
};

/** A program without an adapter in a jail: a home that is empty, and nothing that outlives it. */
const startPlainJailed = (
  jailed: JailedProgram,
  args: readonly string[],
  place: PreparingPlace,
  walk: Walk | undefined,
  opened: OpenedInvocation,
  warnings: readonly string[],
): Start => {
  const run = openRunFolder(stateFolder(place.env));
  const seen = seenFrom(opened, 'jail');
  const jail = laidIn(run, () => jailOrder(jailPlace(place), jailed, run, walk));
  return {
    env: { ...agentEnvironment(place.env, seen), ...jailVariables(seen.networkDoor), ...compatibleVariables(seen), TMPDIR: '/tmp' },
    args,
    carried: [],
    warnings: [...warnings, ...jail.warnings],
    jail,
    close: run.close,
  };
};

/** A program without an adapter: pointed at the envelope by its environment alone. */
const preparePlain = async (
  wanted: Wanted,
  name: string | null,
  agent: ConfiguredAgent | null,
  place: PreparingPlace,
): Promise<PreparedAgent> => {
  const {
    executable,
    argv: [, ...args],
  } = wanted;
  const { env, cwd, how, containment } = place;
  const { digest, problem } = await identifyAgent({ executable, args, cwd }, how);
  const program = containment === 'jail' ? realpathSync(executable) : executable;
  const jailed = { files: [program], toolchains: agent?.toolchains ?? [], own: [], managed: {} };
  let walk: Walk | undefined;
  let unadapted: readonly string[] = [];
  return {
    program,
    name,
    version: null,
    digest,
    warnings: problem === null ? [] : [problem],
    failsOnChangedPrograms: agent?.failsOnChangedPrograms ?? false,
    changed: watchFiles([executable]),
    lookAhead: async () => {
      const warning = await unadaptedWarning(wanted, agent);
      unadapted = warning === null ? [] : [warning];
      if (containment === 'jail') walk = walkAround(jailPlace(place), jailed);
    },
    start: (opened) => {
      if (containment === 'jail') return startPlainJailed(jailed, args, place, walk, opened, unadapted);
      return {
        env: { ...agentEnvironment(env, opened), ...compatibleVariables(opened) },
        args,
        carried: [],
        warnings: unadapted,
        jail: null,
        close: () => [],
      };
    },
  };
};

/** Finds and identifies what `wanted` names. Nothing is written before `start`. */
export const prepareAgent = async (
  wanted: Wanted,
  agents: readonly ConfiguredAgent[],
  place: PreparingPlace,
): Promise<PreparedAgent | Refusal> => {
  const unjailable = place.containment === 'jail' ? workspaceProblem(jailPlace(place)) : null;
  if (unjailable !== null) return { exitCode: ourFailure, code: 'no_jail', problem: unjailable };
  const agent = await meantAgent(wanted, agents);
  const adapter = agent === null || agent.client === 'sdk' ? null : (await loadAdapters()).adapterOf(agent.client);
  if (agent === null || adapter === null) return preparePlain(wanted, agent?.name ?? wanted.agent, agent, place);
  const { prepareAdapted } = await import('./adapted-agent.ts');
  return prepareAdapted(adapter, wanted, agent, place);
};
