// What must hold of every model request at every moment of a run, judged at the edges only: bytes that leave, bytes that are released, bytes that
// the disk has synced.
// Contract: each rule is checked when it can be broken, against `evidence.ts` and `authority.ts`; nothing that the envelope believes of itself is trusted.
// A broken rule becomes a violation with the call or record that broke it; nothing throws.

import { createHmac } from 'node:crypto';
import type { DenialCode } from '../../src/core/denial.ts';
import { sentenceOf } from '../../src/core/denial.ts';
import { label } from '../../src/core/identifier.ts';
import type { Receipt, RecordRefusal } from '../../src/core/receipt.ts';
import { isRefusal } from '../../src/core/receipt.ts';
import type { Crossed, Received } from '../../src/core/stages.ts';
import type { Authority, Run } from './authority.ts';
import { timersLateMs } from './authority.ts';
import type { Members, SeenCall } from './dialect.ts';
import type { DurableRecord, Evidence, Violated } from './evidence.ts';
import { permits } from './evidence.ts';
import type { Exchange, ExchangeListener } from './exchange.ts';
import type { OutcomeView } from './outcomes.ts';
import { createOutcomeRules } from './outcomes.ts';
import type { RecordWatch } from './record-watch.ts';
import { createSendingRules, type SentView } from './sending.ts';
import { createEventWatch, type SeenEvent } from './sse-watch.ts';
import type { UpstreamCall } from './upstream.ts';
import { canonicalTool, permitted, secondsOf } from './world.ts';

/** One request at the door, from acceptance to its end. */
interface View extends SentView, OutcomeView {
  readonly crossingId: string;
  /** Whether the lease was alive, and the ledger able, when it was accepted. */
  readonly live: boolean;
  readonly sealed: boolean;
  /** Tool calls whose decision became durable when the client had left. */
  readonly lateTools: string[];
  /** What the client has of the answer, without what only kept it waiting. */
  readonly released: Uint8Array[];
  readonly events: SeenEvent[];
  readonly watch: (bytes: Uint8Array) => readonly SeenEvent[];
  /** Digest of what was released when the outcome was handed over. */
  digestThen: string | null;
  toolsSeen: number;
  /** What became of it; null until it is over. */
  became: Crossed['crossed'] | null;
  /** Why it was refused; null where it was not, or not yet. */
  denial: DenialCode | null;
  /** The record of the refusal. */
  recordId: string | null;
  /** Calls that had been refused when this one was accepted. */
  readonly refusedBefore: ReadonlySet<number>;
}

export interface InvariantParts {
  readonly evidence: Evidence;
  readonly authority: Authority;
  readonly records: RecordWatch;
  readonly violated: Violated;
  /** Tells that something happened that a run is about. */
  readonly count: (what: string) => void;
  /** Takes a line for whoever replays a run. */
  readonly told: (line: string) => void;
  readonly nowMs: () => number;
  readonly digestKey: (invocationId: string) => Uint8Array | undefined;
}

export interface ModelInvariants extends Omit<ExchangeListener, 'threw' | 'readsBody' | 'left'> {
  readonly accepted: (number: number, received: Received, gone: AbortSignal) => void;
  readonly crossed: (number: number, crossed: Crossed) => void;
  readonly upstreamCalled: (call: UpstreamCall) => void;
  /** A record of a model request is handed over. */
  readonly appending: (body: Members) => void;
  readonly appended: (body: Members, result: Receipt | RecordRefusal) => void;
  /** Whose call it is. */
  readonly runOf: (number: number) => Run | null;
}

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

/** The last one that stands in a body is the call itself; others come along from earlier turns. */
export const numberIn = (body: Uint8Array): number =>
  Number(
    [
      ...Buffer.from(body)
        .toString('latin1')
        .matchAll(/call-(\d+)\./g),
    ].at(-1)?.[1] ?? Number.NaN,
  );

/** Refusals of what nobody has read. */
const notRead: ReadonlySet<DenialCode> = new Set(['unidentified', 'malformed', 'too_large', 'overloaded', 'not_permitted']);

const startsAt = (bytes: Uint8Array, all: Buffer, at: number): boolean => all.subarray(at, at + bytes.length).equals(bytes);

