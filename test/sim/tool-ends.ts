// How tool calls end that were handed over: as their agent says, each once, and of those that share an id the first one first.
// Contract: as `record-watch.ts`, to which it belongs; fed with what agents bring and with the records of one life after the other.

import { label } from '../../src/core/identifier.ts';
import type { RecordBody } from '../../src/core/receipt.ts';
import type { Members } from './dialect.ts';
import type { Violated } from './evidence.ts';
import type { Exchange } from './exchange.ts';

export interface ToolEnds {
  /** Results that a request of the run brings back. */
  readonly brings: (one: Pick<Exchange, 'results' | 'dialect'>, runId: string) => void;
  /** A call was permitted, durably. */
  readonly begins: (decision: Members) => void;
  /** The outcome of a call is handed over. */
  readonly ends: (outcome: RecordBody) => void;
  readonly restarted: () => void;
}

const callOf = (body: Members): string =>
  `${String(body['invocation_id'])} ${String((body['tool'] as { readonly call_id?: string }).call_id)}`;

export const createToolEnds = (violated: Violated): ToolEnds => {
  /** By run and id, whether it succeeded, each time that somebody said so. */
  const said = new Map<string, Set<boolean>>();
  /** Decisions that have no outcome yet, by run and id, in their order. */
  let waiting = new Map<string, readonly unknown[]>();
  return {
    brings: ({ results, dialect }, runId) => {
      for (const { id, failed } of results) {
        const call = `${runId} ${label(id)}`;
        said.set(call, (said.get(call) ?? new Set()).add(!failed || dialect?.tellsFailedTools !== true));
      }
    },
    begins: (decision) => void waiting.set(callOf(decision), [...(waiting.get(callOf(decision)) ?? []), decision['log_id']]),
    ends: (outcome) => {
      const call = callOf(outcome);
      const { success, source, decision_log_id: decision } = outcome;
      const isAgents = source === 'agent';
      if (isAgents ? said.get(call)?.has(success === true) !== true : success === true)
        violated('a tool call ends as its agent says', `${outcome.log_id}, ${String(success)} by ${String(source)}`);
      const open = waiting.get(call) ?? [];
      if (isAgents && open[0] !== decision) violated('of calls that share an id the first ends first', outcome.log_id);
      waiting.set(
        call,
        open.filter((each) => each !== decision),
      );
    },
    restarted: () => {
      waiting = new Map();
    },
  };
};
