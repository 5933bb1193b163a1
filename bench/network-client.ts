// The client of bench/network.ts: tunnels through a proxy by CONNECT, and downloads over them. Counts what comes and keeps none of it.
// Each wait rejects when the connection ends before what it waits for.

import { connect } from 'node:net';
import { helloOf } from '../test/client-hello.ts';

/** A proxy on loopback; squid asks for no credential. */
export interface Door {
  readonly port: number;
  readonly credential: string | null;
}

export interface Tunnel {
  readonly download: () => Promise<void>;
  /** Ends it from this side, and resolves when the other side has ended it too. */
  readonly close: () => Promise<void>;
}

/** Asks for no name, since the destination is an address (RFC 6066, section 3). */
export const firstMessage = helloOf();
export const greeting = Buffer.from([0]);
export const download = Buffer.alloc(1_000_000, 'x');

const asking = Buffer.from([1]);
const KIB = 1024;
/** One for all connections: what is in it is only counted. */
const buffer = Buffer.alloc(256 * KIB);

const requestFor = (target: string, credential: string | null): string => {
  const proof = credential === null ? '' : `proxy-authorization: Basic ${btoa(`any:${credential}`)}\r\n`;
  return `CONNECT ${target} HTTP/1.1\r\nhost: ${target}\r\n${proof}\r\n`;
};

/** Resolves when the upstream has answered through it. */
export const openTunnel = async ({ port, credential }: Door, target: string): Promise<Tunnel> => {
  let head = '';
  let [got, wanted] = [0, 0];
  let waiting = Promise.withResolvers<void>();
  const take = (length: number): boolean => {
    let from = 0;
    if (!head.endsWith('\r\n\r\n')) {
      const end = buffer.subarray(0, length).indexOf('\r\n\r\n');
      from = end === -1 ? length : end + 4;
      head += buffer.toString('latin1', 0, from);
      if (end !== -1) answered();
    }
    got += length - from;
    if (got >= wanted && wanted > 0) waiting.resolve();
    return true;
  };
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true, onread: { buffer, callback: take } });
  const closed = new Promise<void>((resolve) => void socket.once('close', () => resolve()));
  const broken = (): void => waiting.reject(new Error(`the tunnel ended after ${got} of ${wanted} bytes; its answer was ${head}`));
  const answered = (): void => {
    if (head.startsWith('HTTP/1.1 200 ')) socket.write(firstMessage);
    else socket.destroy();
  };
  const next = (bytes: number): Promise<void> => {
    [got, wanted, waiting] = [0, bytes, Promise.withResolvers<void>()];
    if (socket.destroyed) broken();
    return waiting.promise;
  };
  socket.on('error', () => socket.destroy()).on('close', broken);
  socket.write(requestFor(target, credential));
  await next(greeting.length);
  return {
    download: () => {
      const come = next(download.length);
      socket.write(asking);
      return come;
    },
    close: () => {
      // The end of this promise is nobody's: what ends now was asked to.
      waiting.promise.catch(() => undefined);
      socket.end();
      return closed;
    },
  };
};

/** Does `work` so many times, so many of them at once. */
export const repeated = async (times: number, atOnce: number, work: () => Promise<void>): Promise<void> => {
  let left = times;
  const one = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      await work();
    }
  };
  await Promise.all(Array.from({ length: Math.min(times, atOnce) }, one));
};
