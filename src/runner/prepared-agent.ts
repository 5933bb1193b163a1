// What `run` starts, and how: which agent of the config it is, which program, what identifies it, and what is laid out for it.
// A program that is not what the config says, is too old, or was given arguments that lead round the envelope is refused before anything opens.

import { realpathSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename } from 'node:path';
import type { ConfiguredAgent, OpenedInvocation } from '../client/client.ts';
import type { Containment } from '../core/principal.ts';
import { identifyAgent } from './agent-digest.ts';
import type { Identification } from './agent-digest.ts';
import { agentEnvironment, credentialVariables } from './agent-environment.ts';
import type { Environment } from './agent-environment.ts';
import { openAgentHome, stateFolder } from './agent-home.ts';
import type { AgentAdapter } from './agents/adapter.ts';
import { adapterOf } from './agents/adapters.ts';
import { compatibleVariables } from './agents/compatible.ts';
import { readCarried } from './carried.ts';
import type { SearchPlace } from './executable.ts';
import { findExecutable, trustedPath } from './executable.ts';
import type { Repository } from './git-facts.ts';
import { gitSettingsFor } from './git-settings.ts';
import { identifyInstalled } from './installed-agent.ts';
import { launchOf } from './interpreter.ts';
import { jailVariables } from './jail-environment.ts';
import type { JailPlace } from './jail-order.ts';
import { jailOrder, workspaceProblem } from './jail-order.ts';
import type { JailOrder, JailPort } from './jail/jail.ts';
import { jailPorts } from './jail/jail.ts';
import { watchFiles } from './program-state.ts';

export interface Refusal {
  /** Of `run`. */
  readonly exitCode: number;
  readonly code: string;
  readonly problem: string;
}

/** What the agent is started with. */
export interface Start {
  readonly env: Readonly<Record<string, string>>;
  readonly args: readonly string[];
  /** What of the person's own configuration it got. */
  readonly carried: readonly string[];
  readonly warnings: readonly string[];
  /** The jail that it is started in; null without one. */
  readonly jail: Omit<JailOrder, 'doors' | 'credential'> | null;
  /** Removes what was laid out; says what of that could not be done. */
  readonly close: () => readonly string[];
}

export interface PreparedAgent {
  readonly program: string;
  /** Name in the config; null lets the envelope choose or refuse. */
  readonly name: string | null;
  readonly version: string | null;
  readonly digest: string | null;
  readonly warnings: readonly string[];
  /** Whether a run fails in which it changed files that run later outside. */
  readonly failsOnChangedPrograms: boolean;
  /** Whether the files that were identified are others now. */
  readonly changed: () => boolean;
  /** Throws what the file system says. */
  readonly start: (opened: OpenedInvocation) => Start;
}

export interface Wanted {
  readonly argv: readonly [program: string, ...args: string[]];
  readonly agent: string | null;
  /** Of the program, as `foundProgram` gave it. */
  readonly executable: string;
}

export interface PreparingPlace {
  readonly env: Environment;
  readonly cwd: string;
  /** Root of the repository, or the working folder, symbolic links resolved. */
  readonly workspace: string;
  /** Around the working folder; null when there is none. */
  readonly repository: Repository | null;
  readonly search: SearchPlace;
  readonly containment: Containment;
  /** Folders of the envelope, where they are known. */
  readonly ofEnvelope: readonly string[];
  readonly how: Identification;
}

const ourFailure = 125;

export const isRefusal = (value: object): value is Refusal => 'problem' in value && 'exitCode' in value;

/** The agent that is meant: the one that was named, the only one, or the only one whose program this is. */
export const meantAgent = (wanted: Pick<Wanted, 'agent' | 'argv'>, agents: readonly ConfiguredAgent[]): ConfiguredAgent | null => {
  if (wanted.agent !== null) return agents.find(({ name }) => name === wanted.agent) ?? null;
  if (agents.length === 1) return agents[0] ?? null;
  const program = basename(wanted.argv[0]);
  const fitting = agents.filter(({ client }) => adapterOf(client)?.programs.includes(program) === true);
  return fitting.length === 1 ? (fitting[0] ?? null) : null;
};

/** The program that is asked for: found before anybody is asked, because without it there is nothing to ask for. */
export const foundProgram = (name: string, search: SearchPlace): string | Refusal => {
  const found = findExecutable(name, search);
  return typeof found === 'string' ? found : { ...found, code: found.exitCode === 127 ? 'not_found' : 'not_executable' };
};

/**
 * What the agent is told of the doors. In a jail: where they are for it, and a credential that no door accepts. Outside of one nothing would keep it to the
 * network door, and it is told of none.
 */
