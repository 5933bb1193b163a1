// What looking at an endpoint found out, as data: for whoever looks (`dial`, `endpoints`) and whoever tells a person.
// Problems are sentences of ours; nothing that an endpoint said is in them, except names that have the form of an identifier.

import type { Streaming } from './endpoint.ts';

export interface CertificateReport {
  /** Names as the certificate has them, in printable characters. */
  readonly subject: string;
  readonly issuer: string;
  /** Milliseconds since the Unix epoch. */
  readonly notAfterMs: number;
  /** It verifies by an authority that only the config trusts. */
  readonly byExtraAuthority: boolean;
  /** Why it does not verify; null when it does. */
  readonly problem: string | null;
}

export interface ConnectionReport {
  /** Whose addresses these are: a proxy resolves the endpoint's name itself. */
  readonly peer: 'endpoint' | 'proxy';
  /** Every address of the name, and why it is refused; empty where the name could not be resolved. */
  readonly addresses: readonly { readonly address: string; readonly problem: string | null }[];
  /** `ADDRESS:PORT` that took the connection; null where none did. */
  readonly address: string | null;
  /** Milliseconds from resolving the name to the end of the TLS handshake. */
  readonly connectMs: number | null;
  /** The endpoint's own; null without TLS or without a connection. */
  readonly certificate: CertificateReport | null;
  /** Why there is no connection; null where there is one. */
  readonly problem: string | null;
}

/** How one format was answered. */
export interface AnswerReport {
  readonly format: string;
  /** The model that was asked. */
  readonly pin: string;
  /** Null where no answer began. */
  readonly status: number | null;
  /** Why it does not speak the format; null when it does. */
  readonly problem: string | null;
  /** What to do about the problem, as a sentence; empty where nothing is known. */
  readonly next: string;
  /** As the answer names it, where that has the form of a name. */
  readonly modelReported: string | null;
  /** Whether the config lists what is reported; null where nothing is. */
  readonly modelListed: boolean | null;
  /** How the stream arrived; `unknown` where it was too short to tell, null where there was none. */
  readonly streaming: Streaming | 'unknown' | null;
  /** Milliseconds from sending to the first byte of the body, and to the last. */
  readonly firstByteMs: number | null;
  readonly totalMs: number | null;
}
