// What crossings add to the metrics, from the account of each.
// A crossing costs a few additions; nothing is kept of it, and nothing fails.

import { denialTable } from '../core/denial.ts';
import type { Account } from './accounts.ts';
import { timedStages } from './accounts.ts';
import type { Samples } from './instruments.ts';
import { createCounter, createHistogram } from './instruments.ts';
import type { CrossingMetric } from './metric-table.ts';

/** In seconds. Answers of models take from milliseconds to minutes. */
const longBounds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600];
const stageBounds = [0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 2.5, 10, 60, 300];
/** From the sync of a good disk to the limit `commitMs` and beyond. */
export const commitBounds = [0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10];

export interface CrossingCounts {
  readonly count: (account: Readonly<Account>) => void;
  readonly turnedAway: (listener: string) => void;
  readonly samples: Readonly<Record<Exclude<CrossingMetric, 'sealwright_diagnostic_lines_dropped'>, Samples>>;
}

const actions = ['model_request', 'tool_call', 'network_connection'] as const satisfies readonly Account['action'][];

const statusClass = ({ upstreamStatus, upstreamFailure }: Account): string | null => {
  if (upstreamStatus !== null) return `${Math.floor(upstreamStatus / 100)}xx`;
  return upstreamFailure;
};

const instruments = () => ({
  sealwright_crossings: createCounter(),
  sealwright_denials: createCounter(Object.keys(denialTable).map((code) => [code])),
  sealwright_request_duration_seconds: createHistogram(
    longBounds,
    actions.map((action) => [action]),
  ),
  sealwright_stage_duration_seconds: createHistogram(
    stageBounds,
    timedStages.map((stage) => [stage]),
  ),
  sealwright_time_to_first_byte_seconds: createHistogram(longBounds, [['false'], ['true']]),
  sealwright_upstream_duration_seconds: createHistogram(longBounds),
  sealwright_upstream_response_seconds: createHistogram(longBounds),
  sealwright_upstream_responses: createCounter(),
  sealwright_upstream_attempts: createCounter(),
  sealwright_sent_bytes: createCounter(actions.map((action) => [action])),
  sealwright_received_bytes: createCounter(actions.map((action) => [action])),
  sealwright_tokens: createCounter(),
  sealwright_unrecorded: createCounter(['sealed', 'full', 'slow', 'backpressure', 'too_large', 'malformed'].map((reason) => [reason])),
  sealwright_turned_away: createCounter(['model', 'network', 'admin', 'control'].map((listener) => [listener])),
});

type Instruments = ReturnType<typeof instruments>;

const countUpstream = (into: Instruments, account: Account): void => {
  const { endpoint, pin, ending, upstreamHeadMs, upstreamMs } = account;
  if (endpoint === null || account.sentMs === null) return;
  const status = statusClass(account);
  if (status !== null) into.sealwright_upstream_responses.add(1, endpoint, status);
  if (upstreamHeadMs !== null && account.upstreamStatus !== null)
    into.sealwright_upstream_response_seconds.observe(upstreamHeadMs / 1_000, endpoint);
  if (upstreamMs !== null) into.sealwright_upstream_duration_seconds.observe(upstreamMs / 1_000, endpoint);
  into.sealwright_upstream_attempts.add(ending?.attempts ?? 0, endpoint);
  const { inputTokenCount = null, cachedInputTokenCount = null, outputTokenCount = null } = ending?.facts ?? {};
  if (pin === null) return;
  if (inputTokenCount !== null) into.sealwright_tokens.add(inputTokenCount, pin, 'input');
  if (cachedInputTokenCount !== null) into.sealwright_tokens.add(cachedInputTokenCount, pin, 'cached_input');
  if (outputTokenCount !== null) into.sealwright_tokens.add(outputTokenCount, pin, 'output');
};

export const createCrossingCounts = (): CrossingCounts => {
  const into = instruments();
  return {
    count: (account) => {
      const { action, decision, result, denial, ending } = account;
      into.sealwright_crossings.add(1, action, decision?.verdict ?? 'none', decision?.mode ?? 'none', result);
      if (denial !== null) into.sealwright_denials.add(1, denial);
      if (account.unrecorded !== null) into.sealwright_unrecorded.add(1, account.unrecorded);
      into.sealwright_request_duration_seconds.observe(account.durationMs / 1_000, action);
      for (const stage of timedStages) {
        const ms = account.stageMs[stage];
        if (ms !== undefined) into.sealwright_stage_duration_seconds.observe(ms / 1_000, stage);
      }
      if (account.firstByteMs !== null)
        into.sealwright_time_to_first_byte_seconds.observe(account.firstByteMs / 1_000, String(account.streaming));
      if (ending !== null) {
        into.sealwright_sent_bytes.add(ending.bytesSent ?? 0, action);
        into.sealwright_received_bytes.add(ending.bytesReceived, action);
      }
      countUpstream(into, account);
    },
    turnedAway: (listener) => into.sealwright_turned_away.add(1, listener),
    samples: Object.fromEntries(Object.entries(into).map(([name, { samples }]) => [name, samples])) as CrossingCounts['samples'],
  };
};
