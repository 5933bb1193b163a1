// What must hold of every record from the moment in which it is handed to the ledger: durable when acknowledged, refused only with cause, one end for
// each beginning, of what was lived through, and the books in the end.
// Contract: judges by `evidence.ts`, by who may cross (`authority.ts`) and by what reached the provider. Broken rules are violations; nothing throws.

import { limits } from '../../src/core/limits.ts';
import type { Receipt, RecordBody, RecordRefusal } from '../../src/core/receipt.ts';
import { isRefusal } from '../../src/core/receipt.ts';
import type { Crossed } from '../../src/core/stages.ts';
import type { StopScope } from '../../src/core/stop.ts';
import type { Authority, Run } from './authority.ts';
import { timersLateMs } from './authority.ts';
import type { Members } from './dialect.ts';
import { counted } from './dialect.ts';
import type { Evidence, Violated } from './evidence.ts';
import { permits } from './evidence.ts';
import { ledgerSettings } from './ledger-settings.ts';
import type { Openings } from './openings.ts';
import { createOpenings } from './openings.ts';
import { createRunTotals } from './run-totals.ts';
import { createShowing } from './showing.ts';
import type { ToolEnds } from './tool-ends.ts';
import { createToolEnds } from './tool-ends.ts';
import type { UpstreamCall } from './upstream.ts';
import type { Trouble } from './weather.ts';
import { agentOf, reportsOf } from './world.ts';

export interface RecordWatchParts {
  readonly evidence: Evidence;
  readonly authority: Authority;
  readonly violated: Violated;
  readonly count: (what: string) => void;
  readonly told: (line: string) => void;
  readonly nowMs: () => number;
}

export interface RecordWatch {
  /** A sync of the journal failed: nothing may cross from now until the next start. */
  readonly journalFailed: () => void;
  readonly isSealed: () => boolean;
  /** Whether somebody was told so. */
  readonly isKnownSealed: () => boolean;
  /** Somebody else may write to the ledger by now. `isQuiet`: nothing was being published just then. */
  readonly lockLost: (isQuiet: boolean) => void;
  readonly started: (trouble: Trouble) => void;
  /** The envelope lets go of its invocations, which stay open for the next start. */
  readonly stopping: () => void;
  readonly isStopping: () => boolean;
  /** The ledger was closed in order. `quiet`: nothing was under way, and the disk gave no trouble. */
  readonly stopped: (quiet: boolean) => void;
  readonly appending: (body: RecordBody) => void;
  readonly appended: (body: RecordBody, result: Receipt | RecordRefusal) => void;
  /** A request of this crossing went out, for the n-th time. */
  readonly sent: (crossingId: string, times: number) => void;
  /** Of a crossing that was refused there is a record that says so, or none could be written. */
  readonly refused: (number: number, crossingId: string, crossed: Crossed, sends: number) => void;
  /** Whether a tool call of the run was permitted in this life and none under that id has ended. */
  readonly isToolCallOpen: (runId: string, callId: string) => boolean;
  /** Whether the decision on a tool call still waits for its outcome. */
  readonly isToolOpen: (decisionLogId: string) => boolean;
  /** Whether a record of the crossing was written in this life. */
  readonly isOfThisLife: (crossingId: string) => boolean;
  /** An outcome says what happened. */
  readonly outcomeSays: (body: Members, call: UpstreamCall | null, durationMs: number) => void;
  readonly brings: ToolEnds['brings'];
  readonly notOpened: Openings['notOpened'];
  /** Decisions that a clean stop left without an outcome, and the invocations that it left open. */
  readonly leftOpen: (decisions: readonly Members[], invocations: readonly Members[]) => void;
  readonly atEnd: () => void;
}

