// An envelope as a process, and agents that `run` starts in a jail before it. Needs Linux and bubblewrap; a machine without them fails, it does not skip.
// Whoever starts one removes it; everything lies in one folder that is in no repository.

import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from '../project-files.ts';
import { until } from '../until.ts';

export interface JailedRun {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Ground {
  /** Of the envelope. */
  readonly pid: number;
  readonly folder: string;
  readonly workspace: string;
  readonly home: string;
  readonly dataDir: string;
  readonly control: string;
  readonly env: Readonly<Record<string, string>>;
  /** Runs a script of `sh` as the agent. */
  readonly sh: (script: string, more?: RunMore) => Promise<JailedRun>;
  readonly close: () => Promise<void>;
}

export interface RunMore {
  /** Of `run`, before `--`. */
  readonly argv?: readonly string[];
  readonly command?: readonly string[];
  /** A program that starts `run`, and its arguments. */
  readonly under?: readonly string[];
  readonly cwd?: string;
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** As another user, where the tests run as root. */
  readonly uid?: number;
  /** Told once the process has started. */
  readonly started?: (pid: number) => void;
}

const bin = `${root}bin/sealwright`;

const configOf = (dataDir: string, edit: (text: string) => string): string =>
  edit(`
environment: development
data_dir: ${dataDir}
identity: { local_development: true }
server: { ports: { model: 0, network: 0, admin: 0 } }
agents: { sdk: { client: sdk, roles: [demo] } }
agent_roles: { demo: { allowed_models: [simulated-1], allowed_tools: [] } }
endpoints:
  rehearsal: { formats: [anthropic-messages], topology: self-hosted, provider: simulated, region: local, models: [{ pin: simulated-1 }] }
`);

export const collect = (
  program: string,
  argv: readonly string[],
  { cwd, env, input, uid, started }: RunMore & { readonly cwd: string },
): Promise<JailedRun> =>
  new Promise((resolve, reject) => {
    const child = spawn(program, argv, {
      cwd,
      env: env ?? {},
      stdio: ['pipe', 'pipe', 'pipe'],
      ...(uid !== undefined && { uid, gid: uid }),
    });
    const said = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'] as const) child[name].on('data', (chunk: Buffer) => void (said[name] += chunk.toString()));
    child.on('error', reject);
    child.on('close', (exitCode) => resolve({ exitCode, ...said }));
    child.stdin.on('error', () => undefined);
    child.stdin.end(input ?? '');
    if (child.pid !== undefined) started?.(child.pid);
  });

/** `dataIn`: where the envelope keeps its data, below the folder. `more`: variables of the envelope alone. */
export const openGround = async ({
  dataIn = 'data',
  edit = (text: string): string => text,
  parent = tmpdir(),
  more = {},
}: {
  readonly dataIn?: string;
  readonly edit?: (text: string) => string;
  readonly parent?: string;
  readonly more?: Readonly<Record<string, string>>;
} = {}): Promise<Ground> => {
  const folder = realpathSync(mkdtempSync(join(parent, 'sealwright-jail-')));
  const [workspace, home] = [join(folder, 'work'), join(folder, 'home')];
  for (const path of [workspace, home]) mkdirSync(path);
  const [dataDir, control, config] = [join(folder, dataIn), join(folder, 'c.sock'), join(folder, 'sealwright.yaml')];
  writeFileSync(config, configOf(dataDir, edit), { mode: 0o600 });
  const env = { PATH: process.env['PATH'] ?? '', HOME: home, LANG: 'C.UTF-8' };
  const up = spawn(bin, ['up', '--config', config, '--control', control], { env: { ...env, ...more }, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [up.stdout, up.stderr]) stream.on('data', (chunk: Buffer) => void (said += chunk.toString()));
  await until(() => said.includes('ledger key') || up.exitCode !== null);
  if (up.exitCode !== null || up.pid === undefined) throw new Error(said);
  return {
    pid: up.pid,
    folder,
    workspace,
    home,
    dataDir,
    control,
    env,
    sh: (script, { argv = [], command = ['sh', '-c', script], under = [], ...more } = {}) => {
      const [program = bin, ...rest] = [...under, bin, 'run', '--quiet', '--control', control, ...argv, '--', ...command];
      return collect(program, rest, { cwd: workspace, env, ...more });
    },
    close: async () => {
      up.kill();
      await until(() => up.exitCode !== null || up.signalCode !== null);
      rmSync(folder, { recursive: true, force: true });
    },
  };
};

/** Records of the ledger as `audit search` gives them. */
export const recordsOf = async ({ dataDir, env }: Ground): Promise<readonly Readonly<Record<string, unknown>>[]> => {
  const { stdout } = await collect(bin, ['audit', 'search', '--data', dataDir, '--json', '--limit', '1000'], { cwd: '/', env });
  return stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => (JSON.parse(line) as { record: Record<string, unknown> }).record ?? (JSON.parse(line) as Record<string, unknown>));
};

/** How many processes of this machine have these words in their command line. */
export const processesNamed = (words: string): number =>
  spawnSync('ps', ['-eo', 'args'], { encoding: 'utf8' })
    .stdout.split('\n')
    .filter((line) => line.includes(words)).length;
