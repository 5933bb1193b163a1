// The Anthropic Messages API (platform.claude.com/docs/en/api/messages): requests, denials and the face of the format.
// Reads every string of a request as a slot; what is opaque (images, encrypted content, files) is listed as not inspected.
// A request of the wrong shape is `malformed` with a JSON Pointer; unknown members and block types are visited and pass.

import type { DenialCode } from '../core/denial.ts';
import { denialTable } from '../core/denial.ts';
import { label } from '../core/identifier.ts';
import type { Passage } from '../core/opaque.ts';
import type { AgentClient } from '../core/principal.ts';
import type { Slot } from '../core/slot.ts';
import type {
  AnsweredTool,
  DenialText,
  ListedModel,
  Malformed,
  Reading,
  RequestBytes,
  StreamReader,
  WireFormat,
} from '../core/wire-format.ts';
import { readWhole } from './anthropic-messages-answers.ts';
import { eventSlots, isIdentifier, visitContent } from './anthropic-messages-slots.ts';
import type { Shown } from './anthropic-messages-stream.ts';
import { createFraming, renderTextBlock } from './anthropic-messages-stream.ts';
import type { Walk } from './anthropic-messages-tools.ts';
import { checkSpelling, itemsOf, ONLY_THE_JUDGED, visitServers, visitTools, wrong } from './anthropic-messages-tools.ts';
import { claudeCodeIds } from './client-ids.ts';
import { denialHeaders, failureHeaders, messageOf } from './denial-rendering.ts';
import { createHeldStream } from './held-stream.ts';
import type { JsonNode } from './json.ts';
import { isJsonProblem, isNull, jsonText, memberOf, parseJson, pointer, textOf } from './json.ts';
import { createNotes } from './notes.ts';
import { passagesIn } from './passages.ts';
import { describeProblem, visitStrings } from './reading.ts';
import { parseWithMemory } from './reading-memory.ts';
import { renderEvent } from './sse.ts';
import { slotsInEvents } from './stream-slots.ts';
import { digestSystemPrompt } from './system-prompt.ts';

const messageRoles: ReadonlySet<string> = new Set(['system', 'user', 'assistant']);

/** What the model said goes back to it as it is. */
const visitSaid = (walk: Walk, content: JsonNode, path: string, role: Slot['role']): void => {
  const visit = (): void => visitContent(walk, content, path, role);
  if (role === 'assistant' || role === 'system') walk.notes.inside(content, null, visit);
  else visit();
};

const visitMessages = (walk: Walk, messages: JsonNode, path: string): void => {
  if (messages.kind !== 'array') return wrong(walk, path, 'an array');
  for (const [index, message] of messages.items.entries()) {
    const at = pointer(path, index);
    const role = textOf(memberOf(message, 'role'));
    const content = memberOf(message, 'content');
    if (message.kind !== 'object') return wrong(walk, at, 'an object');
    if (role === undefined) return wrong(walk, pointer(at, 'role'), 'a string');
    if (content === undefined) return wrong(walk, pointer(at, 'content'), 'a string or an array');
    checkSpelling(walk, message, at);
    const words = messageRoles.has(role) ? (role as Slot['role']) : 'unknown';
    for (const { name, value } of message.members) {
      if (name === 'content') visitSaid(walk, value, pointer(at, name), words);
      else if (!isIdentifier(name, value)) visitStrings(walk.slots, value, pointer(at, name), words);
    }
  }
};

/**
 * The results that stand in the user's messages behind the last answer. Clients send the whole conversation with each request,
 * so those further back were carried before: by an earlier request, or in the session that this one resumes.
 */
