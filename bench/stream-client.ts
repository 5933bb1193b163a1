// The client of bench/stream.ts: one connection that is kept, one call at a time. Reads the socket itself, so that it costs the same whatever
// the HTTP chunks look like; the answer is unchunked and compared only when the clock has stopped.

import { once } from 'node:events';
import { connect } from 'node:net';
import type { Listening } from './stream-process.ts';
import type { ShapeName } from './stream-shapes.ts';

export interface Received {
  /** From the first byte of the request to the whole first event, and to the last byte of the answer. */
  readonly firstMs: number;
  readonly wholeMs: number;
  readonly body: Buffer;
}

export interface StreamClient {
  readonly ask: (shape: ShapeName) => Promise<Received>;
  readonly close: () => void;
}

/** Nothing here is silent for so long, not even while others are asked. */
const SILENCE_MS = 60_000;
const EXPECTED = 'HTTP/1.1 200 ';
/** In which a refusal comes whole, so that it can be shown. */
const BODY_MS = 100;
const END = Buffer.from('\r\n0\r\n\r\n');

const text = 'Please list what the command does and which files it changes, and say what to test before the branch is merged. '.repeat(9);

const requestOf = ({ port, credential }: Listening, shape: ShapeName): Buffer => {
  const body = JSON.stringify({
    model: 'pinned-1',
    max_tokens: 4_096,
    stream: true,
    messages: [{ role: 'user', content: text }],
    metadata: { user_id: shape },
  });
  const fields = [
    `host: 127.0.0.1:${port}`,
    'content-type: application/json',
    'anthropic-version: 2023-06-01',
    `x-api-key: ${credential}`,
    `content-length: ${Buffer.byteLength(body)}`,
  ];
  return Buffer.from(`POST /v1/messages HTTP/1.1\r\n${fields.join('\r\n')}\r\n\r\n${body}`);
};

/** The body of a chunked answer (RFC 9112, section 7.1). */
const unchunked = (answer: Buffer): Buffer => {
  const headEnd = answer.indexOf('\r\n\r\n');
  const parts: Buffer[] = [];
  for (let at = headEnd + 4; ;) {
    const lineEnd = answer.indexOf('\r\n', at);
    const length = Number.parseInt(answer.toString('latin1', at, lineEnd), 16);
    if (length === 0) return Buffer.concat(parts);
    parts.push(answer.subarray(lineEnd + 2, lineEnd + 2 + length));
    at = lineEnd + 2 + length + 2;
  }
};

/** Whether the first event, which is the longest of the first few, has come. */
const hasFirst = (parts: readonly Buffer[]): boolean => Buffer.concat(parts).includes('\n\nevent: content_block_start');

const endsWith = (parts: readonly Buffer[]): boolean => {
  const tail = parts.slice(-END.length);
  const bytes = tail.length === 1 && tail[0] !== undefined ? tail[0] : Buffer.concat(tail);
  return bytes.subarray(-END.length).equals(END);
};

export const openClient = async (listening: Listening): Promise<StreamClient> => {
  const socket = connect({ host: '127.0.0.1', port: listening.port, noDelay: true });
  await once(socket, 'connect');
  const ask: StreamClient['ask'] = (shape) =>
    new Promise((resolve, reject) => {
      const parts: Buffer[] = [];
      let firstMs = 0;
      const request = requestOf(listening, shape);
      const beginMs = performance.now();
      const broken = (): void => {
        const received = Buffer.concat(parts);
        reject(
          new Error(
            `the answer is not a whole stream; its ${received.length} bytes end with ${received.toString('latin1', Math.max(0, received.length - 500))}`,
          ),
        );
      };
      const take = (part: Buffer): void => {
        parts.push(part);
        if (parts.length === 1 && part.toString('latin1', 0, EXPECTED.length) !== EXPECTED) return void setTimeout(broken, BODY_MS);
        if (firstMs === 0 && hasFirst(parts)) firstMs = performance.now() - beginMs;
        if (!endsWith(parts)) return;
        const wholeMs = performance.now() - beginMs;
        socket.off('data', take).off('close', broken);
        resolve({ firstMs, wholeMs, body: unchunked(Buffer.concat(parts)) });
      };
      if (socket.destroyed) return broken();
      socket.on('data', take).on('close', broken);
      socket.write(request);
    });
  socket.on('error', () => socket.destroy()).setTimeout(SILENCE_MS, () => socket.destroy());
  return { ask, close: () => socket.destroy() };
};
