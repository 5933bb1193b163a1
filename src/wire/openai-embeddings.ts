// The embeddings of OpenAI and of the servers that speak its API (platform.openai.com/docs/api-reference/embeddings).
// Every string of a request is a slot; what comes as token ids, and the vectors that come back, are numbers that nobody can inspect.
// Arrays of numbers are checked and left out before the rest is parsed, since a fair answer holds millions. What has not the shape is `malformed`.

import type { Slot } from '../core/slot.ts';
import type { Answered, Malformed, Reading, RequestBytes, StreamReader, WholeAnswer, WireFormat } from '../core/wire-format.ts';
import { noClientIds } from './client-ids.ts';
import { createHeldStream } from './held-stream.ts';
import { urlSource } from './hosted.ts';
import type { JsonNode, JsonProblem } from './json.ts';
import { given, isJsonProblem, memberOf, parseJson, pointer, textOf } from './json.ts';
import { blankNumberArrays } from './number-arrays.ts';
import { createFacts } from './openai-chat-answers.ts';
import { furtherModels, isLookalikeMember } from './openai-chat-names.ts';
import {
  absorbsOpenai,
  absorbsOpenaiInStream,
  OPENAI_PREFIX,
  OPENAI_REQUEST_ID,
  openaiAnswerHeaders,
  openaiCredential,
  openaiErrorInStream,
  openaiForwardedHeaders,
  renderOpenaiDenial,
  renderOpenaiFailure,
  spliceModelInBody,
} from './openai.ts';
import type { Notes } from './notes.ts';
import type { IsIdentifier } from './reading.ts';
import { holdsAddress } from './openai-media.ts';
import { createNotes } from './notes.ts';
import { describeProblem, identifiersAmong, once, visitStrings, visitTexts } from './reading.ts';
import { digestSystemPrompt } from './system-prompt.ts';

/** The nodes stand where they stand in `body`; arrays of numbers are empty. */
const parse = (body: Uint8Array): JsonNode | JsonProblem => parseJson(blankNumberArrays(body));

/** Whether an array had numbers in it. */
const hadNumbers = (node: JsonNode): boolean => node.kind === 'array' && node.items.length === 0 && node.end - node.start > '[]'.length;

const hasNumbers = (node: JsonNode): boolean =>
  node.kind === 'number' || hadNumbers(node) || (node.kind === 'array' && node.items.some(hasNumbers));

const misnamed = (root: JsonNode): string | null => {
  if (root.kind !== 'object') return null;
  for (const { name, value } of root.members) {
    if (isLookalikeMember(name)) return `${pointer('', name)} is not a known name in this spelling`;
    if (furtherModels.has(name) && given(value) !== undefined)
      return `${pointer('', name)} is not allowed: no model but the one that is judged may be named`;
  }
  return null;
};

const visitInput = (slots: Slot[], notes: Notes, input: JsonNode): void => {
  if (hasNumbers(input)) notes.add('input', 'token ids');
  visitStrings(slots, input, '/input', 'user');
};

/** Some servers embed pictures, which they fetch. A text to embed is no address, whatever it says. */
const isSource = (name: string, node: JsonNode): boolean => {
  if (name !== 'input') return holdsAddress(name, node);
  return node.kind === 'array' && node.items.some((item) => item.kind !== 'string' && holdsAddress(name, item));
};

const readRequest = ({ operation, body }: RequestBytes): Reading | Malformed => {
  if (operation !== 'embeddings') return { malformed: 'the path is no operation of the vendor that this envelope carries' };
  const root = parse(body);
  if (isJsonProblem(root)) return { malformed: describeProblem(root) };
  if (root.kind !== 'object') return { malformed: 'the body is not an object' };
  const model = memberOf(root, 'model');
  const input = memberOf(root, 'input');
  const problem = misnamed(root);
  if (model?.kind !== 'string' || model.text === '') return { malformed: '/model is not a name' };
  if (input?.kind !== 'string' && input?.kind !== 'array') return { malformed: '/input is not a string or an array' };
  if (problem !== null) return { malformed: problem };
  const slots: Slot[] = [];
  const notes = createNotes();
  for (const { name, value } of root.members) {
    if (name === 'input') visitInput(slots, notes, value);
    else if (name !== 'model') visitStrings(slots, value, pointer('', name), 'unknown');
  }
  const fetches = root.members.some(({ name, value }) => name !== 'model' && isSource(name, value));
  if (fetches) notes.add('input', 'url');
  return {
    model: model.text,
    modelRange: { start: model.start, end: model.end },
    streaming: false,
    slots,
    toolsOffered: fetches ? [urlSource] : [],
    toolsAnswered: [],
    ...digestSystemPrompt([]),
    sessionId: null,
    notInspected: notes.list(),
    // Nothing is repeated in a next request.
    opaque: notes.content(() => []),
  };
};

const isAboutAnswer = identifiersAmong(new Set(['id', 'object', 'model', 'type', 'code', 'param']));

/** Vectors, as numbers or as one text, say nothing; whatever a server says beside them does. */
const isWordless: IsIdentifier = (name, value) => (name === 'embedding' && value.kind === 'string') || isAboutAnswer(name, value);

const answerSlots = (root: JsonNode): readonly Slot[] => {
  const slots: Slot[] = [];
  visitTexts(slots, root, '', 'unknown', isWordless);
  return slots;
};

/** Vectors come as numbers, or as one text that holds them in base64. */
const isEmbedding = (item: JsonNode): boolean => {
  const embedding = memberOf(item, 'embedding');
  return embedding?.kind === 'array' || textOf(embedding) !== undefined;
};

const readWhole = (body: Uint8Array, { status }: Answered): WholeAnswer | Malformed => {
  const root = parse(body);
  if (isJsonProblem(root)) return { malformed: describeProblem(root) };
  const failed = status >= 400;
  const data = memberOf(root, 'data');
  if (root.kind !== 'object') return { malformed: 'the answer is not an object' };
  if (!failed && !(data?.kind === 'array' && data.items.every(isEmbedding)))
    return { malformed: 'the answer has not the shape of this format' };
  const facts = createFacts();
  facts.takeRoot(root);
  if (failed) facts.takeError(root);
  else facts.note('embedding', 'numbers');
  return { facts: facts.soFar(), toolCalls: [], slots: once(() => answerSlots(root)), refuse: () => [] };
};

/** There is no such answer: whatever comes as a stream is none of this format. */
const readStream = (): StreamReader => {
  const { push, end } = createHeldStream({
    step: () => ({ piece: 'unreadable', problem: 'embeddings do not come as a stream' }),
    atEnd: () => null,
    seen: () => null,
  });
  return { push, end, facts: createFacts().soFar, slots: () => [], ...openaiErrorInStream, keepAlive: () => null };
};

export const openaiEmbeddings: WireFormat = {
  name: 'openai-embeddings',
  prefix: OPENAI_PREFIX,
  operation: (method, path) => (method === 'POST' && path === '/v1/embeddings' ? 'embeddings' : undefined),
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
  renderModels: () => undefined,
};
