// `sealwright run`: opens an invocation, starts the agent inside its environment, keeps the lease, and reports what changed.
// Nothing of the workspace runs here: executables come from outside it, repository facts from files. The person reads stderr, stdout is the agent's.
// Answers with the exit code of `run`; what went wrong before or around the agent comes with a sentence. Never throws for what a workspace holds.

import type { StdioOptions } from 'node:child_process';
import { realpathSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { controlSocketPath, createControlClient, homeFolder, isClientFailure } from '../client/client.ts';
import type { ClientFailure, ClosedInvocation, ControlClient, IdentityOffer, OpenedInvocation } from '../client/client.ts';
import type { GetCredential } from '../client/credential-sources.ts';
import type { Json } from '../core/canonical-json.ts';
import { label } from '../core/identifier.ts';
import type { Containment } from '../core/principal.ts';
import { limits } from '../core/limits.ts';
import { askedAhead, needsHash, type HashProgress, type KnownDigests } from './agent-digest.ts';
import { exitCodeOf, startAgent } from './agent-process.ts';
import type { AgentExit } from './agent-process.ts';
import type { PreparedAgent, PreparingPlace, Refusal, Start } from './agent-start.ts';
import { isRefusal } from './agent-start.ts';
import { liesWithin, realOrItself } from './executable.ts';
import { findRepository, foldersElsewhere } from './git-facts.ts';
import { newHash } from './hashing.ts';
import type { Jail, JailOrder } from './jail/jail.ts';
import { folderIdentity, openJail, stdioWith } from './jail/jail.ts';
import { missingForJail, whyNoJail } from './jail/missing.ts';
import { keepLease } from './lease.ts';
import { foundProgram, prepareAgent } from './prepared-agent.ts';
import { reportChanges, viewRepository } from './repository-report.ts';
import type { ChangeReport, RepositoryView } from './repository-report.ts';

export type { Identification } from './agent-digest.ts';
export { stateFolder } from './run-folder.ts';
export type { AgentAdapter } from './agents/adapter.ts';
export { findExecutable, liesWithin } from './executable.ts';
export { findRepository } from './git-facts.ts';
export { jailProblem } from './jail/missing.ts';

export interface RunOrder {
  /** The program and its arguments. */
  readonly argv: readonly [program: string, ...args: string[]];
  readonly agent: string | null;
  readonly role: string | null;
  readonly task: string | null;
  readonly containment: Containment;
  /** What `--control` named. */
  readonly control: string | null;
}

export interface RunnerSurroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly uid: number;
  readonly stdio: StdioOptions;
  readonly wallMs: () => number;
  readonly monotonicMs: () => number;
  /** What the person wants to know where nothing is wrong; `facts` says the same to a machine. Null for one who does not. */
  readonly announce: ((sentence: string, facts: { readonly [name: string]: Json }) => void) | null;
  readonly warn: (sentence: string) => void;
  readonly progress: HashProgress;
  /** What proves the invoker, given how to ask the envelope whom it believes. */
  readonly credential: (identity: () => Promise<IdentityOffer | null>) => GetCredential;
}

export interface RunResult {
  readonly exitCode: number;
  /** Null when the agent ran and its own exit says all. */
  readonly failure: { readonly code: string; readonly problem: string } | null;
}

/** Exit codes of `run` when it, and not the agent, has something to say. */
const ourFailure = 125;
const unreachable = 3;

const failed = (exitCode: number, code: string, problem: string): RunResult => ({ exitCode, failure: { code, problem } });

const clientFailed = ({ failure, code, problem }: ClientFailure): RunResult =>
  failed(failure === 'unreachable' ? unreachable : ourFailure, code ?? failure, problem);

/** The folder whose programs are not found by name; a home folder and what holds it are everything the person has, so nothing can be told from them. */
const untrustedFolder = (folder: string, env: RunnerSurroundings['env']): string | null =>
  liesWithin(folder, homeFolder(env)) ? null : folder;

const announceOpened = (
  opened: OpenedInvocation,
  { repository }: RepositoryView,
  { carried }: Start,
  announce: NonNullable<RunnerSurroundings['announce']>,
): void => {
  const { invocationId, agent, role, modelPins, containment } = opened;
  const carrying = carried.length === 0 ? '' : ` · carried in: ${carried.join(', ')}`;
  const recorded =
    repository === null ? 'start, end and digest of the agent' : 'start, end and digest of the agent, commits, changed files';
  const caution = containment === 'advisory' ? ' (nothing keeps the agent from going round the envelope)' : '';
  announce(
    `invocation ${invocationId} · agent ${agent} as ${role} · models ${modelPins.join(', ') || 'none'} · containment ${containment}${caution} · recorded: ${recorded}${carrying}`,
    { opened: { invocation_id: invocationId, agent, role, model_pins: modelPins, containment, repository: repository !== null, carried } },
  );
};

