// The whole envelope as a process, as `sealwright up` starts it: ledger on disk, policies written by hand beside those of the roles, prices,
// denied content looked for, and as many invocations as clients may be, each with its heartbeats. Removes its folder when it stops.

import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createControlClient, isClientFailure, type OpenedInvocation } from '../../src/client/client.ts';
import { root } from '../../test/project-files.ts';
import { until } from '../../test/until.ts';
import { manners, modelOf, isManner } from '../load/exchange.ts';
import { endWithUs, heldTo } from '../processors.ts';
import type { Contender } from './contender.ts';

const agents = 32;

const pins = Object.keys(manners).filter(isManner).map(modelOf);

const configOf = (folder: string, upstreamPort: number): string => `
environment: production
data_dir: ${join(folder, 'data')}
identity: { local_development: true }
server: { ports: { model: 0, network: 0, admin: 0 } }
agents: { bench: { client: sdk, roles: [bench], owner: platform-team } }
agent_roles:
  bench:
    allowed_models: [${pins.join(', ')}]
    allowed_tools: [get_order_status, { tool: refund, when: { amount: { at_most: 500 } } }]
    prohibited_tools: [access_payment_data]
    max_response_time_seconds: 60
    data_classification: internal
    purpose: to be measured
policies: { folder: ${join(folder, 'policies')} }
privacy: { denied_content: mask }
endpoints:
  upstream:
    formats: [openai-chat, anthropic-messages]
    topology: self-hosted
    provider: scripted
    region: local
    base_url: http://127.0.0.1:${upstreamPort}
    credential: { env: BENCH_SECRET }
    models: [${pins.map((pin) => `{ pin: ${pin}, price: { currency: USD, input_per_million: 3, output_per_million: 15 } }`).join(', ')}]
`;

/** Beside what the roles become: one that looks at the hour and one at what was not inspected, which both permit what is asked here. */
const policies = `
@id("only-in-2000s")
forbid (principal, action in Sealwright::Action::"crossing", resource) unless { context.hour >= 0 && context.hour < 24 };

@id("jail-for-tools")
@mode("observe")
forbid (principal, action == Sealwright::Action::"callTool", resource) unless { context.containment == "jail" };
`;

const entryVariable = 'SEALWRIGHT_BENCH_ENTRY';
const builtEntry = (): string | undefined => process.env[entryVariable];

/** From now on what starts is what is published: JavaScript, which takes less memory than stripping types. */
export const buildEnvelope = (): void => {
  const { status, stderr } = spawnSync(process.execPath, [`${root}scripts/build.ts`], { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  process.env[entryVariable] = `${root}dist/main.js`;
};

export interface EnvelopeSettings {
  /** A folder for its CPU profile. */
  readonly profile?: string | undefined;
}

interface Agents {
  readonly opened: readonly OpenedInvocation[];
  /** Opens those anew that the envelope ended, as it does when it could not record an outcome. */
  readonly renew: () => Promise<void>;
  readonly close: () => Promise<void>;
}

/** Invocations whose heartbeats go on until they are closed. */
export const openAgents = async (control: string, count: number): Promise<Agents> => {
  const client = createControlClient(control);
  const asked = { agent: null, agentVersion: null, agentDigest: null, role: null, task: null, containment: 'advisory', facts: {} } as const;
  const open = async (): Promise<OpenedInvocation> => {
    const one = await client.open(asked);
    if (isClientFailure(one)) throw new Error(one.problem);
    return one;
  };
  const opened: OpenedInvocation[] = [];
  for (let number = 0; number < count; number += 1) opened.push(await open());
  const beat = (): void => void Promise.all(opened.map((one) => client.heartbeat(one)));
  const beating = setInterval(beat, (opened[0]?.heartbeatSeconds ?? 10) * 1_000);
  const renew = async (): Promise<void> => {
    for (const [index, one] of opened.entries()) if ((await client.heartbeat(one)) === 'ended') opened[index] = await open();
  };
  const close = async (): Promise<void> => {
    clearInterval(beating);
    for (const one of opened) await client.close(one, {});
  };
  return { opened, renew, close };
};

export interface EnvelopeContender extends Contender {
  readonly dataDir: string;
  /** Ends it and leaves its folder, so that its ledger can be read; `stop` removes that too. */
  readonly end: () => Promise<void>;
}

export const startEnvelope = async (upstreamPort: number, { profile }: EnvelopeSettings = {}): Promise<EnvelopeContender> => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'sealwright-bench-')));
  const [config, control] = [join(folder, 'sealwright.yaml'), join(folder, 'c.sock')];
  writeFileSync(config, configOf(folder, upstreamPort), { mode: 0o600 });
  mkdirSync(join(folder, 'policies'), { mode: 0o700 });
  writeFileSync(join(folder, 'policies', 'bench.cedar'), policies, { mode: 0o600 });
  // As `bin/sealwright` starts it.
  const young = '--min-semi-space-size=16';
  const nodeArgs = profile === undefined ? [young] : [young, '--cpu-prof', '--cpu-prof-interval', '500', '--cpu-prof-dir', profile];
  const [program, ...argv] = heldTo('measured', [
    process.execPath,
    ...nodeArgs,
    builtEntry() ?? `${root}src/main.ts`,
    'up',
    '--config',
    config,
    '--control',
    control,
  ]);
  const env = {
    PATH: process.env['PATH'] ?? '',
    HOME: folder,
    LANG: 'C.UTF-8',
    UV_THREADPOOL_SIZE: '64',
    BENCH_SECRET: 'a-secret-of-the-upstream',
  };
  const up = spawn(program, argv, { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] });
  endWithUs(up);
  let said = '';
  for (const stream of [up.stdout, up.stderr]) stream.on('data', (chunk: Buffer) => void (said += chunk.toString()));
  await until(() => said.includes('ledger key') || up.exitCode !== null);
  if (up.exitCode !== null || up.pid === undefined) throw new Error(said);
  const { opened, renew, close } = await openAgents(control, agents);
  let ended = false;
  const end = async (): Promise<void> => {
    if (ended) return;
    ended = true;
    await close();
    up.kill();
    await until(() => up.exitCode !== null || up.signalCode !== null);
  };
  return {
    name: 'envelope',
    pid: up.pid,
    port: Number(new URL(opened[0]?.modelDoor ?? '').port),
    get ways() {
      return {
        'openai-chat': { path: '/v1/chat/completions', fields: opened.map(({ credential }) => [`authorization: Bearer ${credential}`]) },
        'anthropic-messages': {
          path: '/v1/messages',
          fields: opened.map(({ credential }) => [`x-api-key: ${credential}`, 'anthropic-version: 2023-06-01']),
        },
      };
    },
    renew,
    dataDir: join(folder, 'data'),
    end,
    stop: async () => {
      await end();
      rmSync(folder, { recursive: true, force: true });
    },
  };
};
