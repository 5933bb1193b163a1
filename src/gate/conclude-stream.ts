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
import { brokenSentence, endUndelivered, judgeToolCall, recordEnding, refused, withRequestId } from './ending.ts';
import type { LiveStream } from './live-stream.ts';
import { createTally } from './tally.ts';

/** A client that did not ask for a stream may read one as something else than we do. */
export const concludeUnasked = async (recorded: Recorded, answer: UpstreamAnswer, { stages }: Concluding): Promise<Crossed> => {
  answer.discard();
  const denial: Denial = { denial: 'not_inspectable', problem: 'the upstream streams an answer that was not asked for as a stream' };
  return endUndelivered(recorded, createTally(recorded, answer, stages.nameTool).ending(false, sentenceOf(denial), null), denial, stages);
};

/** Says in a stream that has begun how the crossing ended; what has ended in the stream already stays as it is. */
export const sayInStream = async (recorded: Recorded, crossed: Crossed, live: LiveStream): Promise<Crossed> => {
  const { client } = recorded.invocation.agent;
  const say = async (bytes: Uint8Array, recordId: string | null) => {
    await live.write(200, {}, bytes);
    return { crossed: 'answered' as const, recordId: recordId ?? recorded.intent.logId };
  };
  if (crossed.crossed === 'refused') {
    const { denial, recordId } = crossed;
    return {
      ...(await say(live.reader.renderDenial({ code: denial.denial, sentence: sentenceOf(denial), recordId }, client), recordId)),
      denial,
    };
  }
  return crossed.crossed === 'failed' ? say(live.reader.renderFailure(crossed, client), crossed.recordId) : crossed;
};

/** Whether the agent shows as an answer how the crossing ended. */
export const isToldAsAnswer = ({ crossing: { call }, invocation }: Recorded, { crossed }: Crossed, begun: boolean): boolean =>
  (crossed === 'refused' || crossed === 'failed') &&
  call.action === 'model_request' &&
  call.format.tellsAsAnswer(invocation.agent.client, call.operation, begun);

/** A result means that the stream is over, `held` that it was cut off and the piece kept back. */
type Settled = Crossed | 'held' | null;

export const concludeStream = async (
  recorded: Recorded,
  call: ModelCall,
  answer: UpstreamAnswer,
  concluding: Concluding & { readonly live: LiveStream },
): Promise<Crossed> => {
  const { stages, deadline, live } = concluding;
  const { reader } = live;
  const tally = createTally(recorded, answer, stages.nameTool);

  const headers = selectHeaders(call.format.answerHeaders, answer.headers);
  const write = (bytes: Uint8Array): Promise<void> | null => live.write(answer.status, headers, bytes);
  const release = (bytes: Uint8Array): Promise<null> | null => {
    if (bytes.length === 0) return null;
    tally.released(bytes);
    return write(bytes)?.then(() => null) ?? null;
  };
  const facts = () => withRequestId(reader.facts(), call, answer);

  const deny = (denial: Denial): Promise<Crossed> => {
    deadline.cancel();
    return endUndelivered(recorded, tally.ending(false, sentenceOf(denial), facts()), denial, stages);
  };

  const finish = async (piece: StreamPiece & { readonly piece: 'ending' }): Promise<Crossed> => {
    const { errorType } = reader.facts();
    const message = piece.failed ? `The upstream ended the stream with ${errorType === null ? 'an error' : label(errorType)}.` : null;
    if (message !== null && call.format.absorbsInStream(errorType, recorded.invocation.agent.client))
      return endUndelivered(recorded, tally.ending(false, message, facts()), { sentence: message, status: 502, retryable: false }, stages);
    tally.released(piece.bytes);
    const recording = await recordEnding(recorded, tally.ending(!piece.failed, message, facts()), stages);
    if ('denial' in recording) return refused(recorded, recording, null);
    live.stayQuiet();
    await write(piece.bytes);
    return { crossed: 'answered', recordId: recording.recordId };
  };

  const settleToolCall = async (piece: StreamPiece & { readonly piece: 'tool_call' }): Promise<Settled> => {
    if (piece.call.hosted) {
      tally.hostedToolCalled(piece.call.name);
      return release(piece.bytes);
    }
    const sentence = await judgeToolCall(recorded, piece.call, tally, concluding);
    return deadline.signal.aborted ? 'held' : release(sentence === null ? piece.bytes : piece.refuse(sentence));
  };

  /** Settles one piece: at once where nothing has to be waited for, as with most. */
  const settle = (piece: StreamPiece): Promise<Settled> | Settled => {
    switch (piece.piece) {
      case 'pass':
        return release(piece.bytes);
      case 'tool_call':
        return settleToolCall(piece);
      case 'ending':
        return finish(piece);
      case 'unreadable':
        return deny({ denial: 'not_inspectable', problem: `the upstream's stream could not be read: ${piece.problem}` });
    }
  };

  const settleAll = async (pieces: Iterable<StreamPiece>): Promise<Crossed | null> => {
    for (const piece of pieces) {
      const settled = deadline.signal.aborted ? 'held' : settle(piece);
      const over = settled instanceof Promise ? await settled : settled;
      // The reader takes a piece for shown when it is asked for the next one.
      if (over === 'held') return null;
      if (over !== null) return over;
    }
    return null;
  };

  const chunks = answer.body[Symbol.asyncIterator]();
  try {
    let chunk = await nextChunk(chunks);
    for (; typeof chunk !== 'string'; chunk = await nextChunk(chunks)) {
      tally.received(chunk);
      const over = await settleAll(reader.push(chunk));
      if (over !== null) return over;
      if (deadline.signal.aborted) break;
    }
    // What a broken connection leaves behind is no end, even where a format ends with its bytes.
    if (chunk === 'ended' && !deadline.signal.aborted) {
      const over = await settleAll(reader.end());
      if (over !== null) return over;
    }
  } finally {
    // Lets the transport close or reuse its connection; an upstream that fails at this point changes nothing any more.
    await chunks.return?.().catch(() => undefined);
  }
  const cutOff = deadline.denial();
  if (cutOff !== null) return deny(cutOff);
  const sentence = brokenSentence(recorded);
  const ended = await endUndelivered(recorded, tally.ending(false, sentence, facts()), { sentence, status: 502, retryable: true }, stages);
  // A client that repeats a broken stream does so as it means to; one for which that is costly is told in its stream.
  return ended.crossed === 'failed' && live.begun() && !call.format.absorbs(502, recorded.invocation.agent.client)
    ? { crossed: 'cut' }
    : ended;
};

const chunkOf = (next: IteratorResult<Uint8Array>): Uint8Array | 'ended' => (next.done === true ? 'ended' : next.value);

const broke = (): 'broke' => 'broke';

const nextChunk = (chunks: AsyncIterator<Uint8Array>): Promise<Uint8Array | 'ended' | 'broke'> => chunks.next().then(chunkOf, broke);
