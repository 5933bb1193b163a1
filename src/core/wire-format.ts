// What the spine needs from a wire format; `wire/` implements it, one file a format.
// Readers are loose: unknown members pass untouched. What cannot be framed is `malformed` (request) or `unreadable` (answer), never skipped.
// Implementations are pure and never throw on any bytes.

import type { DenialCode } from './denial.ts';
import type { PlainAnswer } from './http.ts';
import type { NotInspected, OpaqueContent, OpaqueKind } from './opaque.ts';
import type { AgentClient } from './principal.ts';
import type { ByteRange, Slot, Splice } from './slot.ts';

/** The client's own names for what it does, where it says them: claims, each a label. */
export interface ClientIds {
  readonly session_id?: string;
  /** Of an agent that the client started. */
  readonly agent_id?: string;
  readonly thread_id?: string;
  /** The thread that started this one. */
  readonly parent_thread_id?: string;
  readonly turn_id?: string;
  readonly root_turn_id?: string;
  readonly subagent_kind?: string;
  readonly request_kind?: string;
  readonly thread_source?: string;
}

export interface OfferedTool {
  /** The name as the message has it. */
  readonly name: string;
  /** True when the provider, not the agent, would run it. */
  readonly hosted: boolean;
  /** The request does not offer it: content of the kind `url` makes the provider do it. */
  readonly implied?: true;
}

/** Those that a request offers whose content is of these kinds. */
export const offeredWith = (offered: readonly OfferedTool[], kinds: readonly OpaqueKind[]): readonly OfferedTool[] =>
  offered.filter(({ implied }) => implied !== true || kinds.includes('url'));

export interface AnsweredTool {
  readonly callId: string;
  /** Under which the call waits if it came without an id, for formats in which it may: clients then invent one. */
  readonly otherwise?: string;
  readonly success: boolean;
}

/** A request as it came, before it is read. */
export interface RequestBytes {
  /** The format's own name for what is asked. */
  readonly operation: string;
  /** The vendor's own path, without our prefix and without query. */
  readonly path: string;
  /** Those query parameters that travel on, without `?`. */
  readonly query: string;
  readonly body: Uint8Array;
  /** What reading an earlier request of the same conversation left behind; what it holds is the format's own matter. */
  readonly memory?: ReadingMemory;
}

export interface ReadingMemory {
  kept: unknown;
}

/** What a request says. Ranges are byte offsets into the request body. */
export interface Reading {
  readonly model: string;
  /** Where the model's name stands, quotes included; null when it stands in the path. */
  readonly modelRange: ByteRange | null;
  readonly streaming: boolean;
  readonly slots: readonly Slot[];
  readonly toolsOffered: readonly OfferedTool[];
  /** Results of tool calls that this request is the first to carry: those behind the last answer in its conversation. */
  readonly toolsAnswered: readonly AnsweredTool[];
  /** SHA-256 in hexadecimal over the system prompt's texts, joined by a NUL; null without one. Parts that change with each request are left out. */
  readonly systemPromptDigest: string | null;
  /** SHA-256 in hexadecimal of each of these texts, in their order. */
  readonly systemPromptBlocks: readonly string[];
  readonly sessionId: string | null;
  readonly notInspected: readonly NotInspected[];
  /** The same by kinds and places. */
  readonly opaque: OpaqueContent;
}

export interface Malformed {
  readonly malformed: string;
}

/** A tool call in an answer. */
export interface CalledTool {
  readonly name: string;
  readonly callId: string;
  readonly arguments: Uint8Array;
  /** True when the provider runs it: it has already happened and cannot be held. */
  readonly hosted: boolean;
  /** What of the call nobody could read, such as a program that calls tools of its own. */
  readonly notInspected: readonly NotInspected[];
}

/** What an answer said about itself, as far as it has arrived. */
export interface AnswerFacts {
  readonly modelReported: string | null;
  readonly upstreamRequestId: string | null;
  /** All that the model read, from a cache or not. */
  readonly inputTokenCount: number | null;
  /** What of it the provider read from its cache; null where it does not say. */
  readonly cachedInputTokenCount: number | null;
  readonly outputTokenCount: number | null;
  /** The provider's own error type; null when it reported none. */
  readonly errorType: string | null;
  readonly notInspected: readonly NotInspected[];
}

/** One whole (not streamed) answer. */
export interface WholeAnswer {
  readonly facts: AnswerFacts;
  readonly toolCalls: readonly CalledTool[];
  /** Every string of the answer but for identifiers and what only the vendor can read; ranges are byte offsets into the body. Found when it is first asked for. */
  readonly slots: () => readonly Slot[];
  /** The splices that replace the refused calls by text, and whatever must follow from that (such as the stop reason). `refused` maps an index of `toolCalls` to our sentence. */
  readonly refuse: (refused: ReadonlyMap<number, string>) => readonly Splice[];
}

/** A part of a streamed answer, in the order of the wire. Together the `bytes` of all pieces are the upstream's bytes. */
export type StreamPiece =
  | { readonly piece: 'pass'; readonly bytes: Uint8Array }
  | {
      readonly piece: 'tool_call';
      /** From the first to the last event of the block; nothing where the call stands in one event with others, which follows when all are judged. */
      readonly bytes: Uint8Array;
      readonly call: CalledTool;
      /** Marks the call refused and returns the events that stand in its place. */
      readonly refuse: (sentence: string) => Uint8Array;
    }
  /** Everything from the event that says why the answer ends up to the terminal event. To be released only after the outcome is durable. `bytes` already reflects calls that were refused before it was produced. */
  | { readonly piece: 'ending'; readonly bytes: Uint8Array; readonly failed: boolean }
  /** From here on the stream cannot be framed; nothing further may be released. */
  | { readonly piece: 'unreadable'; readonly problem: string };

