// What identity needs from outside, said by its user: the private subject map, files, strict JSON, and outbound HTTP.
// `Send` never rejects; the others say how they fail.

import type { Clock, Random } from '../core/clock.ts';
import type { UpstreamAnswer, UpstreamFailure, Via } from '../core/endpoint.ts';

/** The private subject map: pseudonym to person. */
export interface SubjectStore {
  readonly read: () => Promise<Readonly<Record<string, string>>>;
  /** Durable when it resolves. */
  readonly write: (subjects: Readonly<Record<string, string>>) => Promise<void>;
}

/** Reads a whole JSON text and refuses what two parsers could read differently, such as a member that stands twice. Never throws. */
export type ReadJson = (bytes: Uint8Array) => { readonly value: unknown } | { readonly problem: string };

/** Whether an address of this machine may be dialled: only for what the config itself names. */
export type Reach = 'self-hosted' | 'cloud-partner';

/** Sends one call over an address that was judged, and follows no redirect; `dial` does. */
export type Send = (outbound: {
  readonly origin: URL;
  readonly topology: Reach;
  readonly via: Via;
  readonly method: 'GET';
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  readonly cancel: AbortSignal;
}) => Promise<UpstreamAnswer | UpstreamFailure>;

export interface IdentityWorld {
  readonly store: SubjectStore;
  readonly random: Random;
  readonly clock: Clock;
  readonly send: Send;
  /** Throws where the file cannot be read. */
  readonly readFile: (path: string) => Uint8Array;
  readonly readJson: ReadJson;
}
