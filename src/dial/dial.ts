// The only opener of outbound connections: resolves a name once, judges every address, and connects to one that it judged.
// Failures are values with a sentence of ours; nothing of the upstream's text is in them.

import type { LookupAddress } from 'node:dns';
import { isIP } from 'node:net';
import { Agent, buildConnector, errors } from 'undici';
import type { Topology, UpstreamAnswer, UpstreamFailure } from '../core/endpoint.ts';
import { limits } from '../core/limits.ts';
import { addressProblem } from './addresses.ts';

export interface Outbound {
  readonly origin: URL;
  readonly topology: Topology;
  readonly method: 'POST' | 'GET';
  /** Path and query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  readonly cancel: AbortSignal;
}

export interface Dial {
  readonly send: (outbound: Outbound) => Promise<UpstreamAnswer | UpstreamFailure>;
  readonly close: () => Promise<void>;
}

export type Resolve = (hostname: string) => Promise<readonly LookupAddress[]>;

class AddressRefused extends Error {
  override readonly name = 'AddressRefused';
}

const hopByHop = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

export const createDial = (resolve: Resolve): Dial => {
  const agents = new Map<Topology, Agent>();
  /** The address of the newest connection to an origin; connections of one origin share a pool. */
  const dialled = new Map<string, string>();

  const judgedAddress = async (hostname: string, topology: Topology): Promise<string> => {
    const literal = hostname.replace(/^\[|\]$/g, '');
    const addresses = isIP(literal) === 0 ? (await resolve(hostname)).map(({ address }) => address) : [literal];
    // One bad address among good ones is an attack or a mistake; neither is dialled round.
    for (const address of addresses) {
      const problem = addressProblem(address, topology);
      if (problem !== null) throw new AddressRefused(`The name of the endpoint resolves to an address that is refused: ${problem}.`);
    }
    const [first] = addresses;
    if (first === undefined) throw new AddressRefused('The name of the endpoint resolves to no address.');
    return first;
  };

  const agentFor = (topology: Topology): Agent => {
    const known = agents.get(topology);
    if (known !== undefined) return known;
    const connector = buildConnector({ timeout: limits.connectMs });
    const agent = new Agent({
      headersTimeout: limits.upstreamHeadersMs,
      bodyTimeout: limits.upstreamSilenceMs,
      connect: (options, callback) => {
        judgedAddress(options.hostname, topology).then(
          (address) => {
            dialled.set(
              `${options.protocol}//${options.host ?? options.hostname}`,
              `${address}:${options.port || (options.protocol === 'https:' ? 443 : 80)}`,
            );
            const servername = options.servername ?? (isIP(options.hostname) === 0 ? options.hostname : null);
            connector({ ...options, hostname: address, ...(servername !== null && { servername }) }, callback);
          },
          (problem: unknown) => callback(problem instanceof Error ? problem : new Error('resolution failed'), null),
        );
      },
    });
    agents.set(topology, agent);
    return agent;
  };

  return {
    send: async ({ origin, topology, method, path, headers, body, cancel }) => {
      try {
        const answer = await agentFor(topology).request({
          origin: origin.origin,
          path,
          method,
          headers,
          ...(method === 'POST' && { body }),
          signal: cancel,
        });
        return {
          status: answer.statusCode,
          headers: joined(answer.headers),
          body: drained(answer.body),
          address: dialled.get(origin.origin) ?? null,
          attempts: 1,
        };
      } catch (problem) {
        return { ...failureOf(problem, cancel), attempts: 1 };
      }
    },
    close: async () => {
      await Promise.all([...agents.values()].map((agent) => agent.destroy()));
    },
  };
};

const joined = (headers: Readonly<Record<string, string | string[] | undefined>>): Record<string, string> => {
  const result: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined && !hopByHop.has(name)) result[name] = Array.isArray(value) ? value.join(', ') : value;
  }
  return result;
};

/** A body that, when its reader stops early, takes the little that may be left so that the connection can be used again. */
async function* drained(
  body: AsyncIterable<Uint8Array> & { dump: (options: { limit: number }) => Promise<void> },
): AsyncGenerator<Uint8Array> {
  const chunks = body[Symbol.asyncIterator]();
  let ended = false;
  try {
    for (let next = await chunks.next(); next.done !== true; next = await chunks.next()) yield next.value;
    ended = true;
  } finally {
    if (!ended) void body.dump({ limit: limits.drainedBytes }).catch(() => undefined);
  }
}

const failureOf = (problem: unknown, cancel: AbortSignal): Omit<UpstreamFailure, 'attempts'> => {
  if (cancel.aborted) return { failure: 'cancelled', reason: 'The call was cancelled before the upstream answered.' };
  if (problem instanceof AddressRefused) return { failure: 'address_refused', reason: problem.message };
  if (problem instanceof errors.ConnectTimeoutError) return { failure: 'timed_out', reason: 'The upstream could not be reached in time.' };
  if (problem instanceof errors.HeadersTimeoutError)
    return { failure: 'timed_out', reason: 'The upstream did not begin to answer in time.' };
  if (problem instanceof errors.SocketError || codeOf(problem) === 'ECONNRESET')
    return { failure: 'reset', reason: 'The upstream closed the connection before it answered.' };
  return { failure: 'unreachable', reason: 'The upstream could not be reached.' };
};

const codeOf = (problem: unknown): unknown => (typeof problem === 'object' && problem !== null && 'code' in problem ? problem.code : null);
