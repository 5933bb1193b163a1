// One real run of a CLI agent behind a whole envelope, with a scripted model upstream; and what came of it, on every side.
// Everything that it starts it also ends, the agent by its process group; a run that takes too long is ended and says so.

import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { agentEnvironment } from '../../src/runner/agent-environment.ts';
import type { LedgerRecord, Running, Upstream } from '../envelope/running.ts';
import { recordsUnder, startRunning, startUpstream } from '../envelope/running.ts';
import { anthropicTurns } from './anthropic-turns.ts';
import type { Cli, Place } from './clis.ts';
import { geminiTurns } from './gemini-turns.ts';
import type { Asked, DoorWatch, RefusingProxy } from './door-watch.ts';
import { startRefusingProxy, watchDoor } from './door-watch.ts';
import { install } from './install.ts';
import { responsesTurns } from './responses-turns.ts';
import type { Dialect, Script } from './turns.ts';
import { playing } from './turns.ts';

export interface Order {
  readonly prompt: string;
  readonly script: Script;
  /** Names that the role may call; the first is what the agent asks for by itself, or is told to. */
  readonly models: readonly string[];
  /** Tools that the role may use, by the names that the model has for them. */
  readonly tools?: readonly string[];
  /** Models that the endpoint has and the role may not call. */
  readonly otherModels?: readonly string[];
  readonly argv?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** Files of the workspace. */
  readonly files?: Readonly<Record<string, string | Uint8Array>>;
  /** A second run in the same home and workspace, such as one that goes on with the conversation. */
  readonly again?: { readonly prompt: string; readonly argv?: readonly string[] };
}

export interface Ran {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Governed extends Ran {
  /** What reached the door. */
  readonly door: readonly Asked[];
  /** What reached the upstream. */
  readonly upstream: Upstream['seen'];
  /** Of the invocation; what the agent was given. */
  readonly credential: string;
  /** Paths in the workspace when it was over. */
  readonly left: readonly string[];
  readonly records: readonly LedgerRecord[];
  /** Those of model crossings, and of tool crossings. */
  readonly models: readonly LedgerRecord[];
  readonly tools: readonly LedgerRecord[];
  /** Where the agent tried to go beside the door. */
  readonly attempts: readonly string[];
}

const dialects: Readonly<Record<Cli['format'], Dialect>> = {
  'anthropic-messages': anthropicTurns,
  'openai-responses': responsesTurns,
  gemini: geminiTurns,
};

const runMs = 150_000;
const keptCharacters = 1_000_000;
const heartbeatMs = 10_000;

const list = (names: readonly string[]): string => `[${names.map((name) => JSON.stringify(name)).join(', ')}]`;

const configOf = (cli: Cli, { models, tools = [], otherModels = [] }: Order, upstreamUrl: string, dataDir: string): string => `
environment: development
data_dir: ${dataDir}
identity: { local_development: true }
server: { ports: { model: 0, admin: 0 } }
agents: { cli: { client: ${cli.name}, roles: [worker] } }
agent_roles: { worker: { allowed_models: ${list(models)}, allowed_tools: ${list(tools)} } }
endpoints:
  scripted:
    formats: [${cli.format}]
    topology: self-hosted
    provider: scripted
    region: local
    base_url: ${upstreamUrl}
    credential: { env: SCRIPTED_SECRET }
    models: [${[...models, ...otherModels].map((pin) => `{ pin: ${JSON.stringify(pin)} }`).join(', ')}]
`;

const dataDirIn = (config: string): string => /^data_dir: (.*)$/m.exec(config)?.[1] ?? assert.fail('no data folder');

/** A folder of the run's own, outside the system's temporary one: Codex refuses to keep its helper programs there. */
const scratchIn = (folder: string, prefix: string): string => {
  mkdirSync(folder, { recursive: true });
  return mkdtempSync(join(folder, prefix));
};

const lay = (folder: string, files: Readonly<Record<string, string | Uint8Array>>): void => {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content);
  }
};

