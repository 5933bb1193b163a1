// One real run of a CLI agent under `sealwright run`, with a whole envelope and a scripted model upstream; and what came of it, on every side.
// Everything that it starts it also ends, the agent by its process group; a run that takes too long is ended and says so.

import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import type { LedgerRecord, Running, Upstream } from '../envelope/running.ts';
import { recordsUnder, startRunning, startUpstream } from '../envelope/running.ts';
import { root } from '../project-files.ts';
import { anthropicTurns } from './anthropic-turns.ts';
import type { Command, Ran } from './bounded-command.ts';
import { runToEnd } from './bounded-command.ts';
import { laidByHand } from './by-hand.ts';
import type { Cli } from './clis.ts';
import type { Asked, ControlWatch, DoorWatch } from './door-watch.ts';
import { watchControl, watchDoor } from './door-watch.ts';
import { geminiTurns } from './gemini-turns.ts';
import type { Files, Person } from './person.ts';
import { createPerson } from './person.ts';
import { responsesTurns } from './responses-turns.ts';
import type { Dialect, Script } from './turns.ts';
import { playing } from './turns.ts';

export interface Order {
  readonly prompt: string;
  readonly script: Script;
  /** Names that the role may call; the first is what the agent asks for by itself, or is told to. */
  readonly models: readonly string[];
  /** Tools that the role may use, by their canonical names. */
  readonly tools?: readonly string[];
  /** Models that the endpoint has and the role may not call. */
  readonly otherModels?: readonly string[];
  /** Policies of the organisation's own, in Cedar. */
  readonly policies?: string;
  /** What of the person's own is carried in, where it is not what a config without a word about it says. */
  readonly carry?: readonly string[];
  readonly argv?: readonly string[];
  /** All arguments of the agent, in the place of the prompt and `argv`. */
  readonly command?: readonly string[];
  /** Whose run it is, where that one lives longer; else one is made for it. */
  readonly person?: Person;
  /** Files of the workspace, and of the person's home. */
  readonly files?: Files;
  readonly homeFiles?: Files;
  /** What stands before the person's own PATH. */
  readonly path?: (person: Person) => readonly string[];
  /** Where in the workspace it works. */
  readonly folder?: string;
  /** A second run in the same home and workspace, such as one that goes on with the conversation. */
  readonly again?: Pick<Order, 'prompt' | 'argv' | 'command'>;
  /** The prompt comes by standard input. */
  readonly piped?: true;
  /** Of `run` itself. */
  readonly options?: readonly string[];
  /** Sent to `run` once the upstream was asked so often. */
  readonly signal?: { readonly name: NodeJS.Signals; readonly afterRequests: number };
  /** Requests at whose answer the network breaks, by how many came before. */
  readonly cut?: (index: number) => boolean;
  /** Started without `run`, with these variables beside those that `run` would set; what it is given is the credential. */
  readonly byHand?: (credential: string) => Readonly<Record<string, string>>;
  /** In a jail, with these entries of `allowed_hosts`; what goes between the agent and the envelope is then not watched. */
  readonly jailed?: { readonly hosts: readonly string[] };
  /** Done with the person before the first run, before the second, and at the end. */
  readonly before?: (person: Person) => unknown;
  readonly between?: (person: Person) => unknown;
  readonly after?: (person: Person) => unknown;
}

export interface Governed extends Ran {
  /** What reached the door, and of that the requests that have something to read. */
  readonly door: readonly Asked[];
  readonly asked: readonly Asked[];
  /** What reached the upstream. */
  readonly upstream: Upstream['seen'];
  /** Of each invocation; what the agent was given. */
  readonly credentials: readonly string[];
  /** Paths in the workspace when it was over. */
  readonly left: readonly string[];
  /** Folders of runs that were not removed. */
  readonly runsLeft: readonly string[];
  readonly records: readonly LedgerRecord[];
  /** Those of model crossings, and of tool crossings. */
  readonly models: readonly LedgerRecord[];
  readonly tools: readonly LedgerRecord[];
}

