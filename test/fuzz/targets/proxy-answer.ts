// What a corporate proxy answers to CONNECT.
// Only a whole 200 with nothing behind it opens a tunnel, however it comes in pieces.

import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { DialProblem } from '../../../src/dial/problem.ts';
import { openTunnel } from '../../../src/dial/tunnel.ts';
import { cutBy, lengthsFor } from '../cuts.ts';
import type { Target } from '../target.ts';

const answerBytes = 512;

const opens = async (chunks: readonly Uint8Array[]): Promise<boolean> => {
  const socket = new Duplex({ read: () => undefined, write: (_chunk, _encoding, done) => done() });
  const opening = openTunnel(socket as unknown as Socket, 'example.com:443', null, { signal: new AbortController().signal, answerBytes });
  for (const chunk of chunks) socket.push(chunk);
  socket.push(null);
  try {
    await opening;
    return true;
  } catch (error) {
    assert.ok(error instanceof DialProblem, String(error));
    return false;
  } finally {
    socket.destroy();
  }
};

const check = async (input: Uint8Array): Promise<void> => {
  const text = Buffer.from(input).toString('latin1');
  const isOpen = await opens([input]);
  // Pieces that came before the header ended decide; what comes after it in another piece is not waited for.
  if (isOpen) {
    assert.match(text, /^HTTP\/1\.[01] 200(?: [^\r\n]*)?\r\n/);
    assert.ok(text.endsWith('\r\n\r\n') && text.indexOf('\r\n\r\n') === text.length - 4 && text.length <= answerBytes + 4);
    assert.ok(await opens(cutBy(input, lengthsFor(input))), 'in pieces it does not open');
  }
};

export const target: Target = {
  kind: 'lines',
  bytesMax: 1_024,
  seeds: () =>
    ['HTTP/1.1 200 Connection established\r\n\r\n', 'HTTP/1.0 200\r\nVia: x\r\n\r\n', 'HTTP/1.1 407 No\r\nContent-Length: 1\r\n\r\nx', 'HTTP/1.1 200 OK\r\n\r\n\u0016\u0003', 'HTTP/1.1 503 x\r\n\r\n'].map((text) => Buffer.from(text)),
  words: ['HTTP/1.1 ', '200', '\r\n\r\n', '\n\n', ' '],
  check,
}; // prettier-ignore
