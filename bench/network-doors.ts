// What bench/network.ts measures: the network door of an envelope, and Debian's squid. Each is a process of its own, ready when this resolves.
// Contract: reads what the system says of them, and asks them nothing. Whoever starts one stops it.

import { accessSync, chmodSync, constants, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openGround } from '../test/jail/jailed.ts';
import { siteAddress } from '../test/site.ts';
import { openAgents } from './contenders/envelope.ts';
import { startProgram } from './contenders/started.ts';
import type { Door } from './network-client.ts';
import { cpuMsOf, residentBytesOf } from './processors.ts';

export interface Measured extends Door {
  readonly pid: number;
  readonly stop: () => Promise<void>;
}

export const cpuMs = ({ pid }: Measured): number => cpuMsOf(pid);
export const residentBytes = ({ pid }: Measured): number => residentBytesOf(pid);

/** `profile`: a folder for its CPU profile. */
export const startEnvelope = async (upstreamPort: number, profile: string | null): Promise<Measured> => {
  const hosts = `[{ host: ${siteAddress}, ports: [${upstreamPort}], addresses: [${siteAddress}] }]`;
  const ground = await openGround({
    edit: (text) => text.replace('allowed_tools: []', `allowed_tools: [], allowed_hosts: ${hosts}`),
    ...(profile !== null && { more: { NODE_OPTIONS: `--cpu-prof --cpu-prof-interval=500 --cpu-prof-dir=${profile}` } }),
  });
  const { opened, close } = await openAgents(ground.control, 1);
  const [one] = opened;
  if (one === undefined || one.networkDoor === null) throw new Error('the envelope has no network door');
  return {
    pid: ground.pid,
    port: Number(new URL(one.networkDoor).port),
    credential: one.credential,
    stop: async () => {
      await close();
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

export const startSquid = async (program: string, upstreamPort: number): Promise<Measured> => {
  const started = await startProgram(
    'squid',
    (folder, port) => {
      // Started by root it becomes another user, who writes its logs.
      mkdirSync(join(folder, 'logs'));
      chmodSync(join(folder, 'logs'), 0o777);
      const config = join(folder, 'squid.conf');
      writeFileSync(config, squidConfig(folder, port, upstreamPort));
      return { argv: [program, '-N', '-f', config] };
    },
    'free',
  );
  return { ...started, credential: null };
};
