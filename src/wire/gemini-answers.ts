// Answers of the Generative Language API (ai.google.dev/api/generate-content): what an answer says of itself, the calls in it, and the reading of a whole one.
// A refused function call is replaced by a text part; all other bytes stay as they came, but for a signature that the next turn would miss.
// An answer in which a call could not be found or named for certain is `malformed`.

import { label } from '../core/identifier.ts';
import { limits } from '../core/limits.ts';
import type { Splice } from '../core/slot.ts';
import type { AnswerFacts, Answered, CalledTool, Malformed, WholeAnswer } from '../core/wire-format.ts';
import { camelOf, fieldOf, findHidden, mediaKind } from './gemini-names.ts';
import { answerSlots } from './gemini-slots.ts';
import type { JsonArray, JsonNode } from './json.ts';
import { countOf, isJsonProblem, jsonText, parseJson, textOf } from './json.ts';
import { blankNumberArrays } from './number-arrays.ts';
import { createNotes } from './notes.ts';
import { describeProblem, once } from './reading.ts';

/** A problem of framing, as the end of a sentence. */
export interface Unframed {
  readonly unframed: string;
}

export const unframed = (problem: string): Unframed => ({ unframed: problem });

const counts = [
  'promptTokenCount',
  'toolUsePromptTokenCount',
  'cachedContentTokenCount',
  'candidatesTokenCount',
  'thoughtsTokenCount',
  'totalTokens',
] as const;

/** Gathers what an answer says about itself as it arrives. Counts of a stream are cumulative and replace each other. */
export interface Facts {
  readonly note: (what: string, why: string) => void;
  readonly take: (answer: JsonNode) => void;
  readonly soFar: () => AnswerFacts;
}

export const createFacts = (): Facts => {
  const notes = createNotes();
  const latest = new Map<string, number>();
  let modelReported: string | null = null;
  let upstreamRequestId: string | null = null;
  let errorType: string | null = null;
  const sum = (...names: readonly (typeof counts)[number][]): number | null => {
    const known = names.flatMap((name) => latest.get(name) ?? []);
    return known.length === 0 ? null : known.reduce((total, count) => total + count, 0);
  };
  return {
    note: notes.add,
    take: (answer) => {
      const usage = fieldOf(answer, 'usageMetadata');
      for (const name of counts) {
        const count = countOf(fieldOf(name === 'totalTokens' ? answer : usage, name));
        if (count !== null) latest.set(name, count);
      }
      modelReported = textOf(fieldOf(answer, 'modelVersion')) ?? modelReported;
      upstreamRequestId = textOf(fieldOf(answer, 'responseId')) ?? upstreamRequestId;
      const error = fieldOf(answer, 'error');
      if (error !== undefined) errorType = statusOf(error) ?? 'unknown_error';
    },
    soFar: () => ({
      modelReported,
      upstreamRequestId,
      inputTokenCount: sum('promptTokenCount', 'toolUsePromptTokenCount') ?? sum('totalTokens'),
      cachedInputTokenCount: latest.get('cachedContentTokenCount') ?? null,
      outputTokenCount: sum('candidatesTokenCount', 'thoughtsTokenCount'),
      errorType,
      notInspected: notes.list(),
    }),
  };
};

/** The error's name (github.com/googleapis/googleapis, google/rpc/code.proto). */
const statusOf = (error: JsonNode): string | undefined => {
  const status = error.kind === 'object' ? error.members.find(({ name }) => name === 'status')?.value : undefined;
  return textOf(status);
};

/** A call, and where it stands. */
export interface PlacedCall {
  readonly call: CalledTool;
  /** The part that makes the call; null for one that is known from what was found only. */
  readonly part: JsonNode | null;
  readonly signed: boolean;
  /** Which of the candidates makes it. */
  readonly candidate: number;
}

/** What was read of an answer, or of one chunk of it. */
export interface ReadAnswer {
  readonly calls: readonly PlacedCall[];
  /** Whether it says why it ends. */
  readonly ends: boolean;
}

