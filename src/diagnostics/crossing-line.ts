// The one line of a crossing: every member of it with its meaning, and how it is read from the account.
// What is unknown or does not apply is left out. Names that callers chose do not stand in it; the record that it names has them.

import type { Json } from '../core/canonical-json.ts';
import type { LineLevel } from '../core/diagnostic-line.ts';
import { denialTable } from '../core/denial.ts';
import type { Account } from './accounts.ts';
import { timedStages } from './accounts.ts';

interface Member {
  readonly meaning: string;
  readonly of: (account: Readonly<Account>) => Json | undefined;
}

const member = (meaning: string, of: (account: Readonly<Account>) => Json | null | undefined): Member => ({
  meaning,
  of: (account) => of(account) ?? undefined,
});

/** Milliseconds to a thousandth. */
const roundedMs = (ms: number | null | undefined): number | undefined =>
  ms === null || ms === undefined ? undefined : Math.round(ms * 1_000) / 1_000;

/** In the order in which they stand in a line. */
export const crossingLineMembers = {
  crossing_id: member('Id of the crossing.', (account) => account.crossingId),
  parent_crossing_id: member('The crossing in whose answer this one stood.', (account) => account.parentId),
  invocation_id: member('The run of the agent that it belongs to.', (account) => account.invocation?.id),
  agent_id: member('Name under `agents`.', (account) => account.invocation?.agent.id),
  agent_role: member('Name under `agent_roles`.', (account) => account.invocation?.role),
  containment: member('`jail` or `advisory`.', (account) => account.invocation?.containment),
  action_type: member('`model_request`, `tool_call` or `network_connection`.', (account) => account.action),
  format: member('Wire format of a model request.', (account) => account.format),
  carries: member('`tunnel` or `http`, of a connection.', (account) => account.carries),
  streaming: member('Whether the answer was asked for as a stream.', (account) => (account.format === null ? null : account.streaming)),
  verdict: member('What the policies said: `permit`, `deny` or `approval`.', (account) => account.decision?.verdict),
  mode: member('`enforce` or `observe`.', (account) => account.decision?.mode),
  result: member(
    '`answered`, `refused`, `failed` (something outside broke), `cut` (the connection had to be broken), `handed_over` (a tool call that the agent may carry out) or `broken` (a bug).',
    (account) => account.result,
  ),
  denial: member('Code of the denial.', (account) => account.denial),
  unrecorded: member('Why a record could not be made durable.', (account) => account.unrecorded),
  model_version: member('Pin of the model.', (account) => account.pin),
  endpoint_id: member('Name under `endpoints`.', (account) => account.endpoint),
  upstream_status: member('Status of the upstream.', (account) => account.upstreamStatus),
  upstream_failure: member('Why there was no answer from it.', (account) => account.upstreamFailure),
  attempts: member('How often it was tried.', (account) => account.ending?.attempts),
  success: member('Whether it ended well.', (account) => account.ending?.success),
  bytes_sent: member('Bytes that left.', (account) => account.ending?.bytesSent),
  bytes_received: member('Bytes that came back.', (account) => account.ending?.bytesReceived),
  input_token_count: member('As the provider counted.', (account) => account.ending?.facts?.inputTokenCount),
  cached_input_token_count: member('As the provider counted.', (account) => account.ending?.facts?.cachedInputTokenCount),
  output_token_count: member('As the provider counted.', (account) => account.ending?.facts?.outputTokenCount),
  tools_called: member('How many tools the answer called.', (account) => (account.ending === null ? null : account.toolsCalledCount)),
  tool_calls_refused: member('How many of these calls were refused.', (account) => account.ending?.toolCallsRefused),
  not_inspected: member('How many parts of the request nobody could inspect.', (account) => account.notInspectedCount),
  record: member('`log_id` of the record of the decision or the denial.', (account) => account.recordId),
  outcome_record: member('`log_id` of the record of the outcome.', (account) => account.outcomeId),
  stage_ms: member(`Milliseconds that each stage took: ${timedStages.map((stage) => `\`${stage}\``).join(', ')}.`, ({ stageMs }) => {
    const rounded: Record<string, number> = {};
    for (const stage of timedStages) if (stageMs[stage] !== undefined) rounded[stage] = roundedMs(stageMs[stage]) ?? 0;
    return rounded;
  }),
  upstream_ms: member('Milliseconds from handing it on to the end of the answer.', (account) => roundedMs(account.upstreamMs)),
  first_byte_ms: member('Milliseconds from acceptance to the first byte of the answer.', (account) => roundedMs(account.firstByteMs)),
  duration_ms: member('Milliseconds from acceptance to the end.', (account) => roundedMs(account.durationMs)),
} as const satisfies Readonly<Record<string, Member>>;

const members = Object.entries(crossingLineMembers) as readonly (readonly [string, Member])[];

export const crossingLine = (account: Readonly<Account>): Record<string, Json | undefined> => {
  const line: Record<string, Json | undefined> = {};
  // What is unknown takes no place: an object of so many names is slow to read.
  for (const [name, { of }] of members) {
    const value = of(account);
    if (value !== undefined) line[name] = value;
  }
  return line;
};

/** The level of a denial is that of its row; what broke outside is worth a look, a bug more than that. */
export const levelOf = ({ result, denial, unrecorded }: Readonly<Account>): LineLevel => {
  if (result === 'broken') return 'error';
  if (denial !== null) return denialTable[denial].level;
  if (unrecorded !== null) return 'error';
  return result === 'failed' || result === 'cut' ? 'warn' : 'info';
};