export const createModelInvariants = (parts: InvariantParts): ModelInvariants => {
  const { evidence, authority, records, violated, count, told, nowMs, digestKey } = parts;
  const views = new Map<number, View>();
  const byCrossing = new Map<unknown, View>();

  const lookAtSent = createSendingRules(parts);
  const outcomes = createOutcomeRules(parts);

  const decisionFor = ({ crossingId }: View): DurableRecord | undefined => {
    const [decision, ...more] = evidence.decisionsOf(crossingId);
    return more.length === 0 ? decision : undefined;
  };
  const outcomeFor = (view: View): DurableRecord | undefined => evidence.outcomesOf(String(decisionFor(view)?.body['log_id'])).at(0);
  const keyed = (view: View, bytes: Uint8Array): string =>
    createHmac('sha256', digestKey(view.run?.id ?? '') ?? '').update(bytes).digest('hex'); // prettier-ignore

  const digestOfReleased = (view: View): string | null => (view.released.length === 0 ? null : keyed(view, Buffer.concat(view.released)));

  /** A client sees the beginning of a tool call: it is decided, recorded and permitted by then, whatever comes of it. */
  const toolBegan = (one: Exchange, view: View, { id, name }: SeenCall, times: number): void => {
    const own = toolDecisions(view, id);
    if (own.length < times) violated('a tool call is released only after its own durable permit', `call ${one.number}, ${id}`);
    const tool = canonicalTool(one.client, name);
    if (!permitted(view.run?.role ?? '', { tool })) violated('a forbidden tool call is never released', `call ${one.number}, ${tool}`);
    if (!own.some(({ body }) => (body['tool'] as { readonly name?: string }).name === label(tool)))
      violated('the tool released is the one that was judged', `call ${one.number}, ${tool}`);
  };

  const toolReleased = (one: Exchange, view: View, { id, input }: SeenCall): void => {
    count('tool call released');
    const digest = keyed(view, Buffer.from(input));
    const judged = toolDecisions(view, id).map(({ body }) => (body['tool'] as { readonly arguments_digest?: string }).arguments_digest);
    if (!judged.includes(digest)) violated('the arguments released are those that were judged', `call ${one.number}, ${id}`);
  };

  const toolDecisions = (view: View, callId: string): readonly DurableRecord[] =>
    evidence
      .toolDecisionsIn(view.crossingId)
      .filter((decision) => permits(decision) && (decision.body['tool'] as { readonly call_id?: string }).call_id === label(callId));

  const watchTools = (one: Exchange, view: View, calls: readonly SeenCall[]): void => {
    for (const [place, call] of calls.entries()) {
      const times = calls.slice(0, place + 1).filter(({ id }) => id === call.id).length;
      if (place >= view.toolsSeen) toolBegan(one, view, call, times);
    }
    view.toolsSeen = calls.length;
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
    const call = view.calls.at(-1);
    const outcome = outcomeFor(view)?.body;
    if (typeof outcome?.['tool_calls_refused'] === 'number' && outcome['tool_calls_refused'] > 0) count('tool call refused');
    const released = Buffer.concat(view.released);
    if (call === undefined || one.headers['x-sealwright-denial'] !== undefined || outcome === undefined) return;
    const isSuccess = outcome['success'] === true;
    // It became durable although whoever gave it was told that nobody knows, and told his caller so.
    if (isSuccess && announced(one)) return;
    if (isSuccess && call.lie !== null) violated('what could be read as another answer is not released', `call ${one.number}: ${call.lie}`);
    if (outcome['tool_calls_refused'] === 0 && one.status === call.status) {
      const sent = Buffer.concat(call.sent);
      const shared = isStream(one) ? sharedLength(released, sent) : released.equals(sent) ? released.length : 0;
      const added = released.subarray(shared).toString();
      if (isSuccess && !released.equals(sent)) violated('what was not refused is released byte for byte', `call ${one.number}`);
      const said = JSON.stringify(outcome['error_message']).slice(1, -1);
      // A tool call that an error of the upstream's cut off is left out before the error.
      const isItsEnd = !isSuccess && sent.subarray(sent.length - added.length).toString() === added;
      if (added !== '' && !isItsEnd && !added.includes(said) && !announced(one))
        violated('only denials are added to a stream', `call ${one.number}: ${added.slice(0, 80)}`);
    }
    const digests = [view.digestThen, ...(isStream(one) ? [digestOfReleased(view)] : [])];
    if (isSuccess && outcome['response_digest'] !== digestOfReleased(view))
      violated('the outcome names the digest of what was released', `call ${one.number}`);
    // The end that the upstream gave is in the outcome, and is held back where nobody knows whether that was recorded.
    if (!isSuccess && isStream(one) && !announced(one) && !digests.includes(outcome['response_digest'] as string | null))
      violated('the outcome names the digest of what was released', `call ${one.number}, which did not succeed`);
  };

  /** What a request brought with it had its effect, if the request was read. */
  const lookAtBrought = ({ number, results, bringsAlong }: Exchange, { run, denial, refusedBefore }: View): void => {
    if (run === null || (denial !== null && notRead.has(denial))) return;
    for (const { id } of results)
      if (records.isToolCallOpen(run.id, label(id))) violated('a result that comes back ends its tool call', `call ${number}, ${id}`);
    const earlier = bringsAlong === null || !refusedBefore.has(bringsAlong) ? undefined : views.get(bringsAlong);
    const isKnown = earlier?.denial === 'content_not_permitted' && records.isOfThisLife(earlier.crossingId);
    if (isKnown && denial === 'content_not_permitted')
      violated('content that was denied once is left out of later turns', `call ${number}`);
  };

  const exchangeEnded = (one: Exchange): void => {
    const view = views.get(one.number);
    if (view === undefined) return;
    const unrecorded = announced(one);
    if (unrecorded && view.run !== null && !records.isStopping()) authority.ended(view.run.id);
    if (view.calls.length > 0 && !unrecorded && outcomeFor(view) === undefined)
      violated('an answer ends only after its outcome is durable', `call ${one.number}, ${one.state}`);
    if ((view.became === 'failed' || view.became === 'refused') && one.status === null) violated('a failure is told', `call ${one.number}`);
    if (view.became === 'cut' && one.state === 'ended')
      violated('an answer that is not whole does not end as if it were', `call ${one.number}`);
    const isTold =
      one.headers['x-sealwright-denial'] !== undefined ||
      outcomeFor(view)?.body['success'] === true ||
      view.events.some((event) => one.dialect?.isEnd(event));
    if (isStream(one) && one.state === 'ended' && !one.left && !isTold)
      violated('an answer that is not whole does not end as if it were', `call ${one.number}, a stream`);
    const unframed = one.left ? null : (one.dialect?.unframed(view.events) ?? null);
    if (unframed !== null) violated('what a client sees is a stream of its format', `call ${one.number}: ${unframed}`);
    if (view.recordId !== null && one.headers['x-sealwright-record'] !== view.recordId)
      violated('a refusal names its record', `call ${one.number}`);
    compareBytes(one, view);
    lookAtBrought(one, view);
    if (one.unread !== null && view.denial !== null && view.denial !== 'unidentified' && view.denial !== one.unread)
      violated('what could not be read is refused as such', `call ${one.number}: ${view.denial} for ${one.unread}`);
  };

  const crossed = (number: number, view: View, result: Crossed): void => {
    const { live, crossingId, calls, run } = view;
    const denial = result.crossed === 'refused' ? result.denial.denial : null;
    view.denial = denial;
    view.recordId = result.crossed === 'refused' ? result.recordId : null;
    view.became = result.crossed;
    for (const logId of view.lateTools)
      if (records.isToolOpen(logId)) violated('no tool call is handed to a client that has left', `call ${number}, ${logId}`);
    count(denial ?? result.crossed);
    told(`           call ${number} is ${denial ?? result.crossed}`);
    const over = view.gone.aborted || denial === 'deadline_exceeded' || (denial === 'stopped' && run !== null && !authority.lives(run));
    if (over && calls.some(({ outbound }) => !outbound.cancel.aborted))
      violated('the upstream is cancelled when the client leaves or time is up', `call ${number}`);
    if (calls.some(({ open, outbound }) => open && !outbound.cancel.aborted))
      violated('an answer that nobody reads is let go', `call ${number}`);
    if (!live && denial !== 'unidentified') violated('no crossing is accepted after its lease ended', `call ${number}`);
    if (live && !records.isStopping() && denial === 'unidentified') violated('a lease that lives is honoured', `call ${number}`);
    if (view.sealed && (result.crossed !== 'refused' || calls.length > 0))
      violated('nothing crosses after a failed sync', `call ${number}`);
    const seconds = secondsOf(run?.role ?? '');
    if (denial === 'deadline_exceeded' && (seconds === null || nowMs() < view.acceptedMs + seconds * 1_000))
      violated('no crossing ends before its time', `call ${number}`);
    records.refused(number, crossingId, result, calls.length);
  };

  return {
    accepted: (number, { crossing, claim }, gone) => {
      told(`           call ${number} is accepted as ${crossing.id}`);
      const run = 'credential' in claim ? authority.byCredential(claim.credential) : null;
      const view: View = {
        crossingId: crossing.id,
        acceptedMs: crossing.acceptedMs,
        gone,
        run,
        live: run !== null && authority.lives(run),
        sealed: records.isSealed(),
        calls: [],
        sentMs: [],
        lateTools: [],
        became: null,
        released: [],
        events: [],
        watch: createEventWatch(),
        digestThen: null,
        toolsSeen: 0,
        modelReported: null,
        denial: null,
        recordId: null,
        refusedBefore: new Set([...views].flatMap(([earlier, { denial }]) => (denial === null ? [] : [earlier]))),
      };
      views.set(number, view);
      byCrossing.set(crossing.id, view);
    },
    crossed: (number, result) => {
      const view = views.get(number);
      if (view !== undefined) crossed(number, view, result);
    },
    runOf: (number) => views.get(number)?.run ?? null,
    appended: (body, result) => {
      const parent = byCrossing.get(body['parent_crossing_id']);
      if (body['kind'] === 'decision' && parent?.gone.aborted === true && !isRefusal(result)) parent.lateTools.push(result.logId);
    },
    upstreamCalled: (call) => {
      const { outbound } = call;
      const number = numberIn(outbound.body);
      const view = views.get(number);
      if (view === undefined) return violated('no upstream byte without a crossing', `call ${number}`);
      told(`           call ${number} goes upstream`);
      view.calls.push(call);
      records.sent(view.crossingId, view.calls.length);
      lookAtSent(view, call, { number, decision: decisionFor(view), keyed: keyed(view, outbound.body) });
    },
    appending: (body) => {
      const view = byCrossing.get(body['crossing_id']);
      if (view === undefined) return;
      if (body['kind'] === 'finding') outcomes.found(body, view);
      if (body['kind'] === 'decision') outcomes.decided(body, view);
      if (body['kind'] !== 'outcome') return;
      view.digestThen = digestOfReleased(view);
      outcomes.ended(body, view);
    },
    began: (one) => {
      const view = views.get(one.number);
      recordNamed(one, view);
      const answered = one.headers['x-sealwright-denial'] === undefined && view !== undefined;
      if (one.headers['set-cookie'] !== undefined || one.cookies > 0)
        violated('of an answer only what its format names is released', `call ${one.number}`);
      if (answered && !isStream(one)) endReleased(one, view, 'whole answer');
    },
    wrote: (one, bytes) => {
      const view = views.get(one.number);
      if (view === undefined || one.dialect === null || one.headers['x-sealwright-denial'] !== undefined) return;
      const { dialect } = one;
      if (!isStream(one)) {
        view.released.push(bytes);
        if (one.status !== 200) return;
        const calls = dialect.callsInWhole(JSON.parse(Buffer.from(bytes).toString()) as Members);
        watchTools(one, view, calls);
        for (const call of calls) toolReleased(one, view, call);
        return;
      }
      const at = view.released.reduce((length, each) => length + each.length, 0);
      const sent = Buffer.concat(view.calls.at(-1)?.sent ?? []);
      const own = createEventWatch()(bytes);
      const waits = !startsAt(bytes, sent, at) && own.length === 1 && own.every((event) => dialect.isWaiting(event));
      const { run } = view;
      const seconds = secondsOf(run?.role ?? '');
      const isLate = seconds !== null && nowMs() > view.acceptedMs + seconds * 1_000 + timersLateMs;
      const isCut =
        view.gone.aborted || isLate || (run !== null && (run.ended || authority.isStopped(run, { model: view.calls.at(-1)?.model })));
      // Where nothing can be recorded, all runs end at about the same moment, and refusals may still be on their way.
      const isOurs = !view.gone.aborted && !waits && !startsAt(bytes, sent, at);
      // An envelope that stops lets go of its invocations; what is under way then ends by itself.
      const isLetGo = waits && records.isStopping();
      if (isCut && !isOurs && !isLetGo && outcomeFor(view) === undefined && !announced(one))
        violated('what is stopped or has ended releases nothing more', `call ${one.number}`);
      if (waits) return count('kept waiting');
      view.released.push(bytes);
      const wholeBefore = dialect.callsIn(view.events).filter(({ whole }) => whole).length;
      const events = view.watch(bytes);
      view.events.push(...events);
      const calls = dialect.callsIn(view.events);
      watchTools(one, view, calls);
      for (const call of calls.filter(({ whole }) => whole).slice(wholeBefore)) toolReleased(one, view, call);
      if (events.some((event) => dialect.isEnd(event))) endReleased(one, view, 'end of a stream');
    },
    ended: exchangeEnded,
  };
};
