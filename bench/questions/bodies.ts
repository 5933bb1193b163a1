// What bodies may take: requests are begun and left without their last byte, one after the other from all invocations in turn, until one is refused; and
// one says at once that it is too large. What is answered, how much was in flight by then, and what memory the process has with all of that in it.

import { connect, type Socket } from 'node:net';
import { residentBytes } from '../contenders/contender.ts';
import { withField } from '../contenders/field.ts';
import { round } from '../statistics.ts';
import type { Question } from './question.ts';

export interface BodiesAnswer {
  /** In flight when one more was refused. */
  readonly heldMib: number;
  readonly residentMb: number | null;
  /** Status line of one request more, and of one over the limit of a single body. */
  readonly oneMore: string;
  readonly tooLarge: string;
}

const MIB = 1_024 * 1_024;
const oneMaxMib = 32;
const attemptsMax = 160;
const MB = 1_000_000;
/** In which what was sent is read, and a refusal comes. */
const settleMs = 30;

interface Begun {
  readonly socket: Socket;
  /** Status line; null as long as there is none. */
  readonly answer: () => string | null;
  readonly answered: Promise<void>;
  readonly sent: Promise<void>;
}

const begin = (port: number, path: string, fields: readonly string[], declaredBytes: number, sentBytes: number): Begun => {
  const socket = connect(port, '127.0.0.1');
  const lines = [`POST ${path} HTTP/1.1`, `host: 127.0.0.1:${port}`, 'content-type: application/json', `content-length: ${declaredBytes}`];
  let answer: string | null = null;
  const answered = new Promise<void>((resolve) => {
    const told = (line: string) => (): void => {
      answer ??= line;
      resolve();
    };
    socket.on('error', told('broken off')).on('close', told('closed'));
    socket.once('data', (bytes) => told(bytes.toString('latin1').split('\r\n', 1)[0] ?? '')());
  });
  const sent = new Promise<void>((resolve) => {
    socket.write(Buffer.concat([Buffer.from(`${[...lines, ...fields].join('\r\n')}\r\n\r\n`), Buffer.alloc(sentBytes, ' ')]), () =>
      resolve(),
    );
  });
  return { socket, answer: () => answer, answered, sent };
};

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export const bodies: Question = {
  name: 'bodies',
  ask: () =>
    withField(['envelope'], async ({ contenders }): Promise<BodiesAnswer> => {
      const [envelope] = contenders;
      const way = envelope?.ways['openai-chat'];
      if (envelope === undefined || way === undefined) throw new Error('there is no envelope');
      const fieldsOf = (number: number): readonly string[] => way.fields[number % way.fields.length] ?? [];
      const held: Begun[] = [];
      let oneMore: string | null = null;
      while (oneMore === null && held.length < attemptsMax) {
        const begun = begin(envelope.port, way.path, fieldsOf(held.length), MIB + 1, MIB);
        held.push(begun);
        await Promise.race([begun.sent, begun.answered]);
        await Promise.race([pause(settleMs), begun.answered]);
        oneMore = begun.answer();
      }
      const resident = residentBytes(envelope);
      const large = begin(envelope.port, way.path, fieldsOf(0), oneMaxMib * MIB + 1, 0);
      await large.answered;
      for (const { socket } of [...held, large]) socket.destroy();
      return {
        heldMib: held.length - 1,
        residentMb: resident === null ? null : round(resident / MB, 1),
        oneMore: oneMore ?? 'none was refused',
        tooLarge: large.answer() ?? '',
      };
    }),
};
