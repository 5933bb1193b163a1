// The load generator as a process: the upstream, and clients that carry out one order after another. Started by bench/load/load.ts with a channel.
// Upstream and clients share one thread on purpose: on one core two processes would only take it from each other.

import { type Client, closedLoop, type LoopClock, type Measured, openLoop } from './loops.ts';
import { createConnection } from './connection.ts';
import { type Asking, lastEventMark, numberOffset, requestBody, writeNumber } from './exchange.ts';
import { startUpstream } from './upstream.ts';

export interface Order {
  readonly port: number;
  readonly path: string;
  /** Header fields of each client, which take turns with them; without those that say what the body is. */
  readonly fields: readonly (readonly string[])[];
  readonly asking: Asking;
  /** Whether every request has texts that were not there before. */
  readonly fresh: boolean;
  readonly clients: number;
  readonly durationMs: number;
  /** Requests a second of an open loop; null for a closed one. */
  readonly perSecond: number | null;
}

export type Reply = { readonly upstreamPort: number } | Measured;

const clock: LoopClock = {
  nowMs: () => performance.now(),
  soon: (run) => void setImmediate(run),
};

let numbered = 0;

/** A request of its own for each client, since its bytes are written again while others are under way. */
const createRequests = ({ port, path, fields, fresh }: Order, body: Buffer, index: number): (() => Buffer) => {
  const own = fields[index % fields.length] ?? [];
  const lines = [
    `POST ${path} HTTP/1.1`,
    `host: 127.0.0.1:${port}`,
    'content-type: application/json',
    `content-length: ${body.length}`,
    ...own,
  ];
  const head = Buffer.from(`${lines.join('\r\n')}\r\n\r\n`);
  const request = Buffer.concat([head, body]);
  const offset = head.length + numberOffset(body);
  return () => {
    if (fresh) writeNumber(request, offset, (numbered += 1));
    return request;
  };
};

const carryOut = async (order: Order): Promise<Measured> => {
  const { asking, clients: count, durationMs, perSecond, port } = order;
  const body = requestBody(asking);
  const mark = asking.streaming ? lastEventMark[asking.format] : '';
  const connections = Array.from({ length: count }, () => createConnection(port, mark, clock.nowMs));
  await Promise.all(connections.map(({ ready }) => ready()));
  const clients: readonly Client[] = connections.map(({ ask }, index) => ({ ask, request: createRequests(order, body, index) }));
  const measured = await (perSecond === null ? closedLoop(clients, durationMs, clock) : openLoop(clients, perSecond, durationMs, clock));
  for (const { close } of connections) close();
  return measured;
};

const upstreamPort = await startUpstream();
process.on('message', (order: Order) => void carryOut(order).then((measured) => process.send?.(measured)));
process.on('disconnect', () => process.exit());
process.send?.({ upstreamPort } satisfies Reply);
