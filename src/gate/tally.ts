// Counts what one answer was made of while it passes: bytes, the keyed digest of what was released, tools called and refused.
// Asked for its ending once, when all that will be released was counted.

import type { UpstreamAnswer } from '../core/endpoint.ts';
import { createKeyedHasher } from '../core/keyed-digest.ts';
import type { Ending, Recorded, Stages } from '../core/stages.ts';
import type { AnswerFacts } from '../core/wire-format.ts';

export interface Tally {
  readonly received: (bytes: Uint8Array) => void;
  readonly bytesReceived: () => number;
  readonly released: (bytes: Uint8Array) => void;
  readonly toolCalled: (name: string, refused: boolean) => void;
  /** A tool that the provider ran by itself: it has happened, and was judged only as an offer. */
  readonly hostedToolCalled: (name: string) => void;
  /** The ending to record; to be asked for once, when all that will be released was counted. */
  readonly ending: (success: boolean, errorMessage: string | null, facts: AnswerFacts | null) => Ending;
}

const hostedNote = { what: 'hosted_tool_call', why: 'the provider runs it' };

/** `nameTool` gives the canonical name of a tool. */
export const createTally = (recorded: Recorded, answer: UpstreamAnswer, nameTool: Stages['nameTool']): Tally => {
  const named = (name: string): string => nameTool(recorded.invocation, name);
  const digest = createKeyedHasher(recorded.invocation.digestKey);
  const toolsCalled: string[] = [];
  let bytesReceived = 0;
  let bytesReleased = 0;
  let toolCallsRefused = 0;
  let hostedCalls = 0;
  let releasedDigest: string | null = null;
  return {
    received: (bytes) => {
      bytesReceived += bytes.length;
    },
    bytesReceived: () => bytesReceived,
    released: (bytes) => {
      digest.update(bytes);
      bytesReleased += bytes.length;
    },
    toolCalled: (name, refused) => {
      toolsCalled.push(named(name));
      if (refused) toolCallsRefused += 1;
    },
    hostedToolCalled: (name) => {
      toolsCalled.push(named(name));
      hostedCalls += 1;
    },
    ending: (success, errorMessage, facts) => {
      if (bytesReleased > 0) releasedDigest ??= digest.digest();
      return {
        success,
        errorMessage,
        facts: hostedCalls === 0 || facts === null ? facts : { ...facts, notInspected: [...facts.notInspected, hostedNote] },
        status: answer.status,
        address: answer.address,
        attempts: answer.attempts,
        bytesSent: recorded.outbound.length,
        bytesReceived,
        responseDigest: releasedDigest,
        toolsCalled,
        toolCallsRefused,
      };
    },
  };
};
