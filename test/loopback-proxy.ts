// A corporate proxy on loopback that takes CONNECT, for the tests of what goes through one.
// It joins every tunnel with the port that was asked for on 127.0.0.1, whatever the name; what it was asked is kept.

import type { Server, Socket } from 'node:net';
import { connect, createServer } from 'node:net';
import type { TestContext } from 'node:test';
import { createServer as createTlsServer } from 'node:tls';
import type { Upstream } from './loopback.ts';
import { listening } from './loopback.ts';

export interface Proxy extends Upstream {
  /** Headers of the requests, as they came. */
  readonly asked: readonly string[];
  readonly url: URL;
}

export interface ProxyBehaviour {
  /** What it answers instead of a tunnel; null for a tunnel. */
  readonly answer?: (header: string) => string | null;
  /** Makes it an https:// proxy. */
  readonly pair?: { readonly key: string; readonly cert: string };
  /** What becomes of each chunk on the way back. */
  readonly back?: (chunk: Uint8Array, pass: (chunk: Uint8Array) => void) => void;
  /** Runs when the upstream ended. */
  readonly ended?: (pass: (chunk: Uint8Array) => void) => void;
}

export const startProxy = async (t: TestContext, { answer, pair, back, ended }: ProxyBehaviour = {}): Promise<Proxy> => {
  const asked: string[] = [];
  const serve = (socket: Socket): void => {
    socket.on('error', () => undefined);
    let header = '';
    const take = (chunk: Buffer): void => {
      header += chunk.toString('latin1');
      if (!header.includes('\r\n\r\n')) return;
      socket.off('data', take);
      asked.push(header);
      const said = answer?.(header) ?? null;
      if (said === null)
        join(socket, Number(/^CONNECT \S+:(\d+) /.exec(header)?.[1] ?? 0), { ...(back && { back }), ...(ended && { ended }) });
      else socket.write(said, 'latin1');
    };
    socket.on('data', take);
  };
  const server: Server = pair === undefined ? createServer(serve) : createTlsServer(pair, serve);
  const upstream = await listening(t, server);
  return { ...upstream, asked, url: new URL(`${pair === undefined ? 'http' : 'https'}://proxy.test:${upstream.port}`) };
};

const join = (socket: Socket, port: number, { back, ended }: Pick<ProxyBehaviour, 'back' | 'ended'>): void => {
  const pass = (chunk: Uint8Array): void => void (socket.destroyed || socket.write(chunk));
  const onward = connect(port, '127.0.0.1', () => {
    socket.write('HTTP/1.1 200 Connection established\r\nvia: test\r\n\r\n');
    socket.pipe(onward);
    onward.on('data', (chunk: Uint8Array) => (back === undefined ? pass(chunk) : back(chunk, pass)));
  });
  onward.on('error', () => socket.destroy());
  onward.on('end', () => ended?.(pass));
  onward.on('close', () => socket.end());
  socket.on('close', () => onward.destroy());
};
