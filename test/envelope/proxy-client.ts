// A client of the network door over real sockets: asks for a tunnel, says exactly these bytes, and waits for what comes.
// Loopback only; whatever it opened is closed when the test ends.

import { once } from 'node:events';
import type { Socket } from 'node:net';
import { connect } from 'node:net';
import type { TestContext } from 'node:test';
import type { TLSSocket } from 'node:tls';
import { connect as connectTls } from 'node:tls';

export interface Answer {
  readonly status: number;
  readonly headers: string;
  readonly body: string;
}

export interface ProxyClient {
  /** Says these bytes and reads until the other side closes. */
  readonly said: (bytes: string | Uint8Array) => Promise<string>;
  /** The same for one whole request, whose answer is taken apart. */
  readonly asked: (request: string) => Promise<Answer>;
  /** The connection behind a CONNECT that was answered with 200. */
  readonly tunnel: (target: string, credential?: string) => Promise<Socket>;
}

export const basic = (credential: string): string => `Basic ${btoa(`any:${credential}`)}`;

export const connectRequest = (target: string, credential?: string): string =>
  `CONNECT ${target} HTTP/1.1\r\nhost: ${target}\r\n${credential === undefined ? '' : `proxy-authorization: ${basic(credential)}\r\n`}\r\n`;

/** All that comes until the other side is done. */
export const textOf = async (socket: Socket): Promise<string> => {
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  await closed(socket);
  return Buffer.concat(chunks).toString('latin1');
};

export const closed = async (socket: Socket): Promise<void> => {
  if (socket.readableEnded || socket.destroyed) return;
  socket.resume();
  await Promise.race([
    once(socket, 'end').catch(() => undefined),
    new Promise<void>((resolve) => void socket.once('close', () => resolve())),
  ]);
};

export const createProxyClient = (t: TestContext, door: string): ProxyClient => {
  const opened = (): Socket => {
    const socket = connect({ port: Number(new URL(door).port), host: '127.0.0.1', allowHalfOpen: true });
    socket.on('error', () => undefined);
    t.after(() => socket.destroy());
    return socket;
  };
  const said: ProxyClient['said'] = async (bytes) => {
    const socket = opened();
    socket.write(bytes);
    const text = await textOf(socket);
    socket.destroy();
    return text;
  };
  return {
    said,
    asked: async (request) => answerIn(await said(request)),
    tunnel: async (target, credential) => {
      const socket = opened();
      socket.write(connectRequest(target, credential));
      const [head] = (await once(socket, 'data')) as [Buffer];
      const end = head.indexOf('\r\n\r\n') + 4;
      if (!head.toString('latin1').startsWith('HTTP/1.1 200 ')) throw new Error(head.toString('latin1'));
      // What the destination said at once is the reader's.
      socket.pause();
      if (end < head.length) socket.unshift(head.subarray(end));
      return socket;
    },
  };
};

const answerIn = (text: string): Answer => {
  const end = text.indexOf('\r\n\r\n');
  return { status: Number(/^HTTP\/1\.1 (\d{3}) /.exec(text)?.[1] ?? 0), headers: text.slice(0, end), body: text.slice(end + 4) };
};

/** TLS inside a tunnel, as an agent speaks it. */
export const secure = async (socket: Socket, servername: string, ca: string): Promise<TLSSocket> => {
  const inside = connectTls({ socket, servername, ca, host: servername });
  inside.on('error', () => undefined);
  await once(inside, 'secureConnect');
  return inside;
};
