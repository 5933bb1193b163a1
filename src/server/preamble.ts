// One line that a runner's relay sends before anything else on a connection: whose invocation it is. Everything that follows on the connection belongs
// to that invocation, and what its requests say about it counts for nothing. A connection that begins otherwise is as it always was.
// `SEALWRIGHT/1 CREDENTIAL\n`; longer than a line may be, or too slow, breaks the connection.

import type { Socket } from 'node:net';
import { limits } from '../core/limits.ts';

const beginning = Buffer.from('SEALWRIGHT/1 ');
const newline = 0x0a;
const nothing = Buffer.alloc(0);

/** Undecided bytes, the credential with what follows it, or bytes that are no preamble. */
type Seen = 'more' | 'none' | 'broken' | { readonly credential: string; readonly rest: Buffer };

/** What the first bytes of a connection are. Pure. */
export const readPreamble = (bytes: Buffer): Seen => {
  const common = Math.min(bytes.length, beginning.length);
  if (!bytes.subarray(0, common).equals(beginning.subarray(0, common))) return 'none';
  const end = bytes.indexOf(newline);
  if (end === -1) return bytes.length < limits.preambleBytes ? 'more' : 'broken';
  const credential = bytes.toString('latin1', beginning.length, end);
  return end < limits.preambleBytes && /^[\x21-\x7e]+$/.test(credential) ? { credential, rest: bytes.subarray(end + 1) } : 'broken';
};

export interface PreambleReader {
  /** Hands the connection on once its first bytes are known. */
  readonly receive: (socket: Socket, handOn: () => void) => void;
  /** What the relay said of this connection; null for one without a relay. */
  readonly credentialOf: (socket: Socket) => string | null;
  /** Breaks the connections that have said nothing yet. */
  readonly close: () => void;
}

/** `broken` is told of each connection whose first line is none. */
export const createPreambleReader = (broken: (socket: Socket) => void): PreambleReader => {
  const credentials = new WeakMap<Socket, string>();
  const waiting = new Set<Socket>();

  const receive: PreambleReader['receive'] = (socket, handOn) => {
    let seen: Buffer = nothing;
    const refuse = (): void => {
      broken(socket);
      socket.destroy();
    };
    const timer = setTimeout(refuse, limits.headersArriveMs);
    const done = (): void => {
      clearTimeout(timer);
      waiting.delete(socket);
      socket.off('readable', look);
      socket.off('close', done);
      socket.off('error', done);
    };
    const go = (rest: Buffer): void => {
      done();
      if (rest.length > 0) socket.unshift(rest);
      handOn();
    };
    const look = (): void => {
      const chunk = socket.read() as Buffer | null;
      if (chunk === null) return;
      seen = seen.length === 0 ? chunk : Buffer.concat([seen, chunk]);
      const found = readPreamble(seen);
      if (found === 'more') return;
      if (found === 'none') return go(seen);
      if (found === 'broken') {
        done();
        return refuse();
      }
      credentials.set(socket, found.credential);
      go(found.rest);
    };
    waiting.add(socket);
    socket.on('readable', look);
    socket.once('close', done);
    socket.on('error', done);
  };

  return {
    receive,
    credentialOf: (socket) => credentials.get(socket) ?? null,
    close: () => {
      for (const socket of waiting) socket.destroy();
    },
  };
};
