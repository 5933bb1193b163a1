// An endpoint is a place where a model runs. A candidate is one that lists the model asked for, under the pin that it will be called by.
// What breaks outside is an `UpstreamFailure`, a value; no transport throws.

import type { Price } from './price.ts';

export type Topology = 'vendor' | 'cloud-partner' | 'self-hosted';

/** `buffered` where something on the way holds a streamed answer back until it is whole. */
export type Streaming = 'incremental' | 'buffered';

export interface Endpoint {
  readonly id: string;
  readonly topology: Topology;
  readonly provider: string;
  readonly region: string;
  readonly streaming: Streaming;
}

export interface Candidate {
  readonly endpoint: Endpoint;
  /** The model name that goes upstream and into records. */
  readonly pin: string;
  /** Names under which the provider may report this pin; the pin itself always counts. */
  readonly reports: readonly string[];
  /** What the config says that it costs; absent where it says nothing. */
  readonly price?: Price;
}

/** What came back from an endpoint, headers first. */
export interface UpstreamAnswer {
  readonly status: number;
  /** Lower-case names; repeated fields joined as HTTP joins them. */
  readonly headers: Readonly<Record<string, string>>;
  /** Values of `set-cookie`, which cannot be joined; absent where there are none. */
  readonly cookies?: readonly string[];
  /** Read once. Ends or throws; stopping early does what `discard` does. */
  readonly body: AsyncIterable<Uint8Array>;
  /** Lets go of a body that will not be read, or not further; without it the connection would stay taken. May be called at any time, also twice. */
  readonly discard: () => void;
  /**
   * `ADDRESS:PORT` of the connection that carried the bytes, IPv6 in brackets; null for an endpoint inside this process. Through a proxy the
   * address of the proxy: it resolves the name, and nobody here knows where the bytes went behind it.
   */
  readonly address: string | null;
  /** How often it was tried; a second time only where nothing had been sent. */
  readonly attempts: number;
}

/** Something outside broke before an answer began. `reason` is our sentence, without any upstream text. */
export interface UpstreamFailure {
  readonly failure:
    | 'unreachable'
    | 'timed_out'
    | 'reset'
    | 'address_refused'
    | 'credential_unavailable'
    | 'redirected'
    | 'unreadable'
    | 'cancelled';
  readonly reason: string;
  readonly attempts: number;
}

export interface UpstreamRequest {
  readonly candidate: Candidate;
  readonly formatName: string;
  readonly operation: string;
  readonly path: string;
  readonly query: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  readonly cancel: AbortSignal;
}

/** Gives a secret, or null when it cannot be had; at once where it is known. */
export type Secret = () => string | null | Promise<string | null>;

/** What stands between us and an endpoint. One value an endpoint: connections are kept apart by it. */
export interface Via {
  readonly proxy: {
    readonly url: URL;
    /** Gives `USER:PASSWORD`, or null when it cannot be had; null when the proxy needs none. */
    readonly secret: Secret | null;
  } | null;
  /** Certificates in PEM that are trusted in addition to the system's. */
  readonly ca: readonly string[];
}

/** Nothing in between. */
export const direct: Via = { proxy: null, ca: [] };
