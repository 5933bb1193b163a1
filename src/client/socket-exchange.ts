// One HTTP/1.1 request over a unix socket and its whole answer, as the envelope of this machine gives it. Node's own client would do the same; to load it
// takes longer than all exchanges of a run. Reads the answers that the envelope writes: a length or pieces, and nothing behind them.
// Bounded in size by the caller; whatever goes wrong rejects with an error whose message or code says what.

import type { Socket } from 'node:net';

/** Not imported: an import reads every member of the module, which takes longer than using one. */
const { connect } = process.getBuiltinModule('node:net');

export interface SocketQuestion {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer | null;
  /** Called once the system has taken all of it. */
  readonly sent: (() => void) | undefined;
}

export interface SocketAnswer {
  readonly status: number;
  readonly body: Buffer;
}

interface Head {
  readonly status: number;
  /** Where the body begins. */
  readonly at: number;
  /** Null where it comes in pieces. */
  readonly length: number | null;
}

const endOfHead = Buffer.from('\r\n\r\n');
const malformed = (what: string): Error => new Error(`an answer that is not understood: ${what}`);

/** Null while it is not all there. */
const headOf = (bytes: Buffer): Head | null => {
  const end = bytes.indexOf(endOfHead);
  if (end === -1) return null;
  const [first = '', ...lines] = bytes.toString('latin1', 0, end).split('\r\n');
  const status = /^HTTP\/1\.1 ([2-5]\d\d) /.exec(`${first} `)?.[1];
  if (status === undefined) throw malformed('its first line');
  let length: number | null = null;
  let inPieces = false;
  for (const line of lines) {
    const colon = line.indexOf(':');
    const [name, value] = [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    if (name === 'content-length') {
      if (length !== null || !/^\d{1,15}$/.test(value)) throw malformed('its length');
      length = Number(value);
    } else if (name === 'transfer-encoding') {
      if (value !== 'chunked') throw malformed('its encoding');
      inPieces = true;
    }
  }
  if (inPieces === (length !== null) && status !== '204') throw malformed('its length');
  return { status: Number(status), at: end + endOfHead.length, length: inPieces ? null : (length ?? 0) };
};

/** The body that comes in pieces (RFC 9112, 7.1), null while it is not all there. */
const joined = (bytes: Buffer): Buffer | null => {
  const pieces: Buffer[] = [];
  for (let at = 0; ;) {
    const lineEnd = bytes.indexOf('\r\n', at);
    if (lineEnd === -1) return null;
    const size = /^([\da-f]{1,8})$/i.exec(bytes.toString('latin1', at, lineEnd))?.[1];
    if (size === undefined) throw malformed('the size of a piece');
    const [from, to] = [lineEnd + 2, lineEnd + 2 + Number.parseInt(size, 16)];
    if (bytes.length < to + 2) return null;
    if (bytes.toString('latin1', to, to + 2) !== '\r\n') throw malformed('the end of a piece');
    if (from === to) return Buffer.concat(pieces);
    pieces.push(bytes.subarray(from, to));
    at = to + 2;
  }
};

const answerIn = (bytes: Buffer): SocketAnswer | null => {
  const head = headOf(bytes);
  if (head === null) return null;
  const { status, at, length } = head;
  if (length === null) {
    const body = joined(bytes.subarray(at));
    return body === null ? null : { status, body };
  }
  return bytes.length < at + length ? null : { status, body: bytes.subarray(at, at + length) };
};

const textOf = ({ method, path, headers, body }: SocketQuestion): string => {
  const fields = { ...headers, host: 'localhost', connection: 'close', ...(body !== null && { 'content-length': `${body.length}` }) };
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
  const text = `${method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n`;
  // Nothing that is asked with may end its line, and so begin another field.
  if (!/^[\x20-\x7e]+$/.test(text.replaceAll('\r\n', '')) || text.split('\r\n').length !== lines.length + 3)
    throw new Error('a request with a character that no header field may have');
  return text;
};

export interface UnderWay {
  readonly answer: Promise<SocketAnswer>;
  readonly giveUp: (error: Error) => void;
}

/** Asks at the socket that lies at `path`; the answer may have `bytesMax` bytes, its head included. */
export const askSocket = (place: string, question: SocketQuestion, bytesMax: number): UnderWay => {
  const { promise: answer, resolve, reject } = Promise.withResolvers<SocketAnswer>();
  let socket: Socket | null = null;
  const fail = (error: unknown): void => {
    reject(error instanceof Error ? error : new Error('unknown error'));
    socket?.destroy();
  };
  try {
    const text = textOf(question);
    const open = connect(place);
    socket = open;
    let bytes: Buffer = Buffer.alloc(0);
    open.on('error', fail);
    open.on('data', (chunk: Buffer) => {
      bytes = bytes.length === 0 ? chunk : Buffer.concat([bytes, chunk]);
      try {
        if (bytes.length > bytesMax) throw new Error(`an answer of more than ${bytesMax} bytes`);
        const found = answerIn(bytes);
        if (found === null) return;
        resolve(found);
        open.destroy();
      } catch (error) {
        fail(error);
      }
    });
    open.on('end', () => fail(new Error('it ended before its answer')));
    const all = question.body === null ? text : Buffer.concat([Buffer.from(text, 'latin1'), question.body]);
    open.write(all, (error) => {
      if (!error) question.sent?.();
    });
  } catch (error) {
    fail(error);
  }
  return { answer, giveUp: fail };
};
