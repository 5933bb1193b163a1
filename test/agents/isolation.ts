// A network in which nothing leads anywhere and every attempt is seen: every address, of IPv4 and IPv6, is this machine, which answers names as a
// DNS server and listens where programs go. What asks for a name or connects is a line in a file; tests read it by `attempts`.
// Names and addresses by which a test proves that it works count for nothing else.

import { createSocket } from 'node:dgram';
import { appendFileSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { startNameServer } from '../name-server.ts';
import { leadNowhere } from '../namespace.ts';

export const proof = { domain: 'isolation.invalid', ipv4: '198.51.100.7', ipv6: '2001:db8::7' };
export const variable = 'SEALWRIGHT_ATTEMPTS';

/** Where programs go: web, mail of errors and traces, proxies, git by its own protocol and by ssh, names over TCP and TLS. */
const ports = [22, 53, 80, 443, 853, 3128, 4317, 4318, 8080, 8443, 9418];
const udpPorts = [123, 443];

interface Attempt {
  readonly by: string;
  readonly to: string;
}

const read = (): readonly Attempt[] => {
  const file = process.env[variable];
  if (file === undefined)
    throw new Error('these tests run where nothing leads out of the machine: npm run test:agents, or node test/agents/isolated.ts FILE');
  const lines = readFileSync(file, 'utf8').split('\n');
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as Attempt);
};

const isProof = ({ to }: Attempt): boolean => Object.values(proof).some((known) => to.includes(known));
const shown = ({ by, to }: Attempt): string => `${by} ${to}`;

/** What was tried since the start, by whomever. */
export const attempts = (): readonly string[] =>
  read()
    .filter((attempt) => !isProof(attempt))
    .map(shown);
export const proofs = (): readonly string[] => read().filter(isProof).map(shown);

/** Addresses for documentation (RFC 5737, RFC 3849): what connects to them is seen a second time. */
const everyName = { addresses: ['203.0.113.80', '2001:db8::80'] };

/** What a connection says first that looks like the name of a host: in a TLS greeting, or in a header. */
const hostIn = (bytes: Buffer): string => /(?:[a-z0-9-]+\.)+[a-z]{2,}/i.exec(bytes.toString('latin1'))?.[0] ?? '';

type Seen = (attempt: Attempt) => void;

const listenTcp = (port: number, host: string, seen: Seen): Promise<void> =>
  new Promise((resolve, reject) => {
    const server = createServer((socket) => {
      const to = socket.localAddress ?? '';
      seen({ by: `tcp ${port}`, to });
      socket.once('data', (bytes: Buffer) => {
        seen({ by: `tcp ${port}`, to: `${to} ${hostIn(bytes)}`.trim() });
        socket.destroy();
      });
      socket.on('error', () => undefined);
    });
    server.on('error', reject);
    server.listen({ port, host, ipv6Only: host === '::' }, () => resolve());
  });

const listenUdp = (port: number, address: string, seen: Seen): Promise<void> =>
  new Promise((resolve, reject) => {
    const socket = createSocket({ type: address.includes(':') ? 'udp6' : 'udp4', reuseAddr: true, ipv6Only: address.includes(':') });
    socket.on('message', () => seen({ by: `udp ${port}`, to: address }));
    socket.on('error', reject);
    socket.bind(port, address, () => resolve());
  });

const answerNames = (address: string, seen: Seen): Promise<unknown> =>
  startNameServer(address, (name) => {
    seen({ by: 'udp 53', to: name });
    return everyName;
  });

const nameservers = (): readonly string[] =>
  [...readFileSync('/etc/resolv.conf', 'utf8').matchAll(/^\s*nameserver\s+([0-9a-f.:]+)\s*$/gim)].map(([, address = '']) => address);

/** To be called in a network namespace of its own. From here on every attempt is a line of `file`. */
export const isolate = async (file: string): Promise<void> => {
  const hosts = leadNowhere() ? ['0.0.0.0', '::'] : ['0.0.0.0'];
  const seen: Seen = (attempt) => appendFileSync(file, `${JSON.stringify(attempt)}\n`);
  await Promise.all([
    ...hosts.flatMap((host) => ports.map((port) => listenTcp(port, host, seen))),
    ...hosts.flatMap((host) => udpPorts.map((port) => listenUdp(port, host, seen))),
    ...[...new Set([...hosts, '127.0.0.1', ...nameservers()])].map((address) => answerNames(address, seen)),
  ]);
};
