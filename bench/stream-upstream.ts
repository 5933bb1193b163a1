// The upstream of bench/stream.ts, a process of its own: streams the bytes of bench/claude-stream.ts over HTTP/1.1 in the way that the request
// asks for by its `metadata.user_id`. All that is sent was put together before, so that it costs the same whoever asks.

import { createServer, type Socket } from 'node:net';
import { claudeStream } from './claude-stream.ts';
import { reportToParent } from './stream-process.ts';
import type { StreamShape } from './stream-shapes.ts';
import { isShapeName, STREAM_BYTES, STREAM_SEED, streamShapes } from './stream-shapes.ts';

const head =
  'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\nrequest-id: req_01\r\ntransfer-encoding: chunked\r\n\r\n';
const last = Buffer.from('0\r\n\r\n');

const chunked = (bytes: Uint8Array): Buffer => Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from('\r\n')]);

/** `bytes` in pieces of `size`, the last one shorter. */
const cut = (bytes: Buffer, size: number): readonly Buffer[] =>
  Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) => bytes.subarray(index * size, (index + 1) * size));

interface Prepared {
  /** What is written at once. */
  readonly bursts: readonly Buffer[];
  readonly overMs: number;
}

const prepare = ({ chunkBytes, overMs, bursts }: StreamShape): Prepared => {
  const events = claudeStream(STREAM_SEED, STREAM_BYTES);
  const chunks = (chunkBytes === 'event' ? events : cut(Buffer.concat(events), chunkBytes)).map(chunked);
  const each = chunks.length / bursts;
  // The end goes with the last events: written later, it would be waited for only by those who do not end when the message does.
  const burst = (_: unknown, index: number): Buffer =>
    Buffer.concat([...chunks.slice(Math.round(index * each), Math.round((index + 1) * each)), ...(index === bursts - 1 ? [last] : [])]);
  return { bursts: Array.from({ length: bursts }, burst), overMs };
};

const prepared = Object.fromEntries(Object.entries(streamShapes).map(([name, shape]) => [name, prepare(shape)]));

const stream = async (socket: Socket, { bursts, overMs }: Prepared): Promise<void> => {
  const beginMs = performance.now();
  socket.write(head);
  for (const [index, burst] of bursts.entries()) {
    // By the clock of the whole, so that a timer that is late does not make all that follows late.
    const waitMs = beginMs + (overMs * index) / bursts.length - performance.now();
    if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
    if (socket.destroyed) return;
    if (!socket.write(burst)) await new Promise<void>((resolve) => socket.once('drain', resolve).once('close', resolve));
  }
};

const server = createServer({ noDelay: true }, (socket) => {
  let received: Buffer = Buffer.alloc(0);
  socket.on('error', () => socket.destroy());
  socket.on('data', (bytes: Buffer) => {
    received = Buffer.concat([received, bytes]);
    const headEnd = received.indexOf('\r\n\r\n') + 4;
    const length = Number(/content-length: (\d+)/i.exec(received.toString('latin1', 0, headEnd))?.[1] ?? Number.NaN);
    if (headEnd < 4 || !(received.length >= headEnd + length)) return;
    const name = /"user_id":"([\w-]+)"/.exec(received.toString('latin1', headEnd))?.[1] ?? '';
    const asked = isShapeName(name) ? prepared[name] : undefined;
    received = Buffer.alloc(0);
    if (asked === undefined) socket.destroy();
    else void stream(socket, asked);
  });
});
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  if (typeof address === 'object' && address !== null) reportToParent({ port: address.port, credential: '' }, async () => undefined);
});
