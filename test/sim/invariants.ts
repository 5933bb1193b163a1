// What must hold at every moment of a run, judged at the edges only: bytes that leave, bytes that are released, bytes that the disk has synced.
// Contract: each rule is checked when it can be broken, against `evidence.ts`; nothing that the envelope believes of itself is trusted.
// A broken rule becomes a violation with the call or record that broke it; nothing throws.

import { createHmac } from 'node:crypto';
import { sentenceOf } from '../../src/core/denial.ts';
import { label } from '../../src/core/identifier.ts';
import { limits } from '../../src/core/limits.ts';
import type { Receipt, RecordBody, RecordRefusal } from '../../src/core/receipt.ts';
import { isRefusal } from '../../src/core/receipt.ts';
import type { Crossed, Received } from '../../src/core/stages.ts';
import type { DurableRecord, Evidence, Violated } from './evidence.ts';
import { permits } from './evidence.ts';
import type { Exchange, ExchangeListener } from './exchange.ts';
import { createEventWatch, type SeenEvent } from './sse-watch.ts';
import type { UpstreamCall } from './upstream.ts';

/** An invocation as the outside knows it. */
export interface Run {
  readonly id: string;
  readonly role: string;
  leaseEndsMs: number;
  ended: boolean;
}

/** One request at the door, from acceptance to its end. */
interface View {
  readonly crossingId: string;
  readonly run: Run | null;
  /** Whether the lease was alive, and the ledger able, when it was accepted. */
  readonly live: boolean;
  readonly sealed: boolean;
  readonly gone: AbortSignal;
  readonly calls: UpstreamCall[];
  readonly toolsReleased: Map<string, number>;
  readonly watch: (bytes: Uint8Array) => readonly SeenEvent[];
  /** The tool call whose block is open in the stream. */
  tool: { readonly id: string; readonly name: string; input: string } | null;
}

export interface InvariantParts {
  readonly evidence: Evidence;
  readonly violated: Violated;
  /** Tells that something happened that a run is about. */
  readonly count: (what: string) => void;
  /** Takes a line for whoever replays a run. */
  readonly told: (line: string) => void;
  readonly nowMs: () => number;
  readonly digestKey: (invocationId: string) => Uint8Array | undefined;
  readonly permitted: (role: string, what: { readonly model: string } | { readonly tool: string }) => boolean;
}

export interface Invariants extends ExchangeListener {
  readonly opened: (id: string, credential: string, role: string) => void;
  readonly renewed: (id: string) => void;
  readonly runEnded: (id: string) => void;
  /** A sync of the journal failed: nothing may cross from now until the next start. */
  readonly journalFailed: () => void;
  /** `troubled` says whether the disk gave cause to refuse anything since. */
  readonly started: (troubled: () => boolean) => void;
  readonly accepted: (number: number, received: Received) => void;
  readonly crossed: (number: number, crossed: Crossed) => void;
  readonly upstreamCalled: (call: UpstreamCall) => void;
  /** The envelope lets go of its invocations, which stay open for the next start. */
  readonly stopping: () => void;
  readonly appending: (body: RecordBody) => void;
  readonly appended: (body: RecordBody, result: Receipt | RecordRefusal) => void;
  /** The ledger was closed in order. */
  readonly stopped: () => void;
  /** Decisions that a clean stop left without an outcome, and the invocations that it left open. */
  readonly leftOpen: (decisions: readonly Members[], invocations: readonly Members[]) => void;
  readonly atEnd: () => void;
}

type Members = Readonly<Record<string, unknown>>;

/** How every announcement that an outcome could not be recorded begins. */
const [unrecordedWords = ''] = sentenceOf({ denial: 'outcome_unrecorded', problem: '|' }).split('|');
const announced = ({ headers, chunks }: Exchange): boolean =>
  headers['x-sealwright-denial'] === 'outcome_unrecorded' || Buffer.concat(chunks).includes(unrecordedWords);

const isStream = ({ headers }: Exchange): boolean => (headers['content-type'] ?? '').startsWith('text/event-stream');

/** The part of `released` up to the last event that it shares whole with `sent`. */
const sharedLength = (released: Buffer, sent: Buffer): number => {
  let same = 0;
  while (same < released.length && same < sent.length && released[same] === sent[same]) same += 1;
  if (same === released.length) return same;
  const shared = released.subarray(0, same);
  return Math.max(0, shared.lastIndexOf('\n\n') + 2, shared.lastIndexOf('\r\n\r\n') + 4);
};

const numberIn = (body: Uint8Array): number => Number(/call-(\d+)\./.exec(Buffer.from(body).toString('latin1'))?.[1] ?? Number.NaN);

