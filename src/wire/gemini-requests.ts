// Requests of the Generative Language API (ai.google.dev/api): contents, tools and what else a call brings along.
// Reads every string as a slot; what is opaque (media, signatures, what the provider keeps) is listed as not inspected.
// A request of the wrong shape is `malformed` with a JSON Pointer; unknown members and kinds of parts are visited and pass.

import { label } from '../core/identifier.ts';
import { limits } from '../core/limits.ts';
import type { Passage } from '../core/opaque.ts';
import type { ByteRange, Slot, Splice } from '../core/slot.ts';
import type { AnsweredTool, Malformed, OfferedTool, Reading, RequestBytes } from '../core/wire-format.ts';
import { camelOf, fieldOf, mediaKind, oddMember } from './gemini-names.ts';
import { offersUrlSource, urlSource } from './hosted.ts';
import type { JsonNode } from './json.ts';
import { isJsonProblem, isNull, jsonText, pointer, textOf } from './json.ts';
import { leftOut, passagesIn } from './passages.ts';
import { parseWithMemory } from './reading-memory.ts';
import type { Notes } from './notes.ts';
import { createNotes } from './notes.ts';
import { describeProblem, visitStrings } from './reading.ts';
import { digestSystemPrompt } from './system-prompt.ts';

/** Where the body names the model that the path names too. */
interface NamedModel extends ByteRange {
  /** What stands before the name itself: `models/`, or nothing. */
  readonly prefix: string;
}

interface GeminiReading extends Reading {
  readonly namedModels: readonly NamedModel[];
}

export interface Walk {
  readonly model: string;
  readonly namedModels: NamedModel[];
  readonly slots: Slot[];
  readonly toolsOffered: OfferedTool[];
  readonly notes: Notes;
  malformed: string | null;
}

type Role = Slot['role'];
export type Visit = (walk: Walk, node: JsonNode, path: string, role: Role) => void;

const wrong = (walk: Walk, path: string, expected: string): void => {
  walk.malformed ??= `${path} is not ${expected}`;
};

export const anything: Visit = (walk, node, path, role) => visitStrings(walk.slots, node, path, role);

const text: Visit = (walk, node, path, role) => {
  if (node.kind !== 'string' && !isNull(node)) wrong(walk, path, 'a string');
  anything(walk, node, path, role);
};

/** An identifier is no slot; one that could be prose is text like any other. */
export const identifier: Visit = (walk, node, path, role) => {
  if (node.kind !== 'string' || label(node.text) !== node.text) text(walk, node, path, role);
};

/** What stands where something else should: a request is refused for it; an answer may have it where nobody reads it, and its strings count. */
const visitOdd = (walk: Walk, node: JsonNode, path: string, role: Role, expected: string): void => {
  wrong(walk, path, expected);
  anything(walk, node, path, role);
};

/** Bytes that only the provider can read. */
export const opaque: Visit = (walk, node, path, role) => {
  if (node.kind !== 'string' && !isNull(node)) visitOdd(walk, node, path, role, 'a string');
};

export const saidBy =
  (role: Role, visit: Visit): Visit =>
  (walk, node, path) =>
    visit(walk, node, path, role);

/** A field of another message: its known fields are visited each in its way, all others as anything. Null means absent. */
export const objectOf =
  (visits: Readonly<Record<string, Visit>>): Visit =>
  (walk, node, path, role) => {
    if (isNull(node)) return;
    if (node.kind !== 'object') return visitOdd(walk, node, path, role, 'an object');
    const odd = oddMember(node);
    if (odd !== null) wrong(walk, pointer(path, odd.name), odd.expected);
    for (const { name, value } of node.members) {
      const camel = camelOf(name);
      const visit = Object.hasOwn(visits, camel) ? visits[camel] : undefined;
      (visit ?? anything)(walk, value, pointer(path, name), role);
    }
  };

/** A repeated field. The vendor takes a single value for a list of one. */
export const listOf =
  (visit: Visit): Visit =>
  (walk, node, path, role) => {
    if (node.kind === 'object') visit(walk, node, path, role);
    else if (node.kind === 'array') {
      for (const [index, item] of node.items.entries()) {
        const at = pointer(path, index);
        if (item.kind === 'object') visit(walk, item, at, role);
        else visitOdd(walk, item, at, role, 'an object');
      }
    } else if (!isNull(node)) visitOdd(walk, node, path, role, 'an array');
  };

const offer = (walk: Walk, path: string, tool: OfferedTool): void => {
  if (walk.toolsOffered.length < limits.toolsOfferedCount) walk.toolsOffered.push(tool);
  else wrong(walk, path, `one of at most ${limits.toolsOfferedCount} tools`);
};

