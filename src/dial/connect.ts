// Opens one connection: resolves the name, judges every address, then tries the judged ones in order.
// All of it ends within the time for connecting, and at once when the crossing is cancelled. Fails with a `DialProblem`.

import type { LookupAddress } from 'node:dns';
import type { Socket } from 'node:net';
import { connect as connectTcp, isIP } from 'node:net';
import { TLSSocket, connect as connectTls } from 'node:tls';
import { unlessAborted } from '../core/abort.ts';
import type { Topology } from '../core/endpoint.ts';
import { addressProblem } from './addresses.ts';
import { DialProblem } from './problem.ts';

export type Resolve = (hostname: string) => Promise<readonly LookupAddress[]>;

export interface Connected {
  readonly socket: Socket;
  /** `ADDRESS:PORT` that was judged and dialled. */
  readonly address: string;
}

export type Connect = (origin: URL, topology: Topology, cancel: AbortSignal) => Promise<Connected>;

const idleProbeMs = 60_000;

/** Codes of a peer that is there and turned us away: it may be restarting. */
const turnedAway = new Set<unknown>(['ECONNREFUSED', 'ECONNRESET', 'EPIPE']);

export const createConnect = (resolve: Resolve, connectMs: number): Connect => {
  const addressesOf = createAddressesOf(resolve);
  return (origin, topology, cancel) =>
    within(connectMs, cancel, async (signal) => {
      const untilMs = performance.now() + connectMs;
      const hostname = hostnameOf(origin);
      const addresses = judged(await unlessAborted(addressesOf(hostname), signal), topology);
      const port = Number(origin.port) || (origin.protocol === 'https:' ? 443 : 80);
      let problem: unknown;
      for (const [index, address] of addresses.entries()) {
        // An equal part of what is left: one that never answers must not use up the time of the next.
        const shareMs = (untilMs - performance.now()) / (addresses.length - index);
        try {
          const socket = await within(shareMs, signal, (attempt) =>
            openSocket({ secure: origin.protocol === 'https:', hostname, address, port }, attempt),
          );
          return { socket, address: isIP(address) === 6 ? `[${address}]:${port}` : `${address}:${port}` };
        } catch (caught) {
          if (signal.aborted) throw caught;
          problem = caught;
        }
      }
      throw problem;
    });
};

/** Runs `work` with a signal that aborts when `outer` does or after `ms`; `work` must end by itself then. */
const within = async <T>(ms: number, outer: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T> => {
  const ending = new AbortController();
  const timer = setTimeout(() => ending.abort(new DialProblem('timed_out', 'The upstream could not be reached in time.')), ms);
  const leave = (): void => ending.abort(outer.reason);
  if (outer.aborted) leave();
  else outer.addEventListener('abort', leave, { once: true });
  try {
    return await work(ending.signal);
  } finally {
    clearTimeout(timer);
    outer.removeEventListener('abort', leave);
  }
};

/** Asks once for a name however many wait for it, so that a name server which hangs is not asked without bound. */
const createAddressesOf = (resolve: Resolve): ((hostname: string) => Promise<readonly string[]>) => {
  const asked = new Map<string, Promise<readonly string[]>>();
  const ask = async (hostname: string): Promise<readonly string[]> => {
    try {
      return (await resolve(hostname)).map(({ address }) => address);
    } catch {
      throw new DialProblem('unreachable', 'The name of the endpoint could not be resolved.');
    } finally {
      asked.delete(hostname);
    }
  };
  return (hostname) => {
    if (isIP(hostname) !== 0) return Promise.resolve([hostname]);
    const pending = asked.get(hostname) ?? ask(hostname);
    asked.set(hostname, pending);
    return pending;
  };
};

const judged = (addresses: readonly string[], topology: Topology): readonly string[] => {
  if (addresses.length === 0) throw new DialProblem('address_refused', 'The name of the endpoint resolves to no address.');
  // One bad address among good ones is an attack or a mistake; neither is dialled round.
  for (const address of addresses) {
    const problem = addressProblem(address, topology);
    if (problem !== null)
      throw new DialProblem('address_refused', `The name of the endpoint resolves to an address that is refused: ${problem}.`);
  }
  return addresses;
};

const hostnameOf = ({ hostname }: URL): string => hostname.replace(/^\[|\]$/g, '');

interface Target {
  readonly secure: boolean;
  readonly hostname: string;
  readonly address: string;
  readonly port: number;
}

const openSocket = ({ secure, hostname, address, port }: Target, signal: AbortSignal): Promise<Socket> =>
  new Promise((resolve, reject) => {
    const to = { host: address, port };
    const socket = secure
      ? connectTls({
          ...to,
          // RFC 6066, section 3: no address as a server name. The certificate is then checked against the address.
          servername: isIP(hostname) === 0 ? hostname : '',
          ALPNProtocols: ['http/1.1'],
          // Said here, because an environment variable could otherwise switch it off.
          rejectUnauthorized: true,
        })
      : connectTcp(to);
    const stop = (): void => {
      socket.destroy();
      reject(signal.reason);
    };
    socket.setNoDelay(true).setKeepAlive(true, idleProbeMs);
    socket.once(secure ? 'secureConnect' : 'connect', () => {
      signal.removeEventListener('abort', stop);
      resolve(socket);
    });
    // Stays as long as the socket: an error that nobody listens for would end the process.
    socket.on('error', (problem) => {
      signal.removeEventListener('abort', stop);
      reject(unreachable(socket, problem));
    });
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });

const unreachable = (socket: Socket, problem: Error): DialProblem => {
  if (socket instanceof TLSSocket && socket.authorizationError)
    return new DialProblem('unreachable', "The upstream's certificate could not be verified.");
  return new DialProblem('unreachable', 'The upstream could not be reached.', 'code' in problem && turnedAway.has(problem.code));
};