const announceClosed = async (closed: ClosedInvocation, announce: NonNullable<RunnerSurroundings['announce']>): Promise<void> => {
  const { closedFacts, closedLine } = await import('./closed-line.ts');
  announce(closedLine(closed), { closed: closedFacts(closed) });
};

const severedBecause = {
  ended: 'the envelope ended this invocation',
  lost: 'the envelope has not answered for longer than a lease lasts, so this invocation is lost',
} as const;
type Severed = keyof typeof severedBecause;

interface Running {
  readonly client: ControlClient;
  readonly opened: OpenedInvocation;
  readonly program: string;
  readonly start: Start;
  readonly jail: Jail | null;
}

const jailedStart = ({ command }: Jail, stdio: StdioOptions) => ({
  executable: command.program,
  args: command.args,
  stdio: stdioWith(stdio, command),
});

/** From the start of the agent to its end; `severed` when the envelope ended the invocation under it. */
const runToEnd = async (
  { client, opened, program, start: { env, args }, jail }: Running,
  surroundings: RunnerSurroundings,
  close: (exit: AgentExit, durationMs: number) => Promise<ClosedInvocation | ClientFailure>,
): Promise<{ readonly exit: AgentExit; readonly severed: Severed | null; readonly closed: ClosedInvocation | ClientFailure }> => {
  const { cwd, stdio, monotonicMs, warn } = surroundings;
  const startedMs = monotonicMs();
  let severed: Severed | null = null;
  const agent = startAgent({
    ...(jail === null ? { executable: program, args, stdio } : jailedStart(jail, stdio)),
    cwd,
    env,
    stopMs: limits.agentStopMs,
    around: jail,
    onResume: () => lease.beat(),
  });
  const lease = keepLease(
    client,
    opened,
    {
      onEnded: (because) => {
        severed = because;
        warn(`${severedBecause[because]}; the agent is being stopped`);
        agent.stop();
      },
      onUnproved: (problem) => warn(`${problem} Unless you are proved again within a minute, the envelope ends this invocation.`),
      onSilence: (problem) => warn(`${problem} Until it answers, what the agent asks for is refused.`),
    },
    monotonicMs,
  );
  try {
    const exit = await agent.exited;
    // What it left would change files that were looked at already.
    if ((await jail?.ended()) === false) warn('what the agent left running has not ended yet; it may still change files');
    const closed = await close(exit, monotonicMs() - startedMs);
    return { exit, severed, closed };
  } finally {
    // Whatever goes wrong: a lease that is renewed for nobody would keep the runner, and the invocation with it.
    lease.stop();
    agent.release();
  }
};

const resultOf = (exit: AgentExit, severed: Severed | null, closed: ClosedInvocation | ClientFailure): RunResult => {
  if ('notStarted' in exit) return failed(exit.notStarted, exit.notStarted === 127 ? 'not_found' : 'not_executable', exit.problem);
  if (severed !== null) return failed(ourFailure, `invocation_${severed}`, `${severedBecause[severed]}, so the agent was stopped`);
  const own = exit.signal === null ? exit.exitCode : exitCodeOf(exit.signal);
  if (isClientFailure(closed)) {
    // Whether anything was denied is unknown, so the run cannot be called a success.
    return failed(own === 0 ? 1 : own, 'not_closed', `the end of this invocation could not be recorded with its facts: ${closed.problem}`);
  }
  return { exitCode: own === 0 && closed.deniedAsText > 0 ? 1 : own, failure: null };
};

const openInvocation = (
  client: ControlClient,
  order: RunOrder,
  { name, version, digest }: PreparedAgent,
  { repository, head }: RepositoryView,
): Promise<OpenedInvocation | ClientFailure> =>
  client.open({
    agent: name,
    agentVersion: version,
    agentDigest: digest,
    role: order.role,
    task: order.task,
    containment: order.containment,
    facts: {
      program: label(basename(order.argv[0])),
      ...(order.containment === 'jail' && { inner_sandbox: 'off' }),
      argv_count: order.argv.length,
      cwd_is_repository: repository !== null,
      git_commit_before: head.commit,
    },
  });

const offerOf = async (client: Pick<ControlClient, 'identity'>): Promise<IdentityOffer | null> => {
  const offer = await client.identity();
  return isClientFailure(offer) ? null : offer;
};

