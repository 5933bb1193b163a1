// A crossing is one attempt to pass the boundary. It has an id from the moment it is accepted, whatever becomes of it.
// `Call` is what a door hands over: bytes and facts of the connection, not yet read.

import type { Duplex } from 'node:stream';
import type { Denial } from './denial.ts';
import type { Destination, Terms } from './destination.ts';
import type { NotInspected } from './opaque.ts';
import type { ClientIds, WireFormat } from './wire-format.ts';

export interface ModelCall {
  readonly action: 'model_request';
  readonly format: WireFormat;
  /** The format's own name for what is asked, such as `messages`. */
  readonly operation: string;
  readonly method: string;
  /** What lies at a path of the vendor's that is not carried, and why; null where that is unknown, or the operation is carried. */
  readonly notCarried: string | null;
  /** The vendor's own path, as it came. */
  readonly path: string;
  readonly body: Uint8Array;
  /** Those header fields of the client that travel on; names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** Those query parameters that travel on, without `?`. */
  readonly query: string;
  /** What the client says of itself: recorded, and nothing decides by it. */
  readonly clientIds: ClientIds;
}

/** A tool call that a model asked for, held back until it is decided. */
export interface ToolCall {
  readonly action: 'tool_call';
  /** Canonical tool name, as a label. */
  readonly tool: string;
  /** The id that joins the call to its result, as a label. */
  readonly callId: string;
  /** The arguments as they stood in the answer. */
  readonly arguments: Uint8Array;
  /** What of the call nobody could read. */
  readonly notInspected: readonly NotInspected[];
}

/** A connection that an agent makes by itself. */
export interface NetworkCall {
  readonly action: 'network_connection';
  /** Null where what was asked for names none; such a crossing is refused when it is read. */
  readonly destination: Destination | null;
  readonly carrying: Tunnel | PlainRequest;
}

/** Bytes both ways, as they are. */
export interface Tunnel {
  readonly carries: 'tunnel';
  /** Joins the agent with its destination until both directions have ended or `cut` aborts; then the destination's side is closed. Never rejects. */
  readonly join: (peer: Duplex, terms: Terms, cut: AbortSignal) => Promise<Carried>;
}

/** What a tunnel has carried when it is over. */
export interface Carried {
  readonly bytesSent: number;
  readonly bytesReceived: number;
  /** Why the envelope ended it; null where it did not. */
  readonly denial: Denial | null;
  /** Whether a side broke off. */
  readonly broken: boolean;
}

/** One request of plain HTTP, read and to be written anew. */
export interface PlainRequest {
  readonly carries: 'http';
  readonly method: string;
  /** Path and query. */
  readonly target: string;
  /** Those of the client's header fields that travel on, in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

export type Call = ModelCall | ToolCall | NetworkCall;

export interface Crossing<C extends Call = Call> {
  readonly id: string;
  readonly parentId: string | null;
  readonly call: C;
  /** The client's own session id: a claim. */
  readonly sessionId: string | null;
  /** Monotonic milliseconds at acceptance. */
  readonly acceptedMs: number;
  /** Aborts when the client goes away. */
  readonly clientGone: AbortSignal;
}
