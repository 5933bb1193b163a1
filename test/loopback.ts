// Servers on loopback, and calls to them, for the tests of what opens outbound connections.
// Whatever a test opened here is closed when that test ends.

import assert from 'node:assert/strict';
import type { RequestListener } from 'node:http';
import { createServer as createHttpServer } from 'node:http';
import type { AddressInfo, Server, Socket } from 'node:net';
import { createServer as createTcpServer } from 'node:net';
import type { TestContext } from 'node:test';
import type { UpstreamAnswer, UpstreamFailure } from '../src/core/endpoint.ts';
import { direct } from '../src/core/endpoint.ts';
import { limits } from '../src/core/limits.ts';
import type { Resolve } from '../src/dial/connect.ts';
import type { Dial, Outbound } from '../src/dial/dial.ts';
import { createDial } from '../src/dial/dial.ts';

export interface Upstream {
  readonly port: number;
  readonly open: ReadonlySet<Socket>;
  readonly connections: () => number;
  /** Resolves when no connection is open. */
  readonly empty: () => Promise<void>;
}

export const listening = async (t: TestContext, server: Server, host = '127.0.0.1', at = 0): Promise<Upstream> => {
  const open = new Set<Socket>();
  let connections = 0;
  let emptied = (): void => undefined;
  server.on('connection', (socket: Socket) => {
    connections += 1;
    open.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => {
      open.delete(socket);
      if (open.size === 0) emptied();
    });
  });
  await new Promise<void>((resolve) => server.listen(at, host, resolve));
  t.after(() => {
    server.close();
    for (const socket of open) socket.destroy();
  });
  return {
    port: (server.address() as AddressInfo).port,
    open,
    connections: () => connections,
    empty: async () => {
      if (open.size > 0) await new Promise<void>((resolve) => void (emptied = resolve));
    },
  };
};

export const http = (t: TestContext, answer: (...parts: Parameters<RequestListener>) => unknown): Promise<Upstream> =>
  listening(
    t,
    createHttpServer((...parts) => void answer(...parts)),
  );

/** Speaks no HTTP by itself: `talk` gets each connection. */
export const tcp = (t: TestContext, talk: (socket: Socket) => void): Promise<Upstream> => listening(t, createTcpServer(talk));

export const named =
  (...addresses: readonly string[]): Resolve =>
  async () =>
    addresses.map((address) => ({ address, family: 4 }));

export const home = named('127.0.0.1');

export const dialing = (t: TestContext, resolve: Resolve = home, bounds: Partial<Record<keyof typeof limits, number>> = {}): Dial => {
  const dial = createDial(resolve, { ...limits, ...bounds });
  t.after(() => dial.close());
  return dial;
};

export const to = (port: number, change: Partial<Outbound> = {}): Outbound => ({
  origin: new URL(`http://model.test:${port}`),
  topology: 'self-hosted',
  via: direct,
  method: 'POST',
  path: '/v1/messages',
  headers: { 'content-type': 'application/json' },
  body: Buffer.from('{}'),
  cancel: new AbortController().signal,
  ...change,
});

export const answered = (outcome: UpstreamAnswer | UpstreamFailure): UpstreamAnswer => {
  assert.ok('status' in outcome, JSON.stringify(outcome));
  return outcome;
};

export const chunksOf = async ({ body }: Pick<UpstreamAnswer, 'body'>): Promise<readonly Uint8Array[]> => {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return chunks;
};

/** Reads one chunk and stops. */
export const firstChunkOf = async (outcome: UpstreamAnswer | UpstreamFailure): Promise<void> => {
  const chunks = answered(outcome).body[Symbol.asyncIterator]();
  await chunks.next();
  await chunks.return?.();
};

export const textOf = async (outcome: UpstreamAnswer | UpstreamFailure): Promise<string> =>
  Buffer.concat(await chunksOf(answered(outcome))).toString();

/** What failed, and how often it was tried. */
export const failed = (outcome: UpstreamAnswer | UpstreamFailure): readonly [string, number] => {
  assert.ok('failure' in outcome, 'it was answered');
  return [outcome.failure, outcome.attempts];
};

export const freePort = async (t: TestContext): Promise<number> => {
  const server = createTcpServer();
  const { port } = await listening(t, server);
  await new Promise((resolve) => server.close(resolve));
  return port;
};

export const event = (): { readonly happened: Promise<void>; readonly happen: () => void } => {
  let happen = (): void => undefined;
  const happened = new Promise<void>((resolve) => void (happen = resolve));
  return { happened, happen };
};

/** Lets what is on its way inside this process arrive. */
export const turns = async (): Promise<void> => {
  for (let turn = 0; turn < 50; turn += 1) await new Promise((resolve) => setImmediate(resolve));
};
