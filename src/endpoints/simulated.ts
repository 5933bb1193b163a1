// The built-in endpoint: speaks the vendors' formats inside this process, without a model and without a network.
// Deterministic: the same request gets the same bytes, ids included. Every answer says that it is simulated.
// Never rejects; a request that it cannot read gets the vendor's error body, a cancelled one ends where it is.

import { createHash } from 'node:crypto';
import type { Clock } from '../core/clock.ts';
import type { UpstreamAnswer, UpstreamFailure, UpstreamRequest } from '../core/endpoint.ts';
import { simulatedAnthropic } from './simulated-anthropic.ts';
import { simulatedGemini } from './simulated-gemini.ts';
import { simulatedOpenaiChat } from './simulated-openai-chat.ts';
import { simulatedOpenaiEmbeddings } from './simulated-openai-embeddings.ts';
import { simulatedOpenaiResponses } from './simulated-openai-responses.ts';
import type { Dialect, Members } from './simulated-turn.ts';
import { membersOf } from './simulated-turn.ts';

const dialects: ReadonlyMap<string, Dialect> = new Map([
  ['anthropic-messages', simulatedAnthropic],
  ['openai-chat', simulatedOpenaiChat],
  ['openai-responses', simulatedOpenaiResponses],
  ['openai-embeddings', simulatedOpenaiEmbeddings],
  ['gemini', simulatedGemini],
]);

const parseBody = (body: Uint8Array): Members | null => {
  try {
    return membersOf(JSON.parse(Buffer.from(body).toString('utf8')));
  } catch {
    return null;
  }
};

const bytesOf = (text: string): Uint8Array => Buffer.from(text, 'utf8');

async function* once(json: unknown): AsyncIterable<Uint8Array> {
  yield bytesOf(JSON.stringify(json));
}

/** One event per turn of the clock, so that it arrives as a stream does and a cancel can come in between. */
async function* stream(events: readonly string[], cancel: AbortSignal, clock: Clock): AsyncIterable<Uint8Array> {
  for (const event of events) {
    await new Promise<void>((resolve) => void clock.after(0, resolve));
    if (cancel.aborted) return;
    yield bytesOf(event);
  }
}

const refused = (reason: string): UpstreamFailure => ({ failure: 'unreachable', reason, attempts: 1 });

export const createSimulated =
  ({ clock }: { readonly clock: Clock }) =>
  async (request: UpstreamRequest): Promise<UpstreamAnswer | UpstreamFailure> => {
    const { formatName, operation, query, candidate, cancel } = request;
    if (cancel.aborted) return { failure: 'cancelled', reason: 'The call was cancelled.', attempts: 1 };
    const dialect = dialects.get(formatName);
    if (dialect === undefined) return refused(`The simulated endpoint does not speak ${formatName}.`);
    const digest = createHash('sha256').update(`${operation}\n${candidate.pin}\n`).update(request.body).digest('hex');
    const answer = (status: number, type: string, body: AsyncIterable<Uint8Array>): UpstreamAnswer => ({
      status,
      headers: { 'content-type': type, [dialect.requestIdField]: `req_simulated_${digest.slice(0, 24)}` },
      body,
      discard: () => undefined,
      address: null,
      attempts: 1,
    });
    const body = parseBody(request.body);
    if (body === null) return answer(400, 'application/json', once(dialect.notJson));
    const said = dialect.answer({ operation, query, pin: candidate.pin, body, bodyBytes: request.body.length, digest });
    if (said === null) return refused(`The simulated endpoint does not do ${operation}.`);
    if ('events' in said) return answer(200, 'text/event-stream; charset=utf-8', stream(said.events, cancel, clock));
    return answer(said.status, 'application/json', once(said.json));
  };
