// One connection, one exchange at a time, HTTP/1.1: whose bytes went where is then known exactly.
// A connection that was lost is never replaced behind our back. Fails with a `DialProblem`.

import { Client, errors } from 'undici';
import type { Dispatcher } from 'undici';
import { unlessAborted } from '../core/abort.ts';
import type { Connected } from './connect.ts';
import { DialProblem } from './problem.ts';

export interface Connection {
  readonly address: string;
  /** Sends one call. Nothing else may be sent until the body of its answer is closed. */
  readonly exchange: (call: Call) => Promise<Dispatcher.ResponseData>;
  readonly isLost: () => boolean;
  readonly destroy: () => void;
}

export interface Call {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  readonly cancel: AbortSignal;
}

export interface ConnectionLimits {
  readonly upstreamHeadersMs: number;
  readonly upstreamSilenceMs: number;
}

export const createConnection = (
  origin: URL,
  { socket, address }: Connected,
  { upstreamHeadersMs, upstreamSilenceMs }: ConnectionLimits,
): Connection => {
  let given = false;
  const client = new Client(origin.origin, {
    headersTimeout: upstreamHeadersMs,
    bodyTimeout: upstreamSilenceMs,
    pipelining: 1,
    connect: (_options, callback) => {
      // Asked for a second socket, the client lost the first before it wrote what waits: only calls that were not written wait.
      const lost = given || socket.destroyed;
      given = true;
      queueMicrotask(() => (lost ? callback(connectionLost(), null) : callback(null, socket)));
    },
  });
  const destroy = (): void => {
    socket.destroy();
    void client.destroy().catch(() => undefined);
  };
  return {
    address,
    exchange: async ({ method, path, headers, body, cancel }) => {
      const late = Promise.withResolvers<never>();
      // Beside the client's own, which begins again with every interim answer (RFC 9110, section 15.2).
      const timer = setTimeout(() => late.reject(tooLate()), upstreamHeadersMs);
      try {
        const sending = { path, method, headers, body: method === 'POST' || body.length > 0 ? body : null, signal: cancel };
        return await Promise.race([unlessAborted(client.request(sending), cancel), late.promise]);
      } catch (problem) {
        destroy();
        throw problemOf(problem);
      } finally {
        clearTimeout(timer);
      }
    },
    isLost: () => socket.destroyed,
    destroy,
  };
};

const connectionLost = (): DialProblem => new DialProblem('reset', 'The upstream closed the connection before it answered.', true);

const tooLate = (): DialProblem => new DialProblem('timed_out', 'The upstream did not begin to answer in time.');

const problemOf = (problem: unknown): DialProblem => {
  if (problem instanceof DialProblem) return problem;
  if (problem instanceof errors.HeadersTimeoutError) return tooLate();
  if (problem instanceof errors.InvalidArgumentError) return new DialProblem('unreachable', 'The call cannot be written as HTTP.');
  // The call may have been received, so it is never sent again.
  return new DialProblem('reset', 'The upstream closed the connection before it answered.');
};
