// The Generative Language API, by which Gemini models are called (ai.google.dev/api): the face of the format.
// The model stands in the path, streams are server-sent events without names or a terminal event, errors are google.rpc.Status in JSON.
// Total over every denial code, status and client; nothing here fails.

import type { PlainAnswer } from '../core/http.ts';
import { denialTable } from '../core/denial.ts';
import type { AgentClient } from '../core/principal.ts';
import type { DenialText, FailureText, ListedModel, StreamReader, WireFormat } from '../core/wire-format.ts';
import { noClientIds } from './client-ids.ts';
import { denialHeaders, failureHeaders, messageOf } from './denial-rendering.ts';
import { readWhole } from './gemini-answers.ts';
import { operations, pathWithModel, readPath, readRequest, spliceModel } from './gemini-requests.ts';
import { eventSlots } from './gemini-slots.ts';
import { createFraming, renderChunk } from './gemini-stream.ts';
import { createHeldStream } from './held-stream.ts';
import { jsonText } from './json.ts';
import { slotsInEvents } from './stream-slots.ts';

const MODELS_PATH = /^\/v1(?:beta|alpha)?\/models$/;
const MODEL_PATH = /^\/v1(?:beta|alpha)?\/models\/([^/:]+)$/;

const operation: WireFormat['operation'] = (method, path) => {
  if (method === 'POST') return readPath(path)?.operation;
  if (method !== 'GET') return undefined;
  if (MODELS_PATH.test(path)) return 'models';
  return MODEL_PATH.test(path) ? 'model' : undefined;
};

const bearer = /^bearer +(\S+)$/i;

/** Credentials that differ make one that is of no form, so that it is refused as such. */
const CONFLICTING = 'two credentials that differ';

const credential: WireFormat['credential'] = ({ 'x-goog-api-key': apiKey, authorization }, query) => {
  const parameters = new URLSearchParams(query);
  const fromBearer = authorization === undefined ? undefined : (bearer.exec(authorization)?.[1] ?? authorization);
  const sent = [apiKey, fromBearer, ...parameters.getAll('key'), ...parameters.getAll('$key')].filter((each) => each !== undefined);
  if (new Set(sent).size > 1) return CONFLICTING;
  return sent[0] ?? null;
};

/** The name of an error beside each status (github.com/googleapis/googleapis, google/rpc/code.proto). */
const statusNames: Readonly<Record<number, string>> = {
  400: 'INVALID_ARGUMENT',
  401: 'UNAUTHENTICATED',
  403: 'PERMISSION_DENIED',
  404: 'NOT_FOUND',
  409: 'ABORTED',
  413: 'INVALID_ARGUMENT',
  429: 'RESOURCE_EXHAUSTED',
  499: 'CANCELLED',
  500: 'INTERNAL',
  501: 'UNIMPLEMENTED',
  502: 'UNAVAILABLE',
  503: 'UNAVAILABLE',
  504: 'DEADLINE_EXCEEDED',
};

const statusName = (status: number): string => statusNames[status] ?? (status < 500 ? 'FAILED_PRECONDITION' : 'UNKNOWN');

const errorBody = (status: number, message: string): object => ({ error: { code: status, message, status: statusName(status) } });

/** An answer that is nothing but our sentence. */
const textChunk = (message: string): Buffer =>
  renderChunk({ candidates: [{ content: { parts: [{ text: message }], role: 'model' }, finishReason: 'STOP', index: 0 }] });

/**
 * Gemini CLI repeats 408, 429, 499 and 5xx ten times over minutes and opens its log-in on 401; a 400 and a 403 it shows once, in a dump.
 * Only a streamed answer whose text is our sentence is shown as it is (measured with 0.61.0). What it should repeat it gets as everyone does.
 */
const forGeminiCli = (status: number, message: string, asked: string): PlainAnswer => {
  if (asked === 'streamGenerateContent') return { status: 200, headers: { 'content-type': 'text/event-stream' }, body: textChunk(message) };
  const shown = status === 403 ? 403 : 400;
  return { status: shown, headers: {}, body: jsonText(errorBody(shown, message)) };
};

