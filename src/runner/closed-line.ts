// The line that a person reads after a run, and the same as facts for a machine.
// Pure; what the envelope did not count is left out of the line and null in the facts.

import type { ClosedInvocation, RunTotals } from '../client/client.ts';
import type { Json } from '../core/canonical-json.ts';
import { shownCost } from '../core/price.ts';

const grouped = (count: number): string => String(count).replaceAll(/\B(?=(?:\d{3})+$)/g, ',');
const shownCount = (count: number | null): string => (count === null ? '?' : grouped(count));

const costPart = ({ cost, callsWithoutCost }: RunTotals): readonly string[] => {
  if (cost === null) return [];
  const more = callsWithoutCost === 0 ? '' : `, and of ${callsWithoutCost} ${callsWithoutCost === 1 ? 'call' : 'calls'} unknown`;
  return [`cost ${cost.map(shownCost).join(' + ')}${more}`];
};

const totalsParts = (totals: RunTotals): readonly string[] => {
  const { modelCalls, toolCalls, inputTokenCount, outputTokenCount } = totals;
  const counted = inputTokenCount !== null || outputTokenCount !== null;
  return [
    `model calls ${grouped(modelCalls)}`,
    `tool calls ${grouped(toolCalls)}`,
    ...(counted ? [`tokens ${shownCount(inputTokenCount)} in, ${shownCount(outputTokenCount)} out`] : []),
    ...costPart(totals),
  ];
};

const deniedPart = ({ denials, deniedRecords }: ClosedInvocation): string => {
  const [last, ...earlier] = deniedRecords.toReversed();
  if (last === undefined) return `denied ${denials}`;
  return `denied ${denials} (sealwright why ${last}${earlier.length === 0 ? '' : `, and before it ${earlier.join(', ')}`})`;
};

export const closedLine = (closed: ClosedInvocation): string => {
  const { totals, crossings, record } = closed;
  const counted = totals === null ? [`crossings ${crossings}`] : totalsParts(totals);
  const since = totals?.sinceRestart === true ? ['counted from the restart of the envelope on'] : [];
  return [...counted, ...since, deniedPart(closed), `record ${record}`].join(' · ');
};

export const closedFacts = (closed: ClosedInvocation): { readonly [name: string]: Json } => {
  const { crossings, denials, deniedRecords, totals, record } = closed;
  return {
    crossings,
    denials,
    denied_records: deniedRecords,
    model_calls: totals?.modelCalls ?? null,
    tool_calls: totals?.toolCalls ?? null,
    input_token_count: totals?.inputTokenCount ?? null,
    output_token_count: totals?.outputTokenCount ?? null,
    tools_used: totals?.toolsUsed.map(({ name, count }) => ({ name, count })) ?? null,
    cost: totals?.cost?.map(({ currency, amount }) => ({ currency, amount })) ?? null,
    calls_without_cost: totals?.callsWithoutCost ?? null,
    since: totals === null ? null : totals.sinceRestart ? 'restart' : 'opening',
    record,
  };
};
