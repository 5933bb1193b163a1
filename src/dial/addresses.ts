// Judges an address before it is dialled. Whatever is not plainly allowed for the topology is refused.
// Sources: IANA special-purpose address registries (RFC 6890 and its updates). IPv4 inside IPv6 is judged as the IPv4 address that it is.

import { BlockList, isIP } from 'node:net';
import type { Topology } from '../core/endpoint.ts';

const blocks = (subnets: readonly (readonly [string, number])[]): BlockList => {
  const list = new BlockList();
  for (const [network, prefix] of subnets) list.addSubnet(network, prefix, network.includes(':') ? 'ipv6' : 'ipv4');
  return list;
};

/** Never dialled: metadata services live here, or nothing that is one host. */
const never = blocks([
  ['0.0.0.0', 8],
  ['169.254.0.0', 16],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3],
  ['::', 128],
  ['100::', 64],
  ['2001:db8::', 32],
  ['64:ff9b::', 96],
  ['64:ff9b:1::', 48],
  ['2001::', 32],
  ['2002::', 16],
  ['fe80::', 10],
  ['fec0::', 10],
  ['ff00::', 8],
  ['fd00:ec2::', 32],
]);

const inside = blocks([
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['::1', 128],
  ['fc00::', 7],
]);

const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i;

/** Why `address` must not be dialled for an endpoint of this topology; null when it may be. */
export const addressProblem = (address: string, topology: Topology): string | null => {
  const plain = mapped.exec(address)?.[1] ?? address;
  const family = isIP(plain);
  if (family === 0) return 'it is not an address';
  const kind = family === 6 ? 'ipv6' : 'ipv4';
  if (family === 6 && /^::ffff:/i.test(plain)) return 'it hides an IPv4 address';
  if (never.check(plain, kind)) return 'it lies in a special range that is never dialled';
  // A vendor's public API has no private address; a name that resolves to one was tampered with.
  if (topology === 'vendor' && inside.check(plain, kind)) return 'it is private, and a vendor is reached at public addresses';
  return null;
};