/** What earlier chunks of the same answer said. */
export interface Earlier {
  callsCount: number;
  /** Hosted tools that were seen, so that what they found does not count as another call. */
  readonly hosted: Set<string>;
}

export const nothingEarlier = (): Earlier => ({ callsCount: 0, hosted: new Set() });

const noArguments: Uint8Array = jsonText({});

/** By what a server-side call says of its type (ai.google.dev/api/caching#ToolType), the tool under the name by which a request offers it. */
const toolTypes: Readonly<Record<string, string>> = {
  GOOGLE_SEARCH_WEB: 'googleSearch',
  GOOGLE_SEARCH_IMAGE: 'googleSearch',
  URL_CONTEXT: 'urlContext',
  GOOGLE_MAPS: 'googleMaps',
  FILE_SEARCH: 'fileSearch',
};

interface Reader {
  readonly source: Uint8Array;
  readonly facts: Facts;
  readonly earlier: Earlier;
  readonly calls: PlacedCall[];
  readonly callPlaces: Set<JsonNode>;
  readonly free: Set<JsonNode>;
  problem: string | null;
}

const stop = (reader: Reader, problem: string): void => {
  reader.problem ??= problem;
};

const bytesOf = (reader: Reader, node: JsonNode | undefined): Uint8Array =>
  node === undefined ? noArguments : reader.source.subarray(node.start, node.end);

const add = (reader: Reader, placed: PlacedCall): void => {
  if (++reader.earlier.callsCount > limits.toolCallsPerAnswerCount)
    stop(reader, `there are more than ${limits.toolCallsPerAnswerCount} tool calls`);
  else reader.calls.push(placed);
};

const addHosted = (reader: Reader, name: string, place: Pick<PlacedCall, 'part' | 'candidate'>, node: JsonNode, args?: JsonNode): void => {
  reader.earlier.hosted.add(name);
  const callId = textOf(fieldOf(node, 'id')) ?? '';
  const call = { name, callId: callId === '' ? name : callId, arguments: bytesOf(reader, args), hosted: true, notInspected: [] };
  add(reader, { call, ...place, signed: false });
};

const readFunctionCall = (reader: Reader, part: JsonNode, called: JsonNode, candidate: number): void => {
  const name = textOf(fieldOf(called, 'name')) ?? '';
  const id = fieldOf(called, 'id');
  const args = fieldOf(called, 'args');
  const willContinue = fieldOf(called, 'willContinue');
  const inPieces =
    fieldOf(called, 'partialArgs') !== undefined ||
    (willContinue?.kind === 'literal' ? willContinue.value === true : willContinue !== undefined);
  if (inPieces) return stop(reader, 'the arguments of a function call come in pieces');
  if (called.kind !== 'object' || name === '') return stop(reader, 'a function call has no name');
  if (id !== undefined && id.kind !== 'string') return stop(reader, 'the id of a function call is not a string');
  if (args !== undefined && args.kind !== 'object') return stop(reader, 'the arguments of a function call are not an object');
  reader.callPlaces.add(called);
  if (args !== undefined) reader.free.add(args);
  const callId = id === undefined || id.text === '' ? name : id.text;
  const signature = fieldOf(part, 'thoughtSignature');
  const signed = signature !== undefined && textOf(signature) !== '';
  add(reader, { call: { name, callId, arguments: bytesOf(reader, args), hosted: false, notInspected: [] }, part, signed, candidate });
};

const inParts =
  'text thought thoughtSignature inlineData fileData functionCall functionResponse executableCode codeExecutionResult toolCall toolResponse ' +
  'videoMetadata partMetadata mediaResolution mediaProcessing audioTranscription speechMetadata';
const knownInParts: ReadonlySet<string> = new Set(inParts.split(' '));