/** A string of an event. Its path leads into the data of the event. */
export interface StreamSlot extends Slot {
  /**
   * Which text it is a part of, by a JSON Pointer to where that text stands in the whole answer: parts under one name, joined in their order, are
   * the text. Null for a string that no other continues.
   */
  readonly continues: string | null;
}

export interface StreamReader {
  /** Pieces completed by this chunk. The consumer settles each piece (release or refuse) before it asks for the next. */
  readonly push: (chunk: Uint8Array) => Iterable<StreamPiece>;
  /** The upstream's bytes ended. Yields what is left; without an `ending` before, the answer was cut. */
  readonly end: () => Iterable<StreamPiece>;
  readonly facts: () => AnswerFacts;
  /** The slots in the `bytes` of a piece, which hold whole events; ranges are offsets into them. Found anew each time, and from nothing else. */
  readonly slots: (bytes: Uint8Array) => readonly StreamSlot[];
  /** Ends what was released so far with our denial, in the way that this client needs. A piece counts as released when the next one was asked for. */
  readonly renderDenial: (denial: DenialText, client: AgentClient) => Uint8Array;
  /** The same for something outside that broke. */
  readonly renderFailure: (failure: FailureText, client: AgentClient) => Uint8Array;
  /** An event that keeps this client waiting and changes nothing of what it reads; null where none can stand behind what was released so far. */
  readonly keepAlive: (client: AgentClient) => Uint8Array | null;
}

/** Which request an answer belongs to. */
export interface Answered {
  readonly operation: string;
  readonly status: number;
}

/** A model that the caller may call. */
export interface ListedModel {
  readonly pin: string;
  readonly endpointId: string;
}

export interface DenialText {
  readonly code: DenialCode;
  readonly sentence: string;
  /** The record that says the same; null where none could be written. */
  readonly recordId: string | null;
}

export interface FailureText {
  readonly status: number;
  /** False where another try cannot end differently. */
  readonly retryable: boolean;
  readonly sentence: string;
  readonly recordId: string | null;
}

export interface WireFormat {
  readonly name: string;
  /** Prefix of the canonical path at the model door, such as `/anthropic`. */
  readonly prefix: string;
  /** The operation behind the vendor's own path, or undefined when the vendor has no such path that we carry. */
  readonly operation: (method: string, path: string) => string | undefined;
  /** Reads the credential that the vendor's client sent, however it sends it; `headers` have lower-case names, `query` is without `?`. */
  readonly credential: (headers: Readonly<Record<string, string | undefined>>, query: string) => string | null;
  /** Reads what the client's header fields say of its sessions and turns. */
  readonly clientIds: (headers: Readonly<Record<string, string | undefined>>) => ClientIds;
  /** Names of client header fields that travel on to the vendor. A trailing `*` matches any ending. */
  readonly forwardedHeaders: readonly string[];
  /** Names of upstream header fields that travel back to the client, in the same form. */
  readonly answerHeaders: readonly string[];
  /** Names of query parameters that travel on to the vendor. */
  readonly forwardedQuery: readonly string[];
  readonly read: (request: RequestBytes) => Reading | Malformed;
  /** A body that is no answer to this operation in this format (a portal's page, another vendor's shape) is `malformed`. */
  readonly readWhole: (body: Uint8Array, answered: Answered) => WholeAnswer | Malformed;
  /** The upstream's field that carries its own id of the request. */
  readonly requestIdHeader: string;
  readonly readStream: (operation: string) => StreamReader;
  readonly renderDenial: (denial: DenialText, client: AgentClient, operation: string) => PlainAnswer;
  /** Something outside broke before an answer began: our sentence in the vendor's error shape, with a status that says so. */
  readonly renderFailure: (failure: FailureText, client: AgentClient, operation: string) => PlainAnswer;
  /**
   * Whether an upstream's answer of this status is kept from this client, because it would repeat the whole call many times or hide what was said.
   * Such a call is repeated inside `forward` where that is safe, and the last answer becomes a failure of ours.
   */
  readonly absorbs: (status: number, client: AgentClient) => boolean;
  /** The same for an error by which the upstream ends a stream. `errorType` is the provider's own. */
  readonly absorbsInStream: (errorType: string | null, client: AgentClient) => boolean;
  /**
   * Whether this client is told of a denial or a failure by what it shows as an ordinary answer, so that its exit code says nothing of it.
   * `begun`: the stream of an answer has begun.
   */
  readonly tellsAsAnswer: (client: AgentClient, operation: string, begun: boolean) => boolean;
  /** How long this client waits for a streamed answer to begin before it asks again; null where it waits as long as we do. */
  readonly answerWithinMs: (client: AgentClient) => number | null;
  /** Replaces the model's name in a request's body. */
  readonly spliceModel: (reading: Reading, pin: string) => readonly Splice[];
  /** Replaces the model's name in a request's path; the same path where the name stands in the body. */
  readonly pathWithModel: (path: string, pin: string) => string;
  /** Answers an operation that asks for models, from those that the caller may call; undefined for every other operation. */
  readonly renderModels: (operation: string, path: string, models: readonly ListedModel[]) => PlainAnswer | undefined;
}
