// An endpoint is a place where a model runs. A candidate is one that lists the model asked for, under the pin that it will be called by.
// What breaks outside is an `UpstreamFailure`, a value; no transport throws.

export type Topology = 'vendor' | 'cloud-partner' | 'self-hosted';

export interface Endpoint {
  readonly id: string;
  readonly topology: Topology;
  readonly provider: string;
  readonly region: string;
}

export interface Candidate {
  readonly endpoint: Endpoint;
  /** The model name that goes upstream and into records. */
  readonly pin: string;
  /** Names under which the provider may report this pin; the pin itself always counts. */
  readonly reports: readonly string[];
}

/** What came back from an endpoint, headers first. */
export interface UpstreamAnswer {
  readonly status: number;
  /** Lower-case names; repeated fields joined as HTTP joins them. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: AsyncIterable<Uint8Array>;
  /** `ADDRESS:PORT` that was really dialled; null for an endpoint inside this process. */
  readonly address: string | null;
  readonly attempts: number;
}

/** Something outside broke before an answer began. `reason` is our sentence, without any upstream text. */
export interface UpstreamFailure {
  readonly failure: 'unreachable' | 'timed_out' | 'reset' | 'address_refused' | 'credential_unavailable' | 'cancelled';
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
