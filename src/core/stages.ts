// What flows between the stages of the gate. Each stage adds one member; the brand says which stages a value has passed.
// Only `gate/` may make these values: the brand's symbol is not exported, so a stage that is skipped is a compile error.

import type { Duplex } from 'node:stream';
import type { Call, Crossing } from './crossing.ts';
import type { Decision } from './decision.ts';
import type { Denial } from './denial.ts';
import type { Terms } from './destination.ts';
import type { Candidate, UpstreamAnswer, UpstreamFailure } from './endpoint.ts';
import type { Outgoing } from './http.ts';
import type { NotInspected, OpaquePart } from './opaque.ts';
import type { Invocation } from './principal.ts';
import type { Receipt, RecordRefusal } from './receipt.ts';
import type { AnswerFacts, Reading } from './wire-format.ts';

declare const passed: unique symbol;
type Passed<Stage extends string> = { readonly [passed]: { readonly [S in Stage]: true } };

/** Who asks: a credential that is still to be proved, or an invocation that is already known (a crossing inside a crossing). */
export interface Received<C extends Call = Call> {
  readonly crossing: Crossing<C>;
  readonly claim: { readonly credential: string | null } | { readonly invocation: Invocation };
  /** Where the caller came from, as `Incoming.from` has it; absent on a crossing inside a crossing. */
  readonly from?: string;
  /** Why the bytes did not arrive in a form that can be read, where the door knows it. Recorded once the caller is identified. */
  readonly unreadable?: Denial;
}

export type Identified<C extends Call = Call> = Received<C> & Passed<'identified'> & { readonly invocation: Invocation };

/** What the crossing says: a model request's reading, or null for all else, which says all in its call. */
export type Read<C extends Call = Call> = Identified<C> & Passed<'read'> & { readonly reading: Reading | null };

export interface Inspection {
  readonly notInspected: readonly NotInspected[];
  /** Looks for parts that were denied in an earlier turn and come along with this one; absent where none may be left out. */
  readonly deniedBefore?: () => readonly OpaquePart[];
}
export type Inspected<C extends Call = Call> = Read<C> & Passed<'inspected'> & { readonly inspection: Inspection };

export interface Judgement {
  readonly decision: Decision;
  /** The denial to give when the decision does not let the crossing on. */
  readonly denial: Denial | null;
  /** Where it goes when it goes on; null for a tool call, which goes back to the agent, and for a connection, which names its destination itself. */
  readonly candidate: Candidate | null;
  /** What holds for a connection; absent for all else. */
  readonly terms?: Terms;
  /** Of what was denied before, what was left out of what is judged, and so is not sent; absent where nothing was. */
  readonly takenOut?: readonly OpaquePart[];
  /** Parts without which the decision would let the crossing on; absent where it does, or where it has nothing to do with them. */
  readonly offending?: readonly OpaquePart[];
}
export type Decided<C extends Call = Call> = Inspected<C> & Passed<'decided'> & { readonly judgement: Judgement };

export interface Admission {
  /** Monotonic milliseconds after which the answer must be whole; null without a limit. */
  readonly deadlineMs: number | null;
  readonly deadlineSeconds: number | null;
  /**
   * Calls back, once and perhaps at once, when the crossing must end before it is whole: it was stopped, or its invocation has ended.
   * Returns how to listen no longer.
   */
  readonly whenCutOff: (listener: (denial: Denial) => void) => () => void;
  /** Reserves memory for a part of the answer that is held back; false when there is none left. */
  readonly hold: (bytes: number) => boolean;
  /** Gives back what was reserved. Called once, however the crossing ends. */
  readonly release: () => void;
}
export type Admitted<C extends Call = Call> = Decided<C> & Passed<'admitted'> & { readonly admission: Admission };

/** The bytes that will leave. */
export type Transformed<C extends Call = Call> = Admitted<C> & Passed<'transformed'> & { readonly outbound: Uint8Array };

/** The intent is durable. Only such a crossing can be forwarded. */
export type Recorded<C extends Call = Call> = Transformed<C> & Passed<'recorded'> & { readonly intent: Receipt };