const newToolResults = (messages: JsonNode): readonly AnsweredTool[] => {
  const isFrom = (role: string) => (message: JsonNode) => textOf(memberOf(message, 'role')) === role;
  const all = itemsOf(messages);
  const blocks = all
    .slice(all.findLastIndex(isFrom('assistant')) + 1)
    .filter(isFrom('user'))
    .flatMap((message) => itemsOf(memberOf(message, 'content')));
  return blocks.flatMap((block) => {
    const callId = textOf(memberOf(block, 'tool_use_id'));
    const isError = memberOf(block, 'is_error');
    if (textOf(memberOf(block, 'type')) !== 'tool_result' || callId === undefined) return [];
    return [{ callId, success: !(isError?.kind === 'literal' && isError.value === true) }];
  });
};

/** Claude Code puts instructions into messages of their own, behind whatever was said last (seen in 2.1.197). */
const conversationIn = (messages: JsonNode, body: Uint8Array): readonly Passage[] =>
  itemsOf(messages)
    .filter((message) => textOf(memberOf(message, 'role')) !== 'system')
    .flatMap((message) => passagesIn(message, memberOf(message, 'content'), body));

/** Claude Code puts a line about itself into a block of its own that differs from request to request (seen in 2.1.197). */
const BILLING_PREFIX = 'x-anthropic-billing-header:';

const systemTexts = (system: JsonNode | undefined): readonly string[] => {
  const blocks = system?.kind === 'array' ? system.items.map((block) => memberOf(block, 'text')) : [system];
  return blocks.flatMap((block) => textOf(block) ?? []).filter((text) => !text.startsWith(BILLING_PREFIX));
};

/** Claude Code sends `metadata.user_id` as a JSON text with a `session_id`: a claim, kept where it has the form of an identifier. */
const sessionIdOf = (metadata: JsonNode | undefined): string | null => {
  const userId = textOf(memberOf(metadata, 'user_id'));
  if (userId === undefined) return null;
  const claims = parseJson(Buffer.from(userId, 'utf8'));
  const sessionId = isJsonProblem(claims) ? undefined : textOf(memberOf(claims, 'session_id'));
  return sessionId !== undefined && label(sessionId) === sessionId ? sessionId : null;
};

const operations: ReadonlyMap<string, string> = new Map([
  ['POST /v1/messages', 'messages'],
  ['POST /v1/messages/count_tokens', 'count_tokens'],
  ['GET /v1/models', 'models'],
]);

const MODEL_PATH = /^\/v1\/models\/([^/]+)$/;

const readRequest = ({ operation, body, memory }: RequestBytes): Reading | Malformed => {
  if (operation !== 'messages' && operation !== 'count_tokens')
    return { malformed: 'the path is no operation of the vendor that this envelope carries' };
  const root = parseWithMemory(body, memory);
  if (isJsonProblem(root)) return { malformed: describeProblem(root) };
  if (root.kind !== 'object') return { malformed: 'the body is not an object' };
  const model = memberOf(root, 'model');
  const messages = memberOf(root, 'messages');
  const stream = memberOf(root, 'stream');
  const walk: Walk = { slots: [], toolsOffered: [], notes: createNotes(body), malformed: null };
  if (model?.kind !== 'string' || model.text === '') return { malformed: '/model is not a name' };
  if (messages === undefined) return { malformed: '/messages is not an array' };
  if (stream !== undefined && !(stream.kind === 'literal' && stream.value !== null)) return { malformed: '/stream is not a boolean' };
  checkSpelling(walk, root, '');
  for (const { name, value } of root.members) {
    const path = pointer('', name);
    if (name === 'fallbacks' && !isNull(value)) wrong(walk, path, ONLY_THE_JUDGED);
    if (name === 'inference_geo' && !isNull(value)) wrong(walk, path, 'allowed: where the model runs is what the endpoint says');
    if ((name === 'container' || name === 'thread') && !isNull(value)) walk.notes.add(name, 'kept by the provider');
    if (name === 'system') visitSaid(walk, value, path, 'system');
    else if (name === 'messages') visitMessages(walk, value, path);
    else if (name === 'tools') visitTools(walk, value, path);
    else if (name === 'mcp_servers') visitServers(walk, value, path);
    else if (name !== 'model') visitStrings(walk.slots, value, path, 'unknown');
  }
  if (walk.malformed !== null) return { malformed: walk.malformed };
  return {
    model: model.text,
    modelRange: { start: model.start, end: model.end },
    streaming: operation === 'messages' && stream?.kind === 'literal' && stream.value === true,
    slots: walk.slots,
    toolsOffered: walk.toolsOffered,
    toolsAnswered: newToolResults(messages),
    ...digestSystemPrompt(systemTexts(memberOf(root, 'system'))),
    sessionId: sessionIdOf(memberOf(root, 'metadata')),
    notInspected: walk.notes.list(),
    opaque: walk.notes.content(() => conversationIn(messages, body)),
  };
};

