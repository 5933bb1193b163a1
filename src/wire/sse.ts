// Decodes an event stream (WHATWG HTML, section 9.2.6 "Interpreting an event stream") on bytes, however they were cut into chunks.
// Every unit carries its bytes; together they are the stream, comments and line ends included, but for two things that the standard allows and
// not every reader takes: a byte order mark at the very beginning is left out, and data in several lines comes out in one.
// Stricter than the standard wherever readers of event streams differ: what one of them could read as another event is a problem.

import { limits } from '../core/limits.ts';
import type { ByteRange, Splice } from '../core/slot.ts';

/** One block of lines up to and including its blank line. */
export interface StreamEvent {
  readonly raw: Uint8Array;
  /** The `event` field; null without one. */
  readonly name: string | null;
  /** The `data` field; null without one (a comment, a blank line). */
  readonly data: Uint8Array | null;
  /** Where the data begins in `raw`; 0 without any. */
  readonly dataAt: number;
}

export interface StreamProblem {
  readonly problem: string;
}

/** Several events that were recognised without being read; `raw` is all of them. */
export interface StreamRun {
  readonly raw: Uint8Array;
  readonly run: true;
}

export type StreamUnit = StreamEvent | StreamRun | StreamProblem;

export const isStreamProblem = (unit: StreamUnit): unit is StreamProblem => 'problem' in unit;

/** How many bytes at the beginning of `bytes` are whole events that need not be read; 0 for none. */
export type Recognise = (bytes: Buffer) => number;

const recogniseNone: Recognise = () => 0;

/** Units asked for one by one, so that what is recognised may depend on those before. */
export interface StreamSource {
  /** `chunk` must not be changed afterwards. */
  readonly add: (chunk: Uint8Array) => void;
  /** The next unit that is whole; null when none is. After a problem nothing more comes. */
  readonly next: () => StreamUnit | null;
  /** What is left without a closing blank line, as a last unit: some clients act on it. Null when nothing is. */
  readonly last: () => StreamEvent | StreamProblem | null;
}

export interface StreamDecoder {
  /** The units that this chunk completes. `chunk` must not be changed afterwards. After a problem nothing more comes. */
  readonly push: (chunk: Uint8Array) => readonly (StreamEvent | StreamProblem)[];
  /** What is left without a closing blank line, as a last unit. */
  readonly end: () => readonly (StreamEvent | StreamProblem)[];
}

const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
const SMALLEST_STORE_BYTES = 1_024;

const COLON = 0x3a;

/** The fields of the standard; the one without a name is a comment. Those that come most stand first. */
const fields: readonly (readonly [name: string, bytes: Buffer])[] = ['data', 'event', 'id', 'retry', ''].map((name) => [
  name,
  Buffer.from(name),
]);

const standsAt = (raw: Buffer, at: number, end: number, bytes: Buffer): boolean => {
  const { length } = bytes;
  if (at + length > end || (at + length < end && raw[at + length] !== COLON)) return false;
  for (let index = 0; index < length; index++) if (raw[at + index] !== bytes[index]) return false;
  return true;
};

/** The field of a line, compared as bytes: this is asked twice an event. Undefined for a line that is none. */
const fieldAt = (raw: Buffer, at: number, end: number): string | undefined => {
  for (let index = 0; index < fields.length; index++) {
    const field = fields[index];
    if (field !== undefined && standsAt(raw, at, end, field[1])) return field[0];
  }
  return undefined;
};

/** Printable ASCII without an opening brace: no reader, however it splits lines or looks for `data:`, can find an event in it. */
const plain = /^[\x20-\x7a|}~]*$/;

/** Bytes of a byte order mark in UTF-8. */
const MARK = Buffer.from([0xef, 0xbb, 0xbf]);

