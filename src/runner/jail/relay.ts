// What is accepted from a jail goes to a door of the envelope, each connection behind one line that says whose invocation it is.
// The line is written here, outside: nothing in the jail can say another. Bytes pass as they are; what one side ends, the other hears.

import type { Server, Socket } from 'node:net';
import { connect } from 'node:net';
import { limits } from '../../core/limits.ts';

const dialDoor = (door: URL): Socket => {
  const port = Number(door.port === '' ? (door.protocol === 'https:' ? 443 : 80) : door.port);
  const host = door.hostname.replace(/^\[|\]$/g, '');
  // A variable that switches checking off in Node does not do so where a credential is shown. Not imported: whoever loads it has a thread read all
  // certificates that the machine trusts, also where no door is far away.
  return door.protocol === 'https:'
    ? process.getBuiltinModule('node:tls').connect({ host, port, servername: host, rejectUnauthorized: true, ALPNProtocols: ['http/1.1'] })
    : connect({ host, port, allowHalfOpen: true });
};

export interface Relay {
  /** Breaks what is open and takes nothing more. */
  readonly close: () => void;
}

/** Relays what `listening`, a socket of the jail, accepts to the door at `origin`. */
export const relayTo = (listening: Server, origin: string, credential: string): Relay => {
  const door = new URL(origin);
  const sockets = new Set<Socket>();
  const keep = (socket: Socket): Socket => {
    sockets.add(socket);
    return socket.once('close', () => sockets.delete(socket));
  };
  // It was made in the jail, by the defaults of there. What comes beyond the bound is closed at once: else who opens connections and leaves them takes all
  // the descriptors that this process may have, and the places of other agents at the door.
  Object.assign(listening, { allowHalfOpen: true, maxConnections: limits.relayedConnectionsCount });
  // One that could not be accepted, for want of descriptors, is nobody's.
  listening.on('error', () => undefined);
  listening.on('connection', (inside: Socket) => {
    const outside = keep(dialDoor(door));
    keep(inside);
    outside.write(`SEALWRIGHT/1 ${credential}\n`);
    inside.pipe(outside);
    outside.pipe(inside);
    for (const [one, other] of [
      [inside, outside],
      [outside, inside],
    ] as const) {
      one.on('error', () => other.destroy());
      one.on('close', () => other.destroy());
    }
  });
  return {
    close: () => {
      listening.close();
      for (const socket of sockets) socket.destroy();
    },
  };
};
