// How a CLI agent with an adapter is prepared: what it is identified by, and the folder, settings, arguments and environment that its adapter lays out.
// One that is not the agent that the config says, is too old, or was given arguments that lead round the envelope is refused before anything opens.

import { realpathSync } from 'node:fs';
import { basename } from 'node:path';
import type { ConfiguredAgent, OpenedInvocation } from '../client/client.ts';
import { agentEnvironment, credentialVariables } from './agent-environment.ts';
import { type AgentHome, openAgentHome } from './agent-home.ts';
import type { PreparedAgent, PreparingPlace, Refusal, Start, Wanted } from './agent-start.ts';
import { jailPlace, noProgram, seenFrom } from './agent-start.ts';
import type { AgentAdapter } from './agents/adapter.ts';
import { readCarried } from './carried.ts';
import { trustedPath } from './executable.ts';
import { gitSettingsFor } from './git-settings.ts';
import { identifyInstalled } from './installed-agent.ts';
import { launchOf } from './interpreter.ts';
import { jailVariables } from './jail-environment.ts';
import { jailOrder, walkAround } from './jail-order.ts';
import { watchFiles } from './program-state.ts';
import { laidIn, stateFolder } from './run-folder.ts';

const ourFailure = 125;

/** A program that asks one vendor's way is given no credential for the others. */
export const onlyCredential = (
  environment: Readonly<Record<string, string>>,
  { credentialVariable }: AgentAdapter,
): Record<string, string> =>
  Object.fromEntries(
    Object.entries(environment).filter(([name]) => name === credentialVariable || !credentialVariables.some((other) => other === name)),
  );

const unseenWarning = ({ title, seen }: AgentAdapter, version: string | null, name: string): string =>
  `${title}${version === null ? ' of an unknown version' : ` ${version}`} has not been examined (${seen} was); what keeps it to the envelope is checked by \`sealwright doctor --agent ${name}\``;

interface Adapted {
  readonly adapter: AgentAdapter;
  readonly agent: ConfiguredAgent;
  readonly place: PreparingPlace;
  /** All that runs, an interpreter included. */
  readonly files: readonly string[];
  /** Of the person, and those that come before them. */
  readonly args: readonly string[];
  readonly before: readonly string[];
}

/** What the machine holds for it, before anything is laid out. */
const lookAround = ({ adapter, agent, place, files }: Adapted) => {
  const at = jailPlace(place);
  return {
    read: readCarried(adapter, agent.carry, at),
    git: gitSettingsFor(place.repository, at.userHome),
    trusted: trustedPath(place.search),
    walk: place.containment === 'jail' ? walkAround(at, { files, toolchains: agent.toolchains }) : null,
  };
};
type Around = ReturnType<typeof lookAround>;

const startAdapted = (
  run: AgentHome,
  { adapter, agent: { toolchains }, place, files, args, before }: Adapted,
  around: Around,
  opened: OpenedInvocation,
): Start => {
  const { env, containment } = place;
  const { cwd } = jailPlace(place);
  const { git, walk } = around;
  const { carried, problems } = around.read;
  const { path, leftOut } = around.trusted;
  const seen = seenFrom(opened, containment);
  const { modelDoor, networkDoor, credential, hostedTools } = seen;
  const jailed = containment === 'jail';
  const setup = adapter.setUp({ modelDoor, networkDoor, credential, hostedTools, home: run.home, workspace: cwd, jailed }, carried, args);
  run.lay(setup.files);
  const untrusted = leftOut.map((folder) => `${folder} is left out of the agent's PATH: it lies in the workspace.`);
  const temporary = jailed ? '/tmp' : run.temporary;
  const program = { files, toolchains, own: [run.home, ...run.conversations], managed: setup.managed };
  const jail = walk === null ? null : jailOrder(jailPlace(place), program, run, walk);
  return {
    env: {
      ...onlyCredential(agentEnvironment(env, seen), adapter),
      ...jailVariables(networkDoor),
      ...git.environment,
      PATH: path,
      TMPDIR: temporary,
      ...setup.environment,
    },
    args: [...before, ...setup.argv],
    carried: setup.carried,
    warnings: [...problems, ...untrusted, ...git.warnings, ...(jail?.warnings ?? [])],
    jail,
    close: run.close,
  };
};

/** A program with an adapter: with a folder and settings of its own for each run. */
export const prepareAdapted = async (
  adapter: AgentAdapter,
  { executable, argv: [, ...args] }: Wanted,
  agent: ConfiguredAgent,
  place: PreparingPlace,
): Promise<PreparedAgent | Refusal> => {
  const refuse = (code: string, problem: string): Refusal => ({ exitCode: ourFailure, code, problem });
  const { title, programs } = adapter;
  const { name } = agent;
  const objection = adapter.objection(args);
  if (objection !== null) return refuse('argument_refused', `${objection} Leave it out.`);
  const { digest, version, problem, paths, tooOld, unseen } = await identifyInstalled(adapter, executable, place.how);
  if (tooOld !== null) return refuse('agent_too_old', tooOld);
  if (version === null && !programs.includes(basename(executable)))
    return refuse(
      'not_the_agent',
      `${basename(executable)} is not ${title}, and \`agents.${name}.client\` says that it is. Start ${programs[0] ?? title} itself, or name another agent with --agent.`,
    );
  // Links of the outside lead nowhere in a jail.
  const launch = launchOf(place.containment === 'jail' ? realpathSync(executable) : executable, place.search);
  if ('problem' in launch) return noProgram(launch);
  const [found, ...before] = launch;
  const program = place.containment === 'jail' ? realpathSync(found) : found;
  const adapted = { adapter, agent, place, files: [...paths, realpathSync(program)], args, before };
  let around: Around | null = null;
  return {
    program,
    name,
    version,
    digest,
    warnings: [...(problem === null ? [] : [problem]), ...(unseen ? [unseenWarning(adapter, version, name)] : [])],
    failsOnChangedPrograms: agent.failsOnChangedPrograms,
    changed: watchFiles(paths),
    lookAhead: async () => void (around = lookAround(adapted)),
    start: (opened) => {
      const seen = around ?? lookAround(adapted);
      const run = openAgentHome(stateFolder(place.env), { agent: name, client: agent.client, kept: adapter.kept });
      return laidIn(run, () => startAdapted(run, adapted, seen, opened));
    },
  };
};
