// Joins the rooms that a crossing passes into the stages of the gate. Pure composition: it opens nothing and starts nothing,
// so that the long-lived process and the simulation run the same spine over different worlds.

import type { Clock, Random } from './core/clock.ts';
import { goesOn } from './core/decision.ts';
import type { Denial } from './core/denial.ts';
import { denialTable } from './core/denial.ts';
import { label, uuidv7 } from './core/identifier.ts';
import { keyedHash } from './core/keyed-digest.ts';
import type { AgentClient } from './core/principal.ts';
import type { Recorder } from './core/receipt.ts';
import { isRefusal } from './core/receipt.ts';
import type { KeyedDigest } from './core/record.ts';
import { applySplices } from './core/slot.ts';
import type { Cross, Identified, Received, Stages } from './core/stages.ts';
import { attemptOf, modelEndingOf } from './core/totals.ts';
import type { ListedModel } from './core/wire-format.ts';
import type { ForwardConnection } from './doors/network/forward.ts';
import type { Endpoints } from './endpoints/endpoints.ts';
import { createGate } from './gate/gate.ts';
import { createRead } from './gate/read.ts';
import { createRecording } from './gate/recording.ts';
import type { Shares } from './invocations/admission.ts';
import { createAdmit } from './invocations/admission.ts';
import type { Invocations } from './invocations/invocations.ts';
import type { Stops } from './invocations/stops.ts';
import type { UnderWay } from './invocations/under-way.ts';
import type { Decisions, TermsFor } from './policy/decide.ts';
import { createDecide } from './policy/decide.ts';
import type { DeniedContent, PrivacySettings } from './privacy/privacy.ts';
import { createInspect, createRememberDenied, spliceTakenOut } from './privacy/privacy.ts';
import type { ReadingMemories } from './wire/reading-memory.ts';
import { readToolArguments } from './wire/tool-arguments.ts';

export interface SpineParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly recorder: Recorder;
  readonly invocations: Invocations;
  readonly decisions: Decisions;
  readonly endpoints: Endpoints;
  /** What an agent connects to by itself. */
  readonly network: { readonly termsFor: TermsFor; readonly forward: ForwardConnection };
  readonly privacy: PrivacySettings;
  readonly denied: DeniedContent;
  readonly memories: ReadingMemories;
  /** The canonical name of a tool, from the one that the model has for it. */
  readonly toolName: (client: AgentClient, name: string) => string;
  readonly stops: Pick<Stops, 'denialFor'>;
  readonly underWay: UnderWay;
  readonly responseSecondsMax: (role: string) => number | null;
  readonly shares: Shares;
  /** A caller whom nobody could identify. */
  readonly unidentified: (from: string) => void;
}

/** What looks on while crossings pass. */
export interface Watching {
  readonly stages: (stages: Stages) => Stages;
  readonly cross: (cross: Cross) => Cross;
}

const nothing = new Uint8Array();

export const keyedDigest: KeyedDigest = (invocation, bytes) => keyedHash(invocation.digestKey, bytes);

export const composeStages = (parts: SpineParts): Stages => {
  const { clock, random, recorder, invocations, endpoints, network } = parts;
  const nameTool: Stages['nameTool'] = ({ agent }, name) => parts.toolName(agent.client, name);
  const recording = createRecording({ recorder, clock, random, digest: keyedDigest, unidentified: parts.unidentified });
  return {
    identify: ({ claim }) => ('invocation' in claim ? claim.invocation : invocations.identify(claim.credential)),
    read: createRead(parts.memories.of, nameTool),
    nameTool,
    settleToolResults: ({ invocation, reading }) => {
      for (const { callId, otherwise = callId, success } of reading?.toolsAnswered ?? [])
        invocations.toolResultArrived(invocation, label(callId), success, label(otherwise));
    },
    inspect: createInspect(parts.privacy, parts.denied),
    decide: createDecide(parts.decisions, endpoints.candidates, readToolArguments, network.termsFor),
    rememberDenied: createRememberDenied(parts.privacy, parts.denied),
    admit: createAdmit({
      clock,
      lives: invocations.lives,
      stopped: parts.stops.denialFor,
      underWay: parts.underWay,
      responseSecondsMax: parts.responseSecondsMax,
      shares: parts.shares,
    }),
    transformOut: (admitted) => {
      const { call } = admitted.crossing;
      if (call.action === 'model_request')
        return applySplices(call.body, [...endpoints.splicePin(admitted), ...spliceTakenOut(admitted.judgement)]);
      if (call.action === 'tool_call') return call.arguments;
      return call.carrying.carries === 'http' ? call.carrying.body : nothing;
    },
    recordIntent: async (transformed) => {
      const intent = await recording.recordIntent(transformed);
      const counting = invocations.counting(transformed.invocation);
      if (isRefusal(intent)) counting?.denied(intent.refused !== 'backpressure' && isText(transformed));
      else counting?.passed(attemptOf(transformed.crossing));
      return intent;
    },
    forward: (recorded, cancel) => {
      if (recorded.crossing.call.action === 'network_connection') return network.forward(recorded, cancel);
      invocations.toolCallHandedOver(recorded);
      return endpoints.forward(recorded, cancel);
    },
    recordOutcome: (recorded, ending) => {
      const { call } = recorded.crossing;
      // Before it is durable: what closes the run because it did not become so says what happened all the same.
      if (call.action === 'model_request')
        invocations.counting(recorded.invocation)?.modelEnded(call.operation, modelEndingOf(recorded, ending));
      return recording.recordOutcome(recorded, ending);
    },
    recordDenial: async (at, denial) => {
      const counting = 'invocation' in at ? invocations.counting(at.invocation) : undefined;
      // What the client is to repeat is never told as an answer.
      counting?.denied(!denialTable[denial.denial].retryable && isText(at));
      const recordId = await recording.recordDenial(at, denial);
      if (recordId !== null) counting?.denialRecorded(recordId);
      return recordId;
    },
    toldAsAnswer: (invocation) => invocations.counting(invocation)?.toldAsAnswer(),
    sever: ({ id }, why) => void invocations.close(id, 'severed', { error_message: why }),
  };
};

/** The models that the invocation behind a credential may call. Nothing leaves for it: it is answered from the config and the policies. */
export const composeListing =
  ({ invocations, decisions, endpoints }: Pick<SpineParts, 'invocations' | 'decisions' | 'endpoints'>) =>
  (credential: string | null, formatNames: readonly string[]): readonly ListedModel[] | Denial => {
    const invocation = invocations.identify(credential);
    if ('denial' in invocation) return invocation;
    const pins = new Map<string, ListedModel>();
    for (const candidate of endpoints.listed(formatNames)) {
      const { pin, endpoint } = candidate;
      const { decision } = decisions.decideModel({ invocation, candidates: [candidate] });
      if (goesOn(decision) && !pins.has(pin)) pins.set(pin, { pin, endpointId: endpoint.id });
    }
    return [...pins.values()];
  };

/** A refused tool call is replaced by text in an answer that otherwise succeeds. */
const isText = (at: Received | Identified): boolean => {
  const { call } = at.crossing;
  if (call.action !== 'model_request') return call.action === 'tool_call';
  return 'invocation' in at && call.format.tellsAsAnswer(at.invocation.agent.client, call.operation, false);
};

export const composeSpine = (parts: SpineParts, watching: Watching): Cross =>
  createGate(watching.stages(composeStages(parts)), parts.clock, () => uuidv7(parts.clock, parts.random), watching.cross);
