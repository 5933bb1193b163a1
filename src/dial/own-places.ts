// Where this envelope itself listens: no rule leads an agent there, whatever name resolves to it.
// The addresses are those that the machine has at the moment of asking.

import { BlockList, isIP } from 'node:net';
import { networkInterfaces } from 'node:os';

const family = (address: string): 'ipv4' | 'ipv6' => (isIP(address) === 6 ? 'ipv6' : 'ipv4');

/** `ports` may grow: listeners take free ones. */
export const createOwnPlaces =
  (ports: ReadonlySet<number>): ((address: string, port: number) => boolean) =>
  (address, port) => {
    if (!ports.has(port)) return false;
    const own = new BlockList();
    own.addSubnet('127.0.0.0', 8, 'ipv4');
    for (const each of ['::1', '::', '0.0.0.0']) own.addAddress(each, family(each));
    for (const each of Object.values(networkInterfaces()).flat())
      if (each !== undefined) own.addAddress(each.address, family(each.address));
    return own.check(address, family(address));
  };
