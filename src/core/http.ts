// One HTTP exchange as a door or the admin plane sees it, whoever carries the bytes.
// The server makes these, doors consume them; neither knows the other.

import type { Duplex } from 'node:stream';
import type { Denial } from './denial.ts';

export interface Incoming {
  /** Listener and network of the caller, for attempts that nobody can be named for: `model 127.0.0.1/32`. */
  readonly from: string;
  readonly method: string;
  /** Path without query, as it came. */
  readonly path: string;
  /** Query without `?`. */
  readonly query: string;
  /** What the relay of a runner said of the whole connection; null where it came without one. Nothing in the request weighs against it. */
  readonly credential: string | null;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** Aborts when the client goes away before the answer is whole. */
  readonly gone: AbortSignal;
  /** The whole body, or why there is none. Counted against the bodies in flight until the answer ends, as held by `holder` or else by where it came from. */
  readonly body: (holder?: string) => Promise<Uint8Array | Denial>;
  /** Counts more bytes in the same way; a denial when there is no memory left for them. */
  readonly reserve: (bytes: number) => Denial | null;
}

export interface Outgoing {
  /** `cookies` are values of `set-cookie`, which cannot be joined. */
  readonly begin: (status: number, headers: Readonly<Record<string, string>>, cookies?: readonly string[]) => void;
  /** Null when more can be taken at once, or the client has gone; else resolves when one of both is so. */
  readonly write: (bytes: Uint8Array) => Promise<void> | null;
  readonly end: () => void;
  /** Breaks the connection: what was sent is not whole. */
  readonly destroy: () => void;
}

/** A request to be joined with another place (CONNECT): the connection is the client's own from here on. */
export interface Connecting extends Pick<Incoming, 'from' | 'credential' | 'headers' | 'gone'> {
  /** What stands where other requests have a path, as it came. */
  readonly target: string;
  /** The client's side. What came behind the request is read first. */
  readonly stream: Duplex;
  /** Says that the tunnel is open. */
  readonly accept: () => void;
  /** Answers and closes. */
  readonly refuse: (answer: PlainAnswer) => void;
}

export interface PlainAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}