/** Beside another question only where nobody is proved: a source of credentials is asked for one at a time. */
const digestsKnownTo = async (client: ControlClient, executable: string, nowMs: number): Promise<KnownDigests> => {
  const known = { find: client.findDigest, keep: client.keepDigest };
  const offer = await client.identity();
  return !isClientFailure(offer) && offer.local_development ? askedAhead(executable, known, nowMs) : known;
};

const jailOf = (order: NonNullable<Start['jail']>, { modelDoor, networkDoor, credential }: OpenedInvocation): JailOrder => ({
  ...order,
  credential,
  doors: { model: modelDoor, ...(networkDoor !== null && { network: networkDoor }) },
});

interface LaidOut {
  readonly start: Start;
  readonly jail: Jail | null;
}

const laidOut = (prepared: PreparedAgent, opened: OpenedInvocation): LaidOut | Refusal => {
  let start: Start | null = null;
  try {
    start = prepared.start(opened);
    return { start, jail: start.jail === null ? null : openJail(jailOf(start.jail, opened), [prepared.program, ...start.args]) };
  } catch (error) {
    start?.close();
    const problem = `what the agent needs could not be laid out: ${error instanceof Error ? error.message : 'unknown error'}`;
    return { exitCode: ourFailure, code: 'not_laid_out', problem };
  }
};

const programsShown = 8;

interface Programs {
  readonly listed: ChangeReport['host_programs'];
  readonly more: number;
}

/** What the person should look at before anything outside runs it. */
const programsLine = ({ listed, more: unlisted }: Programs): string => {
  const shown = listed.slice(0, programsShown).map(({ path, runs_with: by }) => `${path} (${by})`);
  const count = listed.length + unlisted - shown.length;
  const more = count > 0 ? ` and ${count} more` : '';
  return `the agent changed what runs later outside its jail; look at it first: ${shown.join(', ')}${more}`;
};

type OfEnvelope = Pick<PreparingPlace, 'ofEnvelope' | 'dataOfEnvelope'>;

/** The folders of the envelope that a workspace may hold, or lie in, named as that is; those of one elsewhere are not here. */
const envelopeFolders = async (client: ControlClient, socket: string): Promise<OfEnvelope> => {
  const status = await client.status();
  const data = isClientFailure(status) || status.data === null ? null : realOrItself(status.data);
  return {
    ofEnvelope: [...(data === null ? [] : [data]), ...(socket.startsWith('/') ? [realOrItself(dirname(socket))] : [])],
    dataOfEnvelope: data,
  };
};

interface Opened {
  readonly client: ControlClient;
  readonly opened: OpenedInvocation;
  readonly prepared: PreparedAgent;
  readonly before: RepositoryView;
  readonly start: Start;
  readonly jail: Jail | null;
  readonly dataOfEnvelope: string | null;
}

/** What the person should know behind a run, beside what it did. */
const lastWarnings = (prepared: PreparedAgent, left: readonly string[], programs: Programs): readonly string[] => [
  ...left,
  ...(prepared.changed() ? ['the files of the agent are others now than those that were identified; the record says so'] : []),
  ...(programs.listed.length > 0 ? [programsLine(programs)] : []),
];

const swapped =
  'The working folder, or one of its repository, was replaced by another one while the jail was made, so the agent was not started. Whoever works in the folder around it can do that: wait for its end, or work elsewhere.';

/** The agent in its invocation, from its start to its end. */
const runOpened = async (run: Opened, surroundings: RunnerSurroundings): Promise<RunResult> => {
  const { client, opened, prepared, before, start, jail } = run;
  const { announce, warn } = surroundings;
  let programs: Programs = { listed: [], more: 0 };
  let left: readonly string[] | null = null;
  /** What was laid out is removed while the envelope records the end. */
  const clear = (): readonly string[] => {
    if (left === null) {
      jail?.close();
      left = start.close();
    }
    return left;
  };
  const close = (exit: AgentExit, durationMs: number): Promise<ClosedInvocation | ClientFailure> => {
    const report = reportChanges(before, run.dataOfEnvelope);
    programs = { listed: report.host_programs, more: report.truncated.host_programs ?? 0 };
    const ending = {
      exit_code: jail?.wasOpened() === false ? ourFailure : 'notStarted' in exit ? exit.notStarted : exit.exitCode,
      signal: 'notStarted' in exit ? null : exit.signal,
      duration_ms: Math.round(durationMs),
      ...(prepared.changed() && { program_changed: true }),
      ...report,
    };
    return client.close(opened, ending, clear);
  };
  const { exit, severed, closed } = await runToEnd({ client, opened, program: prepared.program, start, jail }, surroundings, close).finally(
    clear,
  );
  for (const warning of lastWarnings(prepared, clear(), programs)) warn(warning);
  if (!isClientFailure(closed) && announce !== null) await announceClosed(closed, announce);
  if (jail?.wasElsewhere() === true) return failed(ourFailure, 'no_jail', swapped);
  if (jail?.wasOpened() === false)
    return failed(ourFailure, 'no_jail', `The jail could not be made, so the agent was not started. ${whyNoJail()}`);
  const result = resultOf(exit, severed, closed);
  return result.exitCode === 0 && prepared.failsOnChangedPrograms && programs.listed.length > 0 ? { exitCode: 1, failure: null } : result;
};