/** The error type beside each status (platform.claude.com/docs/en/api/errors); the SDK picks its error class by the status. */
const errorTypes: Readonly<Record<number, string>> = {
  400: 'invalid_request_error',
  401: 'authentication_error',
  403: 'permission_error',
  413: 'request_too_large',
  429: 'rate_limit_error',
  500: 'api_error',
  502: 'api_error',
  503: 'api_error',
  504: 'timeout_error',
};

const errorTypeOf = (status: number, code: DenialCode | null): string =>
  code === 'overloaded' ? 'overloaded_error' : (errorTypes[status] ?? 'api_error');

const errorBody = (type: string, message: string): object => ({ type: 'error', error: { type, message } });

/**
 * Claude Code shows a 400 once and as it is; it repeats 401 and 5xx for minutes, hides 413 and answers 403 by sending people to log in.
 * A 429 it repeats too unless the wait is long (measured with 2.1.197).
 */
const statusForClaudeCode = (code: DenialCode): number => {
  if (code === 'rate_limited' || code === 'budget_exhausted') return 429;
  return denialTable[code].retryable ? denialTable[code].status : 400;
};

const LONG_WAIT_SECONDS = 3_600;

const renderDenial = (denial: DenialText, client: AgentClient): ReturnType<WireFormat['renderDenial']> => {
  const forClaudeCode = client === 'claude-code';
  const status = forClaudeCode ? statusForClaudeCode(denial.code) : denialTable[denial.code].status;
  const headers = denialHeaders(denial);
  return {
    status,
    headers: forClaudeCode && status === 429 ? { ...headers, 'retry-after': String(LONG_WAIT_SECONDS) } : headers,
    body: jsonText(errorBody(errorTypeOf(status, denial.code), messageOf(denial))),
  };
};

/** Claude Code repeats a stream that ends in an error as a call without one, so it gets an orderly end that says why. */
const renderOrderlyEnd = (message: string, { begun, open, next }: Shown): Uint8Array => {
  const usage = { input_tokens: 0, output_tokens: 0 };
  const parts: Uint8Array[] = [];
  if (!begun) {
    const answer = { id: 'msg_sealwright', type: 'message', role: 'assistant', model: 'sealwright', content: [], stop_reason: null };
    parts.push(renderEvent('message_start', { type: 'message_start', message: { ...answer, stop_sequence: null, usage } }));
  }
  if (open !== null) parts.push(renderEvent('content_block_stop', { type: 'content_block_stop', index: open }));
  parts.push(renderTextBlock(open === null ? next : open + 1, message));
  const delta = { stop_reason: 'end_turn', stop_sequence: null };
  parts.push(renderEvent('message_delta', { type: 'message_delta', delta, usage: { output_tokens: 0 } }));
  parts.push(renderEvent('message_stop', { type: 'message_stop' }));
  return Buffer.concat(parts);
};

const renderInStream = (message: string, errorType: string, client: AgentClient, shown: Shown): Uint8Array =>
  client === 'claude-code' ? renderOrderlyEnd(message, shown) : renderEvent('error', errorBody(errorType, message));

