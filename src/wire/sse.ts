// Decodes an event stream (WHATWG HTML, section 9.2.6 "Interpreting an event stream") on bytes, however they were cut into chunks.
// Every unit carries its raw bytes; together they are the stream, comments and line ends included.
// Refuses by a problem, never by throwing: an event over its limit, a byte order mark inside the stream (clients disagree on what it means).

import { limits } from '../core/limits.ts';
import type { Splice } from '../core/slot.ts';

/** One block of lines up to and including its blank line. */
export interface StreamEvent {
  readonly raw: Uint8Array;
  /** The last `event` field; null without one. */
  readonly name: string | null;
  /** The `data` fields, joined by line feeds; null without any (a comment, a blank line). */
  readonly data: Uint8Array | null;
  /** Where each data line lies in `raw`, in order. */
  readonly dataLines: readonly { readonly start: number; readonly length: number }[];
}

export interface StreamProblem {
  readonly problem: string;
}

export const isStreamProblem = (unit: StreamEvent | StreamProblem): unit is StreamProblem => 'problem' in unit;

export interface StreamDecoder {
  /** The units that this chunk completes. `chunk` must not be changed afterwards. After a problem nothing more comes. */
  readonly push: (chunk: Uint8Array) => readonly (StreamEvent | StreamProblem)[];
  /** What is left without a closing blank line, as a last unit: some clients act on it. */
  readonly end: () => readonly (StreamEvent | StreamProblem)[];
}

const LF = 0x0a;
const CR = 0x0d;
const COLON = 0x3a;
const SPACE = 0x20;
const SMALLEST_STORE_BYTES = 4_096;

const isByteOrderMark = (bytes: Uint8Array, at: number): boolean => bytes[at] === 0xef && bytes[at + 1] === 0xbb && bytes[at + 2] === 0xbf;

const DATA = Buffer.from('data');
const EVENT = Buffer.from('event');

const isField = (raw: Buffer, at: number, end: number, field: Buffer): boolean => {
  if (end - at !== field.length) return false;
  for (let index = 0; index < field.length; index++) if (raw[at + index] !== field[index]) return false;
  return true;
};

/** Reads the fields of one block. `raw` begins at a line start; only the first block of a stream may begin with a byte order mark. */
const readBlock = (raw: Buffer, first: boolean): StreamEvent | StreamProblem => {
  let name: string | null = null;
  const dataLines: { start: number; length: number }[] = [];
  let at = first && isByteOrderMark(raw, 0) ? 3 : 0;
  while (at < raw.length) {
    if (isByteOrderMark(raw, at)) return { problem: 'a byte order mark stands inside the stream' };
    let end = at;
    let colon = -1;
    for (; end < raw.length; end++) {
      const byte = raw[end];
      if (byte === LF || byte === CR) break;
      if (byte === COLON && colon === -1) colon = end;
    }
    const fieldEnd = colon === -1 ? end : colon;
    const valueAt = colon === -1 ? end : colon + (colon + 1 < end && raw[colon + 1] === SPACE ? 2 : 1);
    if (isField(raw, at, fieldEnd, DATA)) dataLines.push({ start: valueAt, length: end - valueAt });
    else if (isField(raw, at, fieldEnd, EVENT)) name = raw.toString('utf8', valueAt, end);
    at = end + (raw[end] === CR && raw[end + 1] === LF ? 2 : 1);
  }
  return { raw, name, data: joinLines(raw, dataLines), dataLines };
};

const joinLines = (raw: Buffer, lines: StreamEvent['dataLines']): Uint8Array | null => {
  const [only] = lines;
  if (only === undefined) return null;
  if (lines.length === 1) return raw.subarray(only.start, only.start + only.length);
  const size = lines.reduce((sum, line) => sum + line.length + 1, -1);
  const joined = Buffer.alloc(size, LF);
  let at = 0;
  for (const { start, length } of lines) {
    raw.copy(joined, at, start, start + length);
    at += length + 1;
  }
  return joined;
};