export const dialects: Readonly<Record<Cli['format'], Dialect>> = {
  'anthropic-messages': anthropicTurns,
  'openai-responses': responsesTurns,
  gemini: geminiTurns,
};

const list = (names: readonly string[]): string => `[${names.map((name) => JSON.stringify(name)).join(', ')}]`;

type Rules = Pick<Order, 'models' | 'tools' | 'otherModels' | 'policies' | 'carry' | 'jailed'>;

const configOf = (
  cli: Cli,
  { models, tools = [], otherModels = [], policies, carry, jailed }: Rules,
  upstreamUrl: string,
  dataDir: string,
): string => `
environment: development
data_dir: ${dataDir}
identity: { local_development: true }
server: { ports: { model: 0, network: 0, admin: 0 } }
agents: { cli: { client: ${cli.name}, roles: [worker]${carry === undefined ? '' : `, carry: ${list(carry)}`} } }
agent_roles: { worker: { allowed_models: ${list(models)}, allowed_tools: ${list(tools)}, allowed_hosts: [${jailed?.hosts.join(', ') ?? ''}] } }
endpoints:
  scripted:
    formats: [${cli.format}]
    topology: self-hosted
    provider: scripted
    region: local
    base_url: ${upstreamUrl}
    credential: { env: SCRIPTED_SECRET }
    models: [${[...models, ...otherModels].map((pin) => `{ pin: ${JSON.stringify(pin)} }`).join(', ')}]
${policies === undefined ? '' : `policies: ${policiesBeside(dataDir)}\n`}`;

/** They have to be there before the config is read. */
const policiesBeside = (dataDir: string): string => join(dirname(dataDir), 'policies');

const dataDirIn = (config: string): string => /^data_dir: (.*)$/m.exec(config)?.[1] ?? assert.fail('no data folder');

/** A whole envelope in front of `upstreamUrl`, and what watches its ways in. */
export interface Stage {
  readonly cli: Cli;
  readonly containment: 'jail' | 'advisory';
  /** What `run --control` takes. */
  readonly socket: string;
  readonly running: Running;
  readonly watch: DoorWatch;
  readonly control: ControlWatch;
  readonly close: () => Promise<void>;
}

export const startStage = async (cli: Cli, rules: Rules, upstreamUrl: string, cut?: Order['cut']): Promise<Stage> => {
  const running = await startRunning(upstreamUrl, (text) => {
    const dataDir = dataDirIn(text);
    if (rules.policies !== undefined) {
      mkdirSync(policiesBeside(dataDir));
      writeFileSync(join(policiesBeside(dataDir), 'own.cedar'), rules.policies);
    }
    return configOf(cli, rules, upstreamUrl, dataDir);
  });
  const watch = await watchDoor(running.envelope.doors.model, cut);
  const control = await watchControl(running.controlSocket, watch.origin);
  return {
    cli,
    containment: rules.jailed === undefined ? 'advisory' : 'jail',
    // Watched connections would come from nobody: in a jail the credential comes before HTTP does.
    socket: rules.jailed === undefined ? control.socket : running.controlSocket,
    running,
    watch,
    control,
    close: async () => {
      await watch.close();
      await control.close();
      await running.envelope.close();
    },
  };
};

/** The command that runs `argv` of the agent inside an envelope. */
export const runCommand = (
  { cli, containment, socket }: Stage,
  argv: readonly string[],
  options: readonly string[] = ['--quiet'],
): Command['argv'] => [
  join(root, 'bin', 'sealwright'),
  'run',
  '--containment',
  containment,
  '--control',
  socket,
  ...options,
  '--',
  cli.command,
  ...argv,
];

type Asking = Pick<Order, 'prompt' | 'argv' | 'command'>;