/** The same block with its data in one line, at its end. `data` keeps the line feeds, as the standard joins lines: text that cannot hold one is no JSON. */
const inOneLine = (raw: Buffer, name: string | null, lines: readonly DataLine[]): StreamEvent => {
  const others: Buffer[] = [];
  let at = 0;
  let lineEnd = raw.subarray(0, 0);
  for (const { start, end, next } of lines) {
    others.push(raw.subarray(at, start));
    lineEnd = raw.subarray(end, next);
    at = next;
  }
  const values = lines.map(({ valueAt, end }) => raw.toString('latin1', valueAt, end));
  const head = Buffer.concat([...others, Buffer.from('data: ')]);
  return {
    raw: Buffer.concat([head, Buffer.from(values.join(' '), 'latin1'), lineEnd, raw.subarray(at)]),
    name,
    data: Buffer.from(values.join('\n'), 'latin1'),
    dataAt: head.length,
  };
};

interface DataLine extends ByteRange {
  readonly valueAt: number;
  /** Where the next line begins. */
  readonly next: number;
}

/** Reads the lines of one block. `raw` begins at a line start. */
const readBlock = (raw: Buffer): StreamEvent | StreamProblem => {
  const lines: DataLine[] = [];
  let name: string | null = null;
  for (let at = 0, next = 0; at < raw.length; at = next) {
    const feed = raw.indexOf(LF, at);
    next = feed === -1 ? raw.length : feed + 1;
    const lineEnd = feed === -1 ? raw.length : feed;
    const end = raw[lineEnd - 1] === CR ? lineEnd - 1 : lineEnd;
    if (end === at) continue;
    const field = fieldAt(raw, at, end);
    if (field === undefined) return { problem: 'a line is no field of an event stream' };
    const valueAt = Math.min(end, at + field.length + (raw[at + field.length + 1] === SPACE ? 2 : 1));
    if (field === 'data') {
      lines.push({ start: at, end, valueAt, next });
      if (raw.subarray(valueAt, end).includes(CR)) return { problem: 'a CR stands without its LF' };
      continue;
    }
    const value = raw.toString('latin1', valueAt, end);
    if (!plain.test(value)) return { problem: 'a line that is not data holds more than plain text' };
    if (field !== 'event') continue;
    if (name !== null) return { problem: 'an event has more than one name' };
    name = value;
  }
  if (lines.length > 1) return inOneLine(raw, name, lines);
  const [line] = lines;
  return line === undefined
    ? { raw, name, data: null, dataAt: 0 }
    : { raw, name, data: raw.subarray(line.valueAt, line.end), dataAt: line.valueAt };
};

/** How much of `chunk` to put behind an event that began before it: up to the first blank line, so that the rest need not be moved. */
const headLength = (chunk: Buffer): number => {
  if (!chunk.includes(LF)) return chunk.length;
  const feeds = chunk.indexOf('\n\n');
  if (feeds !== -1) return feeds + 2;
  const returns = chunk.indexOf('\n\r\n');
  return returns === -1 ? chunk.length : returns + 3;
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
  /** What of the last chunk does not stand in `store` yet. */
  let later: Buffer | null = null;
  const append = (bytes: Buffer): void => {
    if (from === used) {
      store = bytes;
      own = false;
      from = 0;
      used = store.length;
      return;
    }
    if (!own || used + bytes.length > store.length) {
      // Nothing of it is handed out that was not written before.
      const grown = Buffer.allocUnsafe(Math.max(SMALLEST_STORE_BYTES, 2 * (used - from + bytes.length)));
      used = store.copy(grown, 0, from, used);
      store = grown;
      own = true;
      from = 0;
    }
    store.set(bytes, used);
    used += bytes.length;
  };
  /** Moves on to the rest of the chunk; false when there is none. */
  const proceed = (): boolean => {
    if (later === null) return false;
    append(later);
    later = null;
    return true;
  };
  return {
    add: (chunk: Uint8Array): void => {
      proceed();
      const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
      const head = from === used ? bytes.length : headLength(bytes);
      append(head === bytes.length ? bytes : bytes.subarray(0, head));
      if (head < bytes.length) later = bytes.subarray(head);
    },
    proceed,
    pending: (): Buffer => store.subarray(from, used),
    take: (count: number): Buffer => store.subarray(from, (from += count)),
  };
};

