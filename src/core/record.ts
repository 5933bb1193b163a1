// How crossings become records; `record-reference.ts` lists the members.
// Unknown is null, never absent. No member ever holds a credential, a prompt, a completion or a detected value.

import type { Crossing, NetworkCall } from './crossing.ts';
import type { Authorised, Decision } from './decision.ts';
import type { Denial, DenialCode } from './denial.ts';
import { sentenceOf } from './denial.ts';
import { label } from './identifier.ts';
import { limits } from './limits.ts';
import { writtenAlike } from './canonical-json.ts';
import { type NotInspected, opaqueWithout } from './opaque.ts';
import type { Containment, ControlAction, Invocation, Invoker } from './principal.ts';
import type { RecordBody, RecordKind, Stream } from './receipt.ts';
import type { Stamp } from './stamp.ts';
import { costOfOutcome } from './totals.ts';
import type { Admitted, Decided, Ending, Identified, Inspected, Judgement, Read, Recorded, Transformed } from './stages.ts';
import { offeredWith, type Reading } from './wire-format.ts';

/** Lists cut to their bound, and how much was cut. */
const boundedMembers = (lists: Readonly<Record<string, readonly unknown[]>>): Record<string, unknown> => {
  const long = Object.entries(lists).filter(([, list]) => list.length > limits.listInRecordCount);
  if (long.length === 0) return lists;
  const cut = long.map(([name, list]) => [name, list.slice(0, limits.listInRecordCount)] as const);
  const truncated = long.map(([name, list]) => [name, list.length - limits.listInRecordCount] as const);
  return { ...lists, ...Object.fromEntries(cut), truncated: Object.fromEntries(truncated) };
};

/** A request and its answer may both note the same. */
const eachOnce = (notes: readonly NotInspected[]): readonly NotInspected[] => [
  ...new Map(notes.map((note) => [`${note.what}\n${note.why}`, note])).values(),
];

/** What others wrote enters a record only as a label. */
export const labelled = (name: string | null | undefined): string | null => (typeof name === 'string' ? label(name) : null);

/** Members that say whose and which crossing it is; the record that ends something repeats those of the record that began it. */
export const identifyingMembers: readonly string[] = [
  'invocation_id',
  'crossing_id',
  'parent_crossing_id',
  'session_id',
  'action_type',
  'agent_id',
  'agent_role',
  'agent_version',
  'user_id',
  'user_assurance',
  'user_issuer',
  'data_classification',
  'containment',
];

/** What somebody who is known asked to open; null where it is unknown. */
export interface AskedOpening {
  readonly invoker: Invoker;
  readonly agent: { readonly id: string | null; readonly version: string | null };
  readonly role: string | null;
  readonly containment: Containment;
  readonly dataClassification: string | null;
}

/** Members of everything that belongs to an invocation. */
export const invocationMembers = (invocation: AskedOpening & { readonly id: string | null }): Record<string, unknown> => ({
  invocation_id: invocation.id,
  crossing_id: null,
  parent_crossing_id: null,
  session_id: null,
  action_type: 'invocation',
  agent_id: invocation.agent.id,
  agent_role: invocation.role,
  agent_version: invocation.agent.version,
  ...personMembers(invocation.invoker),
  data_classification: invocation.dataClassification,
  containment: invocation.containment,
  source: 'envelope',
  decision: null,
});

/** Who did it, on a control record. */
export const personMembers = ({ userId, assurance, issuer }: Invoker): Record<string, unknown> => ({
  user_id: userId,
  user_assurance: assurance,
  user_issuer: issuer,
});

/** What was changed on the control plane, by whom, and what let him. */
export const controlChangeRecord = (
  { invoker, decision }: Authorised,
  action: ControlAction,
  change: Readonly<Record<string, unknown>>,
  stamp: Stamp,
): RecordBody =>
  body(stamp, 'control', 'change', {
    ...personMembers(invoker),
    source: 'envelope',
    control_action: action,
    change,
    decision: decisionMember(decision),
  });

/** The record of an action on the control plane that a known caller asked for and may not do. */
export const controlRefusalRecord = (invoker: Invoker, action: ControlAction, decision: Decision, stamp: Stamp): RecordBody =>
  body(stamp, 'control', 'decision', {
    ...personMembers(invoker),
    source: 'envelope',
    denial: 'not_permitted',
    control_action: action,
    // The control plane is never only observed.
    decision: decisionMember({ ...decision, verdict: 'deny', mode: 'enforce' }),
  });

/** The one record of an invocation that a known caller asked for and did not get. */
export const refusedOpeningRecord = (
  asked: AskedOpening,
  refused: { readonly denial: DenialCode; readonly reason: string; readonly decision: Decision | null },
  stamp: Stamp,
): RecordBody =>
  body(stamp, 'agent', 'decision', {
    ...invocationMembers({ ...asked, id: null }),
    denial: refused.denial,
    decision: decisionMember({
      verdict: 'deny',
      policies: refused.decision?.policies ?? [],
      reason: refused.reason.slice(0, limits.sentenceCharacters),
      mode: 'enforce',
      observed: refused.decision?.observed ?? null,
      request: refused.decision?.request ?? null,
    }),
  });