/**
 * Bytes that came and do not make a block yet. What was handed out is never written over: new bytes go behind it or into a new store,
 * which at least doubles, so that a large event in small chunks costs linear time.
 */
const createStore = () => {
  let store: Buffer = Buffer.alloc(0);
  let own = false;
  let from = 0;
  let used = 0;
  return {
    add: (chunk: Uint8Array): void => {
      if (from === used) {
        store = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
        own = false;
        from = 0;
        used = store.length;
        return;
      }
      if (!own || used + chunk.length > store.length) {
        const grown = Buffer.alloc(Math.max(SMALLEST_STORE_BYTES, 2 * (used - from + chunk.length)));
        used = store.copy(grown, 0, from, used);
        store = grown;
        own = true;
        from = 0;
      }
      store.set(chunk, used);
      used += chunk.length;
    },
    pending: (): Buffer => store.subarray(from, used),
    take: (count: number): Buffer => store.subarray(from, (from += count)),
  };
};

export const createStreamDecoder = (): StreamDecoder => {
  const store = createStore();
  /** Bytes of the pending block that were scanned already. */
  let scanned = 0;
  /** Whether the line at `scanned` has no byte yet. */
  let lineIsEmpty = true;
  let first = true;
  let over = false;

  /** Length of the first whole block of `pending`, or -1. A CR waits for the byte behind it, since a CR LF is one line end. */
  const blockLength = (pending: Buffer): number => {
    let at = scanned;
    while (at < pending.length) {
      const byte = pending[at];
      if (byte !== LF && byte !== CR) {
        lineIsEmpty = first && at < 3 && isByteOrderMark(pending, 0);
        at++;
        continue;
      }
      if (byte === CR && at + 1 === pending.length) break;
      const next = at + (byte === CR && pending[at + 1] === LF ? 2 : 1);
      if (lineIsEmpty) return next;
      lineIsEmpty = true;
      at = next;
    }
    scanned = at;
    return -1;
  };

  const takeBlock = (length: number): StreamEvent | StreamProblem => {
    const unit = readBlock(store.take(length), first);
    first = false;
    scanned = 0;
    lineIsEmpty = true;
    over = 'problem' in unit;
    return unit;
  };

  const overLimit = (): StreamProblem => {
    over = true;
    return { problem: `an event is larger than ${limits.streamEventBytes} bytes` };
  };

  return {
    push: (chunk) => {
      const units: (StreamEvent | StreamProblem)[] = [];
      if (over || chunk.length === 0) return units;
      store.add(chunk);
      for (;;) {
        const length = blockLength(store.pending());
        const problem = Math.max(length, scanned) > limits.streamEventBytes ? overLimit() : null;
        if (problem === null && length === -1) return units;
        const unit = problem ?? takeBlock(length);
        units.push(unit);
        if (isStreamProblem(unit)) return units;
      }
    },
    end: () => {
      const { length } = store.pending();
      if (over || length === 0) return [];
      const unit = takeBlock(length);
      over = true;
      return [unit];
    },
  };
};

/** Splices on an event's data, moved to where the same bytes lie in `raw`. Each must lie within one data line, as any JSON token does. */
export const spliceData = (event: StreamEvent, splices: readonly Splice[]): readonly Splice[] =>
  splices.map((splice) => {
    let lineAt = 0;
    for (const { start, length } of event.dataLines) {
      if (splice.end <= lineAt + length) {
        const shift = start - lineAt;
        return { start: splice.start + shift, end: splice.end + shift, replacement: splice.replacement };
      }
      lineAt += length + 1;
    }
    return splice;
  });

/** One event as bytes. */
export const renderEvent = (name: string, data: unknown): Buffer =>
  Buffer.from(`event: ${name}\ndata: ${JSON.stringify(data)}\n\n`, 'utf8');
