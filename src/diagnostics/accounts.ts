// One account for each crossing: what it was, what became of it, and how long each stage took; told once, when the crossing is over.
// It watches from around the gate and its stages, changes nothing, and never fails. It holds names of the config, ids and numbers:
// no person, no prompt, no value, no name that a caller chose.

import type { Clock } from '../core/clock.ts';
import type { Call } from '../core/crossing.ts';
import type { Decision } from '../core/decision.ts';
import type { DenialCode } from '../core/denial.ts';
import { isDenial } from '../core/denial.ts';
import type { UpstreamFailure } from '../core/endpoint.ts';
import type { Invocation } from '../core/principal.ts';
import type { RecordRefusal } from '../core/receipt.ts';
import { isRefusal } from '../core/receipt.ts';
import type { Cross, Crossed, Delivery, Ending, Forwarded, Received, Stages } from '../core/stages.ts';

/** The stages that take time, in their order. */
export const timedStages = [
  'identify',
  'read',
  'inspect',
  'decide',
  'admit',
  'transform',
  'record_intent',
  'forward',
  'record_outcome',
] as const;
export type TimedStage = (typeof timedStages)[number];

export interface Account {
  readonly crossingId: string;
  readonly parentId: string | null;
  readonly action: Call['action'];
  /** Wire format of a model request. */
  readonly format: string | null;
  readonly carries: 'tunnel' | 'http' | null;
  /** Monotonic. */
  readonly acceptedMs: number;
  invocation: Pick<Invocation, 'id' | 'agent' | 'role' | 'containment'> | null;
  streaming: boolean;
  decision: Pick<Decision, 'verdict' | 'mode' | 'policies'> | null;
  endpoint: string | null;
  pin: string | null;
  notInspectedCount: number;
  /** The decision, or the denial. */
  recordId: string | null;
  outcomeId: string | null;
  /** Why a record could not be made durable. */
  unrecorded: RecordRefusal['refused'] | null;
  readonly stageMs: Partial<Record<TimedStage, number>>;
  /** When it was handed on; monotonic. */
  sentMs: number | null;
  upstreamStatus: number | null;
  upstreamFailure: UpstreamFailure['failure'] | null;
  /** From handing it on to the head of the answer, and to its end. */
  upstreamHeadMs: number | null;
  upstreamMs: number | null;
  /** From acceptance to the first byte that the client was given. */
  firstByteMs: number | null;
  ending: Pick<Ending, 'success' | 'attempts' | 'bytesSent' | 'bytesReceived' | 'facts' | 'toolCallsRefused'> | null;
  toolsCalledCount: number;
  /** `broken`: a bug ended it. */
  result: Crossed['crossed'] | 'broken';
  denial: DenialCode | null;
  durationMs: number;
}

export interface Accounts {
  readonly stages: (stages: Stages) => Stages;
  readonly cross: (cross: Cross) => Cross;
  /** Of the crossings that are under way. */
  readonly underWay: () => Iterable<Readonly<Account>>;
}

const opened = ({ crossing }: Received): Account => {
  const { id, parentId, acceptedMs, call } = crossing;
  return {
    crossingId: id,
    parentId,
    action: call.action,
    format: call.action === 'model_request' ? call.format.name : null,
    carries: call.action === 'network_connection' ? call.carrying.carries : null,
    acceptedMs,
    invocation: null,
    streaming: false,
    decision: null,
    endpoint: null,
    pin: null,
    notInspectedCount: 0,
    recordId: null,
    outcomeId: null,
    unrecorded: null,
    stageMs: {},
    sentMs: null,
    upstreamStatus: null,
    upstreamFailure: null,
    upstreamHeadMs: null,
    upstreamMs: null,
    firstByteMs: null,
    ending: null,
    toolsCalledCount: 0,
    result: 'broken',
    denial: null,
    durationMs: 0,
  };
};

const noteForwarded = (account: Account, forwarded: Forwarded): void => {
  if ('failure' in forwarded) account.upstreamFailure = forwarded.failure;
  else if ('status' in forwarded) account.upstreamStatus = forwarded.status;
};