const streamOf = (crossing: Crossing): Stream => (crossing.call.action === 'model_request' ? 'model' : 'agent');

const crossingMembers = (at: Identified | Recorded): Record<string, unknown> => ({
  ...invocationMembers(at.invocation),
  crossing_id: at.crossing.id,
  parent_crossing_id: at.crossing.parentId,
  session_id: labelled('reading' in at ? (at.reading?.sessionId ?? at.crossing.sessionId) : at.crossing.sessionId),
  action_type: at.crossing.call.action,
});

/** What stands where a crossing was refused before anything in it was looked at. */
const unread: readonly NotInspected[] = [{ what: 'content', why: 'refused before it was inspected' }];

/** Keyed digest of bytes that must not be recognisable once the key is erased. */
export type KeyedDigest = (invocation: Invocation, bytes: Uint8Array) => string;

/** What a tool belongs to: `builtin` for an agent's own, else an MCP server. */
const serverOf = (tool: string): string | null => (tool.includes('/') ? tool.slice(0, tool.indexOf('/')) : null);

const destinationMember = ({ destination }: NetworkCall, address: string | null): Record<string, unknown> => ({
  name: destination?.name ?? null,
  port: destination?.port ?? null,
  address,
});

const carriedAsItIs = ({ carrying }: NetworkCall): readonly NotInspected[] => [{ what: carrying.carries, why: 'carried as it is' }];

/** A request without what was taken out of it. */
const leftOf = (reading: Reading, judgement: Judgement | null): Reading => {
  if (judgement?.takenOut === undefined) return reading;
  const { notInspected, kinds } = opaqueWithout(reading.opaque, judgement.takenOut);
  return { ...reading, notInspected, toolsOffered: offeredWith(reading.toolsOffered, kinds) };
};

const saidMembers = (
  at: Identified | Read | Inspected | Decided | Admitted | Transformed,
  digest: KeyedDigest,
): Record<string, unknown> => {
  const { call } = at.crossing;
  if (call.action === 'tool_call')
    return {
      tool: { name: call.tool, server: serverOf(call.tool), call_id: call.callId, arguments_digest: digest(at.invocation, call.arguments) },
      ...boundedMembers({ not_inspected: [...call.notInspected, ...('inspection' in at ? at.inspection.notInspected : unread)] }),
    };
  if (call.action === 'network_connection')
    return {
      destination: destinationMember(call, null),
      ...boundedMembers({ not_inspected: [...carriedAsItIs(call), ...('inspection' in at ? at.inspection.notInspected : unread)] }),
    };
  const judgement = 'judgement' in at ? at.judgement : null;
  const reading = 'reading' in at && at.reading !== null ? leftOf(at.reading, judgement) : null;
  const sent = 'outbound' in at ? at.outbound : null;
  const { endpoint } = judgement?.candidate ?? {};
  const takenOut = judgement?.takenOut?.length ?? 0;
  return {
    operation: label(call.operation),
    ...(Object.keys(call.clientIds).length > 0 && { client_ids: call.clientIds }),
    not_inspected: unread,
    ...(reading && {
      model_asked: label(reading.model),
      system_prompt_digest: reading.systemPromptDigest,
      ...boundedMembers({
        system_prompt_blocks: reading.systemPromptBlocks,
        tools_offered: reading.toolsOffered.map((tool) => label(tool.name)),
        tool_results_summary: reading.toolsAnswered.map((tool) => ({ call_id: label(tool.callId), success: tool.success })),
        not_inspected: [...reading.notInspected, ...('inspection' in at ? at.inspection.notInspected : unread)],
      }),
    }),
    ...(takenOut > 0 && { masked: { denied_content: takenOut } }),
    ...(judgement?.candidate && { model_version: judgement.candidate.pin }),
    ...(endpoint && {
      endpoint: { id: endpoint.id, topology: endpoint.topology, provider: endpoint.provider, region: endpoint.region, address: null },
    }),
    ...(sent && { request_digest: digest(at.invocation, sent) }),
  };
};

/** What was decided before is recorded as before; a decision does not change. */
const decisionMembers = new WeakMap<Decision, Record<string, unknown>>();

const decisionMember = (decision: Decision): Record<string, unknown> => {
  const known = decisionMembers.get(decision);
  if (known !== undefined) return known;
  const member = writtenAlike({
    verdict: decision.verdict,
    ...boundedMembers({
      policies: decision.policies,
      ...(decision.hostedTools && { hosted_tools: decision.hostedTools }),
    }),
    reason: decision.reason,
    mode: decision.mode,
    request: decision.request,
    observed: decision.observed && { verdict: decision.observed.verdict, ...boundedMembers({ policies: decision.observed.policies }) },
  });
  decisionMembers.set(decision, member);
  return member;
};