export const createStreamSource = (recognise: Recognise = recogniseNone): StreamSource => {
  const store = createStore();
  /** Bytes of the pending block that were scanned already, and where its last line begins. */
  let scanned = 0;
  let lineAt = 0;
  let over = false;
  let isFirst = true;

  /** Length of the first whole block of `pending`, or -1. */
  const blockLength = (pending: Buffer): number => {
    for (;;) {
      const feed = pending.indexOf(LF, scanned);
      scanned = feed === -1 ? pending.length : feed + 1;
      if (feed === -1) return -1;
      const lineIsEmpty = feed === lineAt || (feed === lineAt + 1 && pending[lineAt] === CR);
      lineAt = scanned;
      if (lineIsEmpty) return scanned;
    }
  };

  const take = (length: number): Buffer => {
    scanned = 0;
    lineAt = 0;
    return store.take(length);
  };

  const takeBlock = (length: number): StreamEvent | StreamProblem => {
    const block = take(length);
    const unit = readBlock(isFirst && block.subarray(0, MARK.length).equals(MARK) ? block.subarray(MARK.length) : block);
    isFirst = false;
    over = 'problem' in unit;
    return unit;
  };

  const takeRun = (pending: Buffer): StreamRun | null => {
    const length = recognise(pending);
    if (length === 0) return null;
    isFirst = false;
    return { raw: take(length), run: true };
  };

  const overLimit = (): StreamProblem => {
    over = true;
    return { problem: `an event is larger than ${limits.streamEventBytes} bytes` };
  };

  /** The first unit of what is pending; null when it is not whole. */
  const takeUnit = (pending: Buffer): StreamUnit | null => {
    if (pending.length === 0) return null;
    // Looked at when a block begins and once more when it is whole, however many chunks it comes in: that stays linear.
    const begun = scanned > 0;
    const run = begun ? null : takeRun(pending);
    if (run !== null) return run;
    const length = blockLength(pending);
    if (scanned > limits.streamEventBytes) return overLimit();
    if (length === -1) return null;
    return (begun ? takeRun(pending) : null) ?? takeBlock(length);
  };

  return {
    add: (chunk) => {
      if (!over && chunk.length > 0) store.add(chunk);
    },
    next: () => {
      if (over) return null;
      for (;;) {
        const unit = takeUnit(store.pending());
        if (unit !== null || !store.proceed()) return unit;
      }
    },
    last: () => {
      store.proceed();
      const { length } = store.pending();
      if (over || length === 0) return null;
      const unit = takeBlock(length);
      over = true;
      return unit;
    },
  };
};

/** The same without recognising anything, a chunk at a time. */
export const createStreamDecoder = (): StreamDecoder => {
  const { add, next, last } = createStreamSource();
  const isRead = (unit: StreamUnit | null): unit is StreamEvent | StreamProblem => unit !== null && !('run' in unit);
  return {
    push: (chunk) => {
      add(chunk);
      const units: (StreamEvent | StreamProblem)[] = [];
      for (let unit = next(); isRead(unit); unit = next()) units.push(unit);
      return units;
    },
    end: () => {
      const unit = last();
      return unit === null ? [] : [unit];
    },
  };
};

/** Splices on an event's data, moved to where the same bytes lie in `raw`. */
export const spliceData = ({ dataAt }: StreamEvent, splices: readonly Splice[]): readonly Splice[] =>
  splices.map(({ start, end, replacement }) => ({ start: start + dataAt, end: end + dataAt, replacement }));

/** One event as bytes. */
export const renderEvent = (name: string, data: unknown): Buffer =>
  Buffer.from(`event: ${name}\ndata: ${JSON.stringify(data)}\n\n`, 'utf8');
