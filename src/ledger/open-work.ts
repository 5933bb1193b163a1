// What has begun and not ended, as a fold over records: decisions that still owe an outcome, invocations that are open, stops not lifted; and the heads
// of other logs as they were stated last.
// The logs may be read one after the other, in any order: with another retention class a stream goes on in a log of another name. Records of any shape are
// accepted; what does not fit is ignored. Pure, in memory; never fails.

import { identifyingMembers } from '../core/record.ts';
import { goesOn, type Decision } from '../core/decision.ts';
import type { RecordBody, RecordKind, Stream } from '../core/receipt.ts';
import { sha256 } from './merkle.ts';

/** A record as it is read back, or as it is about to be written. */
export type RecordMembers = Readonly<Record<string, unknown>>;

/** Of what is cached beside the logs: a cache that says something else than it said is none. */
export const openWorkDigest = (heads: readonly unknown[], records: readonly unknown[]): string =>
  Buffer.from(sha256(Buffer.from(JSON.stringify([heads, records])))).toString('hex');

export interface OpenWork {
  readonly observe: (record: RecordMembers) => void;
  /** All logs have been read: what ends from now on has begun before. */
  readonly settle: () => void;
  /** Decisions without an outcome, in the order in which they were made. */
  readonly decisions: () => readonly RecordMembers[];
  /** `opened` records of invocations without a `closed` one. */
  readonly invocations: () => readonly RecordMembers[];
  /** Records of stops that nobody lifted; asked only once all streams have been read. One of an invocation is over with it. */
  readonly stops: () => readonly RecordMembers[];
  /** The newest record that states the heads of other logs; none before the first. */
  readonly statement: () => readonly RecordMembers[];
}

/** Whether a decision let its crossing go on, so that an outcome must follow. */
export const owesOutcome = (record: RecordMembers): boolean => {
  const decision = record['decision'];
  if (record['kind'] !== 'decision' || typeof decision !== 'object' || decision === null) return false;
  const { verdict, mode } = decision as Partial<Decision>;
  return goesOn({ verdict: verdict ?? 'deny', mode: mode ?? 'enforce' });
};

export const createOpenWork = (known: readonly RecordMembers[] = []): OpenWork => {
  const decisions = new Map<unknown, RecordMembers>();
  const invocations = new Map<unknown, RecordMembers>();
  const stops = new Map<unknown, RecordMembers>();
  /** Ends whose beginning stands in a log that is read later; null once there is none. */
  let ended: Set<unknown> | null = new Set();
  const end = (begun: Map<unknown, RecordMembers>, id: unknown): void => {
    if (!begun.delete(id)) ended?.add(id);
  };
  const begin = (begun: Map<unknown, RecordMembers>, id: unknown, record: RecordMembers): void => {
    if (ended?.delete(id) !== true) begun.set(id, record);
  };
  let statement: readonly RecordMembers[] = [];
  const observeChange = (record: RecordMembers): void => {
    const { what, stop } = (record['change'] ?? {}) as RecordMembers;
    if (what === 'stopped') begin(stops, record['log_id'], record);
    else if (what === 'stop_lifted') end(stops, stop);
  };
  const observe = (record: RecordMembers): void => {
    if (record['kind'] === 'outcome') end(decisions, record['decision_log_id']);
    else if (record['kind'] === 'opened') begin(invocations, record['invocation_id'], record);
    else if (record['kind'] === 'closed') end(invocations, record['invocation_id']);
    else if (record['kind'] === 'change') observeChange(record);
    else if (record['kind'] === 'checkpoint_set' && Array.isArray(record['checkpoints'])) statement = [record];
    else if (owesOutcome(record)) begin(decisions, record['log_id'], record);
  };
  known.forEach(observe);
  const isOver = (record: RecordMembers): boolean => {
    const { kind, name } = ((record['change'] as RecordMembers)['scope'] ?? {}) as RecordMembers;
    return kind === 'invocation' && !invocations.has(name);
  };
  return {
    observe,
    settle: () => {
      ended = null;
    },
    decisions: () => [...decisions.values()],
    invocations: () => [...invocations.values()],
    stops: () => {
      for (const [id, record] of stops) if (isOver(record)) stops.delete(id);
      return [...stops.values()];
    },
    statement: () => statement,
  };
};

const endingRecord = (
  begun: RecordMembers,
  kind: RecordKind,
  members: RecordMembers,
  stamp: { readonly log_id: string; readonly timestamp: string },
): RecordBody => ({
  ...Object.fromEntries(identifyingMembers.filter((name) => begun[name] !== undefined).map((name) => [name, begun[name]])),
  source: 'envelope',
  decision: null,
  ...members,
  ...stamp,
  stream: begun['stream'] as Stream,
  kind,
});

/** An outcome that the ledger itself gives a decision; `success` is null where nobody knows what happened. */
export const outcomeFor = (
  decision: RecordMembers,
  said: { readonly success: false | null; readonly message: string },
  stamp: { readonly log_id: string; readonly timestamp: string },
): RecordBody =>
  endingRecord(decision, 'outcome', { decision_log_id: decision['log_id'], success: said.success, error_message: said.message }, stamp);

/** Closes an invocation whose opening became durable only after its caller was told that it had not. */
export const closingFor = (
  opened: RecordMembers,
  message: string,
  stamp: { readonly log_id: string; readonly timestamp: string },
): RecordBody => endingRecord(opened, 'closed', { ended: 'closed', success: false, error_message: message }, stamp);
