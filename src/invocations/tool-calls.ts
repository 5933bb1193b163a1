// Tool calls that were handed to an agent and whose results have not come back yet, for one invocation.
// A result is the agent's claim: its outcome says `source: agent`. A call without a result ends as unknown. Each call gets exactly one outcome.

import type { Clock } from '../core/clock.ts';
import { limits } from '../core/limits.ts';
import type { Recorder } from '../core/receipt.ts';
import type { Stamp } from '../core/stamp.ts';
import { toolOutcomeRecord } from '../core/record.ts';
import type { Recorded } from '../core/stages.ts';

export interface ToolCalls {
  readonly handedOver: (recorded: Recorded) => void;
  /** `otherwise` is the id under which the call waits if none waits under the first. */
  readonly resultArrived: (callId: string, success: boolean, otherwise?: string) => void;
  readonly endAll: (why: string) => void;
}

interface Parts {
  readonly clock: Clock;
  readonly stamp: () => Stamp;
  readonly recorder: Recorder;
}

export const createToolCalls = ({ clock, stamp, recorder }: Parts): ToolCalls => {
  /** In the order of the calls; two calls may share an id when a model repeats itself. */
  const waiting = new Map<string, Recorded[]>();
  let count = 0;

  const end = (recorded: Recorded, success: boolean | null, errorMessage: string | null, source: 'agent' | 'envelope'): void => {
    count -= 1;
    const durationMs = clock.monotonicMs() - recorded.crossing.acceptedMs;
    void recorder.append(toolOutcomeRecord({ at: recorded, success, errorMessage, source }, stamp(), durationMs));
  };

  const take = (callId: string): Recorded | undefined => {
    const calls = waiting.get(callId);
    const first = calls?.shift();
    if (calls?.length === 0) waiting.delete(callId);
    return first;
  };

  return {
    handedOver: (recorded) => {
      const { call } = recorded.crossing;
      if (call.action !== 'tool_call') return;
      if (count >= limits.openToolCallsPerInvocationCount) {
        const [oldest] = waiting.keys();
        const dropped = oldest === undefined ? undefined : take(oldest);
        if (dropped !== undefined) end(dropped, null, 'Too many tool calls wait for their results.', 'envelope');
      }
      count += 1;
      const calls = waiting.get(call.callId) ?? [];
      calls.push(recorded);
      waiting.set(call.callId, calls);
    },

    resultArrived: (callId, success, otherwise = callId) => {
      const recorded = take(callId) ?? take(otherwise);
      if (recorded !== undefined) end(recorded, success, success ? null : 'The agent reports that the tool failed.', 'agent');
    },

    endAll: (why) => {
      for (const calls of waiting.values()) for (const recorded of calls) end(recorded, null, why, 'envelope');
      waiting.clear();
    },
  };
};