const readPart = (reader: Reader, part: JsonNode, candidate: number): void => {
  if (part.kind !== 'object') return stop(reader, 'a part is not an object');
  for (const { name, value } of part.members) {
    const field = camelOf(name);
    if (!knownInParts.has(field)) {
      reader.facts.note('part', `unknown member ${label(name)}`);
      continue;
    }
    if (fieldOf(part, field) !== value) continue;
    if (field === 'inlineData') reader.facts.note(mediaKind(value), 'base64');
    if (field === 'fileData') reader.facts.note(mediaKind(value), 'url');
    if (field === 'partMetadata') reader.free.add(value);
    if (field === 'functionCall') readFunctionCall(reader, part, value, candidate);
    if (field === 'executableCode') addHosted(reader, 'codeExecution', { part, candidate }, value, value);
    if (field === 'toolCall') {
      const args = fieldOf(value, 'args');
      const type = textOf(fieldOf(value, 'toolType')) ?? '';
      if (args !== undefined) reader.free.add(args);
      addHosted(reader, Object.hasOwn(toolTypes, type) ? (toolTypes[type] ?? type) : type || 'unknown', { part, candidate }, value, args);
    }
    if (field === 'toolResponse' || field === 'functionResponse') {
      const response = fieldOf(value, 'response');
      if (response !== undefined) reader.free.add(response);
    }
  }
};

/** Search and retrieval are known by what they found alone, unless the request asked to see their calls. */
const readFindings = (reader: Reader, found: JsonNode, candidate: number): void => {
  const grounding = fieldOf(found, 'groundingMetadata');
  const fetched = fieldOf(found, 'urlContextMetadata');
  if (grounding === undefined && fetched === undefined) return;
  const chunks = filled(fieldOf(grounding, 'groundingChunks'));
  const urls = filled(fieldOf(fetched, 'urlMetadata'));
  const queries = filled(fieldOf(grounding, 'webSearchQueries')) ?? filled(fieldOf(grounding, 'imageSearchQueries'));
  const from = (source: string): JsonNode | undefined =>
    chunks?.items.some((chunk) => fieldOf(chunk, source) !== undefined) ? chunks : undefined;
  const seen = { googleSearch: queries, urlContext: urls, googleMaps: from('maps'), fileSearch: from('retrievedContext') };
  for (const [name, node] of Object.entries(seen))
    if (node !== undefined && !reader.earlier.hosted.has(name)) addHosted(reader, name, { part: null, candidate }, node, node);
};

const filled = (node: JsonNode | undefined): JsonArray | undefined => (node?.kind === 'array' && node.items.length > 0 ? node : undefined);

const endsHere = (node: JsonNode | undefined, unsaid: string): boolean =>
  node !== undefined && textOf(node) !== unsaid && textOf(node) !== '';

const readCandidate = (reader: Reader, node: JsonNode, position: number): boolean => {
  if (node.kind !== 'object') {
    stop(reader, 'a candidate is not an object');
    return false;
  }
  const index = fieldOf(node, 'index');
  const content = fieldOf(node, 'content');
  const parts = fieldOf(content, 'parts');
  const candidate = index === undefined ? position : countOf(index);
  if (candidate === null) stop(reader, 'the index of a candidate is not a count');
  else if (content !== undefined && content.kind !== 'object') stop(reader, 'the content of a candidate is not an object');
  else if (parts !== undefined && parts.kind !== 'array') stop(reader, 'the parts of a candidate are not an array');
  else {
    for (const part of parts?.items ?? []) readPart(reader, part, candidate);
    readFindings(reader, node, candidate);
  }
  return endsHere(fieldOf(node, 'finishReason'), 'FINISH_REASON_UNSPECIFIED');
};

/** Reads an answer, or one chunk of it. `source` is the text that `root` was parsed from. */
export const readAnswer = (root: JsonNode, source: Uint8Array, facts: Facts, earlier: Earlier): ReadAnswer | Unframed => {
  const candidates = fieldOf(root, 'candidates');
  const error = fieldOf(root, 'error');
  if (candidates !== undefined && candidates.kind !== 'array') return unframed('the candidates are not an array');
  // Some clients would stop at the error, others read on.
  if (candidates !== undefined && error !== undefined) return unframed('an error comes with candidates');
  const reader: Reader = { source, facts, earlier, calls: [], callPlaces: new Set(), free: new Set(), problem: null };
  if (error !== undefined) reader.free.add(error);
  let ends = endsHere(fieldOf(fieldOf(root, 'promptFeedback'), 'blockReason'), 'BLOCK_REASON_UNSPECIFIED');
  for (const [position, each] of candidates?.items.entries() ?? []) ends = readCandidate(reader, each, position) || ends;
  const problem = reader.problem ?? findHidden(root, { calls: reader.callPlaces, free: reader.free });
  if (problem !== null) return unframed(problem);
  facts.take(root);
  return { calls: reader.calls, ends };
};

