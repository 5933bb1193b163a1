// Streamed answers of the Generative Language API (ai.google.dev/api/generate-content#method:-models.streamgeneratecontent): one answer a chunk.
// A call comes whole in one chunk, so a chunk is held only until its calls are judged. There is no terminal event: what follows the reason why the
// answer ends is held until the bytes end. A stream that two clients could split or read differently is `unreadable` and never released.

import { limits } from '../core/limits.ts';
import { applySplices } from '../core/slot.ts';
import type { AnswerFacts, StreamPiece } from '../core/wire-format.ts';
import type { Earlier, Facts, PlacedCall, Signatures } from './gemini-answers.ts';
import { createFacts, noSignatures, nothingEarlier, readAnswer, refuseCalls } from './gemini-answers.ts';
import { fieldOf } from './gemini-names.ts';
import type { Framing, Step } from './held-stream.ts';
import { isJsonProblem, parseJson } from './json.ts';
import { describeProblem } from './reading.ts';
import type { StreamEvent } from './sse.ts';
import { spliceData } from './sse.ts';

interface Progress {
  readonly facts: Facts;
  readonly earlier: Earlier;
  readonly signatures: Signatures;
  held: Uint8Array[];
  heldBytes: number;
  begun: boolean;
  /** `ending`: the answer said why it ends, and what follows is held until the bytes end. */
  phase: 'content' | 'ending' | 'over';
}

const unreadable = (problem: string): StreamPiece & { readonly piece: 'unreadable' } => ({ piece: 'unreadable', problem });

const hold = (progress: Progress, bytes: Uint8Array): Step => {
  progress.heldBytes += bytes.length + limits.heldEventBytes;
  if (progress.heldBytes > limits.heldBlockBytes)
    return unreadable(`a part that is held back is larger than ${limits.heldBlockBytes} bytes`);
  progress.held.push(bytes);
  return 'held';
};

const finish = (progress: Progress, failed: boolean): StreamPiece & { readonly piece: 'ending' } => {
  const bytes = Buffer.concat(progress.held);
  progress.held = [];
  progress.heldBytes = 0;
  progress.phase = 'over';
  return { piece: 'ending', bytes, failed };
};

const BROKEN_LINES = 'an event is not one whole line of data';

const CR = 0x0d;
const LF = 0x0a;
const DATA_FIELD_BYTES = 'data:'.length;

/** Clients look for two line ends of one kind, take all between for one JSON text when it begins with `data:`, and pass over all of it otherwise. */
const endsPlainly = (rest: Uint8Array): boolean =>
  rest.length === 2
    ? rest[0] === LF && rest[1] === LF
    : rest.length === 4 && rest[0] === CR && rest[1] === LF && rest[2] === CR && rest[3] === LF;

const isPlain = ({ raw, name, data, dataAt }: StreamEvent, length: number): boolean =>
  name === null && data !== null && dataAt <= DATA_FIELD_BYTES + 1 && endsPlainly(raw.subarray(dataAt + length));

/** Whether a block without data is over for every client, so that something may follow it. */
const isOver = ({ raw }: StreamEvent): boolean => {
  const isBlank = raw[0] === LF || (raw[0] === CR && raw[1] === LF);
  return isBlank || endsPlainly(raw.subarray(-2)) || endsPlainly(raw.subarray(-4));
};

const NOTHING = new Uint8Array();

/** All calls of a chunk are judged before any of it is released: half a chunk is nothing that a client could read, or that a denial could follow. */
function* judged(progress: Progress, unit: StreamEvent, calls: readonly PlacedCall[]): Iterable<StreamPiece> {
  const refused = new Map<number, string>();
  for (const [index, { call }] of calls.entries()) {
    const refuse = (sentence: string): Uint8Array => {
      refused.set(index, sentence);
      return NOTHING;
    };
    yield { piece: 'tool_call', bytes: NOTHING, call, refuse };
  }
  const bytes = applySplices(unit.raw, spliceData(unit, refuseCalls(calls, refused, progress.signatures)));
  if (progress.phase === 'content') yield { piece: 'pass', bytes };
  else {
    const step = hold(progress, bytes);
    if (typeof step === 'object') yield step;
  }
}

const answerMembers = ['candidates', 'promptFeedback', 'usageMetadata'];

const readChunk = (progress: Progress, unit: StreamEvent, data: Uint8Array): ReturnType<Framing<null>['step']> => {
  if (progress.phase === 'over') return unreadable('the stream goes on after its end');
  if (!isPlain(unit, data.length)) return unreadable(BROKEN_LINES);
  const root = parseJson(data);
  if (isJsonProblem(root)) return unreadable(`an event is not readable: ${describeProblem(root)}`);
  if (root.kind !== 'object') return unreadable('an event is not an object');
  const answer = readAnswer(root, data, progress.facts, progress.earlier);
  if ('unframed' in answer) return unreadable(answer.unframed);
  if (fieldOf(root, 'error') !== undefined) {
    const step = hold(progress, unit.raw);
    return step === 'held' ? finish(progress, true) : step;
  }
  // What begins with something else is another vendor's stream, of which nothing here would be read.
  if (!progress.begun && !answerMembers.some((name) => fieldOf(root, name) !== undefined))
    return unreadable('the stream does not begin with an answer of this format');
  progress.begun = true;
  if (answer.ends) progress.phase = 'ending';
  if (answer.calls.length > 0) return judged(progress, unit, answer.calls);
  return progress.phase === 'ending' ? hold(progress, unit.raw) : 'pass';
};

export const createFraming = (): Framing<null> & { readonly facts: () => AnswerFacts } => {
  const facts = createFacts();
  const progress: Progress = {
    facts,
    earlier: nothingEarlier(),
    signatures: noSignatures(),
    held: [],
    heldBytes: 0,
    begun: false,
    phase: 'content',
  };
  return {
    step: (unit) => {
      if (unit.data !== null) return readChunk(progress, unit, unit.data);
      if (progress.phase === 'ending') return hold(progress, unit.raw);
      return isOver(unit) ? 'pass' : unreadable(BROKEN_LINES);
    },
    atEnd: () => {
      if (progress.phase === 'content') return 'the stream ended without saying why';
      return progress.phase === 'ending' ? finish(progress, false) : null;
    },
    // Every chunk stands for itself, so it is all the same what a client has seen.
    seen: () => null,
    facts: facts.soFar,
  };
};

/** One chunk as the vendor writes it. */
export const renderChunk = (chunk: object): Buffer => Buffer.from(`data: ${JSON.stringify(chunk)}\r\n\r\n`, 'utf8');