interface Asked {
  readonly executable: string;
  readonly place: Omit<PreparingPlace, keyof OfEnvelope | 'how'>;
}

/** What can be said before anybody is asked. */
const beforeAsking = (order: RunOrder, { env, cwd }: RunnerSurroundings): Asked | Refusal => {
  const repository = findRepository(cwd);
  const workspace = repository?.root ?? realpathSync(cwd);
  // Where the person stands, whatever its path leads to by now.
  const folders = new Map([workspace, ...foldersElsewhere(repository)].map((path) => [path, folderIdentity(path)]));
  const standing = { cwd: folderIdentity(cwd === process.cwd() ? '.' : cwd), folders };
  const search = { path: env['PATH'] ?? '', cwd, workspace: untrustedFolder(workspace, env) };
  const executable = foundProgram(order.argv[0], search);
  if (typeof executable !== 'string') return executable;
  const { containment } = order;
  const missing = containment === 'jail' ? missingForJail(process.platform, process.arch) : null;
  if (missing !== null) return { exitCode: ourFailure, code: 'no_jail', problem: missing };
  return { executable, place: { env, cwd, standing, workspace, repository, search, containment } };
};

/** Before the loop has turned, a request has not left: first it connects. */
const turns = async (): Promise<void> => {
  for (let turn = 0; turn < 2; turn += 1) await new Promise<void>((resolve) => void setImmediate(resolve));
};

/** What fails here fails again at the start, where the invocation can be closed. */
const lookAhead = async (prepared: PreparedAgent): Promise<void> => {
  try {
    await prepared.lookAhead();
  } catch {
    // Told then.
  }
};

const refusedBy = ({ exitCode, code, problem }: Refusal): RunResult => failed(exitCode, code, problem);

/** Runs one agent under one invocation. `monotonicMs` measures the run, `wallMs` judges only the age of files. */
export const runAgent = async (order: RunOrder, surroundings: RunnerSurroundings): Promise<RunResult> => {
  const { env, uid, announce, warn } = surroundings;
  const asked = beforeAsking(order, surroundings);
  if (isRefusal(asked)) return refusedBy(asked);
  const { executable, place } = asked;
  const socket = controlSocketPath(order.control, env, 'connect');
  if (isClientFailure(socket)) return clientFailed(socket);
  const client = createControlClient(socket, { uid, credential: surroundings.credential(() => offerOf(client)) });
  const asking = client.agents();
  const looking = envelopeFolders(client, socket);
  // While the envelope answers: what is loaded and looked at here takes as long.
  await turns();
  if (needsHash(executable)) newHash('sha256');
  const known = await digestsKnownTo(client, executable, surroundings.wallMs());
  await turns();
  const before = viewRepository(place.repository);
  const agents = await asking;
  if (isClientFailure(agents)) return clientFailed(agents);

  const how = { known, wallMs: surroundings.wallMs, progress: surroundings.progress };
  const ofEnvelope = await looking;
  const prepared = await prepareAgent({ ...order, executable }, agents, { ...place, ...ofEnvelope, how });
  if (isRefusal(prepared)) return refusedBy(prepared);
  for (const warning of prepared.warnings) warn(warning);
  const opening = openInvocation(client, order, prepared, before);
  await turns();
  await lookAhead(prepared);
  const opened = await opening;
  if (isClientFailure(opened)) return clientFailed(opened);
  const laid = laidOut(prepared, opened);
  if (isRefusal(laid)) {
    await client.close(opened, { exit_code: laid.exitCode });
    return refusedBy(laid);
  }
  const { start, jail } = laid;
  for (const warning of start.warnings) warn(warning);
  if (announce !== null) announceOpened(opened, before, start, announce);
  return runOpened({ client, opened, prepared, before, start, jail, dataOfEnvelope: ofEnvelope.dataOfEnvelope }, surroundings);
};
