// Opens what a permitted and recorded connection leads to: a connection for a tunnel, an exchange for a plain request.
// Addresses are judged by the terms of the rule; nothing is followed, and nothing is tried that was not judged. Never rejects.

import type { Terms } from '../../core/destination.ts';
import { destinationText } from '../../core/destination.ts';
import type { UpstreamAnswer, UpstreamFailure, Via } from '../../core/endpoint.ts';
import type { Reached, Recorded } from '../../core/stages.ts';

type JudgeAddress = (address: string, port: number) => string | null;

interface Place {
  readonly origin: URL;
  readonly topology: 'self-hosted';
  readonly via: Via;
  readonly judge: JudgeAddress;
}

interface Outbound extends Place {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  readonly cancel: AbortSignal;
}

export interface ForwardParts {
  readonly reach: (place: Place, cancel: AbortSignal) => Promise<Reached | UpstreamFailure>;
  readonly send: (outbound: Outbound) => Promise<UpstreamAnswer | UpstreamFailure>;
  /** The corporate proxy before every destination, where there is one. */
  readonly via: Via;
  /** Judges an address by the ranges of a rule, or as any public one; the same function for the same ranges. */
  readonly judgeFor: (addresses: Terms['addresses']) => JudgeAddress;
}

export type ForwardConnection = (recorded: Recorded, cancel: AbortSignal) => Promise<Reached | UpstreamAnswer | UpstreamFailure>;

const nowhere: UpstreamFailure = { failure: 'unreachable', reason: 'The crossing names no destination.', attempts: 0 };

export const createForward =
  ({ reach, send, via, judgeFor }: ForwardParts): ForwardConnection =>
  async ({ crossing: { call }, judgement: { terms }, outbound: body }, cancel) => {
    if (call.action !== 'network_connection' || call.destination === null || terms === undefined) return nowhere;
    const place: Place = {
      origin: new URL(`http://${destinationText(call.destination)}`),
      topology: 'self-hosted',
      via,
      judge: judgeFor(terms.addresses),
    };
    if (call.carrying.carries === 'tunnel') return reach(place, cancel);
    const { method, target: path, headers } = call.carrying;
    return send({ ...place, method, path, headers, body, cancel });
  };
