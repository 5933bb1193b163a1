// Opens one connection: resolves the name, judges every address, then tries the judged ones in order; where a proxy stands before the endpoint,
// all of this is done with the proxy's name, and a tunnel is asked for.
// All of it ends within the time for connecting, and at once when the crossing is cancelled. Fails with a `DialProblem`.

import type { LookupAddress } from 'node:dns';
import type { Socket } from 'node:net';
import { connect as connectTcp, isIP } from 'node:net';
import { TLSSocket, connect as connectTls } from 'node:tls';
import { unlessAborted } from '../core/abort.ts';
import type { Topology, Via } from '../core/endpoint.ts';
import type { JudgeAddress } from './addresses.ts';
import { addressProblem } from './addresses.ts';
import { DialProblem } from './problem.ts';
import { createTlsOptions } from './tls.ts';
import { openTunnel } from './tunnel.ts';

/** `whole`: nothing may be added to the name to find it. */
export type Resolve = (hostname: string, whole?: boolean) => Promise<readonly LookupAddress[]>;

/** Where to connect to, and what is allowed there. */
export interface Place {
  readonly origin: URL;
  readonly topology: Topology;
  readonly via: Via;
  /**
   * For what an agent connects to by itself: judges its addresses in place of the topology, also where a proxy stands before it, which is then asked
   * for the address that was judged and not for the name. Such a connection carries one exchange.
   */
  readonly judge?: JudgeAddress;
}

export interface Connected {
  readonly socket: Socket;
  /** `ADDRESS:PORT` that was judged and dialled: the proxy's where it is the one that resolves the name. */
  readonly address: string;
}

/** `unverified` leaves it to the caller to judge the endpoint's certificate, and to send nothing. */
export type Connect = (place: Place, cancel: AbortSignal, unverified?: 'unverified') => Promise<Connected>;

export interface ConnectLimits {
  readonly connectMs: number;
  readonly destinationLookupsCount: number;
  readonly proxyAnswerBytes: number;
}

/** Whom a connection leads to, as a sentence names it. */
type Peer = 'endpoint' | 'destination' | 'proxy';

/** What a name is resolved and judged for. */
interface Hop {
  readonly peer: Peer;
  readonly url: URL;
  readonly judge: JudgeAddress;
}

/** The proxy is the organisation's own, wherever the endpoint is. */
const proxyHop = (url: URL): Hop => ({ peer: 'proxy', url, judge: (address) => addressProblem(address, 'self-hosted') });

const hopOf = ({ origin, topology, judge }: Place): Hop =>
  judge === undefined
    ? { peer: 'endpoint', url: origin, judge: (address) => addressProblem(address, topology) }
    : { peer: 'destination', url: origin, judge };

const idleProbeMs = 60_000;

/** Codes of a peer that is there and turned us away: it may be restarting. */
const turnedAway = new Set<unknown>(['ECONNREFUSED', 'ECONNRESET', 'EPIPE']);

