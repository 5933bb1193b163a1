// The only opener of outbound connections: resolves a name once, judges every address, and connects to one that it judged.
// Failures are values with a sentence of ours; nothing of the upstream's text is in them. Redirects are answers, never followed.

import type { UpstreamAnswer, UpstreamFailure, Via } from '../core/endpoint.ts';
import { limits } from '../core/limits.ts';
import type { Reached } from '../core/stages.ts';
import type { JudgeAddress } from './addresses.ts';
import type { ConnectLimits, Place, Resolve } from './connect.ts';
import { createConnect } from './connect.ts';
import type { Call, Connection, ConnectionLimits, Response } from './connection.ts';
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

interface DialLimits extends ConnectionLimits, ConnectLimits {}

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
    const { status, fields, body, discard } = await connection.exchange(outbound, () => {
      if (!mayKeep) connection.destroy();
      else if (!connection.isLost()) idle.set(place, [...(idle.get(place) ?? []), connection]);
    });
    return { status, ...fieldsOf(fields), body, discard, address: connection.address, attempts };
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
        socket.on('close', () => open.delete(socket));
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

/** Fields that are for the next hop only: the known ones, and those that the field `connection` names (RFC 9110, section 7.6.1). */
const fieldsOf = (fields: Response['fields']): Pick<UpstreamAnswer, 'headers' | 'cookies'> => {
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
