// What becomes of an answer: each tool call in it is a crossing of its own, and the outcome is durable before the answer is whole.
// An answer that is not streamed is released at once after its outcome; a streamed one as it comes, its ending only after the outcome.
// If the outcome cannot be recorded the caller is told so and the invocation is severed.

import type { ModelCall } from '../core/crossing.ts';
import { sentenceOf } from '../core/denial.ts';
import type { UpstreamAnswer, UpstreamFailure } from '../core/endpoint.ts';
import { label } from '../core/identifier.ts';
import { selectHeaders } from '../core/header-names.ts';
import { limits } from '../core/limits.ts';
import { applySplices } from '../core/slot.ts';
import type { Crossed, Ending, Forwarded, Recorded } from '../core/stages.ts';
import type { AnswerFacts, WholeAnswer } from '../core/wire-format.ts';
import { concludeConnection, refusedAddress } from './conclude-connection.ts';
import { concludeStream, concludeUnasked } from './conclude-stream.ts';
import type { Concluding, Why } from './ending.ts';
import { brokenSentence, endUndelivered, judgeToolCall, recordEnding, refused, withRequestId, writeWithin } from './ending.ts';
import type { Tally } from './tally.ts';
import { createTally } from './tally.ts';

export const conclude = async (recorded: Recorded, forwarded: Forwarded, concluding: Concluding): Promise<Crossed> => {
  const { call } = recorded.crossing;
  if ('handedOver' in forwarded || call.action === 'tool_call') return { crossed: 'handed_over' };
  if ('failure' in forwarded) return concludeFailure(recorded, forwarded, concluding);
  if (call.action === 'network_connection') return concludeConnection(recorded, call, forwarded, concluding);
  if ('stream' in forwarded) throw new Error('a model was reached by a tunnel');
  const streamed = forwarded.status < 300 && (forwarded.headers['content-type'] ?? '').toLowerCase().startsWith('text/event-stream');
  if (!streamed) return concludeWhole(recorded, call, forwarded, concluding);
  return concluding.live === null
    ? concludeUnasked(recorded, forwarded, concluding)
    : concludeStream(recorded, call, forwarded, { ...concluding, live: concluding.live });
};

/** Failures that last until somebody changes something. */
const lasting: readonly UpstreamFailure['failure'][] = ['address_refused', 'credential_unavailable', 'redirected', 'unreadable'];

/** Ends a crossing that got no answer. */
export const concludeFailure = (recorded: Recorded, failure: UpstreamFailure, { stages, deadline, live }: Concluding): Promise<Crossed> => {
  live?.stayQuiet();
  const why = deadline.denial() ??
    refusedAddress(recorded, failure) ?? {
      sentence: failure.reason,
      status: failure.failure === 'timed_out' ? 504 : 502,
      retryable: !lasting.includes(failure.failure),
    };
  const ending: Ending = {
    success: false,
    errorMessage: 'denial' in why ? sentenceOf(why) : failure.reason,
    facts: null,
    status: null,
    address: null,
    attempts: failure.attempts,
    bytesSent: failure.attempts === 0 ? 0 : null,
    bytesReceived: 0,
    responseDigest: null,
    toolsCalled: [],
    toolCallsRefused: 0,
  };
  return endUndelivered(recorded, ending, why, stages);
};

const concludeWhole = async (recorded: Recorded, call: ModelCall, answer: UpstreamAnswer, concluding: Concluding): Promise<Crossed> => {
  const { stages, deadline, delivery, live } = concluding;
  live?.stayQuiet();
  const tally = createTally(recorded, answer, stages.nameTool);
  const end = (why: Why, facts: AnswerFacts | null = null): Promise<Crossed> => {
    const said = deadline.denial() ?? why;
    const message = 'denial' in said ? sentenceOf(said) : said.sentence;
    const known = facts === null ? null : withRequestId(facts, call, answer);
    return endUndelivered(recorded, tally.ending(false, message, known), said, stages);
  };
  const body = await collect(recorded, answer, tally);
  if (typeof body === 'string') return end({ sentence: body, status: 502, retryable: true });
  const failed = answer.status >= 400;
  const begun = live?.begun() === true;
  const whole = call.format.readWhole(body, { operation: call.operation, status: answer.status });
  if ('malformed' in whole) {
    // What could not be read could hold anything; of an error only its status is passed on.
    if (failed)
      return end({
        sentence: `The upstream answered ${answer.status} with a body that could not be read.`,
        status: answer.status,
        retryable: true,
      });
    return end({ denial: 'not_inspectable', problem: `the upstream's answer could not be read: ${whole.malformed}` });
  }
  const { facts } = whole;
  const said = failed ? `The upstream answered ${answer.status}${facts.errorType === null ? '' : ` ${label(facts.errorType)}`}.` : null;
  if (said !== null && (begun || call.format.absorbs(answer.status, recorded.invocation.agent.client)))
    return end({ sentence: said, status: answer.status, retryable: false }, facts);
  if (live !== null && !failed)
    return end({ denial: 'not_inspectable', problem: 'the upstream gives a whole answer in the place of a stream' }, facts);
  const released = applySplices(body, await refusals(recorded, whole, tally, concluding));
  // Meanwhile it may have been cut off, or the client may have left.
  if (deadline.signal.aborted) return end({ sentence: brokenSentence(recorded), status: 502, retryable: true }, facts);
  tally.released(released);
  const recording = await recordEnding(recorded, tally.ending(!failed, said, withRequestId(facts, call, answer)), stages);
  if ('denial' in recording) return refused(recorded, recording, null);
  const headers = { ...selectHeaders(call.format.answerHeaders, answer.headers), 'content-length': String(released.length) };
  delivery.begin(answer.status, headers);
  await writeWithin(concluding, released);
  return { crossed: 'answered', recordId: recording.recordId };
};

const refusals = async (recorded: Recorded, whole: WholeAnswer, tally: Tally, concluding: Concluding) => {
  const sentences = new Map<number, string>();
  for (const [index, called] of whole.toolCalls.entries()) {
    if (called.hosted) tally.hostedToolCalled(called.name);
    else {
      const sentence = await judgeToolCall(recorded, called, tally, concluding);
      if (sentence !== null) sentences.set(index, sentence);
    }
  }
  return whole.refuse(sentences);
};

/** The whole body, or why it is not whole. */
const collect = async (recorded: Recorded, answer: UpstreamAnswer, tally: Tally): Promise<Uint8Array | string> => {
  const chunks: Uint8Array[] = [];
  try {
    for await (const chunk of answer.body) {
      tally.received(chunk);
      if (tally.bytesReceived() > limits.answerBodyBytes) return 'The upstream answer passes the limit answerBodyBytes.';
      if (!recorded.admission.hold(chunk.length)) return 'There was no memory left for the upstream answer (bodiesInFlightBytes).';
      chunks.push(chunk);
    }
  } catch {
    return brokenSentence(recorded);
  }
  return recorded.crossing.clientGone.aborted ? brokenSentence(recorded) : Buffer.concat(chunks);
};
