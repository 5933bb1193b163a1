// What the envelope says when a run is closed. Members that an older envelope does not send are null; what has not the form is left out.
// Pure; an answer that does not even have what every version sends is null.

import { limits } from '../core/limits.ts';
import type { Cost } from '../core/price.ts';
import { isCount, isText, members, texts, type Members } from './answer-members.ts';

export interface ClosedInvocation {
  readonly crossings: number;
  readonly denials: number;
  /** Those that the agent was told as ordinary text, so that its own exit code need not show them. */
  readonly deniedAsText: number;
  /** What else was counted; null where the envelope does not say it. */
  readonly totals: RunTotals | null;
  /** The last few records of denials, oldest first. */
  readonly deniedRecords: readonly string[];
  /** `log_id` of the record that closed the invocation. */
  readonly record: string;
}

/** Null where nobody counted. */
export interface RunTotals {
  readonly modelCalls: number;
  readonly toolCalls: number;
  readonly inputTokenCount: number | null;
  readonly outputTokenCount: number | null;
  readonly toolsUsed: readonly { readonly name: string; readonly count: number }[];
  /** One for each currency. */
  readonly cost: readonly Cost[] | null;
  /** Model calls that may have cost something more. */
  readonly callsWithoutCost: number;
  /** What was done before the envelope started anew is not counted. */
  readonly sinceRestart: boolean;
}

const readList = <T>(value: unknown, read: (item: Members) => T | null): readonly T[] =>
  Array.isArray(value) ? value.flatMap((item) => read(members(item)) ?? []) : [];

const readTotals = (answer: unknown): RunTotals | null => {
  const { model_calls, tool_calls, input_token_count, output_token_count, calls_without_cost, tools_used, cost, since } = members(answer);
  if (!isCount(model_calls) || !isCount(tool_calls)) return null;
  return {
    modelCalls: model_calls,
    toolCalls: tool_calls,
    inputTokenCount: isCount(input_token_count) ? input_token_count : null,
    outputTokenCount: isCount(output_token_count) ? output_token_count : null,
    toolsUsed: readList(tools_used, ({ name, count }) => (isText(name) && isCount(count) ? { name, count } : null)),
    cost: Array.isArray(cost)
      ? readList(cost, ({ currency, amount }) => (isText(currency) && isText(amount) ? { currency, amount } : null))
      : null,
    callsWithoutCost: isCount(calls_without_cost) ? calls_without_cost : 0,
    sinceRestart: since === 'restart',
  };
};

export const readClosed = (answer: unknown): ClosedInvocation | null => {
  const { crossings, denials, denied_as_text, denied_records, record } = members(answer);
  if (!isCount(crossings) || !isCount(denials) || !isCount(denied_as_text) || !isText(record)) return null;
  return {
    crossings,
    denials,
    deniedAsText: denied_as_text,
    totals: readTotals(answer),
    deniedRecords: texts(denied_records).slice(-limits.deniedRecordsShownCount),
    record,
  };
};