const inlineData: Visit = (walk, node, path, role) => {
  if (node.kind === 'object') walk.notes.add(mediaKind(node), 'base64');
  objectOf({ mimeType: identifier, data: opaque })(walk, node, path, role);
};

/** What was uploaded to the provider before. Any other address it fetches. */
const STORED_FILE = /^https:\/\/generativelanguage\.googleapis\.com\/v1(?:beta|alpha)?\/files\/[\w-]+$/;

const fileData: Visit = (walk, node, path, role) => {
  const stored = STORED_FILE.test(textOf(fieldOf(node, 'fileUri')) ?? '');
  if (node.kind === 'object') walk.notes.add(mediaKind(node), stored ? 'file' : 'url');
  if (node.kind === 'object' && !stored && !offersUrlSource(walk.toolsOffered)) offer(walk, path, urlSource);
  objectOf({ mimeType: identifier, fileUri: text })(walk, node, path, role);
};

/** What the vendor documents for parts that had no signature (ai.google.dev/gemini-api/docs/thought-signatures). They hide nothing. */
const noSignatures: ReadonlySet<string> = new Set(['skip_thought_signature_validator', 'context_engineering_is_the_way_to_go', '']);

const signature: Visit = (walk, node, path, role) => {
  if (node.kind === 'string' && !noSignatures.has(node.text)) walk.notes.add('thought', 'signed');
  opaque(walk, node, path, role);
};

const call = objectOf({ id: identifier, name: text, toolType: identifier });

/** What a vendor takes in the place of a part, and of a part of a result, which may be no text (ai.google.dev/gemini-api/docs/function-calling). */
const saidInPlace = { text: leftOut };
const resultInPlace = { inlineData: { mimeType: 'text/plain', data: Buffer.from(leftOut).toString('base64') } };

/** A part that can be taken out where it holds media. */
const removable =
  (shape: object, visit: Visit): Visit =>
  (walk, node, path, role) => {
    const holdsMedia = fieldOf(node, 'inlineData') !== undefined || fieldOf(node, 'fileData') !== undefined;
    if (holdsMedia) walk.notes.inside(node, shape, () => visit(walk, node, path, role));
    else visit(walk, node, path, role);
  };

const part = objectOf({
  text,
  thoughtSignature: signature,
  inlineData,
  fileData,
  functionCall: saidBy('assistant', call),
  toolCall: saidBy('assistant', call),
  executableCode: saidBy('assistant', objectOf({ id: identifier })),
  functionResponse: saidBy(
    'tool',
    objectOf({ id: identifier, name: text, parts: listOf(removable(resultInPlace, objectOf({ inlineData, fileData }))) }),
  ),
  toolResponse: saidBy('tool', objectOf({ id: identifier, toolType: identifier })),
  codeExecutionResult: saidBy('tool', objectOf({ id: identifier })),
});

const roles: Readonly<Record<string, Role>> = { user: 'user', model: 'assistant', function: 'tool' };

const roleOf = (content: JsonNode): Role => {
  const role = textOf(fieldOf(content, 'role'));
  // The vendor takes a content without a role for the user's.
  return role === undefined || role === '' ? 'user' : Object.hasOwn(roles, role) ? (roles[role] ?? 'unknown') : 'unknown';
};

/** A content, said by whoever is given. */
export const parts = objectOf({ role: identifier, parts: listOf(removable(saidInPlace, part)) });

/** What the model said goes back to it as it is. */
const content: Visit = (walk, node, path) => {
  const role = roleOf(node);
  const visit = (): void => parts(walk, node, path, role);
  if (role === 'assistant') walk.notes.inside(node, null, visit);
  else visit();
};

const MODELS = 'models/';

/** The server takes the model from the path, others may take it from here. */
const model: Visit = (walk, node, path) => {
  if (isNull(node)) return;
  if (node.kind !== 'string') return wrong(walk, path, 'a string');
  const prefix = node.text.startsWith(MODELS) ? MODELS : '';
  if (node.text.slice(prefix.length) !== walk.model) return wrong(walk, path, 'the model of the path');
  walk.namedModels.push({ start: node.start, end: node.end, prefix });
};

/** Offers what goes by its own name. */
const named =
  (hosted: boolean): Visit =>
  (walk, node, path, role) => {
    const name = textOf(fieldOf(node, 'name'));
    if (name === undefined || name === '') wrong(walk, pointer(path, 'name'), 'a name');
    else offer(walk, path, { name, hosted });
    objectOf({})(walk, node, path, role);
  };

