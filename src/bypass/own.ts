// Our own envelope as a subject: started with the kit's config, with agents of it in the jail and beside it, and asked by its own commands only.
// Everything runs as a process of its own, as a person would start it. Rejects where the envelope does not start.

import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Arrival, Beside, BesideEnvelope, LedgerRecord, OwnSubject, Said } from './attempt.ts';
import { allowedHosts, allowedPorts, rawHost, strangeUpstream, upstream } from './names.ts';
import type { Trier } from './trier.ts';
import { startTrier, trierFile } from './trier.ts';

const startPatienceMs = 30_000;
const lookEveryMs = 20;
const saidCharacters = 100_000_000;
const recordsCount = 100_000;

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const hostEntries = [
  ...allowedHosts.map((host) => `{ host: '${host}', ports: [${allowedPorts.join(', ')}] }`),
  `{ host: ${rawHost.host}, ports: [${rawHost.port}], tls: false }`,
].join(', ');

const endpointFor = (name: string, baseUrl: string, models: string): string => `  ${name}:
    formats: [anthropic-messages]
    topology: self-hosted
    provider: kit
    region: local
    base_url: ${baseUrl}
    credential: { command: [echo, upstream-secret] }
    models: [${models}]`;

/** Each setting stands on a line of its own, so that an attempt can change one. */
export const configFor = (dataDir: string, ports: { readonly model: number; readonly network: number; readonly admin: number }): string => `
environment: development
data_dir: ${dataDir}
identity: { local_development: true }
server: { ports: { model: ${ports.model}, network: ${ports.network}, admin: ${ports.admin} } }
agents: { kit: { client: sdk, roles: [kit], toolchains: ['${dirname(trierFile)}'] } }
agent_roles:
  kit:
    allowed_models: [kit-1, strange-1]
    allowed_tools: []
    allowed_hosts: [${hostEntries}]
endpoints:
${endpointFor('upstream', `http://${upstream.address}:${upstream.port}`, '{ pin: kit-1 }, { pin: other-1 }')}
${endpointFor('strange', `https://${strangeUpstream.address}:${strangeUpstream.port}`, '{ pin: strange-1 }')}
`;

interface Running {
  readonly network: string;
  readonly model: string;
  readonly control: string;
  readonly end: () => Promise<void>;
}

/** Runs to its end; all that it said, of both streams. */
const ran = (argv: readonly string[], env: NodeJS.ProcessEnv, cwd: string): Promise<Said> =>
  new Promise((resolve) => {
    const [program = '', ...args] = argv;
    const child = spawn(program, args, { env, cwd, stdio: ['ignore', 'pipe', 'pipe'] });
    let text = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (chunk: string) => void (text = (text + chunk).slice(-saidCharacters)));
    child.once('error', ({ message }) => resolve({ code: null, text: message }));
    child.once('close', (code) => resolve({ code, text }));
  });

const start = async (program: readonly string[], config: string, control: string, env: NodeJS.ProcessEnv): Promise<Running> => {
  const [node = '', ...entry] = program;
  const child = spawn(node, [...entry, 'up', '--json', '--config', config, '--control', control], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [said, complained] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => void (said += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => void (complained = (complained + chunk.toString()).slice(-saidCharacters)));
  const until = performance.now() + startPatienceMs;
  while (!said.includes('\n') && child.exitCode === null && performance.now() < until) await pause(lookEveryMs);
  const ready = said.split('\n').find((line) => line.includes('"ready":true'));
  const end = async (): Promise<void> => {
    child.kill();
    while (child.exitCode === null && child.signalCode === null) await pause(lookEveryMs);
  };
  if (ready === undefined) {
    await end();
    throw new Error(`the envelope did not start: ${complained.trim().slice(-400)}`);
  }
  const { doors } = JSON.parse(ready) as { readonly doors: { readonly model: string; readonly network: string } };
  return { network: doors.network, model: doors.model, control, end };
};

export interface Own {
  readonly subject: OwnSubject;
  readonly doors: { readonly network: string; readonly model: string };
  readonly jailed: Trier;
  readonly beside: Trier;
  readonly end: () => Promise<void>;
}

export const startOwn = async (program: readonly string[], folder: string, arrivals: () => readonly Arrival[]): Promise<Own> => {
  const [workspace, home] = [join(folder, 'work'), join(folder, 'home')];
  for (const path of [workspace, home]) mkdirSync(path);
  const env = { PATH: process.env['PATH'] ?? '', HOME: home, LANG: 'C.UTF-8', XDG_RUNTIME_DIR: folder };
  spawnSync('git', ['init', '-q', workspace], { env });
  const dataDir = join(folder, 'data');
  const text = configFor(dataDir, { model: 7420, network: 7421, admin: 7422 });
  let count = 0;
  const written = (config: string): string => {
    const path = join(folder, `config-${(count += 1)}.yaml`);
    writeFileSync(path, config, { mode: 0o600 });
    return path;
  };
  const running = await start(program, written(text), join(folder, 'c.sock'), env);
  const runOptions = (control: string, containment: string): readonly string[] => [
    ...program,
    'run',
    '--quiet',
    '--control',
    control,
    '--containment',
    containment,
    '--',
  ];
  const trier = (control: string, containment: string): Promise<Trier> => startTrier(runOptions(control, containment), env, workspace);
  const knocking = await startTrier([], { PATH: env.PATH }, folder);

  const beside = async <T>({ edit, diskBytes }: Beside, use: (envelope: BesideEnvelope) => Promise<T>): Promise<T | null> => {
    const own = join(folder, `beside-${(count += 1)}`);
    mkdirSync(own, { mode: 0o700 });
    if (diskBytes !== undefined) spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${diskBytes},mode=0700`, 'tmpfs', own]);
    const config = edit(configFor(join(own, 'data'), { model: 0, network: 0, admin: 0 }));
    const other = await start(program, written(config), join(folder, `c${count}.sock`), env).catch(() => null);
    if (other === null) return null;
    let agent: Promise<Trier> | null = null;
    try {
      return await use({
        control: other.control,
        fillDisk: () => {
          const chunk = Buffer.alloc(65_536, 1);
          try {
            for (let index = 0; index < (diskBytes ?? 0) / chunk.length + 1; index += 1)
              writeFileSync(join(own, 'filling'), chunk, { flag: 'a' });
          } catch {
            // It is full.
          }
        },
        exchange: async (asked) => {
          agent ??= trier(other.control, 'advisory');
          return (await agent).exchange(other.network, asked);
        },
        arrivals,
      });
    } finally {
      await (agent as Promise<Trier> | null)?.then(({ end }) => end());
      await other.end();
      if (diskBytes !== undefined) spawnSync('umount', ['-l', own]);
    }
  };

  const subject: OwnSubject = {
    workspace,
    dataDir,
    control: running.control,
    check: (edit) => ran([...program, 'check', '--config', written(edit(text))], env, folder),
    sealwright: (argv, before = []) => ran([...before, ...program, ...argv], env, workspace),
    run: (script, containment) => ran([...runOptions(running.control, containment), 'sh', '-c', script], env, workspace),
    beside,
    knock: (door, exchange) => knocking.exchange(door === 'network' ? running.network : running.model, exchange),
    processes: (word) =>
      readdirSync('/proc').filter((name) => {
        if (!/^\d+$/.test(name)) return false;
        try {
          return readFileSync(`/proc/${name}/cmdline`, 'latin1').includes(word);
        } catch {
          return false;
        }
      }).length,
    records: async () => {
      const { text: lines } = await ran(
        [...program, 'audit', 'search', '--json', '--data', dataDir, '--limit', `${recordsCount}`],
        env,
        folder,
      );
      return lines
        .split('\n')
        .filter((line) => line.startsWith('{'))
        .map((line) => (JSON.parse(line) as { readonly record: LedgerRecord }).record);
    },
  };
  return {
    subject,
    doors: running,
    jailed: await trier(running.control, 'jail'),
    beside: await trier(running.control, 'advisory'),
    end: async () => {
      await knocking.end();
      await running.end();
    },
  };
};
