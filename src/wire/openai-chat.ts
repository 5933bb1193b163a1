// The Chat Completions API of OpenAI and of the servers that speak it (platform.openai.com/docs/api-reference/chat): requests, denials and the face.
// Reads every string of a request as a slot; what is opaque (images, sound, files) is listed as not inspected.
// A request of the wrong shape is `malformed` with a JSON Pointer; unknown members and parts are visited and pass.

import type { Passage } from '../core/opaque.ts';
import type { AnsweredTool, Malformed, Reading, RequestBytes, StreamReader, WireFormat } from '../core/wire-format.ts';
import { noClientIds } from './client-ids.ts';
import { createHeldStream } from './held-stream.ts';
import type { JsonNode } from './json.ts';
import { given, isJsonProblem, memberOf, pointer, textOf } from './json.ts';
import { readWhole } from './openai-chat-answers.ts';
import type { Role, Walk } from './openai-chat-messages.ts';
import { checkSpelling, offer, visitMessageMember, wrong } from './openai-chat-messages.ts';
import { bodyMembers, furtherModels, hostedMembers, innerBodies } from './openai-chat-names.ts';
import { eventSlots } from './openai-chat-slots.ts';
import type { Shown } from './openai-chat-stream.ts';
import { createFraming } from './openai-chat-stream.ts';
import {
  absorbsOpenai,
  absorbsOpenaiInStream,
  OPENAI_PREFIX,
  OPENAI_REQUEST_ID,
  openaiAnswerHeaders,
  openaiCredential,
  openaiErrorInStream,
  openaiForwardedHeaders,
  openaiModelsOperation,
  renderData,
  renderOpenaiDenial,
  renderOpenaiFailure,
  renderOpenaiModels,
  spliceModelInBody,
} from './openai.ts';
import { createNotes } from './notes.ts';
import { passagesIn } from './passages.ts';
import { describeProblem, visitStrings } from './reading.ts';
import { parseWithMemory } from './reading-memory.ts';
import { slotsInEvents } from './stream-slots.ts';
import { digestSystemPrompt } from './system-prompt.ts';

const rolesOfWords: ReadonlyMap<string, Role> = new Map([
  ['developer', 'system'],
  ['system', 'system'],
  ['user', 'user'],
  ['assistant', 'assistant'],
  ['tool', 'tool'],
  ['function', 'tool'],
]);

const visitMessages = (walk: Walk, messages: readonly JsonNode[], path: string): void => {
  for (const [index, message] of messages.entries()) {
    const at = pointer(path, index);
    const role = textOf(memberOf(message, 'role'));
    if (message.kind !== 'object') return wrong(walk, at, 'an object');
    if (role === undefined) return wrong(walk, pointer(at, 'role'), 'a string');
    checkSpelling(walk, message, at);
    const words = rolesOfWords.get(role) ?? 'unknown';
    for (const { name, value } of message.members) {
      const inside = pointer(at, name);
      // Some servers take further tools in the middle of a conversation.
      if (offering.has(name)) visitOffered(walk, name, value, inside);
      else {
        // An answer in sound is named by its id: the provider still has it.
        if (name === 'audio' && given(value) !== undefined) walk.notes.add(name, 'kept by the provider');
        const visit = (): void => visitMessageMember(walk, name, value, inside, words);
        // What the model said goes back to it as it is.
        if (words === 'assistant' || words === 'system') walk.notes.inside(value, null, visit);
        else visit();
      }
    }
  }
};

/**
 * The results that stand behind the last answer. Clients send the whole conversation with each request, so those further back were carried
 * before. The protocol does not say whether a tool succeeded.
 */
const newToolResults = (messages: readonly JsonNode[]): readonly AnsweredTool[] => {
  const roleOf = (message: JsonNode): string | undefined => textOf(memberOf(message, 'role'));
  const from = messages.findLastIndex((message) => roleOf(message) === 'assistant') + 1;
  return messages.slice(from).flatMap((message) => {
    const role = roleOf(message);
    const idMember = role === 'tool' ? 'tool_call_id' : role === 'function' ? 'name' : null;
    const callId = idMember === null ? undefined : textOf(memberOf(message, idMember));
    return callId === undefined ? [] : [{ callId, success: true }];
  });
};

const conversationIn = (messages: readonly JsonNode[], body: Uint8Array): readonly Passage[] =>
  messages
    .filter((message) => rolesOfWords.get(textOf(memberOf(message, 'role')) ?? '') !== 'system')
    .flatMap((message) => passagesIn(message, memberOf(message, 'content'), body));