type At = Pick<Received, 'crossing'>;

export const createAccounts = (clock: Clock, told: (account: Readonly<Account>) => void): Accounts => {
  const accounts = new Map<At['crossing'], Account>();
  const now = clock.monotonicMs;

  /** A stage that answers at once. */
  const timed = <Stage extends At, Result>(
    name: TimedStage,
    stage: (at: Stage) => Result,
    note?: (account: Account, at: Stage, result: Result) => void,
  ) => {
    return (at: Stage): Result => {
      const account = accounts.get(at.crossing);
      if (account === undefined) return stage(at);
      const startMs = now();
      const result = stage(at);
      account.stageMs[name] = now() - startMs;
      note?.(account, at, result);
      return result;
    };
  };

  const stages = (of: Stages): Stages => ({
    ...of,
    identify: timed('identify', of.identify, (account, _at, found) => {
      if (!isDenial(found)) account.invocation = found;
    }),
    read: timed('read', of.read, (account, _at, said) => {
      if (!isDenial(said)) account.streaming = said.reading?.streaming === true;
    }),
    inspect: timed('inspect', of.inspect, (account, { reading }, inspection) => {
      if (!isDenial(inspection)) account.notInspectedCount = inspection.notInspected.length + (reading?.notInspected.length ?? 0);
    }),
    decide: timed('decide', of.decide, (account, _at, { decision, candidate }) => {
      account.decision = decision;
      account.endpoint = candidate?.endpoint.id ?? null;
      account.pin = candidate?.pin ?? null;
    }),
    admit: timed('admit', of.admit),
    transformOut: timed('transform', of.transformOut),
    recordIntent: async (at) => {
      const [account, startMs] = [accounts.get(at.crossing), now()];
      const intent = await of.recordIntent(at);
      if (account === undefined) return intent;
      account.stageMs.record_intent = now() - startMs;
      if (isRefusal(intent)) account.unrecorded = intent.refused;
      else account.recordId = intent.logId;
      return intent;
    },
    forward: async (at, cancel) => {
      const [account, startMs] = [accounts.get(at.crossing), now()];
      if (account !== undefined) account.sentMs = startMs;
      const forwarded = await of.forward(at, cancel);
      if (account === undefined) return forwarded;
      account.stageMs.forward = account.upstreamHeadMs = now() - startMs;
      noteForwarded(account, forwarded);
      return forwarded;
    },
    recordOutcome: async (at, ending) => {
      const [account, startMs] = [accounts.get(at.crossing), now()];
      if (account !== undefined) {
        account.ending = ending;
        account.toolsCalledCount = ending.toolsCalled.length;
        account.upstreamMs = account.sentMs === null ? null : startMs - account.sentMs;
      }
      const outcome = await of.recordOutcome(at, ending);
      if (account === undefined) return outcome;
      account.stageMs.record_outcome = now() - startMs;
      if (isRefusal(outcome)) account.unrecorded = outcome.refused;
      else account.outcomeId = outcome.logId;
      return outcome;
    },
    recordDenial: async (at, denial) => {
      const recordId = await of.recordDenial(at, denial);
      const account = accounts.get(at.crossing);
      if (account !== undefined) account.recordId = recordId;
      return recordId;
    },
  });

  /** Notes when the client was given its first byte. */
  const watched = (account: Account, { begin, write }: Delivery): Delivery => ({
    begin,
    write: (bytes) => {
      account.firstByteMs ??= now() - account.acceptedMs;
      return write(bytes);
    },
  });

  return {
    stages,
    cross: (cross) => async (received, delivery) => {
      const account = opened(received);
      accounts.set(received.crossing, account);
      try {
        const crossed = await cross(received, watched(account, delivery));
        account.result = crossed.crossed;
        if ('denial' in crossed && crossed.denial !== undefined) account.denial = crossed.denial.denial;
        return crossed;
      } finally {
        accounts.delete(received.crossing);
        account.durationMs = now() - account.acceptedMs;
        told(account);
      }
    },
    underWay: () => accounts.values(),
  };
};
