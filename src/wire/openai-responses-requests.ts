// Requests of the OpenAI Responses API (platform.openai.com/docs/api-reference/responses/create), as documented and as Codex sends them.
// Reads every string as a slot; what is opaque (images, encrypted content) or kept by the provider is listed as not inspected.
// A request of the wrong shape is `malformed` with a JSON Pointer; unknown members and items are visited and pass.

import { label } from '../core/identifier.ts';
import type { Slot } from '../core/slot.ts';
import type { Passage } from '../core/opaque.ts';
import type { AnsweredTool, Malformed, Reading, RequestBytes } from '../core/wire-format.ts';
import type { JsonNode } from './json.ts';
import { isJsonProblem, memberOf, pointer, textOf } from './json.ts';
import { mediaTypes as chatMediaTypes } from './openai-chat-names.ts';
import { holdsAddress, isFetched } from './openai-media.ts';
import { checkFurther } from './openai-responses-further.ts';
import { isCallType, isNull, knownItems } from './openai-responses-items.ts';
import type { Walk } from './openai-responses-tools.ts';
import { checkSpelling, KEPT, offer, offerSource, visitTools, wrong } from './openai-responses-tools.ts';
import { createNotes } from './notes.ts';
import { leftOut, passageOf, passagesIn } from './passages.ts';
import { describeProblem, identifiersAmong, visitStrings } from './reading.ts';
import { parseWithMemory } from './reading-memory.ts';
import { digestSystemPrompt } from './system-prompt.ts';

const isIdentifier = identifiersAmong(
  new Set(['type', 'role', 'id', 'call_id', 'item_id', 'approval_request_id', 'status', 'phase', 'detail', 'execution', 'format']),
);

const itemsOf = (node: JsonNode | undefined): readonly JsonNode[] => (node?.kind === 'array' ? node.items : []);

/** Pictures, files and sounds, by the member that holds or names them. Addresses are fetched by the provider. */
const media: ReadonlyMap<string, 'base64' | 'address' | 'file'> = new Map([
  ['image_url', 'address'],
  ['file_url', 'address'],
  ['audio_url', 'address'],
  ['url', 'address'],
  ['file_data', 'base64'],
  ['data', 'base64'],
  ['file_id', 'file'],
] as const);

/** The vendor's, and those that other servers take here as they do in Chat Completions. */
const mediaTypes: ReadonlySet<string> = new Set([...chatMediaTypes, 'input_image', 'input_file', 'input_audio', 'computer_screenshot']);

/** Members of words that speak of addresses, which nobody fetches for that. */
const quotes: ReadonlySet<string> = new Set(['annotations', 'logprobs']);

const noteSource = (walk: Walk, what: string, path: string): void => {
  walk.notes.add(what, 'url');
  offerSource(walk, path);
};

/** Visits a part of a known type that holds something else than text. */
const visitMedia = (walk: Walk, part: JsonNode, path: string, words: { readonly type: string; readonly role: Slot['role'] }): void => {
  if (part.kind !== 'object') return visitStrings(walk.slots, part, path, words.role);
  for (const { name, value } of part.members) {
    const at = pointer(path, name);
    const held = media.get(name);
    if (isIdentifier(name, value) || isNull(value)) continue;
    if (value.kind === 'object') {
      visitMedia(walk, value, at, words);
      continue;
    }
    const isSource = held === 'address' && value.kind === 'string' ? isFetched(value) : holdsAddress(name, value);
    if (isSource) noteSource(walk, words.type, at);
    else if (held !== undefined) walk.notes.add(words.type, held === 'file' ? 'file' : 'base64');
    if (isSource || held === undefined || held === 'file' || value.kind !== 'string') visitStrings(walk.slots, value, at, words.role);
  }
};

const noteEncrypted = (walk: Walk, text: string, what: string): void => {
  if (text !== '') walk.notes.add(what, 'encrypted');
};