/** The texts of the messages by which the conversation is set up, before anybody speaks. */
const systemTexts = (messages: readonly JsonNode[]): readonly string[] => {
  const firstUser = messages.findIndex((message) => textOf(memberOf(message, 'role')) === 'user');
  return messages.slice(0, firstUser === -1 ? messages.length : firstUser).flatMap((message) => {
    if (rolesOfWords.get(textOf(memberOf(message, 'role')) ?? '') !== 'system') return [];
    const content = memberOf(message, 'content');
    const parts = content?.kind === 'array' ? content.items.map((part) => memberOf(part, 'text') ?? part) : [content];
    return parts.flatMap((part) => textOf(part) ?? []);
  });
};

const ONLY_THE_JUDGED = 'allowed: no model but the one that is judged may be named';

/** A tool goes by the name in its definition; one of any other type runs at the provider, and goes by its type. */
const offerTool = (walk: Walk, tool: JsonNode, path: string): void => {
  const type = given(memberOf(tool, 'type'));
  if (tool.kind !== 'object') return wrong(walk, path, 'an object');
  checkSpelling(walk, tool, path);
  if (type !== undefined && type.kind !== 'string') return wrong(walk, pointer(path, 'type'), 'a string');
  if (memberOf(tool, 'model') !== undefined) return wrong(walk, pointer(path, 'model'), ONLY_THE_JUDGED);
  const kind = type?.text ?? 'function';
  if (kind !== 'function' && kind !== 'custom') return offer(walk, path, { name: kind, hosted: true });
  const other = kind === 'function' ? 'custom' : 'function';
  const definition = memberOf(tool, kind);
  const name = textOf(memberOf(definition, 'name'));
  if (given(memberOf(tool, other)) !== undefined) return wrong(walk, pointer(path, other), `allowed in a tool of type ${kind}`);
  if (definition !== undefined) checkSpelling(walk, definition, pointer(path, kind));
  if (name === undefined) return wrong(walk, `${path}/${kind}/name`, 'a string');
  offer(walk, path, { name, hosted: false });
};

/** The form of a tool that came before `tools`. */
const offerFunction = (walk: Walk, definition: JsonNode, path: string): void => {
  const name = textOf(memberOf(definition, 'name'));
  checkSpelling(walk, definition, path);
  if (name === undefined) return wrong(walk, pointer(path, 'name'), 'a string');
  offer(walk, path, { name, hosted: false });
};

/** Additions that run at a router between us and the model. */
const offerPlugin = (walk: Walk, plugin: JsonNode, path: string): void => {
  const id = textOf(memberOf(plugin, 'id'));
  checkSpelling(walk, plugin, path);
  if (id === undefined) return wrong(walk, pointer(path, 'id'), 'a string');
  if (memberOf(plugin, 'model') !== undefined) return wrong(walk, pointer(path, 'model'), ONLY_THE_JUDGED);
  offer(walk, path, { name: id, hosted: true });
};

const offering: ReadonlyMap<string, (walk: Walk, node: JsonNode, path: string) => void> = new Map([
  ['tools', offerTool],
  ['functions', offerFunction],
  ['plugins', offerPlugin],
]);

const visitOffered = (walk: Walk, name: string, list: JsonNode, path: string): void => {
  const offerEach = offering.get(name);
  if (given(list) === undefined || offerEach === undefined) return;
  if (list.kind !== 'array') return wrong(walk, path, 'an array');
  for (const [index, item] of list.items.entries()) offerEach(walk, item, pointer(path, index));
  visitStrings(walk.slots, list, path, 'system');
};

const isTrue = (node: JsonNode): boolean => node.kind === 'literal' && node.value === true;
const isFalse = (node: JsonNode): boolean => node.kind === 'literal' && node.value === false;

/** What some servers lay over the request, or look into, may change nothing of what was judged. */
const checkInner = (walk: Walk, node: JsonNode, path: string): void => {
  if (node.kind === 'array') for (const [index, item] of node.items.entries()) checkInner(walk, item, pointer(path, index));
  if (node.kind !== 'object') return;
  checkSpelling(walk, node, path);
  for (const { name, value } of node.members) {
    const at = pointer(path, name);
    if (given(value) === undefined) continue;
    if (name === 'model' || furtherModels.has(name)) wrong(walk, at, ONLY_THE_JUDGED);
    if (bodyMembers.has(name)) wrong(walk, at, 'allowed in a place that some servers do not read');
    offerHosted(walk, name, value, at);
    checkInner(walk, value, at);
  }
};

const offerHosted = (walk: Walk, name: string, value: JsonNode, path: string): void => {
  const hosted = hostedMembers.get(name);
  if (hosted !== undefined && !isFalse(value)) offer(walk, path, { name: hosted, hosted: true });
};