const endingKinds: ReadonlySet<RecordBody['kind']> = new Set(['outcome', 'closed', 'recovery']);
/** What is kept free for ends, as `ledgerSettings` has it, less what the writing of one record may take beside its text. */
const reserveBytes = Math.min(limits.outcomeReserveBytes, ledgerSettings.segmentBytes / 4);
const besideBytes = 1_536;
const bytesOf = (body: RecordBody): number => Buffer.byteLength(JSON.stringify(body)) + besideBytes;
/** So many looks as a record may take, each of them late: what one is late by does not count. */
const waitMs = (limits.commitMs / limits.commitLookMs) * (limits.commitLookMs + timersLateMs);
/** Making the next segment takes so long at most, slow operations left out: a full disk is not slow as well. */
const preparationMs = 2_000;

const isBeginning = (body: RecordBody): boolean => body.kind === 'decision' && permits({ body, origin: '', index: 0 });

export const createRecordWatch = ({ evidence, authority, violated, count, told, nowMs }: RecordWatchParts): RecordWatch => {
  const sends = new Map<string, number>();
  const acknowledged = new Map<string, Receipt>();
  const refusedFor = new Map<unknown, RecordRefusal['refused']>();
  /** Decisions that were refused as too slow and may have become durable all the same. */
  const slowDecisions = new Set<string>();
  /** Bytes of ends that were recorded since the last beginning was, and of those that are under way. */
  let [endedBytes, endingBytes] = [0, 0];
  /** When a record was handed over that has no answer yet. */
  const severedMs = new Map<string, number>();
  const handedOverMs = new Map<string, number>();
  /** Crossings of which a finding was handed over. */
  const found = new Set<unknown>();
  const totals = createRunTotals(violated);
  const openings = createOpenings(evidence, violated);
  const toolEnds = createToolEnds(violated);
  const showing = createShowing(evidence, violated, nowMs);
  /** Tool calls that were permitted in this life, and of those the ones that have ended. */
  let toolCalls = new Set<string>();
  let toolCallsEnded = new Set<string>();
  /** Decisions on tool calls that have no outcome yet, and their runs. */
  let openTools = new Map<unknown, string>();
  let crossings = new Set<unknown>();
  /** Attempts of this life by callers whom nobody could identify, and how many of them came to a record. */
  let strangers = 0;
  let strangersCounted = 0;
  let [sealed, knownSealed, isLockLost, isStopping] = [false, false, false, false];
  let trouble: Trouble = { any: () => false, spaceForMs: () => null, wasFull: () => false };

  const runOf = (body: Members): Run | null => authority.byId(body['invocation_id']);

  const toolCallOf = (body: Members): string =>
    `${String(body['invocation_id'])} ${String((body['tool'] as { readonly call_id?: string }).call_id)}`;

  /** A tool call begins when it is decided. */
  const decidedMs = new Map<unknown, number>();
  const lookAtDuration = (body: RecordBody): void => {
    const sinceMs = decidedMs.get(body['decision_log_id']);
    if (sinceMs !== undefined && body['duration_ms'] !== Math.round(nowMs() - sinceMs))
      violated('an outcome says what happened', `${body.log_id}: how long the tool call took`);
  };

  const appending = (body: RecordBody): void => {
    const run = runOf(body);
    handedOverMs.set(body.log_id, nowMs());
    if (endingKinds.has(body.kind)) endingBytes += bytesOf(body);
    crossings.add(body['crossing_id']);
    if (body.kind === 'outcome' && body['action_type'] === 'tool_call') {
      toolCallsEnded.add(toolCallOf(body));
      lookAtDuration(body);
      toolEnds.ends(body);
      openTools.delete(body['decision_log_id']);
    }
    if (body.kind === 'finding') found.add(body['crossing_id']);
    if (body.kind === 'change') {
      const change = body['change'] as { readonly what?: string; readonly scope?: StopScope };
      if (change.what === 'stop_lifted') count('stop lifted');
      if (change.what === 'stopped' && change.scope !== undefined) authority.named(body.log_id, change.scope);
    }
    openings.appending(body);
    if (body.kind === 'opened') authority.openRecorded(String(body['user_session_digest']));
    if (run === null) return;
    totals.appending(body, run);
    if (body['user_id'] !== run.userId || body['agent_role'] !== run.role || body['agent_id'] !== agentOf(run.client))
      violated('a record says whose it is', `${body.kind} ${body.log_id}`);
    if (body['ended'] === 'stopped' && !authority.isStop(body['stop']))
      violated('a record says whose it is', `${body.log_id} names no stop`);
    if (body.kind === 'closed') {
      authority.ended(run.id);
      authority.endRecorded(run.id);
    }
    if (body['ended'] === 'restart') violated('a restart takes back what was open', run.id);
    if (!isBeginning(body)) return;
    const action = String(body['action_type']);
    if (action === 'tool_call') decidedMs.set(body.log_id, nowMs());
    // What the gate does about a refusal it does within the same instant, after whatever else was about to happen in it.
    if (!authority.lives(run) && severedMs.get(run.id) !== nowMs())
      violated('no crossing is accepted after its lease ended', `${action} ${body.log_id}`);
    const tool = (body['tool'] as { readonly name?: string } | undefined)?.name;
    if (authority.isStopped(run, { model: body['model_version'], tool }))
      violated('what is stopped crosses nothing', `${action} ${body.log_id}`);
  };

  /** There is room kept for the ends of what has begun, for these at least. */
  const lookAtFull = (body: RecordBody): void => {
    if (!trouble.wasFull()) violated('what is refused for lack of space lacks it', `${body.kind} ${body.log_id}`);
    if (!endingKinds.has(body.kind)) return;
    const bytes = endedBytes + endingBytes + bytesOf(body);
    if (bytes < reserveBytes) violated('what has begun can end on a full disk', `${body.kind} ${body.log_id}, ${bytes} bytes`);
  };

  const appended = (body: RecordBody, result: Receipt | RecordRefusal): void => {
    told(`           ${body.kind} ${body.log_id} is ${isRefusal(result) ? `refused: ${result.refused}` : 'durable'}`);
    const run = runOf(body);
    const finding = body['finding'] as { readonly code: string; readonly count: number } | undefined;
    if (finding?.code === 'unidentified_attempts') strangersCounted += finding.count;
    if (endingKinds.has(body.kind)) endingBytes -= bytesOf(body);
    const waitedMs = nowMs() - (handedOverMs.get(body.log_id) ?? nowMs());
    handedOverMs.delete(body.log_id);
    if (waitedMs > waitMs) violated('nobody waits for a record without end', `${waitedMs} ms for ${body.kind} ${body.log_id}`);
    totals.appended(body, run, isRefusal(result));
    if (isRefusal(result)) {
      count(`refused ${result.refused}`);
      refusedFor.set(body['crossing_id'], result.refused);
      if (knownSealed && result.refused === 'slow') violated('what is sealed says so at once', `${body.kind} ${body.log_id}`);
      if (result.refused === 'sealed') knownSealed = true;
      // The gate severs the invocation then, also where the parent of a tool call ends otherwise and so announces nothing. What becomes of a call
      // that was handed over is not the gate's to say: the agent does, or it stays unknown. An envelope that stops has let go of all.
      if (!isStopping && body.kind === 'outcome' && run !== null && body['source'] === 'envelope' && body['success'] !== null) {
        if (authority.lives(run)) severedMs.set(run.id, nowMs());
        authority.ended(run.id);
      }
      if (body.kind === 'decision' && result.refused === 'slow') slowDecisions.add(String(body['crossing_id']));
      if (body.kind === 'opened' && result.refused === 'slow') openings.tooSlow(body);
      if (result.refused === 'full') lookAtFull(body);
      if (!trouble.any()) violated('a disk without trouble refuses nothing', `${result.refused} ${body.kind}`);
      const spaceForMs = trouble.spaceForMs() ?? 0;
      if (result.refused === 'full' && spaceForMs > limits.diskRetryMs + timersLateMs + preparationMs)
        violated('space that comes back is used', `${body.kind} after ${spaceForMs} ms`);
      return;
    }
    acknowledged.set(result.logId, result);
    const { what, stop } = (body['change'] ?? {}) as Members;
    if (what === 'stop_lifted') authority.lifted(stop);
    showing.acknowledged(result);
    endedBytes = endingKinds.has(body.kind) ? endedBytes + bytesOf(body) : 0;
    if (isLockLost) violated('nothing is acknowledged once another may write', `${body.kind} ${body.log_id}`);
    if (isBeginning(body) && body['action_type'] === 'tool_call') {
      toolCalls.add(toolCallOf(body));
      toolEnds.begins(body);
      openTools.set(body.log_id, String(body['invocation_id']));
    }
    const record = evidence.record(body.log_id);
    if (record === undefined) violated('a record is acknowledged only when it is durable', `${body.kind} ${body.log_id}`);
    else if (record.origin !== result.origin || record.index !== result.index) violated('a receipt says where the record is', body.log_id);
  };

  const outcomeSays = (body: Members, call: UpstreamCall | null, durationMs: number): void => {
    const wrong = (what: string): void => violated('an outcome says what happened', `${String(body['log_id'])}: ${what}`);
    if (body['duration_ms'] !== Math.round(durationMs)) wrong(`it took ${durationMs} ms`);
    if (call === null) return wrong('nothing was sent');
    const received = call.sent.reduce((sum, chunk) => sum + chunk.length, 0);
    if (body['upstream_status'] !== call.status) wrong(`status ${String(body['upstream_status'])} of ${call.status}`);
    if (body['bytes_sent'] !== call.outbound.body.length) wrong(`${String(body['bytes_sent'])} bytes sent`);
    if (body['bytes_received'] !== received) wrong(`${String(body['bytes_received'])} bytes received of ${received}`);
    if (call.dialect.format !== 'gemini' && body['upstream_request_id'] !== call.requestId) wrong('the id of the request');
    if ((body['endpoint'] as Members)['address'] !== '192.0.2.1:443') wrong('the address');
    const tokens = [body['input_token_count'], body['output_token_count']];
    if (call.intact && (tokens[0] !== counted.input || tokens[1] !== counted.output)) wrong(`${tokens.join(' and ')} were counted`);
    const reported = body['model_reported'];
    const isKnown = (reportsOf[call.model] ?? [call.model]).includes(String(reported));
    if (!isKnown && !found.has(body['crossing_id'])) queueMicrotask(() => unlessFound(body['crossing_id'], String(reported)));
  };

  /** The finding follows its outcome at once. */
  const unlessFound = (crossingId: unknown, reported: string): void => {
    if (!found.has(crossingId)) violated('a model that calls itself another is a finding', `${String(crossingId)}: ${reported}`);
  };

  /** The books, once everything has ended and the ledger was opened and closed once more. */
  const balance = (): void => {
    const decided = new Set<unknown>();
    for (const { body, origin, index } of evidence.all()) {
      const id = String(body['log_id']);
      if (body['kind'] === 'decision' && body['crossing_id'] !== null) {
        const outcomes = evidence.outcomesOf(id);
        const due = permits({ body, origin, index }) ? 1 : 0;
        if (outcomes.length !== due) violated(due === 1 ? 'each permitted decision has exactly one outcome' : 'a denial has no outcome', `${id} has ${outcomes.length}`); // prettier-ignore
        if (decided.has(body['crossing_id'])) violated('a crossing is decided once', id);
        decided.add(body['crossing_id']);
      }
      if (body['kind'] === 'outcome') {
        const decision = evidence.record(String(body['decision_log_id']));
        if (decision === undefined || decision.origin.split('/')[1] !== origin.split('/')[1]) violated('an outcome names its decision', id);
        else if (decision.origin === origin && decision.index >= index) violated('an outcome stands behind its decision', id);
        const times = sends.get(String(body['crossing_id'])) ?? 0;
        if (typeof body['attempts'] === 'number' && body['action_type'] === 'model_request' && body['attempts'] !== times)
          violated('every send is in the record', `${id} counts ${body['attempts']} of ${times}`);
      }
    }
    for (const [id, receipt] of acknowledged) {
      const record = evidence.record(id);
      if (record?.origin !== receipt.origin || record.index !== receipt.index) violated('what was acknowledged stays', id);
    }
  };

  return {
    lockLost: (isQuiet) => {
      evidence.shut(isQuiet);
      isLockLost = true;
      sealed = true;
    },
    journalFailed: () => {
      sealed = true;
    },
    isSealed: () => sealed,
    isKnownSealed: () => knownSealed,
    started: (now) => {
      sealed = false;
      knownSealed = false;
      isStopping = false;
      toolCalls = new Set();
      toolCallsEnded = new Set();
      openTools = new Map();
      [endedBytes, endingBytes] = [0, 0];
      isLockLost = false;
      openings.restarted();
      toolEnds.restarted();
      showing.started(now);
      strangers = 0;
      strangersCounted = 0;
      crossings = new Set();
      trouble = now;
      authority.restarted();
    },
    stopping: () => {
      isStopping = true;
      if (sealed) return;
      for (const id of authority.forgotten()) violated('a run that is over is recorded as closed', id);
      for (const [decision, runId] of openTools)
        if (authority.byId(runId)?.ended === true) violated('tool calls end with their run', `${String(decision)} of ${runId}`);
    },
    isStopping: () => isStopping,
    stopped: (quiet) => {
      if (quiet && strangersCounted !== strangers) violated('attempts by strangers are counted', `${strangersCounted} of ${strangers}`);
      for (const crossingId of slowDecisions)
        for (const decision of evidence.decisionsOf(crossingId))
          if (permits(decision) && evidence.outcomesOf(String(decision.body['log_id'])).length === 0)
            violated('what was refused too late is recorded as not carried out', crossingId);
      openings.stopped(quiet);
    },
    appending,
    appended,
    sent: (crossingId, times) => void sends.set(crossingId, times),
    refused: (number, crossingId, result, sendsCount) => {
      if (result.crossed === 'refused' && result.invocation === null) strangers += 1;
      if (result.crossed !== 'refused' || result.invocation === null) return;
      const { denial } = result.denial;
      const noneWritten = result.recordId === null;
      if (noneWritten && !refusedFor.has(crossingId))
        violated('a denial has its record, or none could be written', `call ${number}, ${denial}`);
      if (denial === 'overloaded' && result.denial.limit === 'records' && refusedFor.get(crossingId) !== 'backpressure')
        violated('only what surely was not recorded may be repeated', `call ${number}`);
      if (denial === 'record_unavailable' && sendsCount > 0) violated('nothing leaves when the record is unavailable', `call ${number}`);
      const [decision] = evidence.decisionsOf(crossingId);
      const isOpen = decision !== undefined && permits(decision) && evidence.outcomesOf(String(decision.body['log_id'])).length === 0;
      if (!noneWritten && sendsCount === 0 && isOpen) violated('a refused crossing is recorded as refused', `call ${number}`);
    },
    isToolCallOpen: (runId, callId) => toolCalls.has(`${runId} ${callId}`) && !toolCallsEnded.has(`${runId} ${callId}`),
    isToolOpen: (logId) => openTools.has(logId),
    isOfThisLife: (crossingId) => crossings.has(crossingId),
    outcomeSays,
    brings: toolEnds.brings,
    notOpened: openings.notOpened,
    leftOpen: (decisions, invocations) => {
      const waiting = new Set(invocations.map((opened) => opened['invocation_id']));
      for (const { log_id, crossing_id, invocation_id, action_type } of decisions) {
        const waits = action_type === 'tool_call' && waiting.has(invocation_id);
        if (!waits && !refusedFor.has(crossing_id))
          violated('a clean stop leaves no decision open', `${String(action_type)} ${String(log_id)}`);
      }
    },
    atEnd: balance,
  };
};
