// How many connections a listener holds at once. Where there is place for no more, the one that has waited longest without saying a whole request
// makes place, so that whoever opens connections and says nothing, or says it slowly, keeps out nobody who does. Where all of them say something,
// the newcomer is turned away.

import type { Server } from 'node:http';
import type { Socket } from 'node:net';

type Place = Pick<Socket, 'remoteAddress' | 'remotePort'>;

export interface Crowd {
  /** Takes a connection in; one has to go, which may be this one, where there was no place. */
  readonly enter: (socket: Pick<Socket, 'destroy' | 'once'> & Place) => void;
  /** It has said a whole request. Known by where it comes from: over TLS the request comes by another object. */
  readonly spoke: (socket: Place) => void;
}

const placeOf = ({ remoteAddress, remotePort }: Place): string => `${remoteAddress} ${remotePort}`;

/** `turnedAway` is told of each connection that had to go. */
export const createCrowd = (connectionsMax: number, turnedAway: (socket: Place) => void): Crowd => {
  /** In the order in which they came. */
  const waiting = new Map<string, Parameters<Crowd['enter']>[0]>();
  let open = 0;
  return {
    enter: (socket) => {
      const place = placeOf(socket);
      open += 1;
      waiting.set(place, socket);
      socket.once('close', () => {
        open -= 1;
        if (waiting.get(place) === socket) waiting.delete(place);
      });
      if (open <= connectionsMax) return;
      const [[oldest, leaving] = [place, socket]] = waiting;
      waiting.delete(oldest);
      turnedAway(leaving);
      leaving.destroy();
    },
    spoke: (socket) => void waiting.delete(placeOf(socket)),
  };
};

/** Bounds the connections of a server, from the moment that they are accepted. */
export const bound = (server: Server, { enter, spoke }: Crowd): void => {
  server.prependListener('connection', enter);
  server.prependListener('request', ({ socket }) => spoke(socket));
  server.prependListener('connect', ({ socket }) => spoke(socket));
};
