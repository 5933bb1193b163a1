// What the formats of the OpenAI API have in common (platform.openai.com/docs/api-reference): credential, header fields, errors, the model list.
// Error bodies are {error: {message, type, param, code}}; `code` is our own denial code, so that a program can tell why.
// Total over every denial code, status and client; nothing here fails.

import type { DenialCode } from '../core/denial.ts';
import { denialTable } from '../core/denial.ts';
import type { PlainAnswer } from '../core/http.ts';
import type { AgentClient } from '../core/principal.ts';
import type { DenialText, FailureText, ListedModel, StreamReader, WireFormat } from '../core/wire-format.ts';
import { denialHeaders, failureHeaders, messageOf } from './denial-rendering.ts';
import { jsonText } from './json.ts';

export const OPENAI_PREFIX = '/openai';

/** What the vendor calls its own id of a request (platform.openai.com/docs/api-reference/debugging-requests). */
export const OPENAI_REQUEST_ID = 'x-request-id';

/** Not among them: organization and project, by which a caller would choose the account's rules about keeping data. */
export const openaiForwardedHeaders: WireFormat['forwardedHeaders'] = ['accept', 'user-agent'];

export const openaiAnswerHeaders: WireFormat['answerHeaders'] = [
  'content-type',
  OPENAI_REQUEST_ID,
  'openai-processing-ms',
  'openai-version',
  'x-ratelimit-*',
  'retry-after',
  'retry-after-ms',
  'x-should-retry',
];

const bearer = /^bearer +(\S+)$/i;

/** A field of another scheme comes back whole, so that it is refused as a credential of no known form. */
export const openaiCredential: WireFormat['credential'] = ({ authorization }) =>
  authorization === undefined ? null : (bearer.exec(authorization)?.[1] ?? authorization);

/** The error type beside each status (platform.openai.com/docs/guides/error-codes); the SDK picks its error class by the status. */
const errorTypes: Readonly<Record<number, string>> = {
  400: 'invalid_request_error',
  401: 'authentication_error',
  403: 'permission_error',
  404: 'invalid_request_error',
  413: 'invalid_request_error',
  429: 'rate_limit_error',
};

/** No client that knows the vendor's word for a used-up budget tries again. */
const openaiErrorType = (status: number, code: string | null): string =>
  code === 'budget_exhausted' ? 'insufficient_quota' : (errorTypes[status] ?? 'server_error');

/** An error as the vendor shapes it, for a body or for an event of a stream. `code` is null where nothing more precise than the type is known. */
export const openaiErrorBody = (status: number, code: string | null, message: string): object => ({
  error: { message, type: openaiErrorType(status, code), param: null, code },
});

/** The vendor's word for a prompt that it does not accept. Codex shows the message of such an error as it is, and once. */
export const INVALID_PROMPT = 'invalid_prompt';

/**
 * Codex repeats every status but 400, some of them thirty times, and sits silently behind a 429 with a long wait; so it gets a 400
 * whatever happened (measured with 0.169.0), unless repeating is what it should do. All others get the status of the table.
 */
const answerFor = (client: AgentClient, status: number, code: DenialCode | null, message: string): Pick<PlainAnswer, 'status' | 'body'> =>
  client === 'codex' && !(code !== null && denialTable[code].retryable)
    ? { status: 400, body: jsonText(openaiErrorBody(400, INVALID_PROMPT, message)) }
    : { status, body: jsonText(openaiErrorBody(status, code, message)) };

export const renderOpenaiDenial = (denial: DenialText, client: AgentClient): PlainAnswer => ({
  ...answerFor(client, denialTable[denial.code].status, denial.code, messageOf(denial)),
  headers: denialHeaders(denial),
});

export const renderOpenaiFailure = (failure: FailureText, client: AgentClient): PlainAnswer => ({
  ...answerFor(client, failure.status, null, messageOf(failure)),
  headers: failureHeaders(failure),
});

/** Codes of a failed answer that Codex acts on without repeating the turn, or repeats after the wait that it was told (seen in 0.169.0). */
const knownToCodex: ReadonlySet<string> = new Set([
  INVALID_PROMPT,
  'cyber_policy',
  'context_length_exceeded',
  'insufficient_quota',
  'usage_not_included',
  'rate_limit_exceeded',
]);

export const absorbsOpenaiInStream: WireFormat['absorbsInStream'] = (errorType, client) =>
  client === 'codex' && (errorType === null || !knownToCodex.has(errorType));

/** Codex repeats 401 and 403 six times and a 5xx thirty times; a 400 of the vendor's it shows once. */
export const absorbsOpenai: WireFormat['absorbs'] = (status, client) => client === 'codex' && status > 400;

const MODEL_PATH = /^\/v1\/models\/(.+)$/;

/** Which of the operations on the model list a path is, if any. They belong to openai-chat for all formats under the prefix. */
export const openaiModelsOperation = (method: string, path: string): 'models' | 'model' | undefined => {
  if (method !== 'GET') return undefined;
  if (path === '/v1/models') return 'models';
  return MODEL_PATH.test(path) ? 'model' : undefined;
};

/** Names with a slash arrive encoded from some clients and as they are from others. */
const decoded = (segment: string): string => {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
};

/** The model list (platform.openai.com/docs/api-reference/models). When a model was made is not ours to know. */
const modelObject = ({ pin, endpointId }: ListedModel): object => ({ id: pin, object: 'model', created: 0, owned_by: endpointId });

export const renderOpenaiModels: WireFormat['renderModels'] = (operation, path, models) => {
  const json = (status: number, body: object): PlainAnswer => ({
    status,
    headers: { 'content-type': 'application/json' },
    body: jsonText(body),
  });
  if (operation === 'models') return json(200, { object: 'list', data: models.map(modelObject) });
  if (operation !== 'model') return undefined;
  const asked = decoded(MODEL_PATH.exec(path)?.[1] ?? '');
  const found = models.find(({ pin }) => pin === asked);
  return found === undefined
    ? json(404, openaiErrorBody(404, 'model_not_found', 'No such model may be called here.'))
    : json(200, modelObject(found));
};

/** Replaces the model's name where the body gives it. */
export const spliceModelInBody: WireFormat['spliceModel'] = ({ modelRange }, pin) =>
  modelRange === null ? [] : [{ ...modelRange, replacement: jsonText(pin) }];

/** One event without a name as bytes. */
export const renderData = (data: unknown): Buffer => Buffer.from(`data: ${JSON.stringify(data)}\n\n`, 'utf8');

/** How a stream says that it failed. Clients raise it and do not try again. */
export const openaiErrorInStream: Pick<StreamReader, 'renderDenial' | 'renderFailure'> = {
  renderDenial: (denial) => renderData(openaiErrorBody(denialTable[denial.code].status, denial.code, messageOf(denial))),
  renderFailure: (failure) => renderData(openaiErrorBody(failure.status, null, messageOf(failure))),
};
