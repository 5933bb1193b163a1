// The OpenAI Responses API (platform.openai.com/docs/api-reference/responses): the face of the format, and what a stream ends with when we refuse.
// Requests are read in openai-responses-requests.ts, answers in -answers.ts and -stream.ts.
// Stored answers, and answers that are made later, are not carried: they would be fetched outside the request that was decided.

import { denialTable } from '../core/denial.ts';
import type { AgentClient } from '../core/principal.ts';
import type { StreamReader, WireFormat } from '../core/wire-format.ts';
import { codexIds } from './client-ids.ts';
import { messageOf } from './denial-rendering.ts';
import { createHeldStream } from './held-stream.ts';
import { jsonText } from './json.ts';
import {
  absorbsOpenai,
  absorbsOpenaiInStream,
  INVALID_PROMPT,
  OPENAI_PREFIX,
  OPENAI_REQUEST_ID,
  openaiAnswerHeaders,
  openaiCredential,
  openaiErrorBody,
  openaiForwardedHeaders,
  renderOpenaiDenial,
  renderOpenaiFailure,
} from './openai.ts';
import { readWhole } from './openai-responses-answers.ts';
import { readRequest } from './openai-responses-requests.ts';
import { eventSlots } from './openai-responses-slots.ts';
import type { Shown } from './openai-responses-stream.ts';
import { createFraming } from './openai-responses-stream.ts';
import { renderEvent } from './sse.ts';
import { slotsInEvents } from './stream-slots.ts';

const operations: ReadonlyMap<string, string> = new Map([
  ['POST /v1/responses', 'responses'],
  ['POST /v1/responses/compact', 'compact'],
  ['POST /v1/responses/input_tokens', 'input_tokens'],
]);

/**
 * Vercel's client guesses a status from the words of an error that comes before any output, and repeats the call at one of 429 or above.
 * In a stream nothing else depends on the status.
 */
const statusInStream = (status: number, retryable: boolean): number => (retryable || status < 429 ? status : 400);

const nextNumber = ({ lastNumber }: Shown): number => (lastNumber === null ? 0 : lastNumber + 1);

/**
 * Codex passes over `error` events, and shows the message of a failed response once when its code is the vendor's word for a prompt that it
 * does not accept. The SDKs raise an error for an `error` event and none for a failed response.
 */
const renderInStream = (message: string, status: number, code: string | null, client: AgentClient, shown: Shown): Uint8Array => {
  const counted = { sequence_number: nextNumber(shown) };
  if (client !== 'codex') return renderEvent('error', { type: 'error', ...counted, ...openaiErrorBody(status, code, message) });
  const response = {
    id: shown.responseId ?? 'resp_sealwright',
    object: 'response',
    created_at: 0,
    status: 'failed',
    error: { code: INVALID_PROMPT, message },
    output: [],
  };
  return renderEvent('response.failed', { type: 'response.failed', ...counted, response });
};

/** The vendor's own event for waiting. The SDK takes none before the response has begun; Codex counts every event that it can parse. */
const renderKeepAlive = (client: AgentClient, { begun, lastNumber }: Shown): Uint8Array | null =>
  begun || client === 'codex' ? renderEvent('keepalive', { type: 'keepalive', sequence_number: lastNumber ?? 0 }) : null;

const readStream = (): StreamReader => {
  const framing = createFraming();
  const stream = createHeldStream(framing);
  return {
    push: stream.push,
    end: stream.end,
    facts: framing.facts,
    slots: slotsInEvents(eventSlots),
    renderDenial: (denial, client) => {
      const { status, retryable } = denialTable[denial.code];
      return renderInStream(messageOf(denial), statusInStream(status, retryable), denial.code, client, stream.shown());
    },
    renderFailure: (failure, client) =>
      renderInStream(messageOf(failure), statusInStream(failure.status, failure.retryable), null, client, stream.shown()),
    keepAlive: (client) => renderKeepAlive(client, stream.shown()),
  };
};

export const openaiResponses: WireFormat = {
  name: 'openai-responses',
  prefix: OPENAI_PREFIX,
  operation: (method, path) => operations.get(`${method} ${path}`),
  credential: openaiCredential,
  // Codex says with the last two how the body is formed.
  clientIds: codexIds,
  forwardedHeaders: [...openaiForwardedHeaders, 'x-openai-internal-codex-responses-lite', 'x-codex-beta-features'],
  answerHeaders: openaiAnswerHeaders,
  forwardedQuery: [],
  read: readRequest,
  readWhole,
  requestIdHeader: OPENAI_REQUEST_ID,
  readStream,
  renderDenial: (denial, client) => renderOpenaiDenial(denial, client),
  renderFailure: (failure, client) => renderOpenaiFailure(failure, client),
  absorbs: absorbsOpenai,
  absorbsInStream: absorbsOpenaiInStream,
  tellsAsAnswer: () => false,
  answerWithinMs: () => null,
  spliceModel: ({ modelRange }, pin) => (modelRange === null ? [] : [{ ...modelRange, replacement: jsonText(pin) }]),
  pathWithModel: (path) => path,
  renderModels: () => undefined,
};