export const createInvariants = ({ evidence, violated, count, told, nowMs, digestKey, permitted }: InvariantParts): Invariants => {
  const runs = new Map<string, Run>();
  const runsById = new Map<string, Run>();
  const views = new Map<number, View>();
  const sends = new Map<string, number>();
  const acknowledged = new Map<string, Receipt>();
  const refusedFor = new Set<unknown>();
  /** Crossings whose outcome was refused: only these may be left for the next start. */
  const unrecordedOf = new Set<unknown>();
  /** Decisions that were refused as too slow and may have become durable all the same. */
  const slowDecisions = new Set<string>();
  let sealed = false;
  let isStopping = false;
  let excused = (): boolean => false;

  const decisionFor = ({ crossingId }: View): DurableRecord | undefined => {
    const [decision, ...more] = evidence.decisionsOf(crossingId);
    return more.length === 0 ? decision : undefined;
  };
  const outcomeFor = (view: View): DurableRecord | undefined => evidence.outcomesOf(String(decisionFor(view)?.body['log_id'])).at(0);
  const keyed = (view: View, bytes: Uint8Array): string =>
    createHmac('sha256', digestKey(view.run?.id ?? '') ?? '').update(bytes).digest('hex'); // prettier-ignore

  const toolReleased = (one: Exchange, view: View, callId: string, name: string, input: string): void => {
    count('tool call released');
    const times = (view.toolsReleased.get(callId) ?? 0) + 1;
    view.toolsReleased.set(callId, times);
    const tools = evidence.toolDecisionsIn(view.crossingId).filter((decision) => permits(decision));
    const own = tools.filter(({ body }) => (body['tool'] as { readonly call_id?: string } | undefined)?.call_id === label(callId));
    if (own.length < times) violated('a tool call is released only after its own durable permit', `call ${one.number}, ${callId}`);
    const digest = keyed(view, Buffer.from(input));
    if (!own.some(({ body }) => (body['tool'] as { readonly arguments_digest?: string }).arguments_digest === digest))
      violated('the arguments released are those that were judged', `call ${one.number}, ${callId}`);
    if (!permitted(view.run?.role ?? '', { tool: name }))
      violated('a forbidden tool call is never released', `call ${one.number}, ${name}`);
  };

  /** Joins the events of a tool call until its block ends. */
  const watchTools = (one: Exchange, view: View, events: readonly SeenEvent[]): void => {
    for (const { type, data } of events) {
      const block = data['content_block'] as { readonly type?: string; readonly id?: string; readonly name?: string } | undefined;
      const delta = data['delta'] as { readonly partial_json?: string } | undefined;
      if (type === 'content_block_start' && block?.type === 'tool_use')
        view.tool = { id: block.id ?? '', name: block.name ?? '', input: '' };
      else if (type === 'content_block_delta' && view.tool !== null) view.tool.input += delta?.partial_json ?? '';
      else if (type === 'content_block_stop' && view.tool !== null) {
        toolReleased(one, view, view.tool.id, view.tool.name, view.tool.input);
        view.tool = null;
      }
    }
  };

  /** What ends an answer may be released only when the outcome is durable, or when it says that it is not. */
  const endReleased = (one: Exchange, view: View, what: string): void => {
    if (outcomeFor(view) === undefined && !announced(one)) violated(`no ${what} before its outcome is durable`, `call ${one.number}`);
  };

  const recordNamed = (one: Exchange, view: View | undefined): void => {
    const named = one.headers['x-sealwright-record'];
    if (named === undefined) return;
    const record = evidence.record(named);
    if (record === undefined) violated('a record that is named to the caller is durable', `call ${one.number}, ${named}`);
    else if (view !== undefined && record.body['crossing_id'] !== view.crossingId)
      violated('a record that is named to the caller is its own', `call ${one.number}, ${named}`);
  };

  /** Released bytes against the bytes that the upstream gave. */
  const compareBytes = (one: Exchange, view: View): void => {
    const [call] = view.calls;
    const outcome = outcomeFor(view)?.body;
    if (typeof outcome?.['tool_calls_refused'] === 'number' && outcome['tool_calls_refused'] > 0) count('tool call refused');
    const released = Buffer.concat(one.chunks);
    if (call === undefined || one.headers['x-sealwright-denial'] !== undefined || outcome === undefined) return;
    if (outcome['tool_calls_refused'] === 0 && one.status === call.status) {
      const sent = Buffer.concat(call.sent);
      const shared = isStream(one) ? sharedLength(released, sent) : released.equals(sent) ? released.length : 0;
      const added = released.subarray(shared).toString();
      if (outcome['success'] === true && !released.equals(sent))
        violated('what was not refused is released byte for byte', `call ${one.number}`);
      // An error whose body cannot be read passes on only its status.
      if ((call.status ?? 0) >= 400 && added.includes('with a body that could not be read')) return;
      if (added !== '' && !(isStream(one) && added.startsWith('event: '))) violated('only denials are added to a stream', `call ${one.number}: ${added.slice(0, 80)}`); // prettier-ignore
    }
    if (outcome['success'] === true && outcome['response_digest'] !== keyed(view, released))
      violated('the outcome names the digest of what was released', `call ${one.number}`);
  };

  const exchangeEnded = (one: Exchange): void => {
    const view = views.get(one.number);
    if (view === undefined) return;
    const unrecorded = announced(one);
    if (unrecorded && view.run !== null) view.run.ended = true;
    if (view.calls.length > 0 && !unrecorded && outcomeFor(view) === undefined)
      violated('an answer ends only after its outcome is durable', `call ${one.number}, ${one.state}`);
    compareBytes(one, view);
  };

  const crossed = (number: number, { live, crossingId, calls, ...view }: View, result: Crossed): void => {
    const denial = result.crossed === 'refused' ? result.denial.denial : null;
    count(denial ?? result.crossed);
    told(`           call ${number} is ${denial ?? result.crossed}`);
    const over = view.gone.aborted || denial === 'deadline_exceeded';
    if (over && calls.some(({ request }) => !request.cancel.aborted))
      violated('the upstream is cancelled when the client leaves or time is up', `call ${number}`);
    if (!live && denial !== 'unidentified') violated('no crossing is accepted after its lease ended', `call ${number}`);
    if (live && !isStopping && denial === 'unidentified') violated('a lease that lives is honoured', `call ${number}`);
    if (view.sealed && (result.crossed !== 'refused' || calls.length > 0))
      violated('nothing crosses after a failed sync', `call ${number}`);
    if (result.crossed !== 'refused' || result.invocation === null) return;
    const noneWritten = result.recordId === null;
    if (noneWritten && !refusedFor.has(crossingId))
      violated('a denial has its record, or none could be written', `call ${number}, ${denial}`);
    if (denial === 'record_unavailable' && calls.length > 0) violated('nothing leaves when the record is unavailable', `call ${number}`);
    const [decision] = evidence.decisionsOf(crossingId);
    if (
      !noneWritten &&
      calls.length === 0 &&
      decision !== undefined &&
      permits(decision) &&
      evidence.outcomesOf(String(decision.body['log_id'])).length === 0
    )
      violated('a refused crossing is recorded as refused', `call ${number}`);
  };

  /** The books, once everything has ended and the ledger was opened and closed once more. */
  const balance = (): void => {
    const crossings = new Set<unknown>();
    for (const { body, origin, index } of evidence.all()) {
      const id = String(body['log_id']);
      if (body['kind'] === 'decision') {
        const outcomes = evidence.outcomesOf(id);
        const due = permits({ body, origin, index }) ? 1 : 0;
        if (outcomes.length !== due) violated(due === 1 ? 'each permitted decision has exactly one outcome' : 'a denial has no outcome', `${id} has ${outcomes.length}`); // prettier-ignore
        if (crossings.has(body['crossing_id'])) violated('a crossing is decided once', String(body['crossing_id']));
        crossings.add(body['crossing_id']);
      }
      if (body['kind'] === 'outcome') {
        const decision = evidence.record(String(body['decision_log_id']));
        if (decision === undefined || decision.origin.split('/')[1] !== origin.split('/')[1]) violated('an outcome names its decision', id);
        else if (decision.origin === origin && decision.index >= index) violated('an outcome stands behind its decision', id);
        const sent = sends.get(String(body['crossing_id'])) ?? 0;
        if (typeof body['attempts'] === 'number' && body['action_type'] === 'model_request' && body['attempts'] !== sent)
          violated('every send is in the record', `${id} counts ${body['attempts']} of ${sent}`);
      }
    }
    for (const [id, receipt] of acknowledged) {
      const record = evidence.record(id);
      if (record?.origin !== receipt.origin || record.index !== receipt.index) violated('what was acknowledged stays', id);
    }
  };

  return {
    opened: (id, credential, role) => {
      const run: Run = { id, role, leaseEndsMs: nowMs() + limits.leaseMs, ended: false };
      runs.set(credential, run);
      runsById.set(id, run);
    },
    renewed: (id) => {
      const run = runsById.get(id);
      if (run !== undefined && (run.ended || nowMs() >= run.leaseEndsMs)) violated('a lease that ended is not renewed', id);
      if (run !== undefined) run.leaseEndsMs = nowMs() + limits.leaseMs;
    },
    runEnded: (id) => {
      const run = runsById.get(id);
      if (run !== undefined) run.ended = true;
    },
    journalFailed: () => {
      sealed = true;
    },
    started: (troubled) => {
      sealed = false;
      isStopping = false;
      excused = troubled;
      for (const run of runsById.values()) {
        run.ended = evidence.closed(run.id);
        run.leaseEndsMs = nowMs() + limits.leaseMs;
      }
    },
    accepted: (number, { crossing, claim }) => {
      told(`           call ${number} is accepted as ${crossing.id}`);
      const run = ('credential' in claim && claim.credential !== null && runs.get(claim.credential)) || null;
      const live = run !== null && !run.ended && nowMs() < run.leaseEndsMs;
      const watch = createEventWatch();
      views.set(number, {
        crossingId: crossing.id,
        gone: crossing.clientGone,
        run,
        live,
        sealed,
        calls: [],
        toolsReleased: new Map(),
        watch,
        tool: null,
      });
    },
    crossed: (number, result) => {
      const view = views.get(number);
      if (view !== undefined) crossed(number, view, result);
    },
    upstreamCalled: (call) => {
      const number = numberIn(call.request.body);
      const view = views.get(number);
      if (view === undefined) return violated('no upstream byte without a crossing', `call ${number}`);
      told(`           call ${number} goes upstream`);
      view.calls.push(call);
      sends.set(view.crossingId, view.calls.length);
      const decision = decisionFor(view);
      const said = decision?.body['request_digest'];
      if (decision === undefined || !permits(decision)) violated('no upstream byte without a durable intent', `call ${number}`);
      else if (said !== keyed(view, call.request.body)) violated('the intent names the digest of what was sent', `call ${number}`);
      if (sealed) violated('nothing crosses after a failed sync', `call ${number} went upstream`);
      if (!permitted(view.run?.role ?? '', { model: call.request.candidate.pin }))
        violated('a forbidden model is never called', `call ${number}`);
    },
    stopping: () => {
      isStopping = true;
    },
    appending: (body) => {
      const run = runsById.get(String(body['invocation_id']));
      const begins = body.kind === 'decision' && permits({ body, origin: '', index: 0 });
      if (begins && run !== undefined && (run.ended || nowMs() >= run.leaseEndsMs))
        violated('no crossing is accepted after its lease ended', `${String(body['action_type'])} ${body.log_id}`);
    },
    appended: (body, result) => {
      told(`           ${body.kind} ${body.log_id} is ${isRefusal(result) ? `refused: ${result.refused}` : 'durable'}`);
      if (isRefusal(result)) {
        count(`refused ${result.refused}`);
        refusedFor.add(body['crossing_id']);
        if (body.kind === 'outcome') {
          unrecordedOf.add(body['crossing_id']);
          // The gate severs the invocation then, also where the parent of a tool call ends otherwise and so announces nothing. What becomes of a call
          // that was handed over is not the gate's to say: the agent does, or it stays unknown.
          const run = runsById.get(String(body['invocation_id']));
          if (run !== undefined && body['source'] === 'envelope' && body['success'] !== null) run.ended = true;
        }
        if (body.kind === 'decision' && result.refused === 'slow') slowDecisions.add(String(body['crossing_id']));
        if (!excused()) violated('a disk without trouble refuses nothing', `${result.refused} ${body.kind}`);
        return;
      }
      acknowledged.set(result.logId, result);
      const record = evidence.record(body.log_id);
      if (record === undefined) violated('a record is acknowledged only when it is durable', `${body.kind} ${body.log_id}`);
      else if (record.origin !== result.origin || record.index !== result.index)
        violated('a receipt says where the record is', body.log_id);
    },
    began: (one) => {
      const view = views.get(one.number);
      recordNamed(one, view);
      const answered = one.headers['x-sealwright-denial'] === undefined && view !== undefined;
      if (answered && !isStream(one)) endReleased(one, view, 'whole answer');
    },
    wrote: (one, bytes) => {
      const view = views.get(one.number);
      if (view === undefined || one.headers['x-sealwright-denial'] !== undefined) return;
      const events = isStream(one) ? view.watch(bytes) : [];
      watchTools(one, view, events);
      if (events.some(({ type }) => type === 'message_stop' || type === 'error')) endReleased(one, view, 'end of a stream');
      if (!isStream(one) && one.status === 200) {
        const { content = [] } = JSON.parse(Buffer.from(bytes).toString()) as { readonly content?: readonly Record<string, unknown>[] };
        for (const { type, id, name, input } of content)
          if (type === 'tool_use') toolReleased(one, view, String(id), String(name), JSON.stringify(input));
      }
    },
    ended: exchangeEnded,
    threw: (one, error) => violated('nothing throws', `call ${one.number}: ${error instanceof Error ? error.stack : String(error)}`),
    stopped: () => {
      for (const crossingId of slowDecisions)
        for (const decision of evidence.decisionsOf(crossingId))
          if (permits(decision) && evidence.outcomesOf(String(decision.body['log_id'])).length === 0)
            violated('what was refused too late is recorded as not carried out', crossingId);
    },
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