const argvOf = (cli: Cli, { piped }: Order, { prompt, argv = [], command }: Asking): readonly string[] =>
  command ?? (piped === true ? cli.piped(argv) : cli.argv(prompt, argv));

const underRun = (stage: Stage, order: Order, person: Person, asking: Asking): Promise<Ran> => {
  const path = [...(order.path?.(person) ?? []), person.env['PATH'] ?? ''].join(delimiter);
  return runToEnd({
    argv: runCommand(stage, argvOf(stage.cli, order, asking), order.options),
    cwd: join(person.workspace, order.folder ?? ''),
    env: { ...person.env, PATH: path },
    input: order.piped === true ? asking.prompt : undefined,
    onStart: signalling(stage, order),
  });
};

/** How often it is looked whether the upstream was asked. */
const lookMs = 25;

const signalling = ({ watch }: Stage, { signal }: Order): Command['onStart'] => {
  if (signal === undefined) return undefined;
  return (send) => {
    const timer = setInterval(() => {
      if (watch.asked.filter(({ answer }) => answer !== '').length < signal.afterRequests) return;
      clearInterval(timer);
      send(signal.name);
    }, lookMs);
  };
};

/** Opens an invocation by itself, as a person would who points an agent at the envelope. */
const withoutRun = async ({ cli, running, control, watch }: Stage, order: Order, person: Person): Promise<Ran> => {
  const opened = await running.open('cli', 'worker');
  const { credential, invocation_id: invocationId } = opened;
  control.opened.push({ ...opened, doors: { model: watch.origin } });
  const { command, close } = laidByHand(cli, person, cli.argv(order.prompt, order.argv ?? []), {
    origin: watch.origin,
    credential,
    invocationId,
    environment: order.byHand?.(credential) ?? {},
  });
  try {
    return await runToEnd(command);
  } finally {
    close();
    await running.closeRun(opened, { exit_code: 0 });
  }
};

const runAgent = async (stage: Stage, order: Order, person: Person): Promise<Ran> => {
  order.before?.(person);
  if (order.byHand !== undefined) return withoutRun(stage, order, person);
  const ran = await underRun(stage, order, person, order);
  if (order.again === undefined) return ran;
  order.between?.(person);
  return underRun(stage, order, person, order.again);
};

/** A stream in which nothing was recorded has no log. */
export const recordsOf = ({ dataDir }: Running, stream: string): readonly LedgerRecord[] =>
  existsSync(join(dataDir, 'ledger', 'logs', 'local', stream)) ? recordsUnder(dataDir, stream) : [];

export const runsLeftOf = ({ home }: Person): readonly string[] => {
  const runs = join(home, '.local/state/sealwright/runs');
  return existsSync(runs) ? readdirSync(runs) : [];
};

export const governed = async (cli: Cli, order: Order): Promise<Governed> => {
  const started: (() => unknown)[] = [];
  try {
    const upstream = await startUpstream(playing(dialects[cli.format], order.script));
    started.push(upstream.close);
    const stage = await startStage(cli, order, upstream.url, order.cut);
    started.push(stage.running.remove, stage.close);
    const person = order.person ?? (await createPerson(cli, order.files, order.homeFiles));
    if (order.person === undefined) started.push(person.remove);
    const ran = await runAgent(stage, order, person);
    order.after?.(person);
    const [left, runsLeft] = [readdirSync(person.workspace), runsLeftOf(person)];
    await stage.close();
    const records = ['agent', 'model', 'control'].flatMap((stream) => recordsOf(stage.running, stream));
    return {
      ...ran,
      door: stage.watch.asked,
      asked: stage.watch.asked.filter(({ body }) => body.length > 0),
      upstream: upstream.seen,
      credentials: stage.control.opened.map(({ credential }) => credential),
      left,
      runsLeft,
      records,
      models: records.filter(({ stream }) => stream === 'model'),
      tools: records.filter(({ tool }) => tool !== undefined && tool !== null),
    };
  } finally {
    for (const end of started.toReversed()) await end();
  }
};
