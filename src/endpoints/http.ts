// A transport to any base URL that speaks the wire format: our credential, the client's harmless headers, the vendor's own path.
// The answer is asked for uncompressed, because what is compressed could not be inspected as it passes; a redirect is never followed.

import { unlessAborted } from '../core/abort.ts';
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

export const createHttpTransport = ({ baseUrl, topology, secret, credentialHeaders, send }: HttpTransportParts): Transport => {
  const prefix = baseUrl.pathname.replace(/\/$/, '');
  return async ({ path, query, headers, body, cancel }) => {
    const value = secret === null ? '' : await unlessAborted(secret(), cancel).catch(() => null);
    if (cancel.aborted) return { failure: 'cancelled', reason: 'The call was cancelled before it was sent.', attempts: 0 };
    if (value === null)
      return { failure: 'credential_unavailable', reason: 'The credential of the endpoint could not be fetched.', attempts: 0 };
    const answer = await send({
      origin: baseUrl,
      topology,
      method: 'POST',
      path: `${prefix}${path}${query === '' ? '' : `?${query}`}`,
      headers: {
        ...headers,
        // Ours, not the client's: another charset would make the upstream read other text than we did.
        'content-type': 'application/json',
        'accept-encoding': 'identity',
        ...(value === '' ? {} : credentialHeaders(value)),
      },
      body,
      cancel,
    });
    if ('failure' in answer) return answer;
    const refusal = refusalOf(answer);
    if (refusal === null) return answer;
    answer.discard();
    return { ...refusal, attempts: answer.attempts };
  };
};

/** Why an answer does not pass; null when it does. */
const refusalOf = ({ status, headers }: UpstreamAnswer): Pick<UpstreamFailure, 'failure' | 'reason'> | null => {
  if (status >= 300 && status < 400)
    return { failure: 'redirected', reason: 'The upstream answered with a redirect, which is never followed.' };
  const encoding = headers['content-encoding']?.trim().toLowerCase() ?? 'identity';
  if (encoding === 'identity') return null;
  return { failure: 'reset', reason: 'The upstream compressed its answer although it was asked not to.' };
};
