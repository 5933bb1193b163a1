// The upstream of the load generator, in its process: answers in the format that the path names and in the manner that the model's name ends with.
// Everything that it sends was put together before. What it cannot read ends the connection, which the client counts as an error.

import { createServer, type Socket } from 'node:net';
import { answerEvents, type Format, formats, isManner, type Manner, manners, modelOf, wholeAnswer } from './exchange.ts';

const HEAD_END = '\r\n\r\n';
const CHUNKED_END = Buffer.from('\r\n0\r\n\r\n');
const manyBytes = 64 * 1_024;

interface Prepared {
  readonly whole: Buffer;
  readonly streamHead: Buffer;
  /** Each an HTTP chunk; the last has the end of the body with it. */
  readonly events: readonly Buffer[];
  /** All of it, for a stream without pauses. */
  readonly atOnce: Buffer;
  readonly everyMs: number;
}

const chunk = (bytes: Buffer): Buffer => Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from('\r\n')]);

const idField = { 'openai-chat': 'x-request-id', 'anthropic-messages': 'request-id' } as const satisfies Record<Format, string>;

const prepare = (format: Format, manner: Manner): Prepared => {
  const body = wholeAnswer(format, modelOf(manner));
  const field = `${idField[format]}: req_01\r\n`;
  const head = (more: string): Buffer => Buffer.from(`HTTP/1.1 200 OK\r\n${field}${more}\r\n`);
  const chunks = answerEvents(format, manner).map(chunk);
  const events = chunks.map((each, index) => (index === chunks.length - 1 ? Buffer.concat([each, Buffer.from('0\r\n\r\n')]) : each));
  const streamHead = head('content-type: text/event-stream; charset=utf-8\r\ntransfer-encoding: chunked\r\n');
  return {
    whole: Buffer.concat([head(`content-type: application/json\r\ncontent-length: ${body.length}\r\n`), body]),
    streamHead,
    events,
    atOnce: Buffer.concat([streamHead, ...events]),
    everyMs: manners[manner].everyMs,
  };
};

const prepared = new Map(
  formats.flatMap((format) =>
    Object.keys(manners)
      .filter(isManner)
      .map((manner) => [`${format} ${manner}`, prepare(format, manner)] as const),
  ),
);

/** Events by the clock of the whole stream: a timer that is late does not make the rest late. */
const sendPaced = (socket: Socket, { streamHead, events, everyMs }: Prepared): void => {
  const beginMs = performance.now();
  socket.write(Buffer.concat([streamHead, events[0] ?? Buffer.alloc(0)]));
  let next = 1;
  const go = (): void => {
    if (socket.destroyed) return;
    while (next < events.length && performance.now() - beginMs >= next * everyMs) {
      socket.write(events[next] ?? '');
      next += 1;
    }
    if (next < events.length) setTimeout(go, Math.max(1, next * everyMs - (performance.now() - beginMs)));
  };
  setTimeout(go, everyMs);
};

const streamingMark = /"stream": ?true/;

const answer = (socket: Socket, head: string, body: Buffer): void => {
  const format: Format = head.startsWith('POST /v1/messages') ? 'anthropic-messages' : 'openai-chat';
  // Its name may be quoted anywhere, since what stands between may write the members in another order.
  const manner: Manner = body.includes(modelOf('paced')) ? 'paced' : 'quick';
  const ready = prepared.get(`${format} ${manner}`);
  if (ready === undefined) return void socket.destroy();
  const edges =
    body.length <= 2 * manyBytes ? body.toString('latin1') : body.toString('latin1', 0, 512) + body.subarray(-512).toString('latin1');
  if (!streamingMark.test(edges)) socket.write(ready.whole);
  else if (ready.everyMs === 0) socket.write(ready.atOnce);
  else sendPaced(socket, ready);
};

/** Reads one request after the other from a connection. */
const serve = (socket: Socket): void => {
  let parts: Buffer[] = [];
  let [received, head, bodyAt, length] = [0, '', 0, -1];
  const reset = (): void => {
    [parts, received, head, bodyAt, length] = [[], 0, '', 0, -1];
  };
  const readHead = (): void => {
    const all = parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts);
    const end = all.indexOf(HEAD_END);
    if (end === -1) return;
    head = all.toString('latin1', 0, end + 2);
    bodyAt = end + HEAD_END.length;
    parts = [all];
    const declared = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
    length = declared === undefined ? Number.POSITIVE_INFINITY : Number(declared);
  };
  const isWhole = (): boolean => {
    if (length !== Number.POSITIVE_INFINITY) return received >= bodyAt + length;
    const tail = Buffer.concat(parts).subarray(-CHUNKED_END.length);
    return tail.equals(CHUNKED_END);
  };
  socket.on('error', () => socket.destroy());
  socket.on('data', (bytes: Buffer) => {
    parts.push(bytes);
    received += bytes.length;
    if (length === -1) readHead();
    if (length === -1 || !isWhole()) return;
    const all = parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts);
    const [asked, body] = [head, all.subarray(bodyAt)];
    reset();
    answer(socket, asked, body);
  });
};

/** Listens on loopback; resolves with its port. */
export const startUpstream = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer({ noDelay: true }, serve);
    server.listen({ port: 0, host: '127.0.0.1', backlog: 4_096 }, () => {
      const address = server.address();
      if (typeof address === 'object' && address !== null) resolve(address.port);
    });
  });
