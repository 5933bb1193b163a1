// What one run of an agent did, in numbers: counted while it runs, and again from its records by whoever reads them, with the same function.
// Pure, bounded in memory. A number that nobody knows is null; what was counted from a restart on says so.

import type { Crossing } from './crossing.ts';
import { limits } from './limits.ts';
import type { Cost, Counted } from './price.ts';
import { costOf, createCostSum } from './price.ts';
import type { Ending, Recorded } from './stages.ts';

/** The member `totals` of a `closed` record. */
export interface Totals {
  readonly crossings: number;
  readonly denials: number;
  /** Denials, and failures of what was begun, that the agent saw as text in an answer and not as an error. */
  readonly denied_as_text: number;
  /** Those that asked for an answer and went out. */
  readonly model_calls: number;
  /** Those that were handed to the agent. */
  readonly tool_calls: number;
  /** Network connections that were permitted. */
  readonly connections: number;
  readonly input_token_count: number | null;
  readonly cached_input_token_count: number | null;
  readonly output_token_count: number | null;
  readonly tools_used: readonly { readonly name: string; readonly count: number }[];
  /** One for each currency; null where nothing has a price. */
  readonly cost: readonly Cost[] | null;
  /** Model calls that may have cost something of which nobody can say how much. */
  readonly calls_without_cost: number;
  readonly since: CountedSince;
  /** How many calls were of tools that `tools_used` does not name. */
  readonly truncated?: { readonly tools_used: number };
}

/** `restart`: the envelope was started anew while the run was open, and what it did before is not counted. */
export type CountedSince = 'opening' | 'restart';

export type Attempt = { readonly model: string } | { readonly tool: string } | { readonly connection: true };

/** How a model call ended. `refusedByProvider`: with an error, for which no provider charges. */
export interface ModelEnding extends Counted {
  readonly cost: Cost | null;
  readonly refusedByProvider: boolean;
}

export interface Counting {
  /** A crossing that went on: the operation of a model request, or the name of a tool. */
  readonly passed: (attempt: Attempt) => void;
  readonly denied: (asText: boolean) => void;
  /** Something that was begun and ended in a denial or a failure, which the agent shows as an answer. */
  readonly toldAsAnswer: () => void;
  /** A record that says that something was denied. */
  readonly denialRecorded: (recordId: string) => void;
  readonly modelEnded: (operation: string, ending: ModelEnding) => void;
  readonly totals: () => Totals;
  /** The last few records of denials, oldest first. */
  readonly deniedRecords: () => readonly string[];
}

/** Operations that only count the units of a request: no model answers, and no provider charges. */
const countingOperations: ReadonlySet<string> = new Set(['count_tokens', 'countTokens', 'input_tokens']);
export const onlyCounts = (operation: string): boolean => countingOperations.has(operation);

export const attemptOf = ({ call }: Crossing): Attempt => {
  if (call.action === 'network_connection') return { connection: true };
  return call.action === 'tool_call' ? { tool: call.tool } : { model: call.operation };
};

/** What the call cost at the price of the pin that it went to. */
export const costOfOutcome = ({ crossing: { call }, judgement }: Recorded, { facts }: Ending): Cost | null =>
  call.action !== 'model_request' || facts === null || onlyCounts(call.operation)
    ? null
    : costOf(judgement.candidate?.price ?? null, facts);

/** How a model call ended, as the envelope saw it. */
export const modelEndingOf = (recorded: Recorded, ending: Ending): ModelEnding => ({
  inputTokenCount: ending.facts?.inputTokenCount ?? null,
  cachedInputTokenCount: ending.facts?.cachedInputTokenCount ?? null,
  outputTokenCount: ending.facts?.outputTokenCount ?? null,
  cost: costOfOutcome(recorded, ending),
  refusedByProvider: isError(ending.status),
});

export const isError = (status: unknown): boolean => typeof status === 'number' && status >= 400;

const createToolCount = () => {
  const counts = new Map<string, number>();
  let others = 0;
  return {
    add: (name: string): void => {
      const count = counts.get(name) ?? 0;
      if (count === 0 && counts.size >= limits.listInRecordCount) others += 1;
      else counts.set(name, count + 1);
    },
    used: (): Pick<Totals, 'tools_used' | 'truncated'> => ({
      tools_used: [...counts].map(([name, count]) => ({ name, count })).toSorted((a, b) => b.count - a.count || (a.name < b.name ? -1 : 1)),
      ...(others > 0 && { truncated: { tools_used: others } }),
    }),
  };
};

/** Adds what is known to what may be unknown. */
const plus = (sum: number | null, count: number | null): number | null => (count === null ? sum : (sum ?? 0) + count);

export const createCounting = (since: CountedSince): Counting => {
  const [tools, sum] = [createToolCount(), createCostSum()];
  let [crossings, denials, deniedAsText, modelCalls, toolCalls, connections, priced, free] = [0, 0, 0, 0, 0, 0, 0, 0];
  let [input, cached, output]: [number | null, number | null, number | null] = [null, null, null];
  let deniedRecords: readonly string[] = [];
  return {
    passed: (attempt) => {
      crossings += 1;
      if ('tool' in attempt) {
        toolCalls += 1;
        tools.add(attempt.tool);
      } else if ('connection' in attempt) connections += 1;
      else if (!onlyCounts(attempt.model)) modelCalls += 1;
    },
    denied: (asText) => {
      crossings += 1;
      denials += 1;
      if (asText) deniedAsText += 1;
    },
    toldAsAnswer: () => {
      deniedAsText += 1;
    },
    denialRecorded: (recordId) => {
      deniedRecords = [...deniedRecords, recordId].slice(-limits.deniedRecordsShownCount);
    },
    modelEnded: (operation, ending) => {
      if (onlyCounts(operation)) return;
      input = plus(input, ending.inputTokenCount);
      cached = plus(cached, ending.cachedInputTokenCount);
      output = plus(output, ending.outputTokenCount);
      if (ending.cost !== null && sum.add(ending.cost)) priced += 1;
      else if (ending.refusedByProvider) free += 1;
    },
    totals: () => ({
      crossings,
      denials,
      denied_as_text: deniedAsText,
      model_calls: modelCalls,
      tool_calls: toolCalls,
      connections,
      input_token_count: input,
      cached_input_token_count: cached,
      output_token_count: output,
      ...tools.used(),
      cost: sum.costs(),
      calls_without_cost: Math.max(0, modelCalls - priced - free),
      since,
    }),
    deniedRecords: () => deniedRecords,
  };
};