/** The agent carries out what a model with `computerUse` calls, so each of these calls is judged like any other. */
const clientTools: ReadonlySet<string> = new Set(['computerUse']);

/** Each member of a tool is a tool, and all but declared functions go by the member's name: what the vendor adds later is known at once. */
const tool: Visit = (walk, node, path) => {
  if (isNull(node)) return;
  if (node.kind !== 'object') return wrong(walk, path, 'an object');
  const odd = oddMember(node);
  if (odd !== null) return wrong(walk, pointer(path, odd.name), odd.expected);
  for (const { name, value } of node.members) {
    const at = pointer(path, name);
    const camel = camelOf(name);
    if (isNull(value)) continue;
    if (camel !== 'functionDeclarations') offer(walk, at, { name: camel, hosted: !clientTools.has(camel) });
    if (camel === 'functionDeclarations') listOf(named(false))(walk, value, at, 'system');
    else if (camel === 'mcpServers') listOf(named(true))(walk, value, at, 'system');
    else anything(walk, value, at, 'system');
  }
};

const notStreamed: Visit = (walk, node, path) => {
  if (node.kind !== 'literal' || node.value === true)
    wrong(walk, path, 'absent: arguments that come in pieces cannot be judged before they are used');
};

const kept =
  (what: string): Visit =>
  (walk, node, path, role) => {
    if (!isNull(node)) walk.notes.add(what, 'kept by the provider');
    text(walk, node, path, role);
  };

/** What is cached has tools of its own. */
const cached: Visit = (walk, node, path, role) => {
  if (!isNull(node)) offer(walk, path, { name: 'cachedContent', hosted: true });
  kept('cachedContent')(walk, node, path, role);
};

const notRouted: Visit = (walk, node, path) => {
  if (!isNull(node)) wrong(walk, path, 'absent: no model but that of the path may be asked for');
};

/** What the model makes would be written to a place that the caller names, past everything that reads answers. */
const notDelivered: Visit = (walk, node, path) => {
  if (!isNull(node)) wrong(walk, path, 'absent: an answer goes to whoever asked, and nowhere else');
};

const stored: Visit = (walk, node, path, role) => {
  if (node.kind === 'literal' && node.value === true) walk.notes.add('store', 'kept by the provider');
  anything(walk, node, path, role);
};

const generation: Readonly<Record<string, Visit>> = {
  model,
  generationConfig: objectOf({ routingConfig: notRouted, modelSelectionConfig: notRouted }),
  contents: listOf(content),
  systemInstruction: saidBy('system', parts),
  tools: listOf(tool),
  toolConfig: objectOf({ functionCallingConfig: objectOf({ streamFunctionCallArguments: notStreamed }) }),
  cachedContent: cached,
  continuationToken: kept('continuationToken'),
  outputConfig: notDelivered,
  store: stored,
};

const embedding: Readonly<Record<string, Visit>> = { model, content };

interface Operation {
  readonly fields: Readonly<Record<string, Visit>>;
  /** One of these must be there. */
  readonly required: readonly [string, ...string[]];
}

const generate: Operation = { fields: generation, required: ['contents'] };

export const operations: Readonly<Record<string, Operation>> = {
  generateContent: generate,
  streamGenerateContent: generate,
  countTokens: {
    fields: { ...generation, generateContentRequest: objectOf(generation) },
    required: ['contents', 'generateContentRequest'],
  },
  embedContent: { fields: embedding, required: ['content'] },
  batchEmbedContents: { fields: { model, requests: listOf(objectOf(embedding)) }, required: ['requests'] },
};

const itemsOf = (node: JsonNode | undefined): readonly JsonNode[] =>
  node?.kind === 'array' ? node.items : node === undefined ? [] : [node];

/**
 * The results behind the last answer; clients send the whole conversation with each request. A call without an id goes by its name, and so does
 * its result: the vendor wants results in the order of the calls, and in that order they are joined. Gemini CLI and others invent an id for such
 * a call, so the name goes along with every id.
 */
const newToolResults = (contents: JsonNode | undefined): readonly AnsweredTool[] => {
  const all = itemsOf(contents);
  const last = all.findLastIndex((each) => textOf(fieldOf(each, 'role')) === 'model');
  const results = all
    .slice(last + 1)
    .flatMap((each) => itemsOf(fieldOf(each, 'parts')).flatMap((it) => fieldOf(it, 'functionResponse') ?? []));
  return results.flatMap((result) => {
    const id = textOf(fieldOf(result, 'id')) ?? '';
    const name = textOf(fieldOf(result, 'name')) ?? '';
    const willContinue = fieldOf(result, 'willContinue');
    const callId = id === '' ? name : id;
    if (callId === '' || (willContinue?.kind === 'literal' && willContinue.value === true)) return [];
    return [{ callId, ...(id !== '' && name !== '' && { otherwise: name }), success: errorIn(fieldOf(result, 'response')) === undefined }];
  });
};

