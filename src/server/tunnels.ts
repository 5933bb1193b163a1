// Connections that their clients took out of HTTP by CONNECT: the server knows of them no longer, so they are kept here until they close.
// An error of one ends that one only. Also gives back what a relay has passed on.

import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

export interface Tunnels {
  /** `head` is what came behind the request. */
  readonly take: (socket: Duplex, head: Uint8Array) => { readonly stream: Duplex; readonly gone: AbortSignal };
  readonly breakAll: () => void;
}

const idleProbeMs = 60_000;
/** Made once: one for each connection, with its stack, would be a part of what a tunnel costs. */
const connectionClosed = new Error('The connection is closed.');

export const createTunnels = (): Tunnels => {
  const open = new Set<Duplex>();
  return {
    take: (stream, head) => {
      const gone = new AbortController();
      open.add(stream);
      stream.on('error', () => undefined);
      stream.on('close', () => {
        open.delete(stream);
        gone.abort(connectionClosed);
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

/**
 * Gives back the memory of bytes that the system has taken. Each read has a buffer of its own; left to the collector, they make it look through the whole
 * heap every few dozen megabytes, which costs more than carrying them.
 */
export const letGo = ({ buffer, byteLength }: Uint8Array, writtenTo: Duplex): void => {
  // Another kind of stream may still hold what it was given, and who has a part of a buffer is not the only one.
  if (!(writtenTo instanceof Socket) || writtenTo.writableLength > 0 || buffer.byteLength !== byteLength) return;
  if (buffer instanceof ArrayBuffer) buffer.transfer(0);
};
