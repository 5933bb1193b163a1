// A streamed answer: pieces are released in the order of the wire, tool calls only once they are judged,
// and the ending only once the outcome is durable. However the stream ends, exactly one outcome is recorded.

import type { ModelCall } from '../core/crossing.ts';
import type { Denial } from '../core/denial.ts';
import { sentenceOf } from '../core/denial.ts';
import type { UpstreamAnswer } from '../core/endpoint.ts';
import { label } from '../core/identifier.ts';
import { selectHeaders } from '../core/header-names.ts';
import type { Crossed, Recorded } from '../core/stages.ts';
import type { StreamPiece } from '../core/wire-format.ts';
import type { Concluding } from './ending.ts';
import { brokenSentence, deadlineDenial, endUndelivered, judgeToolCall, recordEnding, withRequestId, writeWithin } from './ending.ts';
import { createTally } from './tally.ts';

export const concludeStream = async (
  recorded: Recorded,
  call: ModelCall,
  answer: UpstreamAnswer,
  concluding: Concluding,
): Promise<Crossed> => {
  const { stages, delivery, deadline } = concluding;
  const { client } = recorded.invocation.agent;
  const tally = createTally(recorded, answer);
  const reader = call.format.readStream();
  let begun = false;

  const write = async (bytes: Uint8Array): Promise<void> => {
    if (!begun) delivery.begin(answer.status, selectHeaders(call.format.answerHeaders, answer.headers));
    begun = true;
    await writeWithin(concluding, bytes);
  };
  const release = async (bytes: Uint8Array): Promise<void> => {
    if (bytes.length === 0) return;
    tally.released(bytes);
    await write(bytes);
  };
  const facts = () => withRequestId(reader.facts(), call, answer);

  /** Tells the client of a denial, in its stream once that has begun. */
  const sayInStream = async (denial: Denial, recordId: string | null): Promise<Crossed> => {
    if (!begun) return { crossed: 'refused', denial, recordId, invocation: recorded.invocation };
    const text = { code: denial.denial, sentence: sentenceOf(denial), recordId };
    await writeWithin(concluding, reader.renderDenial(text, client));
    return { crossed: 'answered', recordId: recordId ?? recorded.intent.logId };
  };

  const deny = async (denial: Denial): Promise<Crossed> => {
    deadline.cancel();
    const recording = await recordEnding(recorded, tally.ending(false, sentenceOf(denial), facts()), stages);
    return 'denial' in recording ? sayInStream(recording, null) : sayInStream(denial, recording.recordId);
  };

  const finish = async (piece: StreamPiece & { readonly piece: 'ending' }): Promise<Crossed> => {
    const { errorType } = reader.facts();
    const message = piece.failed ? `The upstream ended the stream with ${errorType === null ? 'an error' : label(errorType)}.` : null;
    tally.released(piece.bytes);
    const recording = await recordEnding(recorded, tally.ending(!piece.failed, message, facts()), stages);
    if ('denial' in recording) return sayInStream(recording, null);
    await write(piece.bytes);
    return { crossed: 'answered', recordId: recording.recordId };
  };

  /** Settles one piece; a result means that the stream is over. */
  const settle = async (piece: StreamPiece): Promise<Crossed | null> => {
    switch (piece.piece) {
      case 'pass':
        await release(piece.bytes);
        return null;
      case 'tool_call': {
        if (piece.call.hosted) {
          tally.hostedToolCalled(piece.call.name);
          await release(piece.bytes);
          return null;
        }
        const sentence = await judgeToolCall(recorded, piece.call, tally, concluding);
        await release(sentence === null ? piece.bytes : piece.refuse(sentence));
        return null;
      }
      case 'ending':
        return finish(piece);
      case 'unreadable':
        return deny({ denial: 'not_inspectable', problem: `the upstream's stream could not be read: ${piece.problem}` });
    }
  };

  // A client that did not ask for a stream may read one as something else than we do.
  if (recorded.reading?.streaming !== true) {
    answer.discard();
    return deny({ denial: 'not_inspectable', problem: 'the upstream streams an answer that was not asked for as a stream' });
  }
  const chunks = answer.body[Symbol.asyncIterator]();
  try {
    for (let chunk = await nextChunk(chunks); chunk !== null; chunk = await nextChunk(chunks)) {
      tally.received(chunk);
      for (const piece of reader.push(chunk)) {
        if (deadline.signal.aborted) break;
        const over = await settle(piece);
        if (over !== null) return over;
      }
      if (deadline.signal.aborted) break;
    }
    if (!deadline.signal.aborted)
      for (const piece of reader.end()) {
        const over = await settle(piece);
        if (over !== null) return over;
      }
  } finally {
    // Lets the transport close or reuse its connection; an upstream that fails at this point changes nothing any more.
    await chunks.return?.().catch(() => undefined);
  }
  if (deadline.passed()) return deny(deadlineDenial(recorded));
  const sentence = brokenSentence(recorded);
  const ending = tally.ending(false, sentence, facts());
  if (!begun) return endUndelivered(recorded, ending, { sentence, status: 502, retryable: true }, stages);
  const recording = await recordEnding(recorded, ending, stages);
  return 'denial' in recording ? sayInStream(recording, null) : { crossed: 'cut' };
};

/** The next chunk; null when the upstream ended or broke off. Which of the two the reader knows: a whole stream had its ending. */
const nextChunk = async (chunks: AsyncIterator<Uint8Array>): Promise<Uint8Array | null> => {
  try {
    const next = await chunks.next();
    return next.done === true ? null : next.value;
  } catch {
    return null;
  }
};
