// A relay in front of the model door that keeps what an agent asked there and how it was answered; and a proxy that refuses whatever else it tries.
// Bytes pass as they are; an answer that breaks off breaks off behind it as well. Loopback only; whoever starts one closes it.

import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';

/** One request that reached the door. */
export interface Asked {
  readonly method: string;
  /** Without query. */
  readonly path: string;
  readonly query: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
  /** Null until the door answered. */
  status: number | null;
  answer: string;
}

export interface DoorWatch {
  readonly origin: string;
  readonly asked: readonly Asked[];
  readonly close: () => Promise<void>;
}

const listen = async (server: Server): Promise<string> => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
};

const closing = (server: Server) => (): Promise<void> =>
  new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });

const relay = (door: string, asked: Asked, response: ServerResponse): void => {
  const { host: _, ...headers } = asked.headers;
  const onward = request(`${door}${asked.path}${asked.query}`, { method: asked.method, headers, agent: false }, (answer) => {
    asked.status = answer.statusCode ?? 0;
    response.writeHead(asked.status, answer.rawHeaders);
    response.flushHeaders();
    answer.on('data', (chunk: Buffer) => {
      asked.answer += chunk.toString();
      response.write(chunk);
    });
    answer.on('end', () => response.end());
    answer.on('error', () => response.destroy());
  });
  onward.on('error', () => response.destroy());
  response.on('close', () => onward.destroy());
  onward.end(asked.body);
};

export const watchDoor = async (door: string): Promise<DoorWatch> => {
  const all: Asked[] = [];
  const server = createServer((message, response) => {
    const chunks: Buffer[] = [];
    message.on('data', (chunk: Buffer) => chunks.push(chunk));
    message.on('end', () => {
      const { pathname: path, search: query } = new URL(message.url ?? '/', 'http://door');
      const { method = 'GET', headers } = message;
      const asked: Asked = { method, path, query, headers, body: Buffer.concat(chunks), status: null, answer: '' };
      all.push(asked);
      relay(door, asked, response);
    });
  });
  return { origin: await listen(server), asked: all, close: closing(server) };
};

export interface RefusingProxy {
  readonly url: string;
  /** What was asked for, such as `CONNECT host:443`. */
  readonly attempts: readonly string[];
  readonly close: () => Promise<void>;
}

export const startRefusingProxy = async (): Promise<RefusingProxy> => {
  const attempts: string[] = [];
  const server = createServer((message, response) => {
    attempts.push(`${message.method} ${message.url}`);
    response.writeHead(403).end();
  });
  server.on('connect', (message, socket) => {
    attempts.push(`CONNECT ${message.url}`);
    socket.end('HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n');
  });
  return { url: await listen(server), attempts, close: closing(server) };
};
