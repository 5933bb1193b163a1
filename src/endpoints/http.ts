// A transport to any base URL that speaks the wire format: our credential, the client's harmless headers, the vendor's own path.
// The answer is asked for uncompressed, because what is compressed could not be inspected as it passes; a redirect is never followed.

import { unlessAborted } from '../core/abort.ts';
import type { Secret, UpstreamAnswer, UpstreamFailure, Topology, Via } from '../core/endpoint.ts';
import type { CredentialField } from './config.ts';
import type { Transport } from './endpoints.ts';
import { credentialHeaders, createUpstreamPath } from './vendor-ways.ts';

/** Sends one call; `dial` does. Never rejects. */
export type Send = (outbound: {
  readonly origin: URL;
  readonly topology: Topology;
  readonly via: Via;
  readonly method: 'POST';
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  readonly cancel: AbortSignal;
}) => Promise<UpstreamAnswer | UpstreamFailure>;

export interface HttpTransportParts {
  readonly baseUrl: URL;
  readonly topology: Topology;
  readonly via: Via;
  /** Null when the endpoint needs none; a function that gives null means that it cannot be had. */
  readonly secret: Secret | null;
  /** The header field that carries the secret, where it is not the one of the format's vendor. */
  readonly credentialField: CredentialField | undefined;
  readonly send: Send;
}

export const createHttpTransport = ({ baseUrl, topology, via, secret, credentialField, send }: HttpTransportParts): Transport => {
  const pathTo = createUpstreamPath(baseUrl);
  const secretNow = (cancel: AbortSignal): ReturnType<Secret> => {
    const found = secret === null ? '' : secret();
    return found instanceof Promise ? unlessAborted(found, cancel).catch(() => null) : found;
  };
  return async ({ formatName, path, query, headers, body, cancel }) => {
    const known = secretNow(cancel);
    const value = known instanceof Promise ? await known : known;
    if (cancel.aborted) return { failure: 'cancelled', reason: 'The call was cancelled before it was sent.', attempts: 0 };
    if (value === null)
      return { failure: 'credential_unavailable', reason: 'The credential of the endpoint could not be fetched.', attempts: 0 };
    const answer = await send({
      origin: baseUrl,
      topology,
      via,
      method: 'POST',
      path: `${pathTo(path)}${query === '' ? '' : `?${query}`}`,
      headers: {
        ...headers,
        // Ours, not the client's: another charset would make the upstream read other text than we did.
        'content-type': 'application/json',
        'accept-encoding': 'identity',
        ...(value === '' ? {} : credentialHeaders(formatName, value, credentialField)),
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
  // A client that goes by the character set would read other text than we did.
  const charsets = [...(headers['content-type'] ?? '').matchAll(/charset\s*=\s*"?([^";,\s]*)/gi)];
  if (charsets.some(([, charset = '']) => !/^utf-?8$/i.test(charset)))
    return { failure: 'unreadable', reason: 'The upstream answered in a character set other than UTF-8.' };
  const encoding = headers['content-encoding']?.trim().toLowerCase() ?? 'identity';
  if (encoding === 'identity') return null;
  return { failure: 'unreadable', reason: 'The upstream compressed its answer although it was asked not to.' };
};
