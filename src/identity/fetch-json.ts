// Fetches one JSON document of an issuer: bounded in bytes, uncompressed, only what says that it is JSON, no redirect.
// A problem is the end of a sentence that begins with whom was asked; it quotes nothing of the answer. Ends at once when `cancel` aborts.

import { Buffer } from 'node:buffer';
import { unlessAborted } from '../core/abort.ts';
import type { UpstreamAnswer, Via } from '../core/endpoint.ts';
import { limits } from '../core/limits.ts';
import type { IdentityWorld, Reach } from './world.ts';

export type Fetched = { readonly value: unknown } | { readonly problem: string };

export interface FetchPlace {
  readonly url: URL;
  readonly reach: Reach;
  readonly via: Via;
  readonly cancel: AbortSignal;
}

export type FetchJson = (place: FetchPlace) => Promise<Fetched>;

const isJson = (contentType: string): boolean => /^application\/([\w.-]+\+)?json\s*(;|$)/i.test(contentType);

/** Why an answer is not read; null where it is. */
const answerProblem = ({ status, headers }: UpstreamAnswer): string | null => {
  if (status >= 300 && status < 400) return 'answered with a redirect, which is not followed';
  if (status !== 200) return `answered with status ${status}`;
  if ((headers['content-encoding'] ?? 'identity').trim().toLowerCase() !== 'identity') return 'compressed its answer unasked';
  return isJson(headers['content-type'] ?? '') ? null : 'answered with something other than JSON';
};

const boundedBody = async ({ body }: UpstreamAnswer): Promise<Buffer | null> => {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > limits.keySetBytes) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
};

export const createFetchJson = ({ send, readJson }: Pick<IdentityWorld, 'send' | 'readJson'>): FetchJson => {
  const fetched = async ({ url, reach, via, cancel }: FetchPlace): Promise<Fetched> => {
    const answer = await send({
      origin: url,
      topology: reach,
      via,
      method: 'GET',
      path: `${url.pathname}${url.search}`,
      headers: { accept: 'application/json', 'accept-encoding': 'identity' },
      body: new Uint8Array(),
      cancel,
    });
    if ('failure' in answer) return { problem: `could not be asked (${answer.failure})` };
    const problem = answerProblem(answer);
    if (problem !== null) {
      answer.discard();
      return { problem };
    }
    const bytes = await boundedBody(answer);
    if (bytes === null) return { problem: `answered with more than ${limits.keySetBytes} bytes` };
    const read = readJson(bytes);
    return 'value' in read ? read : { problem: 'answered with what is not valid JSON' };
  };
  return async (place) => {
    try {
      return await unlessAborted(fetched(place), place.cancel);
    } catch {
      return { problem: place.cancel.aborted ? 'did not answer in time' : 'broke off its answer' };
    }
  };
};
