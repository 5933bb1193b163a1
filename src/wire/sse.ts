// Decodes an event stream (WHATWG HTML, section 9.2.6 "Interpreting an event stream") on bytes, however they were cut into chunks.
// Every unit carries its raw bytes; together they are the stream, comments and line ends included.
// Stricter than the standard wherever readers of event streams differ: what one of them could read as another event is a problem.

import { limits } from '../core/limits.ts';
import type { Splice } from '../core/slot.ts';

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

export const isStreamProblem = (unit: StreamEvent | StreamProblem): unit is StreamProblem => 'problem' in unit;

export interface StreamDecoder {
  /** The units that this chunk completes. `chunk` must not be changed afterwards. After a problem nothing more comes. */
  readonly push: (chunk: Uint8Array) => readonly (StreamEvent | StreamProblem)[];
  /** What is left without a closing blank line, as a last unit: some clients act on it. */
  readonly end: () => readonly (StreamEvent | StreamProblem)[];
}

const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
const SMALLEST_STORE_BYTES = 4_096;

/** The fields of the standard; the one without a name is a comment. */
const fields: ReadonlySet<string> = new Set(['data', 'event', 'id', 'retry', '']);
const LONGEST_FIELD = 'retry:'.length;

/** Printable ASCII without an opening brace: no reader, however it splits lines or looks for `data:`, can find an event in it. */
const plain = /^[\x20-\x7a|}~]*$/;

/** Reads the lines of one block. `raw` begins at a line start. */
const readBlock = (raw: Buffer): StreamEvent | StreamProblem => {
  let name: string | null = null;
  let data: Buffer | null = null;
  let dataAt = 0;
  for (let at = 0, next = 0; at < raw.length; at = next) {
    const feed = raw.indexOf(LF, at);
    next = feed === -1 ? raw.length : feed + 1;
    const lineEnd = feed === -1 ? raw.length : feed;
    const end = raw[lineEnd - 1] === CR ? lineEnd - 1 : lineEnd;
    if (end === at) continue;
    const [field = ''] = raw.toString('latin1', at, Math.min(end, at + LONGEST_FIELD)).split(':', 1);
    const valueAt = Math.min(end, at + field.length + (raw[at + field.length + 1] === SPACE ? 2 : 1));
    if (!fields.has(field)) return { problem: 'a line is no field of an event stream' };
    if (field === 'data') {
      if (data !== null) return { problem: 'an event has more than one data line' };
      data = raw.subarray(valueAt, end);
      dataAt = valueAt;
      if (data.includes(CR)) return { problem: 'a CR stands without its LF' };
      continue;
    }
    if (!plain.test(raw.toString('latin1', at, end))) return { problem: 'a line that is not data holds more than plain text' };
    if (field !== 'event') continue;
    if (name !== null) return { problem: 'an event has more than one name' };
    name = raw.toString('latin1', valueAt, end);
  }
  return { raw, name, data, dataAt };
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
  /** Bytes of the pending block that were scanned already, and where its last line begins. */
  let scanned = 0;
  let lineAt = 0;
  let over = false;

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

  const takeBlock = (length: number): StreamEvent | StreamProblem => {
    const unit = readBlock(store.take(length));
    scanned = 0;
    lineAt = 0;
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
        const problem = scanned > limits.streamEventBytes ? overLimit() : null;
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

/** Splices on an event's data, moved to where the same bytes lie in `raw`. */
export const spliceData = ({ dataAt }: StreamEvent, splices: readonly Splice[]): readonly Splice[] =>
  splices.map(({ start, end, replacement }) => ({ start: start + dataAt, end: end + dataAt, replacement }));

/** One event as bytes. */
export const renderEvent = (name: string, data: unknown): Buffer =>
  Buffer.from(`event: ${name}\ndata: ${JSON.stringify(data)}\n\n`, 'utf8');
