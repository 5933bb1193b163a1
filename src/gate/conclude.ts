// What becomes of an answer: each tool call in it is a crossing of its own, and the outcome is durable before the answer is whole.
// An answer that is not streamed is released at once after its outcome; a streamed one as it comes, its ending only after the outcome.
// If the outcome cannot be recorded the caller is told so and the invocation is severed.

import type { ModelCall } from '../core/crossing.ts';
import type { Denial } from '../core/denial.ts';
import { sentenceOf } from '../core/denial.ts';
import type { UpstreamAnswer, UpstreamFailure } from '../core/endpoint.ts';
import { label } from '../core/identifier.ts';
import { limits } from '../core/limits.ts';
import { applySplices } from '../core/slot.ts';
import type { Crossed, Ending, Forwarded, Recorded } from '../core/stages.ts';
import type { AnswerFacts, WholeAnswer } from '../core/wire-format.ts';
import { concludeStream } from './conclude-stream.ts';
import type { Concluding } from './ending.ts';
import { brokenSentence, deadlineDenial, endUndelivered, judgeToolCall, recordEnding, refused, withRequestId } from './ending.ts';
import type { Tally } from './tally.ts';
import { createTally } from './tally.ts';

export const conclude = async (recorded: Recorded, forwarded: Forwarded, concluding: Concluding): Promise<Crossed> => {
  const { call } = recorded.crossing;
  if ('handedOver' in forwarded || call.action === 'tool_call') return { crossed: 'handed_over' };
  if ('failure' in forwarded) return concludeFailure(recorded, forwarded, concluding);
  const streamed = forwarded.status < 300 && (forwarded.headers['content-type'] ?? '').startsWith('text/event-stream');
  return streamed ? concludeStream(recorded, call, forwarded, concluding) : concludeWhole(recorded, call, forwarded, concluding);
};

const concludeFailure = (recorded: Recorded, failure: UpstreamFailure, { stages, deadline }: Concluding): Promise<Crossed> => {
  const why = deadline.passed() ? deadlineDenial(recorded) : { sentence: failure.reason, timedOut: failure.failure === 'timed_out' };
  const ending: Ending = {
    success: false,
    errorMessage: 'denial' in why ? sentenceOf(why) : failure.reason,
    facts: null,
    status: null,
    address: null,
    attempts: failure.attempts,
    bytesSent: recorded.outbound.length,
    bytesReceived: 0,
    responseDigest: null,
    toolsCalled: [],
    toolCallsRefused: 0,
  };
  return endUndelivered(recorded, ending, why, stages);
};

const concludeWhole = async (recorded: Recorded, call: ModelCall, answer: UpstreamAnswer, concluding: Concluding): Promise<Crossed> => {
  const { stages, deadline, delivery } = concluding;
  const tally = createTally(recorded, answer);
  const body = await collect(answer, tally);
  if (body === null) {
    const why = deadline.passed() ? deadlineDenial(recorded) : { sentence: brokenSentence(recorded, tally), timedOut: false };
    return endUndelivered(recorded, tally.ending(false, 'denial' in why ? sentenceOf(why) : why.sentence, null), why, stages);
  }
  const failed = answer.status >= 400;
  const whole = call.format.readWhole(body);
  if ('malformed' in whole && !failed) {
    const denial: Denial = { denial: 'not_inspectable', problem: `the upstream's answer could not be read: ${whole.malformed}` };
    return endUndelivered(recorded, tally.ending(false, sentenceOf(denial), null), denial, stages);
  }
  const facts = 'malformed' in whole ? unreadError : whole.facts;
  const released = 'malformed' in whole ? body : applySplices(body, await refusals(recorded, whole, tally, concluding));
  tally.released(released);
  const message = failed ? `The upstream answered ${answer.status}${facts.errorType === null ? '' : ` ${label(facts.errorType)}`}.` : null;
  const recording = await recordEnding(recorded, tally.ending(!failed, message, withRequestId(facts, call, answer)), stages);
  if ('denial' in recording) return refused(recorded, recording, null);
  delivery.begin(answer.status, { ...answer.headers, 'content-length': String(released.length) });
  await delivery.write(released);
  return { crossed: 'answered', recordId: recording.recordId };
};

/** A provider's error that is not in its own shape travels on, recorded as not inspected. */
const unreadError: AnswerFacts = {
  modelReported: null,
  upstreamRequestId: null,
  inputTokenCount: null,
  outputTokenCount: null,
  errorType: null,
  notInspected: [{ what: 'error_body', why: 'not in the shape of the wire format' }],
};

const refusals = async (recorded: Recorded, whole: WholeAnswer, tally: Tally, concluding: Concluding) => {
  const sentences = new Map<number, string>();
  for (const [index, called] of whole.toolCalls.entries()) {
    if (called.hosted) tally.hostedToolCalled(called.name);
    else {
      const sentence =
        tally.toolCallCount() < limits.toolCallsPerAnswerCount
          ? await judgeToolCall(recorded, called, tally, concluding)
          : sentenceOf({ denial: 'too_large', limit: 'toolCallsPerAnswerCount' });
      if (sentence !== null) sentences.set(index, sentence);
    }
  }
  return whole.refuse(sentences);
};

/** The whole body, or null when it broke off, was cancelled or passes its limit. */
const collect = async (answer: UpstreamAnswer, tally: Tally): Promise<Uint8Array | null> => {
  const chunks: Uint8Array[] = [];
  try {
    for await (const chunk of answer.body) {
      tally.received(chunk);
      if (tally.bytesReceived() > limits.answerBodyBytes) return null;
      chunks.push(chunk);
    }
  } catch {
    return null;
  }
  return Buffer.concat(chunks);
};
