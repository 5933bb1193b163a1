// How many connections a listener holds at once. Where there is place for no more, one that asks for nothing makes place: first the one that has waited
// longest without saying a whole request, if it has had time to, then the one whose last answer ended longest ago. So whoever opens connections and says nothing, or says it
// slowly, keeps out nobody who does. Where all of them have a request under way, a newcomer is surplus: it is answered that there are too many. So many
// of these are held as well; beyond them a connection is closed at once. How many all that is depends on how many files the process may open: a ledger that
// can open none records nothing.

import { readFileSync } from 'node:fs';
import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { limits } from '../core/limits.ts';

type Place = Pick<Socket, 'remoteAddress' | 'remotePort'>;
type Entering = Pick<Socket, 'destroy' | 'on'> & Place;

export interface Crowd {
  /** Takes a connection in; one has to go, which may be this one, where there was no place. */
  readonly enter: (socket: Entering) => void;
  /** It has said a whole request. */
  readonly began: (socket: Place) => void;
  /** A request of it has been answered. */
  readonly ended: (socket: Place) => void;
  /** Whether what it asks is to be refused. */
  readonly isSurplus: (socket: Place) => boolean;
  readonly openCount: () => number;
}

export interface CrowdLimits {
  readonly connectionsCount: number;
  readonly surplusConnectionsCount: number;
  readonly firstWordMs: number;
}

interface Connection {
  readonly socket: Entering;
  readonly sinceMs: number;
  underWay: number;
}

/** Over TLS a request comes by another object than the connection, from the same address. A unix socket has none. */
export const placeByAddress = (socket: Place): unknown =>
  socket.remoteAddress === undefined ? socket : `${socket.remoteAddress} ${socket.remotePort}`;

/** Without TLS the connection itself is what a request comes by. */
export const placeByConnection = (socket: Place): unknown => socket;

/** `turnedAway` is told of each connection that had to go, or was surplus. */
export const createCrowd = (
  bounds: CrowdLimits,
  nowMs: () => number,
  turnedAway: (socket: Place) => void,
  placeOf: (socket: Place) => unknown = placeByAddress,
): Crowd => {
  const connections = new Map<unknown, Connection>();
  /** Each in the order in which they became so. */
  const silent = new Set<Connection>();
  const resting = new Set<Connection>();
  const surplus = new Set<Connection>();
  let open = 0;
  const forget = (connection: Connection): void => {
    for (const group of [silent, resting, surplus]) group.delete(connection);
  };
  const leave = (connection: Connection): void => {
    forget(connection);
    turnedAway(connection.socket);
    connection.socket.destroy();
  };
  const findPlace = (connection: Connection): void => {
    if (open <= bounds.connectionsCount) return void silent.add(connection);
    const [longest] = silent;
    const [leaving] = longest !== undefined && nowMs() - longest.sinceMs >= bounds.firstWordMs ? [longest] : resting;
    if (leaving !== undefined) {
      leave(leaving);
      silent.add(connection);
    } else if (surplus.size < bounds.surplusConnectionsCount) {
      surplus.add(connection);
      turnedAway(connection.socket);
    } else leave(connection);
  };
  return {
    enter: (socket) => {
      const place = placeOf(socket);
      const connection: Connection = { socket, sinceMs: nowMs(), underWay: 0 };
      open += 1;
      connections.set(place, connection);
      socket.on('close', () => {
        open -= 1;
        forget(connection);
        if (connections.get(place) === connection) connections.delete(place);
      });
      findPlace(connection);
    },
    began: (socket) => {
      const connection = connections.get(placeOf(socket));
      if (connection === undefined) return;
      connection.underWay += 1;
      silent.delete(connection);
      resting.delete(connection);
    },
    ended: (socket) => {
      const connection = connections.get(placeOf(socket));
      if (connection === undefined) return;
      connection.underWay -= 1;
      if (connection.underWay === 0 && !surplus.has(connection)) resting.add(connection);
    },
    isSurplus: (socket) => {
      const connection = connections.get(placeOf(socket));
      return connection !== undefined && surplus.has(connection);
    },
    openCount: () => open,
  };
};

/** Bounds the connections of a server, from the moment that they are accepted. */
export const bound = (server: Server, { enter, began, ended }: Crowd): void => {
  server.prependListener('connection', enter);
  server.prependListener('request', ({ socket }, response) => {
    began(socket);
    // Of a connection that has closed nothing is known any more.
    response.once('close', () => ended(socket));
  });
  server.prependListener('connect', ({ socket }) => began(socket));
};

/** Files that the ledger, the policies and the rest of the process open beside connections. */
const reservedDescriptors = 256;
/** Two doors, most of whose connections have another one behind them, and the admin port. */
const descriptorsAPlace = 4.5;
const listenersCount = 3;

/** What each listener may hold, where the process may open so many files. Pure. */
export const crowdLimitsOf = (descriptors: number): CrowdLimits => {
  const { connectionsCount: most, surplusConnectionsCount: mostSurplus, firstWordMs } = limits;
  const perPlace = descriptorsAPlace + (listenersCount * mostSurplus) / most;
  const connectionsCount = Math.max(1, Math.min(most, Math.floor((descriptors - reservedDescriptors) / perPlace)));
  return { connectionsCount, surplusConnectionsCount: Math.ceil((connectionsCount * mostSurplus) / most), firstWordMs };
};

/** How many files the process may open; where the system does not say, as many as are needed. */
export const descriptorsMax = (): number => {
  try {
    const [, soft] = /^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
    return soft === undefined ? Infinity : Number(soft);
  } catch {
    return Infinity;
  }
};