const answerFor = (client: AgentClient, status: number, message: string, asked: string, repeats: boolean): PlainAnswer =>
  client === 'gemini-cli' && !repeats
    ? forGeminiCli(status, message, asked)
    : { status, headers: {}, body: jsonText(errorBody(status, message)) };

const renderDenial: WireFormat['renderDenial'] = (denial, client, asked) => {
  const { status, retryable } = denialTable[denial.code];
  const answer = answerFor(client, status, messageOf(denial), asked, retryable);
  return { ...answer, headers: { ...denialHeaders(denial), ...answer.headers } };
};

const renderFailure: WireFormat['renderFailure'] = (failure, client, asked) => {
  const answer = answerFor(client, failure.status, messageOf(failure), asked, false);
  return { ...answer, headers: { ...failureHeaders(failure), ...answer.headers } };
};

/** The SDKs raise an error that stands in a chunk. Gemini CLI repeats the call then, so it gets an orderly end that says why. */
const renderInStream = (said: DenialText | FailureText, status: number, client: AgentClient): Uint8Array =>
  client === 'gemini-cli' ? textChunk(`\n${messageOf(said)}`) : renderChunk(errorBody(status, messageOf(said)));

/**
 * Gemini CLI passes over a chunk without candidates, and breaks on a comment. The vendor's SDK keeps no history of a chat in which such a chunk came,
 * and would keep any other.
 */
const WAITING = renderChunk({ usageMetadata: {} });

const readStream = (): StreamReader => {
  const framing = createFraming();
  const stream = createHeldStream(framing);
  return {
    push: stream.push,
    end: stream.end,
    facts: framing.facts,
    slots: slotsInEvents(eventSlots),
    renderDenial: (denial, client) => renderInStream(denial, denialTable[denial.code].status, client),
    renderFailure: (failure, client) => renderInStream(failure, failure.status, client),
    keepAlive: (client) => (client === 'gemini-cli' ? WAITING : null),
  };
};

/** The model list (ai.google.dev/api/models). What a model can do is not ours to know: it may be asked for all that is carried. */
const modelObject = ({ pin }: ListedModel): object => ({
  name: `models/${pin}`,
  displayName: pin,
  supportedGenerationMethods: Object.keys(operations),
});

const json = (status: number, body: object): PlainAnswer => ({
  status,
  headers: { 'content-type': 'application/json' },
  body: jsonText(body),
});

const renderModels: WireFormat['renderModels'] = (asked, path, models) => {
  if (asked === 'models') return json(200, { models: models.map(modelObject) });
  if (asked !== 'model') return undefined;
  const name = MODEL_PATH.exec(path)?.[1];
  const found = models.find(({ pin }) => pin === name || encodeURIComponent(pin) === name);
  return found === undefined ? json(404, errorBody(404, 'No such model may be called here.')) : json(200, modelObject(found));
};

export const gemini: WireFormat = {
  name: 'gemini',
  prefix: '/gemini',
  operation,
  credential,
  // Not among them: the header fields that are system parameters, by which a caller would choose another method, or fields to leave out.
  clientIds: noClientIds,
  forwardedHeaders: ['accept', 'user-agent', 'x-goog-api-client', 'x-server-timeout'],
  answerHeaders: ['content-type', 'retry-after', 'server-timing', 'x-gemini-service-tier'],
  forwardedQuery: ['alt'],
  read: readRequest,
  readWhole,
  // The vendor says its id of the request in the body; a server that speaks the format may say one here.
  requestIdHeader: 'x-request-id',
  readStream,
  renderDenial,
  renderFailure,
  absorbs: (status, client) => client === 'gemini-cli' && (status === 408 || status === 429 || status === 499 || status >= 500),
  // It repeats a stream that ends in an error, and prints again what came before it.
  absorbsInStream: (_errorType, client) => client === 'gemini-cli',
  // Measured with 0.61.0: then it says "fetch failed", and asks up to ten times.
  tellsAsAnswer: (client, operation) => client === 'gemini-cli' && operation === 'streamGenerateContent',
  answerWithinMs: (client) => (client === 'gemini-cli' ? 60_000 : null),
  spliceModel,
  pathWithModel,
  renderModels,
};