/** `confine` judges every address once more, whatever it is for. */
export const createConnect = (
  resolve: Resolve,
  { connectMs, destinationLookupsCount, proxyAnswerBytes }: ConnectLimits,
  confine: JudgeAddress = () => null,
): Connect => {
  const addressesOf = createAddressesOf(resolve, destinationLookupsCount);
  const tlsOptions = createTlsOptions();
  const judgedOf = async (hop: Hop, signal: AbortSignal): Promise<readonly string[]> => {
    const hostname = hostnameOf(hop.url);
    // An address is not waited for.
    const addresses = isIP(hostname) === 0 ? await unlessAborted(addressesOf(hop), signal) : [hostname];
    return judged(addresses, { ...hop, judge: (address, at) => confine(address, at) ?? hop.judge(address, at) });
  };

  const dialled = async (hop: Hop, { ca }: Via, signal: AbortSignal, verified: boolean): Promise<Connected> => {
    const untilMs = performance.now() + connectMs;
    const hostname = hostnameOf(hop.url);
    const addresses = await judgedOf(hop, signal);
    const port = portOf(hop.url);
    const tls = isSecure(hop.url) ? { ...tlsOptions(hostname, ca), rejectUnauthorized: verified } : null;
    let problem: unknown;
    for (const [index, address] of addresses.entries()) {
      // An equal part of what is left: one that never answers must not use up the time of the next.
      const shareMs = (untilMs - performance.now()) / (addresses.length - index);
      const attempted = (attempt: AbortSignal): Promise<Socket> => {
        // Each direction of a tunnel ends by itself.
        const to = { host: address, port, allowHalfOpen: hop.peer === 'destination' };
        return opened(tls === null ? connectTcp(to) : connectTls({ ...tls, ...to }), hop.peer, attempt);
      };
      try {
        // The only one has all the time that there is, which ends for whoever called.
        const socket = await (addresses.length === 1 ? attempted(signal) : within(shareMs, signal, attempted));
        socket.setNoDelay(true).setKeepAlive(true, idleProbeMs);
        return { socket, address: placed(address, port) };
      } catch (caught) {
        if (signal.aborted) throw caught;
        problem = caught;
      }
    }
    throw problem;
  };

  /** What the proxy is asked for. A name is the proxy's to resolve; an address can be judged here, and a destination's name is resolved here to be judged. */
  const targetOf = async (place: Place, signal: AbortSignal): Promise<string> => {
    const { origin, judge } = place;
    const mustJudge = judge !== undefined || isIP(hostnameOf(origin)) !== 0;
    const [address] = mustJudge ? await judgedOf(hopOf(place), signal) : [];
    return address === undefined ? `${origin.hostname}:${portOf(origin)}` : placed(address, portOf(origin));
  };

  const tunnelled = async (place: Place, url: URL, signal: AbortSignal, verified: boolean): Promise<Connected> => {
    const { origin, via, judge } = place;
    const target = await targetOf(place, signal);
    const { socket, address } = await dialled(proxyHop(url), via, signal, true);
    try {
      await openTunnel(socket, target, via.proxy?.secret ?? null, { signal, answerBytes: proxyAnswerBytes });
      if (!isSecure(origin)) return { socket, address: judge === undefined ? address : target };
      const tls = { ...tlsOptions(hostnameOf(origin), via.ca), rejectUnauthorized: verified, socket };
      return { socket: await opened(connectTls(tls), 'endpoint', signal), address };
    } catch (problem) {
      socket.destroy();
      throw problem;
    }
  };

  return (place, cancel, unverified) =>
    within(connectMs, cancel, async (signal) => {
      const { via } = place;
      const verified = unverified === undefined;
      return via.proxy === null ? dialled(hopOf(place), via, signal, verified) : tunnelled(place, via.proxy.url, signal, verified);
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

/**
 * Asks once for a name however many wait for it, so that a name server which hangs is not asked without bound; and for no more names of destinations at once
 * than leaves those of endpoints a thread to be asked by.
 */
const createAddressesOf = (resolve: Resolve, destinationsMax: number): ((hop: Hop) => Promise<readonly string[]>) => {
  const asked = new Map<string, Promise<readonly string[]>>();
  let destinations = 0;
  const ask = async (hostname: string, key: string, isDestination: boolean): Promise<readonly string[]> => {
    if (isDestination) destinations += 1;
    try {
      return (await resolve(hostname, isDestination)).map(({ address }) => address);
    } finally {
      if (isDestination) destinations -= 1;
      asked.delete(key);
    }
  };
  return async ({ url, peer }) => {
    const hostname = hostnameOf(url);
    const isDestination = peer === 'destination';
    // What an endpoint's name is completed to is no answer for a destination.
    const key = `${isDestination ? 'whole ' : ''}${hostname}`;
    if (isDestination && destinations >= destinationsMax && !asked.has(key))
      throw new DialProblem('unreachable', 'Too many names of destinations are being resolved; none was asked for. Try again shortly.');
    const pending = asked.get(key) ?? ask(hostname, key, isDestination);
    asked.set(key, pending);
    try {
      return await pending;
    } catch {
      throw new DialProblem('unreachable', `The name of the ${peer} could not be resolved.`);
    }
  };
};

const judged = (addresses: readonly string[], { peer, url, judge }: Hop): readonly string[] => {
  if (addresses.length === 0) throw new DialProblem('address_refused', `The name of the ${peer} resolves to no address.`);
  // One bad address among good ones is an attack or a mistake; neither is dialled round.
  for (const address of addresses) {
    const problem = judge(address, portOf(url));
    if (problem !== null)
      throw new DialProblem('address_refused', `The name of the ${peer} resolves to an address that is refused: ${problem}.`);
  }
  return addresses;
};

const hostnameOf = ({ hostname }: URL): string => hostname.replace(/^\[|\]$/g, '');

const placed = (address: string, port: number): string => (isIP(address) === 6 ? `[${address}]:${port}` : `${address}:${port}`);

const isSecure = ({ protocol }: URL): boolean => protocol === 'https:';

const portOf = (url: URL): number => Number(url.port) || (isSecure(url) ? 443 : 80);

/** Resolves when `socket` is ready to be written to; destroys it when that fails or `signal` aborts. */
const opened = <S extends Socket>(socket: S, peer: Peer, signal: AbortSignal): Promise<S> =>
  new Promise((resolve, reject) => {
    const stop = (): void => {
      socket.destroy();
      reject(signal.reason);
    };
    socket.once(socket instanceof TLSSocket ? 'secureConnect' : 'connect', () => {
      signal.removeEventListener('abort', stop);
      resolve(socket);
    });
    // Stays as long as the socket: an error that nobody listens for would end the process.
    socket.on('error', (problem) => {
      signal.removeEventListener('abort', stop);
      reject(unreachable(socket, peer, problem));
    });
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });

const unreachable = (socket: Socket, peer: Peer, problem: Error): DialProblem => {
  const who = peer === 'endpoint' ? 'upstream' : peer;
  if (socket instanceof TLSSocket && socket.authorizationError)
    return new DialProblem('unreachable', `The ${who}'s certificate could not be verified.`);
  return new DialProblem('unreachable', `The ${who} could not be reached.`, 'code' in problem && turnedAway.has(problem.code));
};