const errorIn = (response: JsonNode | undefined): JsonNode | undefined =>
  response?.kind === 'object' ? response.members.find(({ name, value }) => name === 'error' && !isNull(value))?.value : undefined;

const conversationIn = (contents: JsonNode | undefined, body: Uint8Array): readonly Passage[] =>
  itemsOf(contents).flatMap((each) => passagesIn(each, fieldOf(each, 'parts'), body));

const systemTexts = (instruction: JsonNode | undefined): readonly string[] =>
  itemsOf(fieldOf(instruction, 'parts')).flatMap((each) => textOf(fieldOf(each, 'text')) ?? []);

/** A model that the path names, as far as no two readers could split or decode the path differently. */
const PATH = /^\/v1(?:beta|alpha)?\/models\/([\w.~@-]+):(\w+)$/;

/** The model and the operation that a path names; null for any other path. */
export const readPath = (path: string): { readonly model: string; readonly operation: string } | null => {
  const [, named, operation] = PATH.exec(path) ?? [];
  return named === undefined || operation === undefined || !Object.hasOwn(operations, operation) ? null : { model: named, operation };
};

/** What is wrong with the form in which the answer is asked for (docs.cloud.google.com/apis/docs/system-parameters); null when it can be read. */
const wrongAlt = (query: string, streaming: boolean): string | null => {
  const asked = query.split('&').filter((each) => each.split('=', 1)[0] === 'alt');
  if (asked.length > 1) return 'alt is given more than once';
  if (streaming) return asked[0] === 'alt=sse' ? null : 'a streamed answer can be read only as server-sent events: ask with alt=sse';
  return asked.length === 0 || asked[0] === 'alt=json' ? null : 'an answer that is not streamed can be read only with alt=json';
};

export const readRequest = ({ operation, path, query, body, memory }: RequestBytes): Reading | Malformed => {
  const asked = readPath(path);
  const known = Object.hasOwn(operations, operation) ? operations[operation] : undefined;
  if (known === undefined || asked?.operation !== operation)
    return { malformed: 'the path is no operation of the vendor that this envelope carries' };
  const streaming = operation === 'streamGenerateContent';
  const alt = wrongAlt(query, streaming);
  if (alt !== null) return { malformed: alt };
  const root = parseWithMemory(body, memory);
  if (isJsonProblem(root)) return { malformed: describeProblem(root) };
  if (root.kind !== 'object') return { malformed: 'the body is not an object' };
  if (known.required.every((name) => fieldOf(root, name) === undefined)) return { malformed: `/${known.required[0]} is missing` };
  const walk: Walk = { model: asked.model, namedModels: [], slots: [], toolsOffered: [], notes: createNotes(body), malformed: null };
  objectOf(known.fields)(walk, root, '', 'unknown');
  if (walk.malformed !== null) return { malformed: walk.malformed };
  const request = fieldOf(root, 'generateContentRequest') ?? root;
  const reading: GeminiReading = {
    model: asked.model,
    modelRange: null,
    namedModels: walk.namedModels,
    streaming,
    slots: walk.slots,
    toolsOffered: walk.toolsOffered,
    // A count carries results that the call itself will carry again, and without ids nobody could tell them apart.
    toolsAnswered: operation === 'countTokens' ? [] : newToolResults(fieldOf(root, 'contents')),
    ...digestSystemPrompt(systemTexts(fieldOf(request, 'systemInstruction'))),
    sessionId: null,
    notInspected: walk.notes.list(),
    opaque: walk.notes.content(() => conversationIn(fieldOf(request, 'contents'), body)),
  };
  return reading;
};

const isGemini = (reading: Reading): reading is GeminiReading => 'namedModels' in reading;

/** Replaces the model's name wherever the body repeats what the path says. */
export const spliceModel = (reading: Reading, pin: string): readonly Splice[] =>
  !isGemini(reading) || pin === reading.model
    ? []
    : reading.namedModels.map(({ start, end, prefix }) => ({ start, end, replacement: jsonText(`${prefix}${pin}`) }));

export const pathWithModel = (path: string, pin: string): string => {
  const asked = readPath(path);
  return asked === null || asked.model === pin ? path : path.replace(/\/[^/]*$/, () => `/${encodeURIComponent(pin)}:${asked.operation}`);
};
