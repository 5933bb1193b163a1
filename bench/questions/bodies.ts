// What bodies may take: as many requests as bodies may be in flight are begun and left without their last byte, then one more; and one that says at once
// that it is too large. What is answered, and what memory the process has with all of them in it. Connections are closed before they are answered.

import { connect, type Socket } from 'node:net';
import { residentBytes } from '../contenders/contender.ts';
import { withField } from '../contenders/field.ts';
import { round } from '../statistics.ts';
import type { Question } from './question.ts';

export interface BodiesAnswer {
  readonly heldMib: number;
  readonly residentMb: number | null;
  /** Status line of one request more, and of one over the limit of a single body. */
  readonly oneMore: string;
  readonly tooLarge: string;
}

const MIB = 1_024 * 1_024;
const eachMib = 16;
const inFlightMib = 128;
const oneMax = 32;
const MB = 1_000_000;
const lookMs = 50;
const patienceMs = 8_000;

interface Begun {
  readonly socket: Socket;
  /** Resolves with the status line. */
  readonly answer: Promise<string>;
}

const begin = (port: number, path: string, fields: readonly string[], declaredBytes: number, sentBytes: number): Begun => {
  const socket = connect(port, '127.0.0.1');
  const lines = [`POST ${path} HTTP/1.1`, `host: 127.0.0.1:${port}`, 'content-type: application/json', `content-length: ${declaredBytes}`];
  socket.write(`${[...lines, ...fields].join('\r\n')}\r\n\r\n`);
  socket.write(Buffer.alloc(sentBytes, ' '));
  const answer = new Promise<string>((resolve) => {
    socket.on('error', () => resolve('broken off'));
    socket.once('data', (bytes) => resolve(bytes.toString('latin1').split('\r\n', 1)[0] ?? ''));
    socket.once('close', () => resolve('closed'));
  });
  return { socket, answer };
};

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export const bodies: Question = {
  name: 'bodies',
  ask: () =>
    withField(['envelope'], async ({ contenders }): Promise<BodiesAnswer> => {
      const [envelope] = contenders;
      const way = envelope?.ways['openai-chat'];
      if (envelope === undefined || way === undefined) throw new Error('there is no envelope');
      const fields = way.fields[0] ?? [];
      const held = Array.from({ length: inFlightMib / eachMib }, () =>
        begin(envelope.port, way.path, fields, eachMib * MIB + 1, eachMib * MIB),
      );
      let turnedAway = 0;
      for (const { answer } of held) void answer.then(() => (turnedAway += 1));
      for (const beganMs = performance.now(); performance.now() - beganMs < patienceMs; await pause(lookMs))
        if (held.every(({ socket }) => socket.writableLength === 0)) break;
      await pause(500);
      const resident = residentBytes(envelope);
      const heldMib = (held.length - turnedAway) * eachMib;
      const more = begin(envelope.port, way.path, fields, eachMib * MIB, eachMib * MIB);
      const oneMore = await more.answer;
      const large = begin(envelope.port, way.path, fields, oneMax * MIB + 1, 0);
      const tooLarge = await large.answer;
      for (const { socket } of [...held, more, large]) socket.destroy();
      return { heldMib, residentMb: resident === null ? null : round(resident / MB, 1), oneMore, tooLarge };
    }),
};