const body = (stamp: Stamp, stream: Stream, kind: RecordKind, members: Record<string, unknown>): RecordBody => ({
  ...members,
  log_id: stamp.log_id,
  timestamp: stamp.timestamp,
  stream,
  kind,
});

/** The record that must be durable before anything leaves. */
export const intentRecord = (at: Transformed, stamp: Stamp, digest: KeyedDigest): RecordBody =>
  body(stamp, streamOf(at.crossing), 'decision', {
    ...crossingMembers(at),
    ...saidMembers(at, digest),
    decision: decisionMember(at.judgement.decision),
  });

/** The one record of a crossing that did not happen. */
export const denialRecord = (
  at: Identified | Read | Inspected | Decided,
  denial: Denial,
  stamp: Stamp,
  digest: KeyedDigest,
): RecordBody => {
  const judged = 'judgement' in at ? at.judgement.decision : null;
  return body(stamp, streamOf(at.crossing), 'decision', {
    ...crossingMembers(at),
    ...saidMembers(at, digest),
    denial: denial.denial,
    decision: decisionMember({
      verdict: judged?.verdict === 'approval' ? 'approval' : 'deny',
      policies: judged?.policies ?? [],
      reason: sentenceOf(denial).slice(0, limits.sentenceCharacters),
      mode: 'enforce',
      request: judged?.request ?? null,
      observed: judged?.observed ?? null,
    }),
  });
};

/** How a crossing ended. `durationMs` is monotonic. */
export const outcomeRecord = (at: Recorded, ending: Ending, stamp: Stamp, durationMs: number): RecordBody => {
  const { facts } = ending;
  const { candidate } = at.judgement;
  const common = {
    ...crossingMembers(at),
    decision_log_id: at.intent.logId,
    success: ending.success,
    error_message: ending.errorMessage,
    duration_ms: Math.round(durationMs),
  };
  const { call } = at.crossing;
  const said = call.action === 'tool_call' ? call.notInspected : at.reading === null ? [] : leftOf(at.reading, at.judgement).notInspected;
  const notInspected = eachOnce([...said, ...at.inspection.notInspected, ...(facts?.notInspected ?? [])]);
  if (call.action === 'tool_call')
    return body(stamp, 'agent', 'outcome', {
      ...common,
      tool: { name: call.tool, server: serverOf(call.tool), call_id: call.callId },
      ...boundedMembers({ not_inspected: notInspected }),
    });
  if (call.action === 'network_connection')
    return body(stamp, 'agent', 'outcome', {
      ...common,
      destination: destinationMember(call, ending.address),
      upstream_status: ending.status,
      bytes_sent: ending.bytesSent,
      bytes_received: ending.bytesReceived,
      attempts: ending.attempts,
      ...boundedMembers({ not_inspected: [...carriedAsItIs(call), ...notInspected] }),
    });
  const cost = costOfOutcome(at, ending);
  return body(stamp, 'model', 'outcome', {
    ...common,
    model_version: candidate?.pin ?? null,
    model_reported: labelled(facts?.modelReported),
    upstream_request_id: labelled(facts?.upstreamRequestId),
    upstream_status: ending.status,
    endpoint: candidate && {
      id: candidate.endpoint.id,
      topology: candidate.endpoint.topology,
      provider: candidate.endpoint.provider,
      region: candidate.endpoint.region,
      address: ending.address,
    },
    input_token_count: facts?.inputTokenCount ?? null,
    cached_input_token_count: facts?.cachedInputTokenCount ?? null,
    output_token_count: facts?.outputTokenCount ?? null,
    ...(cost !== null && { cost }),
    tool_calls_refused: ending.toolCallsRefused,
    bytes_sent: ending.bytesSent,
    bytes_received: ending.bytesReceived,
    response_digest: ending.responseDigest,
    attempts: ending.attempts,
    ...boundedMembers({ tools_called: ending.toolsCalled.map(label), not_inspected: notInspected }),
  });
};

/** The outcome of a tool call that the agent carried out by itself, known from the result that came back or did not. */
export const toolOutcomeRecord = (
  call: {
    readonly at: Recorded;
    readonly success: boolean | null;
    readonly errorMessage: string | null;
    readonly source: 'agent' | 'envelope';
  },
  stamp: Stamp,
  durationMs: number,
): RecordBody => ({
  ...outcomeRecord(call.at, { ...emptyEnding, success: call.success, errorMessage: call.errorMessage }, stamp, durationMs),
  source: call.source,
});

const emptyEnding: Ending = {
  success: null,
  errorMessage: null,
  facts: null,
  status: null,
  address: null,
  attempts: 0,
  bytesSent: 0,
  bytesReceived: 0,
  responseDigest: null,
  toolsCalled: [],
  toolCallsRefused: 0,
};