/** Clients pass over it wherever it stands (platform.claude.com/docs/en/build-with-claude/streaming, "Ping events"). */
const PING = renderEvent('ping', { type: 'ping' });

const readStream = (): StreamReader => {
  const framing = createFraming();
  const stream = createHeldStream(framing);
  return {
    push: stream.push,
    end: stream.end,
    facts: framing.facts,
    slots: slotsInEvents(eventSlots),
    renderDenial: (denial, client) =>
      renderInStream(messageOf(denial), errorTypeOf(denialTable[denial.code].status, denial.code), client, stream.shown()),
    renderFailure: (failure, client) => renderInStream(messageOf(failure), errorTypeOf(failure.status, null), client, stream.shown()),
    keepAlive: () => PING,
  };
};

const bearer = /^bearer +(\S+)$/i;

/** Two credentials that differ make one that is of no form, so that it is refused as such. */
const CONFLICTING = 'two credentials that differ';

const credential: WireFormat['credential'] = ({ 'x-api-key': apiKey, authorization }) => {
  const fromBearer = authorization === undefined ? undefined : (bearer.exec(authorization)?.[1] ?? authorization);
  if (apiKey !== undefined && fromBearer !== undefined && apiKey !== fromBearer) return CONFLICTING;
  return apiKey ?? fromBearer ?? null;
};

/** The model list (platform.claude.com/docs/en/api/models-list). The vendor's dates and names are not ours to know. */
const modelObject = ({ pin }: ListedModel): object => ({ type: 'model', id: pin, display_name: pin, created_at: '1970-01-01T00:00:00Z' });

const renderModels: WireFormat['renderModels'] = (operation, path, models) => {
  const json = (status: number, body: object): ReturnType<WireFormat['renderModels']> => ({
    status,
    headers: { 'content-type': 'application/json' },
    body: jsonText(body),
  });
  if (operation === 'models') {
    const data = models.map(modelObject);
    return json(200, { data, has_more: false, first_id: models[0]?.pin ?? null, last_id: models.at(-1)?.pin ?? null });
  }
  if (operation !== 'model') return undefined;
  const asked = MODEL_PATH.exec(path)?.[1];
  const found = models.find(({ pin }) => pin === asked);
  return found === undefined ? json(404, errorBody('not_found_error', 'No such model may be called here.')) : json(200, modelObject(found));
};

export const anthropicMessages: WireFormat = {
  name: 'anthropic-messages',
  prefix: '/anthropic',
  operation: (method, path) => operations.get(`${method} ${path}`) ?? (method === 'GET' && MODEL_PATH.test(path) ? 'model' : undefined),
  credential,
  clientIds: claudeCodeIds,
  forwardedHeaders: ['anthropic-version', 'anthropic-beta', 'accept', 'user-agent'],
  answerHeaders: ['content-type', 'request-id', 'anthropic-*', 'retry-after', 'retry-after-ms', 'x-should-retry'],
  forwardedQuery: ['beta'],
  read: readRequest,
  readWhole,
  requestIdHeader: 'request-id',
  readStream,
  renderDenial,
  renderFailure: (failure) => ({
    status: failure.status,
    headers: failureHeaders(failure),
    body: jsonText(errorBody(errorTypeOf(failure.status, null), messageOf(failure))),
  }),
  // A client that repeats an answer of the vendor does so as the vendor wants it.
  absorbs: () => false,
  absorbsInStream: () => false,
  // Claude Code gives up after 300 s, whatever keeps other clients waiting (measured with 2.1.197).
  tellsAsAnswer: (client, _operation, begun) => begun && client === 'claude-code',
  answerWithinMs: () => null,
  spliceModel: ({ modelRange }, pin) => (modelRange === null ? [] : [{ ...modelRange, replacement: jsonText(pin) }]),
  pathWithModel: (path) => path,
  renderModels,
};