const seenFrom = (opened: OpenedInvocation, containment: Containment): OpenedInvocation => {
  if (containment === 'advisory') return { ...opened, networkDoor: null };
  const at = (port: JailPort): string => `http://127.0.0.1:${jailPorts[port]}`;
  const networkDoor = opened.networkDoor === null ? null : at('network');
  return { ...opened, modelDoor: at('model'), networkDoor, credential: 'held-outside-the-jail' };
};

const jailPlace = ({ env, cwd, workspace, repository, ofEnvelope }: PreparingPlace): JailPlace => ({
  cwd: realpathSync(cwd),
  workspace,
  userHome: realpathSync(env['HOME'] ?? homedir()),
  repository,
  ofEnvelope,
});

/** A program without an adapter in a jail: a home that is empty, and nothing that outlives it. */
const startPlainJailed = (
  files: readonly string[],
  args: readonly string[],
  agent: ConfiguredAgent | null,
  place: PreparingPlace,
  opened: OpenedInvocation,
): Start => {
  const home = openAgentHome(stateFolder(place.env), { agent: opened.agent, client: 'sdk', kept: [] });
  const seen = seenFrom(opened, 'jail');
  return {
    env: { ...agentEnvironment(place.env, seen), ...jailVariables(seen.networkDoor), ...compatibleVariables(seen), TMPDIR: '/tmp' },
    args,
    carried: [],
    warnings: [],
    jail: jailOrder(jailPlace(place), { files, toolchains: agent?.toolchains ?? [], managed: {} }, home),
    close: home.close,
  };
};

/** A program without an adapter: pointed at the envelope by its environment alone. */
const preparePlain = async (
  { executable, argv: [, ...args] }: Wanted,
  name: string | null,
  agent: ConfiguredAgent | null,
  place: PreparingPlace,
): Promise<PreparedAgent> => {
  const { env, cwd, how, containment } = place;
  const { digest, problem } = await identifyAgent({ executable, args, cwd }, how);
  const program = containment === 'jail' ? realpathSync(executable) : executable;
  return {
    program,
    name,
    version: null,
    digest,
    warnings: problem === null ? [] : [problem],
    failsOnChangedPrograms: agent?.failsOnChangedPrograms ?? false,
    changed: watchFiles([executable]),
    start: (opened) =>
      containment === 'jail'
        ? startPlainJailed([program], args, agent, place, opened)
        : {
            env: { ...agentEnvironment(env, opened), ...compatibleVariables(opened) },
            args,
            carried: [],
            warnings: [],
            jail: null,
            close: () => [],
          },
  };
};

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

const startAdapted = ({ adapter, agent, place, files, args, before }: Adapted, opened: OpenedInvocation): Start => {
  const { env, workspace, search, containment } = place;
  const { name, client, carry, toolchains } = agent;
  const { cwd, userHome } = jailPlace(place);
  const { carried, problems } = readCarried(adapter, carry, { userHome, cwd, workspace });
  const git = gitSettingsFor(place.repository, userHome);
  const run = openAgentHome(stateFolder(env), { agent: name, client, kept: adapter.kept });
  const seen = seenFrom(opened, containment);
  const { modelDoor, networkDoor, credential, hostedTools } = seen;
  const jailed = containment === 'jail';
  const setup = adapter.setUp({ modelDoor, networkDoor, credential, hostedTools, home: run.home, workspace: cwd, jailed }, carried, args);
  run.lay(setup.files);
  const { path, leftOut } = trustedPath(search);
  const untrusted = leftOut.map((folder) => `${folder} is left out of the agent's PATH: it lies in the workspace.`);
  const temporary = jailed ? '/tmp' : run.temporary;
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
    warnings: [...problems, ...untrusted, ...git.warnings],
    jail: jailed ? jailOrder(jailPlace(place), { files, toolchains, managed: setup.managed }, run) : null,
    close: run.close,
  };
};

const prepareAdapted = async (
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
  if ('problem' in launch) return { ...launch, code: 'not_found' };
  const [found, ...before] = launch;
  const program = place.containment === 'jail' ? realpathSync(found) : found;
  return {
    program,
    name,
    version,
    digest,
    warnings: [...(problem === null ? [] : [problem]), ...(unseen ? [unseenWarning(adapter, version, name)] : [])],
    failsOnChangedPrograms: agent.failsOnChangedPrograms,
    changed: watchFiles(paths),
    start: (opened) => startAdapted({ adapter, agent, place, files: [...paths, realpathSync(program)], args, before }, opened),
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
  const agent = meantAgent(wanted, agents);
  const adapter = agent === null ? null : adapterOf(agent.client);
  if (agent === null || adapter === null) return preparePlain(wanted, agent?.name ?? wanted.agent, agent, place);
  return prepareAdapted(adapter, wanted, agent, place);
};
