// The only opener of outbound connections: resolves a name once, judges every address, and connects to one that it judged.
// Failures are values with a sentence of ours; nothing of the upstream's text is in them. Redirects are answers, never followed.

import type { Dispatcher } from 'undici';
import type { UpstreamAnswer, UpstreamFailure, Via } from '../core/endpoint.ts';
import { limits } from '../core/limits.ts';
import type { Reached } from '../core/stages.ts';
import type { JudgeAddress } from './addresses.ts';
import type { ConnectLimits, Place, Resolve } from './connect.ts';
import { createConnect } from './connect.ts';
import type { Call, Connection, ConnectionLimits } from './connection.ts';
import { createConnection } from './connection.ts';
import { DialProblem } from './problem.ts';

export { judgeConfined, judgeDestination, type JudgeAddress } from './addresses.ts';

export interface Outbound extends Call, Place {}

export interface Dial {
  readonly send: (outbound: Outbound) => Promise<UpstreamAnswer | UpstreamFailure>;
  /** Opens a connection and sends nothing; whoever carries bytes over it ends it. */
  readonly reach: (place: Place, cancel: AbortSignal) => Promise<Reached | UpstreamFailure>;
  readonly close: () => Promise<void>;
}

interface DialLimits extends ConnectionLimits, ConnectLimits {
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

export const createDial = (resolve: Resolve, bounds: DialLimits = limits, confine?: JudgeAddress): Dial => {
  const connect = createConnect(resolve, bounds, confine);
  const open = new Set<Pick<Connection, 'destroy'>>();
  /** Connections that carry nothing, the newest last, by place: what one endpoint may dial, through what and trusting whom, another may not. */
  const idle = new Map<string, Connection[]>();
  const placeOf = createPlaceNames();
  let closed = false;

  const openConnection = async (outbound: Outbound, place: string): Promise<Connection> => {
    const connected = await connect(outbound, outbound.cancel);
    const connection = createConnection(outbound.origin, connected, bounds);
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
    const place = placeOf(outbound);
    // What an agent says may sign the whole connection in, which is then for nobody else.
    const mayKeep = outbound.judge === undefined;
    const kept = mayKeep && attempts === 1 ? idle.get(place)?.pop() : undefined;
    const connection = kept ?? (await openConnection(outbound, place));
    const response = await connection.exchange(outbound);
    response.body.once('close', () => {
      if (!mayKeep) connection.destroy();
      else if (!connection.isLost()) idle.set(place, [...(idle.get(place) ?? []), connection]);
    });
    return {
      status: response.statusCode,
      ...fieldsOf(response.headers),
      ...readOnce(response.body, bounds),
      address: connection.address,
      attempts,
    };
  };

  const failed = (problem: unknown, cancel: AbortSignal, attempts: number): UpstreamFailure => {
    if (cancel.aborted || closed) return { failure: 'cancelled', reason: 'The call was cancelled before the upstream answered.', attempts };
    if (!(problem instanceof DialProblem)) throw problem;
    return { failure: problem.failure, reason: problem.message, attempts };
  };

  return {
    send: async (outbound) => {
      const { cancel } = outbound;
      for (let attempts = 1; ; attempts += 1) {
        try {
          cancel.throwIfAborted();
          return await attempt(outbound, attempts);
        } catch (problem) {
          const again = problem instanceof DialProblem && problem.again && attempts === 1 && !cancel.aborted && !closed;
          if (!again) return failed(problem, cancel, attempts);
        }
      }
    },
    reach: async (place, cancel) => {
      try {
        cancel.throwIfAborted();
        const { socket, address } = await connect(place, cancel);
        open.add(socket);
        socket.once('close', () => open.delete(socket));
        if (closed) socket.destroy();
        return { stream: socket, address };
      } catch (problem) {
        return failed(problem, cancel, 1);
      }
    },
    close: async () => {
      closed = true;
      for (const connection of open) connection.destroy();
    },
  };
};

/** A name for a topology, an origin and what stands between; the latter is told apart as the value that it is. */
const createPlaceNames = (): ((place: Place) => string) => {
  const numbers = new WeakMap<Via, number>();
  let count = 0;
  return ({ topology, origin, via }) => {
    const number = numbers.get(via) ?? (count += 1);
    numbers.set(via, number);
    return `${topology} ${number} ${origin.origin}`;
  };
};

type Fields = Readonly<Record<string, string | string[] | undefined>>;

/** Fields that are for the next hop only: the known ones, and those that the field `connection` names (RFC 9110, section 7.6.1). */
const fieldsOf = (fields: Fields): Pick<UpstreamAnswer, 'headers' | 'cookies'> => {
  const headers: Record<string, string> = {};
  const forHop = new Set([fields['connection'] ?? []].flat().flatMap((value) => value.toLowerCase().split(/[\s,]+/)));
  for (const [name, value] of Object.entries(fields)) {
    if (value === undefined || hopByHop.has(name) || forHop.has(name)) continue;
    headers[name] = Array.isArray(value) ? value.join(', ') : value;
  }
  const cookies = fields['set-cookie'];
  if (cookies === undefined) return { headers };
  delete headers['set-cookie'];
  return { headers, cookies: [cookies].flat() };
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
    next: gathered(body, chunks),
    // Lets go first: a read that still waits then ends too, and a body that was never begun is let go like any other.
    return: async (): Promise<IteratorResult<Uint8Array>> => {
      discard();
      await chunks.return?.();
      return { done: true, value: undefined };
    },
  };
  return { body: { [Symbol.asyncIterator]: () => read }, discard };
};

/** A chunk that is this large costs more to copy than to pass on by itself. */
const LARGE_CHUNK_BYTES = 4_096;

/**
 * Reads small chunks that came together as one: an upstream may make a chunk of each event, and what is done for a chunk costs more than
 * what is done for its bytes. Waits no longer for that than for the first of them.
 */
const gathered = (
  body: Dispatcher.ResponseData['body'],
  chunks: AsyncIterator<Uint8Array>,
): (() => Promise<IteratorResult<Uint8Array>>) => {
  let ahead: Uint8Array | null = null;
  const waiting = (size?: number): Uint8Array | null => {
    const chunk: unknown = body.readableLength > 0 ? body.read(size) : null;
    return chunk instanceof Uint8Array ? chunk : null;
  };
  const withOthers = (first: Uint8Array): Uint8Array => {
    const second = first.length < LARGE_CHUNK_BYTES ? waiting() : null;
    if (second === null) return first;
    if (second.length < LARGE_CHUNK_BYTES) return Buffer.concat([first, second, waiting(body.readableLength) ?? new Uint8Array()]);
    ahead = second;
    return first;
  };
  return async () => {
    if (ahead !== null) {
      const value = ahead;
      ahead = null;
      return { done: false, value };
    }
    const next = await chunks.next();
    return next.done === true ? next : { done: false, value: withOthers(next.value) };
  };
};
