// One HTTP/1.1 connection of the load generator: asks, reads to the end of the answer, asks again. Costs as little as a client in Node can.
// An answer that is not 200, is not whole, or comes on a connection that broke is an error of that request; the next one connects anew.

import { connect, type Socket } from 'node:net';

export interface Answered {
  readonly error: string | null;
  /** When the first byte after the head came, and the last one. */
  readonly firstMs: number;
  readonly lastMs: number;
  /** Longest silence between two reads of the body. */
  readonly gapMs: number;
  readonly bodyBytes: number;
}

export interface Connection {
  /** Connects ahead, so that this is no part of the first request; resolves also when it could not, which the first request then finds out. */
  readonly ready: () => Promise<void>;
  /** One at a time. */
  readonly ask: (request: Buffer, done: (answered: Answered) => void) => void;
  readonly close: () => void;
}

const READ_BYTES = 64 * 1_024;
/** Longer than any word that is looked for at the end of an answer. */
const TAIL_BYTES = 256;
const CHUNKED_END = '\r\n0\r\n\r\n';
const SHOWN_CHARACTERS = 300;

/** Where the body ends: after so many bytes, or with the last chunk. */
type Framing = { readonly length: number } | 'chunked';

const framingOf = (head: string): Framing => {
  const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
  return length === undefined ? 'chunked' : { length: Number(length) };
};

/** `lastMark` stands at the end of every whole answer, if it is not empty. */
export const createConnection = (port: number, lastMark: string, nowMs: () => number): Connection => {
  let socket: Socket | null = null;
  let ready = false;
  let waiting: ((answered: Answered) => void) | null = null;
  let [head, tail] = ['', ''];
  let framing: Framing | null = null;
  let [bodyBytes, firstMs, lastMs, gapMs] = [0, 0, 0, 0];
  /** For all reads: what is in it is looked at before the next one. */
  const buffer = Buffer.allocUnsafe(READ_BYTES);

  const settle = (error: string | null): void => {
    const done = waiting;
    waiting = null;
    if (error !== null) {
      socket?.destroy();
      socket = null;
      ready = false;
    }
    done?.({ error, firstMs, lastMs, gapMs, bodyBytes });
  };

  const takeBody = (length: number, from: number): void => {
    lastMs = nowMs();
    if (bodyBytes === 0) firstMs = lastMs;
    bodyBytes += length - from;
    const kept = Math.max(from, length - TAIL_BYTES);
    const end = buffer.toString('latin1', kept, length);
    tail = end.length === TAIL_BYTES ? end : (tail + end).slice(-TAIL_BYTES);
    if (framing === null) return;
    const whole = framing === 'chunked' ? tail.endsWith(CHUNKED_END) : bodyBytes >= framing.length;
    if (!whole) return;
    if (!head.startsWith('HTTP/1.1 200')) return settle(`${head.slice(0, head.indexOf('\r'))} ${tail.slice(0, SHOWN_CHARACTERS)}`);
    if (!tail.includes(lastMark)) return settle(`the answer has no end: ${tail}`);
    settle(null);
  };

  const take = (length: number): boolean => {
    if (waiting === null) {
      socket?.destroy();
      return false;
    }
    if (framing !== null) {
      gapMs = Math.max(gapMs, nowMs() - lastMs);
      takeBody(length, 0);
      return true;
    }
    const text = buffer.toString('latin1', 0, length);
    const searched = head.length;
    head += text;
    const end = head.indexOf('\r\n\r\n');
    if (end === -1) return true;
    const from = end + 4 - searched;
    head = head.slice(0, end + 4);
    framing = framingOf(head);
    if (from < length || (framing !== 'chunked' && framing.length === 0)) takeBody(length, from);
    return true;
  };

  const open = (then: () => void): void => {
    const opened = connect({ host: '127.0.0.1', port, noDelay: true, onread: { buffer, callback: take } });
    socket = opened;
    opened.once('connect', () => {
      ready = true;
      then();
    });
    opened.on('error', () => opened.destroy());
    opened.on('close', () => {
      if (socket !== opened) return;
      socket = null;
      ready = false;
      if (waiting !== null) settle(`the connection ended after ${bodyBytes} bytes`);
    });
  };

  return {
    ready: () =>
      new Promise((resolve) => {
        open(resolve);
        socket?.once('close', () => resolve());
      }),
    ask: (request, done) => {
      waiting = done;
      [head, tail, framing, bodyBytes, gapMs] = ['', '', null, 0, 0];
      if (socket !== null && ready) socket.write(request);
      else open(() => socket?.write(request));
    },
    close: () => {
      waiting = null;
      socket?.destroy();
      socket = null;
    },
  };
};