export const visitPart = (walk: Walk, part: JsonNode, path: string, role: Slot['role']): void => {
  if (part.kind !== 'object') return visitStrings(walk.slots, part, path, role);
  const type = textOf(memberOf(part, 'type')) ?? '';
  checkSpelling(walk, part, path);
  if (mediaTypes.has(type))
    return walk.notes.inside(part, { type: 'input_text', text: leftOut }, () =>
      walk.notes.medium(type, () => visitMedia(walk, part, path, { type, role })),
    );
  for (const { name, value } of part.members) {
    const at = pointer(path, name);
    if (isIdentifier(name, value)) continue;
    if (name === 'encrypted_content' && value.kind === 'string') noteEncrypted(walk, value.text, label(type));
    else visitUnknown(walk, value, at, { name, type, role });
  }
};

/** What has no place that we know: words, unless it is an address that a server could fetch. */
const visitUnknown = (
  walk: Walk,
  value: JsonNode,
  path: string,
  { name, type, role }: { readonly name: string; readonly type: string; readonly role: Slot['role'] },
): void => {
  if (!quotes.has(name) && holdsAddress(name, value)) noteSource(walk, label(type), path);
  visitStrings(walk.slots, value, path, role);
};

/** Texts and parts: the content of a message, the output of a tool. */
export const visitContent = (walk: Walk, content: JsonNode, path: string, role: Slot['role']): void => {
  if (content.kind === 'array') for (const [index, part] of content.items.entries()) visitPart(walk, part, pointer(path, index), role);
  else visitPart(walk, content, path, role);
};

const messageRoles: ReadonlyMap<string, Slot['role']> = new Map([
  ['system', 'system'],
  ['developer', 'system'],
  ['user', 'user'],
  ['assistant', 'assistant'],
] as const);

const isOutput = (type: string): boolean => type.endsWith('_output');

/** Whose words an item holds. */
const roleOf = (type: string, item: JsonNode): Slot['role'] => {
  if (type === 'message') return messageRoles.get(textOf(memberOf(item, 'role')) ?? '') ?? 'unknown';
  if (isOutput(type)) return 'tool';
  if (type === 'mcp_approval_response') return 'user';
  if (type === 'additional_tools') return 'system';
  return isCallType(type) || type === 'reasoning' ? 'assistant' : 'unknown';
};

/** Members of an item of the provider's own that hold what came back. */
const results: ReadonlySet<string> = new Set(['output', 'outputs', 'results', 'result', 'error']);

export const visitItem = (walk: Walk, item: JsonNode, path: string): void => {
  if (item.kind !== 'object') {
    wrong(walk, path, 'an object');
    return visitStrings(walk.slots, item, path, 'unknown');
  }
  const named = memberOf(item, 'type');
  checkSpelling(walk, item, path);
  if (!isNull(named) && named?.kind !== 'string') wrong(walk, pointer(path, 'type'), 'a string');
  const type = typeOf(item);
  const role = roleOf(type, item);
  if (type === 'message') checkMessage(walk, item, path);
  if (type === 'item_reference') walk.notes.add(type, KEPT);
  for (const { name, value } of item.members) {
    const at = pointer(path, name);
    if (isIdentifier(name, value) && (knownItems.has(type) || name === 'type')) continue;
    if (isNull(value)) continue;
    if (!knownItems.has(type)) visitUnknown(walk, value, at, { name, type, role });
    else if (name === 'encrypted_content' && value.kind === 'string') noteEncrypted(walk, value.text, type);
    else if (name === 'result' && type === 'image_generation_call') walk.notes.add(type, 'image');
    else if (name === 'tools' && (type === 'additional_tools' || type === 'tool_search_output')) visitTools(walk, value, at);
    else if (name === 'content' || name === 'output') visitContent(walk, value, at, isCallType(type) ? 'tool' : role);
    else visitStrings(walk.slots, value, at, isCallType(type) && (results.has(name) || name === 'tools') ? 'tool' : role);
  }
};

/** Messages may leave out their type, and so may references to items. */
const typeOf = (item: JsonNode): string => {
  const type = textOf(memberOf(item, 'type'));
  if (type !== undefined) return type;
  return memberOf(item, 'role') === undefined && memberOf(item, 'content') === undefined ? 'item_reference' : 'message';
};