/** Members of a request beside its messages and tools. */
const visitMember = (walk: Walk, name: string, value: JsonNode, path: string): void => {
  if (given(value) === undefined) return;
  if (furtherModels.has(name) || (name === 'moderation' && memberOf(value, 'model') !== undefined)) wrong(walk, path, ONLY_THE_JUDGED);
  offerHosted(walk, name, value, path);
  if (innerBodies.has(name)) checkInner(walk, value, path);
  if (name === 'store' && isTrue(value)) walk.notes.add(name, 'kept by the provider');
  visitStrings(walk.slots, value, path, name === 'response_format' ? 'system' : 'unknown');
};

const readRequest = ({ operation, body, memory }: RequestBytes): Reading | Malformed => {
  if (operation !== 'chat_completions') return { malformed: 'the path is no operation of the vendor that this envelope carries' };
  const root = parseWithMemory(body, memory);
  if (isJsonProblem(root)) return { malformed: describeProblem(root) };
  if (root.kind !== 'object') return { malformed: 'the body is not an object' };
  const model = memberOf(root, 'model');
  const messages = memberOf(root, 'messages');
  const stream = given(memberOf(root, 'stream'));
  const walk: Walk = { slots: [], toolsOffered: [], notes: createNotes(body), malformed: null };
  if (model?.kind !== 'string' || model.text === '') return { malformed: '/model is not a name' };
  if (messages?.kind !== 'array') return { malformed: '/messages is not an array' };
  if (stream !== undefined && stream.kind !== 'literal') return { malformed: '/stream is not a boolean' };
  checkSpelling(walk, root, '');
  for (const { name, value } of root.members) {
    const path = pointer('', name);
    if (name === 'messages') visitMessages(walk, messages.items, path);
    else if (offering.has(name)) visitOffered(walk, name, value, path);
    else if (name !== 'model') visitMember(walk, name, value, path);
  }
  if (walk.malformed !== null) return { malformed: walk.malformed };
  return {
    model: model.text,
    modelRange: { start: model.start, end: model.end },
    streaming: stream !== undefined && isTrue(stream),
    slots: walk.slots,
    toolsOffered: walk.toolsOffered,
    toolsAnswered: newToolResults(messages.items),
    ...digestSystemPrompt(systemTexts(messages.items)),
    sessionId: null,
    notInspected: walk.notes.list(),
    opaque: walk.notes.content(() => conversationIn(messages.items, body)),
  };
};

/**
 * A chunk without choices and without an id, as some servers send one before all others, with what they have checked of the prompt.
 * The SDK takes the members of the next chunk over it; only its stream helper then leaves out what such a server says there.
 */
const EMPTY_CHUNK = renderData({ id: '', object: 'chat.completion.chunk', created: 0, model: '', choices: [] });

/** A chunk that adds nothing. It repeats what clients tell the answer by, since some take that from the last chunk. */
const renderWaiting = ({ head, choice, over }: Shown): Uint8Array | null => {
  if (over) return null;
  if (head === null || choice === null) return EMPTY_CHUNK;
  return Buffer.from(`data: {${head()}"choices":[{"index":${choice},"delta":{},"finish_reason":null}]}\n\n`, 'utf8');
};

const readStream = (): StreamReader => {
  const framing = createFraming();
  const stream = createHeldStream(framing);
  return {
    push: stream.push,
    end: stream.end,
    facts: framing.facts,
    slots: slotsInEvents(eventSlots),
    ...openaiErrorInStream,
    keepAlive: () => renderWaiting(stream.shown()),
  };
};

export const openaiChat: WireFormat = {
  name: 'openai-chat',
  prefix: OPENAI_PREFIX,
  operation: (method, path) =>
    method === 'POST' && path === '/v1/chat/completions' ? 'chat_completions' : openaiModelsOperation(method, path),
  credential: openaiCredential,
  clientIds: noClientIds,
  forwardedHeaders: openaiForwardedHeaders,
  answerHeaders: openaiAnswerHeaders,
  forwardedQuery: [],
  read: readRequest,
  readWhole,
  requestIdHeader: OPENAI_REQUEST_ID,
  readStream,
  renderDenial: renderOpenaiDenial,
  renderFailure: renderOpenaiFailure,
  absorbs: absorbsOpenai,
  absorbsInStream: absorbsOpenaiInStream,
  tellsAsAnswer: () => false,
  answerWithinMs: () => null,
  spliceModel: spliceModelInBody,
  pathWithModel: (path) => path,
  renderModels: renderOpenaiModels,
};
