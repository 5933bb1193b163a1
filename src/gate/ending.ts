// What whole and streamed answers share: recording how a crossing ended, judging the tool calls inside an answer,
// and the sentences for what broke off. If an outcome cannot be recorded, the invocation is severed and the caller told.

import type { Call, ModelCall, ToolCall } from '../core/crossing.ts';
import type { Denial } from '../core/denial.ts';
import { sentenceOf } from '../core/denial.ts';
import type { UpstreamAnswer } from '../core/endpoint.ts';
import { label } from '../core/identifier.ts';
import { isRefusal } from '../core/receipt.ts';
import type { Crossed, Delivery, Ending, Recorded, Stages } from '../core/stages.ts';
import type { AnswerFacts, CalledTool } from '../core/wire-format.ts';
import type { Deadline } from './deadline.ts';
import type { LiveStream } from './live-stream.ts';
import type { Tally } from './tally.ts';

export interface Concluding {
  readonly stages: Stages;
  readonly delivery: Delivery;
  readonly deadline: Deadline;
  /** The client's side of the answer, where it asked for a stream. */
  readonly live: LiveStream | null;
  readonly crossToolCall: (parent: Recorded, call: Call) => Promise<Crossed>;
}

/** Writes to the client, but waits for it no longer than the crossing may take. */
export const writeWithin = ({ delivery, deadline }: Concluding, bytes: Uint8Array): Promise<void> | null => {
  const writing = delivery.write(bytes);
  return writing === null ? null : Promise.race([writing, deadline.over]);
};

/** Records how the crossing ended. A denial means that it could not be recorded; the invocation is severed by then. */
export const recordEnding = async (recorded: Recorded, ending: Ending, stages: Stages): Promise<{ readonly recordId: string } | Denial> => {
  const outcome = await stages.recordOutcome(recorded, ending);
  if (!isRefusal(outcome)) return { recordId: outcome.logId };
  stages.sever(recorded.invocation, outcome.problem);
  return { denial: 'outcome_unrecorded', problem: outcome.problem };
};

export const refused = (recorded: Recorded, denial: Denial, recordId: string | null): Crossed => ({
  crossed: 'refused',
  denial,
  recordId,
  invocation: recorded.invocation,
});

/** Why nothing was delivered: we refused, or something outside broke. */
export type Why = Denial | { readonly sentence: string; readonly status: number; readonly retryable: boolean };

/** Ends a crossing of which nothing was delivered. */
export const endUndelivered = async (recorded: Recorded, ending: Ending, why: Why, stages: Stages): Promise<Crossed> => {
  const recording = await recordEnding(recorded, ending, stages);
  if ('denial' in recording) return refused(recorded, recording, null);
  if ('denial' in why) return refused(recorded, why, recording.recordId);
  return { crossed: 'failed', ...why, recordId: recording.recordId, invocation: recorded.invocation };
};

/** Judges one tool call of an answer. The sentence to put in its place, or null when the agent may have it. */
export const judgeToolCall = async (
  recorded: Recorded,
  called: CalledTool,
  tally: Tally,
  concluding: Concluding,
): Promise<string | null> => {
  const { callId, arguments: given, notInspected } = called;
  const name = concluding.stages.nameTool(recorded.invocation, called.name);
  const call: ToolCall = { action: 'tool_call', tool: label(name), callId: label(callId), arguments: given, notInspected };
  const crossed = await concluding.crossToolCall(recorded, call);
  if (crossed.crossed === 'handed_over') {
    tally.toolCalled(called.name, false);
    return null;
  }
  tally.toolCalled(called.name, true);
  if (crossed.crossed !== 'refused') return 'The tool call could not be judged.';
  return crossed.recordId === null ? sentenceOf(crossed.denial) : `${sentenceOf(crossed.denial)} (record ${crossed.recordId})`;
};

export const withRequestId = (facts: AnswerFacts, call: ModelCall, answer: UpstreamAnswer): AnswerFacts => ({
  ...facts,
  upstreamRequestId: facts.upstreamRequestId ?? answer.headers[call.format.requestIdHeader] ?? null,
});

export const brokenSentence = (recorded: Recorded): string => {
  if (recorded.crossing.clientGone.aborted) return 'The client went away before the answer was whole.';
  return 'The upstream broke off before the answer was whole.';
};