const checkMessage = (walk: Walk, message: JsonNode, path: string): void => {
  const content = memberOf(message, 'content');
  if (textOf(memberOf(message, 'role')) === undefined) wrong(walk, pointer(path, 'role'), 'a string');
  if (content?.kind !== 'string' && content?.kind !== 'array') return wrong(walk, pointer(path, 'content'), 'a string or an array');
  for (const [index, part] of itemsOf(content).entries()) {
    const at = pointer(pointer(path, 'content'), index);
    if (textOf(memberOf(part, 'type')) === undefined) wrong(walk, pointer(at, 'type'), 'a string');
  }
};

const visitInput = (walk: Walk, input: JsonNode, path: string): void => {
  if (input.kind === 'string') return visitStrings(walk.slots, input, path, 'user');
  if (input.kind !== 'array') return isNull(input) ? undefined : wrong(walk, path, 'a string or an array');
  for (const [index, item] of input.items.entries()) {
    const visit = (): void => visitItem(walk, item, pointer(path, index));
    // What the model said or asked for goes back to it as it is, and so does what has no list of parts.
    if (isModelsOwn(item) || isFrom(item, 'system', 'developer') || !hasParts(item)) walk.notes.inside(item, null, visit);
    else visit();
  }
};

/** Whether parts of it can be another part: in the content of a message and the output of a tool. */
const hasParts = (item: JsonNode): boolean => partsOf(item)?.kind === 'array';

const partsOf = (item: JsonNode): JsonNode | undefined => memberOf(item, 'content') ?? memberOf(item, 'output');

const isFrom = (item: JsonNode, ...roles: readonly string[]): boolean =>
  typeOf(item) === 'message' && roles.includes(textOf(memberOf(item, 'role')) ?? '');

/** What the model said or asked for. */
const isModelsOwn = (item: JsonNode): boolean => {
  const type = typeOf(item);
  return isFrom(item, 'assistant') || isCallType(type) || type === 'reasoning';
};

const resultOf = (item: JsonNode): readonly AnsweredTool[] => {
  const type = typeOf(item);
  if (type === 'mcp_approval_response') {
    const callId = textOf(memberOf(item, 'approval_request_id'));
    const approve = memberOf(item, 'approve');
    return callId === undefined ? [] : [{ callId, success: approve?.kind === 'literal' && approve.value === true }];
  }
  // The output of a local shell call has the call's id for its own.
  const callId = textOf(memberOf(item, 'call_id')) ?? (type === 'local_shell_call_output' ? textOf(memberOf(item, 'id')) : undefined);
  const status = textOf(memberOf(item, 'status'));
  return isOutput(type) && callId !== undefined ? [{ callId, success: status !== 'failed' && status !== 'incomplete' }] : [];
};

/**
 * The results behind the last that the model said. Clients send the whole conversation with each request,
 * so those further back were carried before: by an earlier request, or in the session that this one resumes.
 */
const newResults = (input: JsonNode | undefined): readonly AnsweredTool[] => {
  const items = itemsOf(input);
  return items.slice(items.findLastIndex(isModelsOwn) + 1).flatMap(resultOf);
};

/** Instructions stand between what is said, and are none of it. */
const conversationIn = (input: JsonNode | undefined, body: Uint8Array): readonly Passage[] => {
  if (input?.kind === 'string') return [passageOf(input, body)];
  return itemsOf(input)
    .filter((item) => !isFrom(item, 'system', 'developer') && typeOf(item) !== 'additional_tools')
    .flatMap((item) => passagesIn(item, partsOf(item), body));
};

const textsOf = (content: JsonNode | undefined): readonly string[] => {
  const parts = content?.kind === 'array' ? content.items.map((part) => memberOf(part, 'text')) : [content];
  return parts.flatMap((part) => textOf(part) ?? []);
};

/** Instructions, and what the developer says before anybody else does. */
const systemTexts = (instructions: JsonNode | undefined, input: JsonNode | undefined): readonly string[] => {
  const items = itemsOf(input).filter((item) => typeOf(item) !== 'additional_tools');
  const others = items.findIndex((item) => !isFrom(item, 'system', 'developer'));
  const leading = others === -1 ? items : items.slice(0, others);
  return [...textsOf(instructions), ...leading.flatMap((item) => textsOf(memberOf(item, 'content')))];
};

