// The destination of bench/network.ts, a process of its own: to whoever says anything it sends what the last byte asks for, and is done.
// It speaks no TLS; the client begins with the bytes of a ClientHello, which the envelope reads and squid does not.

import { createServer, type AddressInfo } from 'node:net';
import { limits } from '../src/core/limits.ts';
import { reportToParent } from './stream-process.ts';

const chunk = Buffer.alloc(64 * 1024, 'x');
const CHUNKS_COUNT = 16;

/** `d` ends what asks for a megabyte, `i` what asks for nothing and stays; all else is answered with one byte. */
const server = createServer((socket) => {
  socket.setNoDelay(true);
  socket.on('error', () => undefined);
  socket.once('data', (asked: Buffer) => {
    const wanted = String.fromCharCode(asked.at(-1) ?? 0);
    if (wanted === 'i') return;
    if (wanted === 'd') for (let index = 0; index < CHUNKS_COUNT; index += 1) socket.write(chunk);
    socket.end('.');
  });
});
server.listen({ port: 0, host: '127.0.0.1', backlog: limits.connectionsCount }, () =>
  reportToParent({ port: (server.address() as AddressInfo).port, credential: '' }, async () => void server.close()),
);
