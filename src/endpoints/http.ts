// A transport to any base URL that speaks the wire format: our credential, the client's harmless headers, the vendor's own path.
// The answer is asked for uncompressed, because what is compressed could not be inspected as it passes.

import type { UpstreamAnswer, UpstreamFailure, Topology } from '../core/endpoint.ts';
import type { Transport } from './endpoints.ts';

export interface HttpTransportParts {
  readonly baseUrl: URL;
  readonly topology: Topology;
  /** Null when the endpoint needs none; a function that gives null means that it cannot be had. */
  readonly secret: (() => Promise<string | null>) | null;
  /** Header fields that carry the secret, in the vendor's way. */
  readonly credentialHeaders: (secret: string) => Readonly<Record<string, string>>;
  readonly send: (outbound: {
    readonly origin: URL;
    readonly topology: Topology;
    readonly method: 'POST';
    readonly path: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly body: Uint8Array;
    readonly cancel: AbortSignal;
  }) => Promise<UpstreamAnswer | UpstreamFailure>;
}

export const createHttpTransport =
  ({ baseUrl, topology, secret, credentialHeaders, send }: HttpTransportParts): Transport =>
  async ({ path, query, headers, body, cancel }) => {
    const value = secret === null ? '' : await secret();
    if (value === null)
      return { failure: 'credential_unavailable', reason: 'The credential of the endpoint could not be fetched.', attempts: 0 };
    const prefix = baseUrl.pathname.replace(/\/$/, '');
    const answer = await send({
      origin: baseUrl,
      topology,
      method: 'POST',
      path: `${prefix}${path}${query === '' ? '' : `?${query}`}`,
      headers: { ...headers, 'accept-encoding': 'identity', ...(value === '' ? {} : credentialHeaders(value)) },
      body,
      cancel,
    });
    if ('failure' in answer) return answer;
    const encoding = answer.headers['content-encoding'] ?? 'identity';
    if (encoding === 'identity') return answer;
    return { failure: 'reset', reason: 'The upstream compressed its answer although it was asked not to.', attempts: answer.attempts };
  };