/** Which candidates still have a call, and which lost a signature with one that was refused. */
export interface Signatures {
  readonly kept: Set<number>;
  readonly lost: Set<number>;
}

export const noSignatures = (): Signatures => ({ kept: new Set(), lost: new Set() });

/** What the vendor documents for a call whose signature is not at hand (ai.google.dev/gemini-api/docs/thought-signatures). */
const UNSIGNED = 'skip_thought_signature_validator';

const unsignedSplice = (part: JsonNode): Splice => {
  const empty = part.kind === 'object' ? part.members.find(({ name }) => camelOf(name) === 'thoughtSignature')?.value : undefined;
  if (empty !== undefined) return { start: empty.start, end: empty.end, replacement: jsonText(UNSIGNED) };
  return { start: part.start + 1, end: part.start + 1, replacement: Buffer.from(`"thoughtSignature":"${UNSIGNED}",`) };
};

/**
 * Puts a text part in the place of each refused call. The vendor signs the first of several calls only, and wants the first that comes back
 * to be signed: when that one is refused, the next says that its signature is not at hand.
 */
export const refuseCalls = (
  calls: readonly PlacedCall[],
  refused: ReadonlyMap<number, string>,
  signatures: Signatures,
): readonly Splice[] => {
  const { kept, lost } = signatures;
  const splices = new Map<JsonNode, Splice>();
  for (const [index, { part, signed, candidate, call }] of calls.entries()) {
    const sentence = refused.get(index);
    if (part === null) continue;
    if (sentence !== undefined) {
      // Clients join the texts of all parts.
      splices.set(part, { start: part.start, end: part.end, replacement: jsonText({ text: `${sentence}\n` }) });
      if (signed) lost.add(candidate);
    } else if (!call.hosted) {
      if (!signed && lost.has(candidate) && !kept.has(candidate)) splices.set(part, unsignedSplice(part));
      kept.add(candidate);
    }
  }
  return [...splices.values()];
};

/** What a success of each operation has, whatever else; another vendor's answer has none of it. */
const promised: Readonly<Record<string, readonly string[]>> = {
  generateContent: ['candidates', 'promptFeedback', 'usageMetadata'],
  countTokens: ['totalTokens'],
  embedContent: ['embedding'],
  batchEmbedContents: ['embeddings'],
};

const embeddings: ReadonlySet<string> = new Set(['embedContent', 'batchEmbedContents']);

/** Reads a whole answer of any operation. Errors come as an object, or as a list of one where a list was asked for. */
export const readWhole = (body: Uint8Array, { operation, status }: Answered): WholeAnswer | Malformed => {
  const parsed = parseJson(embeddings.has(operation) ? blankNumberArrays(body) : body);
  if (isJsonProblem(parsed)) return { malformed: describeProblem(parsed) };
  const failed = status >= 400;
  const root = failed && parsed.kind === 'array' && parsed.items.length === 1 ? parsed.items[0] : parsed;
  if (root?.kind !== 'object') return { malformed: 'the answer is not an object' };
  const expected = Object.hasOwn(promised, operation) ? (promised[operation] ?? []) : [];
  if (!failed && expected.every((name) => fieldOf(root, name) === undefined))
    return { malformed: 'the answer has not the shape of this format' };
  const facts = createFacts();
  const answer = readAnswer(root, body, facts, nothingEarlier());
  if ('unframed' in answer) return { malformed: answer.unframed };
  return {
    facts: facts.soFar(),
    toolCalls: answer.calls.map(({ call }) => call),
    slots: once(() => answerSlots(parsed)),
    refuse: (refused) => refuseCalls(answer.calls, refused, noSignatures()),
  };
};
