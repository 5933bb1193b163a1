// Looks at how an endpoint is reached: its addresses, the connection, the certificate. Sends the endpoint nothing, and trusts it with nothing:
// a certificate that does not verify is described instead of refused, and then the connection is closed.
// Never rejects; ends within the time for connecting.

import { TLSSocket } from 'node:tls';
import { isIP } from 'node:net';
import type { ConnectionReport } from '../core/endpoint-check.ts';
import { addressProblem } from './addresses.ts';
import type { ConnectLimits, Place, Resolve } from './connect.ts';
import { createConnect } from './connect.ts';
import { DialProblem } from './problem.ts';
import { presentedBy } from './tls.ts';

export type Examine = (place: Place) => Promise<ConnectionReport>;

export const createExamine =
  (resolve: Resolve, bounds: ConnectLimits): Examine =>
  async (place) => {
    const { origin, topology, via } = place;
    const first = via.proxy === null ? { url: origin, topology } : { url: via.proxy.url, topology: 'self-hosted' as const };
    const hostname = first.url.hostname.replace(/^\[|\]$/g, '');
    const found: string[] = isIP(hostname) === 0 ? [] : [hostname];
    const connect = createConnect(async (name) => {
      const resolved = await resolve(name);
      found.push(...resolved.map(({ address }) => address));
      return resolved;
    }, bounds);
    const beginMs = performance.now();
    const peer = via.proxy === null ? 'endpoint' : 'proxy';
    const addresses = () => found.map((address) => ({ address, problem: addressProblem(address, first.topology) }));
    try {
      const { socket, address } = await connect(place, new AbortController().signal, 'unverified');
      const connectMs = performance.now() - beginMs;
      const certificate = socket instanceof TLSSocket && origin.protocol === 'https:' ? presentedBy(socket, via.ca) : null;
      socket.destroy();
      return { peer, addresses: addresses(), address, connectMs, certificate, problem: null };
    } catch (problem) {
      if (!(problem instanceof DialProblem)) throw problem;
      return { peer, addresses: addresses(), address: null, connectMs: null, certificate: null, problem: problem.message };
    }
  };
