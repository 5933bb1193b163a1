// Judges an address before it is dialled: what is not plainly allowed for the topology is refused.
// IPv6 is allowed by list; IPv4, which is full, is refused by list. `BlockList` judges an IPv4-mapped address as the IPv4 address;
// translated ones (`::/96`, NAT64, 6to4, Teredo) are on no list of what is allowed.
// Sources: IANA IPv4 and IPv6 special-purpose address registries (RFC 6890, RFC 8190), IPv6 address space (RFC 4291), and the clouds' own pages.

import { BlockList, isIP } from 'node:net';
import type { Topology } from '../core/endpoint.ts';

type Ranges = Readonly<Record<string, string>>;

/** No model runs here, for any topology. */
const never: Ranges = {
  '0.0.0.0/8': 'this network, RFC 791',
  '169.254.0.0/16': 'link-local, RFC 3927; metadata of most clouds',
  '192.0.0.0/24': 'IETF protocols, RFC 6890; metadata of Oracle Cloud',
  '192.0.2.0/24': 'documentation, RFC 5737',
  '192.31.196.0/24': 'AS112, RFC 7535',
  '192.52.193.0/24': 'multicast tunnelling, RFC 7450',
  '192.88.99.0/24': '6to4 relays, RFC 7526',
  '192.175.48.0/24': 'AS112, RFC 7534',
  '198.18.0.0/15': 'benchmarks, RFC 2544',
  '198.51.100.0/24': 'documentation, RFC 5737',
  '203.0.113.0/24': 'documentation, RFC 5737',
  '224.0.0.0/4': 'multicast, RFC 5771',
  '240.0.0.0/4': 'reserved, RFC 1112, and broadcast, RFC 919',
  '100.100.100.200/32': 'metadata of Alibaba Cloud',
  '168.63.129.16/32': 'wire server of Azure',
  'fd00:42::42/128': 'metadata of Scaleway',
  'fd00:ec2::/32': 'metadata and other services of AWS',
  'fd20:ce::254/128': 'metadata of Google Cloud',
  '2001::/23': 'IETF protocols, RFC 2928; with Teredo, RFC 4380, and benchmarks, RFC 5180',
  '2001:db8::/32': 'documentation, RFC 3849',
  '2002::/16': '6to4, RFC 3056',
  '2620:4f:8000::/48': 'AS112, RFC 7534',
  '3fff::/20': 'documentation, RFC 9637',
};

const loopback: Ranges = { '127.0.0.0/8': 'RFC 1122', '::1/128': 'RFC 4291' };

const privateUse: Ranges = {
  '10.0.0.0/8': 'RFC 1918',
  '100.64.0.0/10': 'shared, RFC 6598',
  '172.16.0.0/12': 'RFC 1918',
  '192.168.0.0/16': 'RFC 1918',
  'fc00::/7': 'RFC 4193',
};

/** The only part of IPv6 that is given out. All else is reserved, special, link-local or multicast. */
const globalUnicast: Ranges = { '2000::/3': 'RFC 4291' };

const listOf = (ranges: Ranges): ((address: string) => boolean) => {
  const list = new BlockList();
  for (const range of Object.keys(ranges)) {
    const [network = '', prefix] = range.split('/');
    list.addSubnet(network, Number(prefix), network.includes(':') ? 'ipv6' : 'ipv4');
  }
  return (address) => list.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');
};

const isNever = listOf(never);
const isLoopback = listOf(loopback);
const isPrivate = listOf(privateUse);
const isGlobalUnicast = listOf(globalUnicast);

/** Why an address must not be dialled at this port; null when it may be. */
export type JudgeAddress = (address: string, port: number) => string | null;

/** Why `address` must not be dialled for an endpoint of this topology; null when it may be. */
export const addressProblem = (address: string, topology: Topology): string | null => {
  const version = isIP(address);
  if (version === 0) return 'it is not an address';
  if (address.includes('%')) return 'it names a network interface';
  if (isNever(address)) return 'it lies in a special range that is never dialled';
  if (isLoopback(address)) return topology === 'self-hosted' ? null : 'it is this machine, and the endpoint is not self-hosted';
  // A vendor's public API has no private address; a name that resolves to one was tampered with.
  if (isPrivate(address)) return topology === 'vendor' ? 'it is private, and a vendor is reached at public addresses' : null;
  return version === 4 || isGlobalUnicast(address) ? null : 'it is no global unicast address';
};

const lone = /\/(?:32|128)$/;

/**
 * Judges what an agent connects to by itself. Without `ranges` an address must be public; with them it must lie in one of them, which may then be
 * private or this machine, and one of a special range only where it is listed by itself.
 */
export const judgeDestination = (ranges: readonly string[] | null, isOwn: (address: string, port: number) => boolean): JudgeAddress => {
  const isListed = ranges === null ? null : listOf(namedBy(ranges));
  const isListedAlone = listOf(namedBy((ranges ?? []).filter((range) => lone.test(range))));
  return (address, port) => {
    if (isIP(address) === 0) return 'it is not an address';
    if (address.includes('%')) return 'it names a network interface';
    if (isOwn(address, port)) return 'it is where this envelope listens';
    if (isListed === null) return publicProblem(address);
    if (!isListed(address)) return 'it is not among the addresses that the rule lists';
    return isNever(address) && !isListedAlone(address)
      ? 'it lies in a special range, of which a rule can list only single addresses'
      : null;
  };
};

const namedBy = (ranges: readonly string[]): Ranges => Object.fromEntries(ranges.map((range) => [range, 'listed']));

const publicProblem = (address: string): string | null => {
  if (isNever(address)) return 'it lies in a special range that is never dialled';
  if (isLoopback(address)) return 'it is this machine';
  if (isPrivate(address)) return 'it is private';
  return isIP(address) === 4 || isGlobalUnicast(address) ? null : 'it is no global unicast address';
};

/** Judges all that is dialled where nothing may leave the ranges. */
export const judgeConfined = (ranges: readonly string[]): JudgeAddress => {
  const isInside = listOf(namedBy(ranges));
  return (address) => (isIP(address) !== 0 && isInside(address) ? null : 'it lies outside the private ranges of this air-gapped envelope');
};
