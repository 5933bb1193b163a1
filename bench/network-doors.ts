// What bench/network.ts measures: the network door of an envelope, and Debian's squid. Each is a process of its own, ready when this resolves.
// Contract: reads what the system says of them, and asks them nothing. Whoever starts one stops it.

import { openGround } from '../test/jail/jailed.ts';
import { siteAddress } from '../test/site.ts';
import { laySquid } from '../test/squid.ts';
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

/** One process, one rule, one line in its log for each tunnel, nothing kept. */
const squidSettings = (upstreamPort: number): string => `
workers 1
max_filedescriptors 16384
acl upstream dst ${siteAddress}
acl upstream_port port ${upstreamPort}
http_access allow CONNECT upstream upstream_port
`;

export const startSquid = async (program: string, upstreamPort: number): Promise<Measured> => {
  const settings = squidSettings(upstreamPort);
  const started = await startProgram(
    'squid',
    (folder, port) => ({ argv: laySquid({ program, folder, port, settings, accessLog: true }) }),
    'free',
  );
  return { ...started, credential: null };
};
