// The only opener of outbound connections: resolves a name once, judges every address, and connects to one that it judged.
// Failures are values with a sentence of ours; nothing of the upstream's text is in them. Redirects are answers, never followed.

import type { Dispatcher } from 'undici';
import type { Topology, UpstreamAnswer, UpstreamFailure } from '../core/endpoint.ts';
import { limits } from '../core/limits.ts';
import type { Resolve } from './connect.ts';
import { createConnect } from './connect.ts';
import type { Call, Connection, ConnectionLimits } from './connection.ts';
import { createConnection } from './connection.ts';
import { DialProblem } from './problem.ts';

export interface Outbound extends Call {
  readonly origin: URL;
  readonly topology: Topology;
}

export interface Dial {
  readonly send: (outbound: Outbound) => Promise<UpstreamAnswer | UpstreamFailure>;
  readonly close: () => Promise<void>;
}

interface DialLimits extends ConnectionLimits {
  readonly connectMs: number;
  readonly drainedBytes: number;
  readonly drainedMs: number;
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

export const createDial = (resolve: Resolve, bounds: DialLimits = limits): Dial => {
  const connect = createConnect(resolve, bounds.connectMs);
  const open = new Set<Connection>();
  /** Connections that carry nothing, the newest last. A place is a topology and an origin: what one may dial, another may not. */
  const idle = new Map<string, Connection[]>();
  let closed = false;

  const openConnection = async ({ origin, topology, cancel }: Outbound, place: string): Promise<Connection> => {
    const connected = await connect(origin, topology, cancel);
    const connection = createConnection(origin, connected, bounds);
    open.add(connection);
    connected.socket.once('close', () => {
      open.delete(connection);
      const others = idle.get(place)?.filter((other) => other !== connection) ?? [];
      if (others.length > 0) idle.set(place, others);
      else idle.delete(place);
    });
    if (closed) connection.destroy();
    return connection;
  };

  const attempt = async (outbound: Outbound, attempts: number): Promise<UpstreamAnswer> => {
    const place = `${outbound.topology} ${outbound.origin.origin}`;
    const kept = attempts === 1 ? idle.get(place)?.pop() : undefined;
    const connection = kept ?? (await openConnection(outbound, place));
    const response = await connection.exchange(outbound);
    response.body.once('close', () => {
      if (!connection.isLost()) idle.set(place, [...(idle.get(place) ?? []), connection]);
    });
    return {
      status: response.statusCode,
      headers: joined(response.headers),
      ...readOnce(response.body, bounds),
      address: connection.address,
      attempts,
    };
  };

  return {
    send: async (outbound) => {
      const { cancel } = outbound;
      for (let attempts = 1; ; attempts += 1) {
        try {
          cancel.throwIfAborted();
          return await attempt(outbound, attempts);
        } catch (problem) {
          if (cancel.aborted || closed)
            return { failure: 'cancelled', reason: 'The call was cancelled before the upstream answered.', attempts };
          if (!(problem instanceof DialProblem)) throw problem;
          if (attempts === 1 && problem.again) continue;
          return { failure: problem.failure, reason: problem.message, attempts };
        }
      }
    },
    close: async () => {
      closed = true;
      for (const connection of open) connection.destroy();
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

/** The body, and a way to let go of it: the little that may be left is taken, so that the connection can be used again; more ends the connection. */
const readOnce = (
  body: Dispatcher.ResponseData['body'],
  { drainedBytes, drainedMs }: DialLimits,
): Pick<UpstreamAnswer, 'body' | 'discard'> => {
  // A body that breaks while nobody reads it must not end the process; a reader still gets the error.
  body.on('error', () => undefined);
  let discarded = false;
  const discard = (): void => {
    if (discarded || body.destroyed) return;
    discarded = true;
    let leftBytes = drainedBytes;
    const timer = setTimeout(() => body.destroy(), drainedMs);
    body.once('close', () => clearTimeout(timer));
    body.on('data', (chunk: Uint8Array) => {
      leftBytes -= chunk.length;
      if (leftBytes < 0) body.destroy();
    });
  };
  const chunks = body.iterator({ destroyOnReturn: false });
  const read = {
    next: (): Promise<IteratorResult<Uint8Array>> => chunks.next(),
    // Lets go first: a read that still waits then ends too, and a body that was never begun is let go like any other.
    return: async (): Promise<IteratorResult<Uint8Array>> => {
      discard();
      await chunks.return?.();
      return { done: true, value: undefined };
    },
  };
  return { body: { [Symbol.asyncIterator]: () => read }, discard };
};