/** Ends a process and all that it started. */
const killGroup = (child: ChildProcess): void => {
  try {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
};

const run = (program: readonly string[], cwd: string, env: Readonly<Record<string, string>>): Promise<Ran> =>
  new Promise((resolve, reject) => {
    const [file = '', ...argv] = program;
    const child = spawn(file, argv, { cwd, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    const said = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'] as const)
      child[name].on('data', (chunk: Buffer) => void (said[name] = (said[name] + chunk.toString()).slice(-keptCharacters)));
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      killGroup(child);
    }, runMs);
    child.on('error', reject);
    // What it leaves behind would hold its output open.
    child.on('exit', () => killGroup(child));
    child.on('close', (exitCode) => {
      clearTimeout(timer);
      if (late) reject(new Error(`the agent did not end within ${runMs / 1_000} s: ${said.stdout} ${said.stderr}`));
      else resolve({ exitCode, ...said });
    });
  });

interface Stage {
  readonly cli: Cli;
  readonly order: Order;
  readonly running: Running;
  readonly watch: DoorWatch;
  readonly proxy: RefusingProxy;
}

/** Opens an invocation, runs the agent in it as often as the order says, and closes it. */
const runAgent = async ({ cli, order, running, watch, proxy }: Stage): Promise<Ran & Pick<Governed, 'credential' | 'left'>> => {
  const program = await install(cli);
  const workspace = scratchIn(tmpdir(), 'agent-workspace-');
  const home = scratchIn(join(import.meta.dirname, '.scratch'), `${cli.name}-`);
  const { invocation_id: invocationId, credential } = await running.open('cli', 'worker');
  const beating = setInterval(
    () => void running.control('POST', `/invocations/${invocationId}/heartbeat`, {}).catch(() => null),
    heartbeatMs,
  );
  try {
    const place: Place = { door: watch.origin, home };
    lay(workspace, order.files ?? {});
    lay(home, { ...cli.settings(place), 'tmp/.keep': '' });
    const parent = { PATH: process.env['PATH'], HOME: home, TMPDIR: join(home, 'tmp'), TERM: 'dumb', LANG: 'C.UTF-8', SHELL: '/bin/sh' };
    const env = {
      ...agentEnvironment(parent, { invocationId, credential, modelDoor: watch.origin }),
      ...Object.fromEntries(['HTTPS_PROXY', 'https_proxy', 'HTTP_PROXY', 'http_proxy'].map((name) => [name, proxy.url])),
      ...cli.environment(place),
      ...order.environment,
    };
    let ran = await run([...program, ...cli.argv(order.prompt, order.argv ?? [])], workspace, env);
    if (order.again !== undefined) ran = await run([...program, ...cli.argv(order.again.prompt, order.again.argv ?? [])], workspace, env);
    return { ...ran, credential, left: readdirSync(workspace) };
  } finally {
    clearInterval(beating);
    await running.control('POST', `/invocations/${invocationId}/close`, { exit_code: 0 });
    for (const folder of [workspace, home]) rmSync(folder, { recursive: true, force: true });
  }
};

/** A stream in which nothing was recorded has no log. */
const recordsOf = ({ dataDir }: Running, stream: string): readonly LedgerRecord[] =>
  existsSync(join(dataDir, 'ledger', 'logs', 'local', stream)) ? recordsUnder(dataDir, stream) : [];

export const governed = async (cli: Cli, order: Order): Promise<Governed> => {
  const started: (() => unknown)[] = [];
  try {
    const upstream = await startUpstream(playing(dialects[cli.format], order.script));
    started.push(upstream.close);
    const proxy = await startRefusingProxy();
    started.push(proxy.close);
    const running = await startRunning(upstream.url, (text) => configOf(cli, order, upstream.url, dataDirIn(text)));
    started.push(running.remove, running.envelope.close);
    const watch = await watchDoor(running.envelope.doors.model);
    started.push(watch.close);
    const ran = await runAgent({ cli, order, running, watch, proxy });
    await watch.close();
    await running.envelope.close();
    const records = ['agent', 'model', 'control'].flatMap((stream) => recordsOf(running, stream));
    return {
      ...ran,
      door: watch.asked,
      upstream: upstream.seen,
      records,
      models: records.filter(({ stream }) => stream === 'model'),
      tools: records.filter(({ tool }) => tool !== undefined && tool !== null),
      attempts: proxy.attempts,
    };
  } finally {
    for (const end of started.toReversed()) await end();
  }
};