/** A tool call goes back to the agent: what it does with it is known only from the result that it sends later. */
export interface HandedOver {
  readonly handedOver: true;
}

/** A connection to a destination, over which nothing was sent. */
export interface Reached {
  readonly stream: Duplex;
  /** `ADDRESS:PORT` that was judged. */
  readonly address: string;
}

export type Forwarded = UpstreamAnswer | UpstreamFailure | HandedOver | Reached;

/** How a crossing ended, for its outcome record. */
export interface Ending {
  readonly success: boolean | null;
  /** Our sentence; null on success. */
  readonly errorMessage: string | null;
  readonly facts: AnswerFacts | null;
  readonly status: number | null;
  readonly address: string | null;
  readonly attempts: number;
  /** Null when nobody can say how much arrived. */
  readonly bytesSent: number | null;
  readonly bytesReceived: number;
  /** Keyed digest over the bytes released to the client, in hexadecimal; null when none were. */
  readonly responseDigest: string | null;
  readonly toolsCalled: readonly string[];
  /** Codes of calls that were refused inside this answer. */
  readonly toolCallsRefused: number;
}

export interface Stages {
  readonly identify: (received: Received) => Invocation | Denial;
  readonly read: (identified: Identified) => { readonly reading: Reading | null } | Denial;
  /** The canonical name of a tool, from the one that the model has for it. */
  readonly nameTool: (invocation: Invocation, name: string) => string;
  /** Closes tool crossings whose results this request carries. */
  readonly settleToolResults: (read: Read) => void;
  readonly inspect: (read: Read) => Inspection | Denial;
  /** Never denies by itself: the judgement says what to do, and the gate does it. */
  readonly decide: (inspected: Inspected) => Judgement;
  /** Remembers what of a denied crossing was offending, so that it is recognised when a next turn brings it along. */
  readonly rememberDenied: (decided: Decided) => void;
  readonly admit: (decided: Decided) => Admission | Denial;
  readonly transformOut: (admitted: Admitted) => Uint8Array | Denial;
  readonly recordIntent: (transformed: Transformed) => Promise<Receipt | RecordRefusal>;
  /** The only stage that lets bytes out. `cancel` aborts when the client goes away or the deadline passes. */
  readonly forward: (recorded: Recorded, cancel: AbortSignal) => Promise<Forwarded>;
  readonly recordOutcome: (recorded: Recorded, ending: Ending) => Promise<Receipt | RecordRefusal>;
  /** Writes the one decision record of a crossing that does not happen. Null where nobody is identified. */
  readonly recordDenial: (at: Received | Identified | Inspected | Decided, denial: Denial) => Promise<string | null>;
  /** The agent was told of a denial or a failure by what it shows as an answer. */
  readonly toldAsAnswer: (invocation: Invocation) => void;
  /** Closes an invocation whose outcome could not be recorded. */
  readonly sever: (invocation: Invocation, why: string) => void;
}

/** Where a door takes an answer. `write` resolves when the client can take more, and at once when it has gone. */
export type Delivery = Pick<Outgoing, 'begin' | 'write'>;

export type Crossed =
  /** Nothing was delivered. */
  | { readonly crossed: 'refused'; readonly denial: Denial; readonly recordId: string | null; readonly invocation: Invocation | null }
  /** Nothing was delivered; something outside broke. */
  | {
      readonly crossed: 'failed';
      readonly status: number;
      readonly retryable: boolean;
      readonly sentence: string;
      readonly recordId: string;
      readonly invocation: Invocation;
    }
  /** Delivered to its end; where a stream had begun, that end may say a denial or a failure. */
  | { readonly crossed: 'answered'; readonly recordId: string; readonly denial?: Denial }
  /** Delivery began and could not be finished: the door must break the connection. */
  | { readonly crossed: 'cut' }
  /** A tool call that the agent may carry out. */
  | { readonly crossed: 'handed_over' };

export type Cross = (received: Received, delivery: Delivery) => Promise<Crossed>;
