// What bench/network.ts measures: the network door of an envelope, and Debian's squid. Each is a process of its own, ready when this resolves.
// Contract: reads what the system says of them, and asks them nothing. Whoever starts one stops it.

import { spawn } from 'node:child_process';
import { accessSync, chmodSync, constants, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createControlClient, isClientFailure } from '../src/client/client.ts';
import { openGround } from '../test/jail/jailed.ts';
import { siteAddress } from '../test/site.ts';
import type { Door } from './network-client.ts';

export interface Measured extends Door {
  readonly pid: number;
  readonly stop: () => Promise<void>;
}

/** Of /proc/PID/stat: hundredths of a second. */
const MS_PER_TICK = 10;
const KIB = 1024;

/** Processor time that a process has used, all threads together, in the kernel too. */
export const cpuMs = ({ pid }: Measured): number => {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  const [user, system] = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .slice(11, 13);
  return (Number(user) + Number(system)) * MS_PER_TICK;
};

export const residentBytes = ({ pid }: Measured): number =>
  Number(/^VmRSS:\s*(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]) * KIB;

/** `profile`: a folder for its CPU profile. */
export const startEnvelope = async (upstreamPort: number, profile: string | null): Promise<Measured> => {
  const hosts = `[{ host: ${siteAddress}, ports: [${upstreamPort}], addresses: [${siteAddress}] }]`;
  const ground = await openGround({
    edit: (text) => text.replace('allowed_tools: []', `allowed_tools: [], allowed_hosts: ${hosts}`),
    ...(profile !== null && { more: { NODE_OPTIONS: `--cpu-prof --cpu-prof-interval=500 --cpu-prof-dir=${profile}` } }),
  });
  const client = createControlClient(ground.control);
  const opened = await client.open({
    agent: null,
    agentVersion: null,
    agentDigest: null,
    role: null,
    task: null,
    containment: 'advisory',
    facts: {},
  });
  if (isClientFailure(opened)) throw new Error(opened.problem);
  if (opened.networkDoor === null) throw new Error('the envelope has no network door');
  const beating = setInterval(() => void client.heartbeat(opened), opened.heartbeatSeconds * 1_000);
  return {
    pid: ground.pid,
    port: Number(new URL(opened.networkDoor).port),
    credential: opened.credential,
    stop: async () => {
      clearInterval(beating);
      await client.close(opened, {});
      await ground.close();
    },
  };
};

const places = ['/usr/sbin/squid', '/usr/local/sbin/squid', '/usr/bin/squid'];

/** Null where there is none. */
export const squidProgram = (): string | null =>
  places.find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  }) ?? null;

const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer();
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });

/** One process, one rule, one line in its log for each tunnel, nothing kept. */
const squidConfig = (folder: string, port: number, upstreamPort: number): string => `
http_port 127.0.0.1:${port}
workers 1
visible_hostname bench
acl upstream dst ${siteAddress}
acl upstream_port port ${upstreamPort}
http_access allow CONNECT upstream upstream_port
http_access deny all
cache deny all
max_filedescriptors 16384
access_log stdio:${folder}/logs/access.log
cache_log ${folder}/logs/cache.log
cache_store_log none
coredump_dir ${folder}/logs
pid_filename none
pinger_enable off
shutdown_lifetime 0 seconds
`;

const accepts = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });

export const startSquid = async (program: string, upstreamPort: number): Promise<Measured> => {
  const folder = mkdtempSync(join(tmpdir(), 'sealwright-squid-'));
  // Started by root it becomes another user, who must find the folder of its logs.
  chmodSync(folder, 0o711);
  mkdirSync(join(folder, 'logs'));
  chmodSync(join(folder, 'logs'), 0o777);
  const [port, config] = [await freePort(), join(folder, 'squid.conf')];
  writeFileSync(config, squidConfig(folder, port, upstreamPort));
  const child = spawn(program, ['-N', '-f', config], { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => void (said += chunk.toString()));
  const ended = new Promise<void>((resolve) => void child.once('close', () => resolve()));
  while (!(await accepts(port))) {
    if (child.exitCode !== null) throw new Error(`squid ended with ${child.exitCode}: ${said}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return {
    pid: child.pid ?? 0,
    port,
    credential: null,
    stop: async () => {
      child.kill();
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
};
