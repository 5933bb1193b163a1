// Answers to requests that came by one connection without waiting for each other: each has its turn on the wire.
// When the connection breaks, all of them close, those whose turn had not come as well: Node 24 leaves these open for ever, and with them
// what they hold and what is carried out for them.

import type { Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

export const closeWithConnection = (server: Server): void => {
  const open = new WeakMap<Socket, Set<ServerResponse>>();
  const answersOf = (socket: Socket): Set<ServerResponse> => {
    const known = open.get(socket);
    if (known !== undefined) return known;
    const answers = new Set<ServerResponse>();
    open.set(socket, answers);
    socket.once('close', () => {
      // Whoever closes takes itself out.
      for (const answer of answers) {
        answer.destroy();
        answer.emit('close');
      }
    });
    return answers;
  };
  server.prependListener('request', ({ socket }, answer) => {
    const answers = answersOf(socket);
    answers.add(answer);
    answer.once('close', () => answers.delete(answer));
  });
};
