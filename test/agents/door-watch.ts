// Relays that see what goes between an agent and its envelope: one in front of the model door keeps what was asked there and how it was answered;
// one in front of the control socket sends a runner to the first, and keeps what invocations it opened. Bytes pass as they are; an answer that
// breaks off breaks off behind it as well. On this machine only; whoever starts one closes it.

import { chmodSync } from 'node:fs';
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

const relay = (door: string, asked: Asked, response: ServerResponse, breaks: boolean): void => {
  const { host: _, ...headers } = asked.headers;
  const onward = request(`${door}${asked.path}${asked.query}`, { method: asked.method, headers, agent: false }, (answer) => {
    asked.status = answer.statusCode ?? 0;
    response.writeHead(asked.status, answer.rawHeaders);
    response.flushHeaders();
    answer.on('data', (chunk: Buffer) => {
      asked.answer += chunk.toString();
      if (breaks) response.destroy();
      else response.write(chunk);
    });
    answer.on('end', () => response.end());
    answer.on('error', () => response.destroy());
  });
  onward.on('error', () => response.destroy());
  response.on('close', () => onward.destroy());
  onward.end(asked.body);
};

/** `cut` says of a request with a body, by how many came before it, that the network breaks once its answer has begun. */
export const watchDoor = async (door: string, cut: (index: number) => boolean = () => false): Promise<DoorWatch> => {
  const all: Asked[] = [];
  const server = createServer((message, response) => {
    const chunks: Buffer[] = [];
    message.on('data', (chunk: Buffer) => chunks.push(chunk));
    message.on('end', () => {
      const { pathname: path, search: query } = new URL(message.url ?? '/', 'http://door');
      const { method = 'GET', headers } = message;
      const asked: Asked = { method, path, query, headers, body: Buffer.concat(chunks), status: null, answer: '' };
      all.push(asked);
      const before = all.filter(({ body }) => body.length > 0).length - 1;
      relay(door, asked, response, asked.body.length > 0 && cut(before));
    });
  });
  return { origin: await listen(server), asked: all, close: closing(server) };
};

interface Opened {
  readonly invocation_id: string;
  readonly credential: string;
  readonly doors: { readonly model: string };
}

export interface ControlWatch {
  /** What `run --control` takes. */
  readonly socket: string;
  /** Invocations that were opened here, in order. */
  readonly opened: Opened[];
  readonly close: () => Promise<void>;
}

const passOn = async (controlSocket: string, message: IncomingMessage): Promise<{ status: number; body: Buffer }> => {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  const { method, url, headers } = message;
  return new Promise((resolve, reject) => {
    const onward = request({ socketPath: controlSocket, method, path: url, headers, agent: false }, (answer) => {
      const answered: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => answered.push(chunk));
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, body: Buffer.concat(answered) }));
    });
    onward.on('error', reject);
    onward.end(Buffer.concat(chunks));
  });
};

/** In front of `controlSocket`: the door that it tells a runner is at `origin`. */
export const watchControl = async (controlSocket: string, origin: string): Promise<ControlWatch> => {
  const opened: Opened[] = [];
  const socket = `${controlSocket}.watched`;
  const answerOf = async (message: IncomingMessage): Promise<{ status: number; body: Buffer }> => {
    const { status, body } = await passOn(controlSocket, message);
    if (message.url !== '/invocations' || status !== 201) return { status, body };
    const told = JSON.parse(body.toString()) as Opened;
    opened.push(told);
    return { status, body: Buffer.from(JSON.stringify({ ...told, doors: { ...told.doors, model: origin } })) };
  };
  const server = createServer((message, response) => {
    answerOf(message).then(
      ({ status, body }) => response.writeHead(status, { 'content-type': 'application/json' }).end(body),
      () => response.destroy(),
    );
  });
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  chmodSync(socket, 0o600);
  return { socket, opened, close: closing(server) };
};