/** Codex says in `client_metadata` which session this is: a claim, kept where it has the form of an identifier. */
const sessionIdOf = (root: JsonNode): string | null => {
  const sessionId = textOf(memberOf(memberOf(root, 'client_metadata'), 'session_id'));
  return sessionId !== undefined && label(sessionId) === sessionId ? sessionId : null;
};

/** Members that name what the provider has kept: conversations, earlier answers, prompts. */
const keptElsewhere: ReadonlySet<string> = new Set(['previous_response_id', 'conversation', 'prompt']);

const isTrue = (node: JsonNode | undefined): boolean => node?.kind === 'literal' && node.value === true;
const isBoolean = (node: JsonNode | undefined): boolean => node?.kind === 'literal' && node.value !== null;

/** What is put in the places that a kept prompt leaves open: texts, or parts of any kind. */
const visitPrompt = (walk: Walk, prompt: JsonNode, path: string): void => {
  if (prompt.kind !== 'object') return visitStrings(walk.slots, prompt, path, 'unknown');
  for (const { name, value } of prompt.members) {
    const at = pointer(path, name);
    if (name !== 'variables' || value.kind !== 'object') visitStrings(walk.slots, value, at, 'unknown');
    else for (const variable of value.members) visitContent(walk, variable.value, pointer(at, variable.name), 'unknown');
  }
};

const visitMember = (walk: Walk, name: string, value: JsonNode): void => {
  const path = pointer('', name);
  checkFurther(walk, name, value);
  if ((name === 'stream' || name === 'background') && !isNull(value) && !isBoolean(value)) return wrong(walk, path, 'a boolean');
  if (name === 'background' && isTrue(value))
    return wrong(walk, path, 'false: the answer would be made later and fetched outside this request');
  if (keptElsewhere.has(name) && !isNull(value)) walk.notes.add(name, KEPT);
  // A kept prompt has tools of its own.
  if (name === 'prompt' && !isNull(value)) offer(walk, path, { name: 'stored_prompt', hosted: true });
  if (name === 'instructions') walk.notes.inside(value, null, () => visitContent(walk, value, path, 'system'));
  else if (name === 'input') visitInput(walk, value, path);
  else if (name === 'tools') visitTools(walk, value, path);
  else if (name === 'prompt') walk.notes.inside(value, null, () => visitPrompt(walk, value, path));
  else if (name !== 'model') visitStrings(walk.slots, value, path, 'unknown');
};

const carried: ReadonlySet<string> = new Set(['responses', 'compact', 'input_tokens']);

export const readRequest = ({ operation, body, memory }: RequestBytes): Reading | Malformed => {
  if (!carried.has(operation)) return { malformed: 'the path is no operation of the vendor that this envelope carries' };
  const root = parseWithMemory(body, memory);
  if (isJsonProblem(root)) return { malformed: describeProblem(root) };
  if (root.kind !== 'object') return { malformed: 'the body is not an object' };
  const model = memberOf(root, 'model');
  const input = memberOf(root, 'input');
  if (model?.kind !== 'string' || model.text === '') return { malformed: '/model is not a name' };
  const walk: Walk = { slots: [], toolsOffered: [], notes: createNotes(body), malformed: null };
  checkSpelling(walk, root, '');
  for (const { name, value } of root.members) visitMember(walk, name, value);
  if (walk.malformed !== null) return { malformed: walk.malformed };
  return {
    model: model.text,
    modelRange: { start: model.start, end: model.end },
    streaming: operation === 'responses' && isTrue(memberOf(root, 'stream')),
    slots: walk.slots,
    toolsOffered: walk.toolsOffered,
    toolsAnswered: newResults(input),
    ...digestSystemPrompt(systemTexts(memberOf(root, 'instructions'), input)),
    sessionId: sessionIdOf(root),
    notInspected: walk.notes.list(),
    opaque: walk.notes.content(() => conversationIn(input, body)),
  };
};
