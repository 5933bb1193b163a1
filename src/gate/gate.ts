// The spine. Every crossing, of every kind and wire format, streamed or not, passes these stages in this order.
// A stage that refuses ends the crossing in one decision record; nothing leaves before the intent is durable,
// and nothing that ends an answer is released before its outcome is. Stages do not know each other; they meet only here.

import type { Call, Crossing } from '../core/crossing.ts';
import { goesOn } from '../core/decision.ts';
import type { Denial } from '../core/denial.ts';
import { isDenial } from '../core/denial.ts';
import type { Clock } from '../core/clock.ts';
import type { UpstreamFailure } from '../core/endpoint.ts';
import type { RecordRefusal } from '../core/receipt.ts';
import { isRefusal } from '../core/receipt.ts';
import type { Invocation } from '../core/principal.ts';
import type {
  Admitted,
  Cross,
  Crossed,
  Decided,
  Delivery,
  Identified,
  Inspected,
  Read,
  Received,
  Recorded,
  Stages,
  Transformed,
} from '../core/stages.ts';
import { conclude, concludeFailure } from './conclude.ts';
import { isToldAsAnswer, sayInStream } from './conclude-stream.ts';
import type { Deadline } from './deadline.ts';
import { watchDeadline } from './deadline.ts';
import { openLiveStream } from './live-stream.ts';

/** Stage types are made only here: the cast below is the one place where a brand is given. */
const advance = <Passed extends Received>(value: Omit<Passed, symbol>): Passed => value as unknown as Passed;

/** `watched` is put around each crossing, those inside others too: it may look on, and must hand on what it was given. */
export const createGate = (
  stages: Stages,
  clock: Clock,
  newCrossingId: () => string,
  watched: (cross: Cross) => Cross = (cross) => cross,
): Cross => {
  const refuse = async (at: Received | Identified | Read | Inspected | Decided, denial: Denial): Promise<Crossed> => ({
    crossed: 'refused',
    denial,
    recordId: await stages.recordDenial(at, denial),
    invocation: 'invocation' in at ? at.invocation : null,
  });

  const cross: Cross = watched(async (received, delivery) => {
    const invocation = stages.identify(received);
    if (isDenial(invocation)) return refuse(received, invocation);
    const identified = advance<Identified>({ ...received, invocation });

    const said = stages.read(identified);
    if (isDenial(said)) return refuse(identified, said);
    const read = advance<Read>({ ...identified, reading: said.reading });
    // Results of earlier tool calls are facts that arrived, whatever becomes of the request that brings them.
    stages.settleToolResults(read);

    const inspection = stages.inspect(read);
    if (isDenial(inspection)) return refuse(read, inspection);
    const inspected = advance<Inspected>({ ...read, inspection });

    const judgement = stages.decide(inspected);
    const decided = advance<Decided>({ ...inspected, judgement });
    if (judgement.denial !== null && !goesOn(judgement.decision)) {
      stages.rememberDenied(decided);
      return refuse(decided, judgement.denial);
    }

    const admission = stages.admit(decided);
    if (isDenial(admission)) return refuse(decided, admission);
    const admitted = advance<Admitted>({ ...decided, admission });
    try {
      const outbound = stages.transformOut(admitted);
      if (isDenial(outbound)) return await refuse(decided, outbound);
      const transformed = advance<Transformed>({ ...admitted, outbound });

      const intent = await stages.recordIntent(transformed);
      if (isRefusal(intent)) return unrecorded(intent, invocation);
      const recorded = advance<Recorded>({ ...transformed, intent });

      using deadline = watchDeadline(clock, received.crossing.clientGone, admission);
      return await carryOut(recorded, deadline, delivery);
    } finally {
      admission.release();
    }
  });

  /** From the first byte that leaves to the outcome, which is durable before the answer is whole. Whatever happens in between, there is exactly one. */
  const carryOut = async (recorded: Recorded, deadline: Deadline, delivery: Delivery): Promise<Crossed> => {
    let ended = false;
    const recordOutcome: Stages['recordOutcome'] = (at, ending) => {
      ended = true;
      return stages.recordOutcome(at, ending);
    };
    const { crossing, reading, judgement } = recorded;
    const buffered = judgement.candidate?.endpoint.streaming === 'buffered';
    using live =
      crossing.call.action === 'model_request' && reading?.streaming === true
        ? openLiveStream(recorded, crossing.call, { clock, delivery, deadline }, buffered)
        : null;
    const concluding = { stages: { ...stages, recordOutcome }, delivery, deadline, live, crossToolCall };
    try {
      if (deadline.signal.aborted) return await concludeFailure(recorded, notSent, concluding);
      const crossed = await conclude(recorded, await stages.forward(recorded, deadline.signal), concluding);
      const begun = live?.begun() ?? false;
      if (isToldAsAnswer(recorded, crossed, begun)) stages.toldAsAnswer(recorded.invocation);
      return live !== null && begun ? await sayInStream(recorded, crossed, live) : crossed;
    } catch (bug) {
      deadline.cancel();
      if (!ended) await concludeFailure(recorded, internalError, concluding);
      throw bug;
    }
  };

  /** A tool call in an answer is a crossing of its own, through the same stages. */
  const crossToolCall = (parent: Recorded, call: Call): Promise<Crossed> => {
    const crossing: Crossing = {
      id: newCrossingId(),
      parentId: parent.crossing.id,
      call,
      sessionId: parent.reading?.sessionId ?? parent.crossing.sessionId,
      acceptedMs: clock.monotonicMs(),
      clientGone: parent.crossing.clientGone,
    };
    return cross({ crossing, claim: { invocation: parent.invocation } }, nowhere);
  };

  return cross;
};

const notSent: UpstreamFailure = { failure: 'cancelled', reason: 'The crossing ended before it was sent.', attempts: 0 };
const internalError: UpstreamFailure = {
  failure: 'cancelled',
  reason: 'The envelope failed while it carried out the crossing.',
  attempts: 1,
};

const unrecorded = ({ refused, problem }: RecordRefusal, invocation: Invocation): Crossed => ({
  crossed: 'refused',
  // Records that come faster than the disk takes them are no fault of it, and soon there is room again.
  denial:
    refused === 'backpressure' ? { denial: 'overloaded', limit: 'records', against: 'limit' } : { denial: 'record_unavailable', problem },
  recordId: null,
  invocation,
});

/** A tool call delivers nothing itself: its block stands in the answer of its parent. */
const nowhere: Delivery = { begin: () => undefined, write: () => null };
