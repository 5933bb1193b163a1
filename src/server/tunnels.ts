// Connections that their clients took out of HTTP by CONNECT: the server knows of them no longer, so they are kept here until they close.
// An error of one ends that one only.

import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

export interface Tunnels {
  /** `head` is what came behind the request. */
  readonly take: (socket: Duplex, head: Uint8Array) => { readonly stream: Duplex; readonly gone: AbortSignal };
  readonly breakAll: () => void;
}

const idleProbeMs = 60_000;

export const createTunnels = (): Tunnels => {
  const open = new Set<Duplex>();
  return {
    take: (stream, head) => {
      const gone = new AbortController();
      open.add(stream);
      stream.on('error', () => undefined);
      stream.once('close', () => {
        open.delete(stream);
        gone.abort();
      });
      // A peer that is no longer there would otherwise never be noticed.
      if (stream instanceof Socket) stream.setNoDelay(true).setKeepAlive(true, idleProbeMs);
      if (head.length > 0) stream.unshift(head);
      return { stream, gone: gone.signal };
    },
    breakAll: () => {
      for (const stream of open) stream.destroy();
    },
  };
};
