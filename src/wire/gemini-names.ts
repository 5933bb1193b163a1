// Names of the Generative Language API that we act on. Protocol Buffers read every field under two names, lowerCamelCase and as in the .proto file
// (protobuf.dev/programming-guides/json), so both are read here; two names for one field, or a spelling that only lenient readers take
// (Go matches members in any letter case), is refused by the caller. Pure; nothing here fails.

import type { JsonNode } from './json.ts';
import { isNull, textOf } from './json.ts';

const inRequests =
  'model contents content requests systemInstruction tools toolConfig cachedContent continuationToken generateContentRequest ' +
  'generationConfig routingConfig modelSelectionConfig outputConfig store';
const inContents = 'role parts text thoughtSignature inlineData fileData mimeType data fileUri partMetadata';
const inCalls =
  'functionCall functionResponse executableCode codeExecutionResult toolCall toolResponse id name args response toolType partialArgs';
const inTools =
  'functionDeclarations functionCallingConfig streamFunctionCallArguments googleSearch googleSearchRetrieval urlContext codeExecution googleMaps ' +
  'fileSearch computerUse mcpServers retrieval enterpriseWebSearch exaAiSearch parallelAiSearch';
const inAnswers =
  'candidates index finishReason promptFeedback blockReason usageMetadata modelVersion responseId error willContinue embedding embeddings ' +
  'promptTokenCount toolUsePromptTokenCount cachedContentTokenCount candidatesTokenCount thoughtsTokenCount totalTokens ' +
  'groundingMetadata webSearchQueries imageSearchQueries groundingChunks maps retrievedContext urlContextMetadata urlMetadata';

/** What the field is called in its .proto file. */
const snakeOf = (camel: string): string => camel.replace(/[A-Z]/g, (capital) => `_${capital.toLowerCase()}`);

/** From both names of a known field to its lowerCamelCase. */
const fields: ReadonlyMap<string, string> = new Map(
  `${inRequests} ${inContents} ${inCalls} ${inTools} ${inAnswers}`.split(' ').flatMap((camel) => [
    [camel, camel],
    [snakeOf(camel), camel],
  ]),
);

/** One form for all spellings that differ by letter case or underscores; through capitals, since `ſ` and the Kelvin sign fold into `s` and `k`. */
const fold = (name: string): string => name.toUpperCase().toLowerCase().replaceAll('_', '');

const folded: ReadonlySet<string> = new Set([...fields.values()].map(fold));

/** The lowerCamelCase name of a field, known or not. */
export const camelOf = (name: string): string =>
  fields.get(name) ?? name.replace(/_([a-z])/g, (_found, letter: string) => letter.toUpperCase());

/** The value of a field by its lowerCamelCase name, under whichever of its names it stands; undefined where it is null, which means absent. */
export const fieldOf = (node: JsonNode | undefined, camel: string): JsonNode | undefined => {
  if (node?.kind !== 'object') return undefined;
  for (const { name, value } of node.members) if (fields.get(name) === camel) return isNull(value) ? undefined : value;
  return undefined;
};

/** Of media, by their type, what people call them. */
export const mediaKind = (media: JsonNode): string => {
  const [family = '', kind = ''] = (textOf(fieldOf(media, 'mimeType')) ?? '').toLowerCase().split('/', 2);
  if (family === 'image' || family === 'audio' || family === 'video' || family === 'text') return family;
  return kind === 'pdf' ? 'document' : 'file';
};

/** A reader in JavaScript that copies members one by one makes of this member what the copy inherits from. */
const INHERITED = '__proto__';

/** The first member that two readers could take for different fields, and what a known field is instead; null when there is none. */
export const oddMember = (node: JsonNode): { readonly name: string; readonly expected: string } | null => {
  if (node.kind !== 'object') return null;
  const seen = new Set<string>();
  for (const { name } of node.members) {
    const camel = fields.get(name);
    if (name === INHERITED || (camel === undefined && folded.has(fold(name)))) return { name, expected: 'a known name in this spelling' };
    if (camel === undefined) continue;
    if (seen.has(camel)) return { name, expected: 'given under one name only' };
    seen.add(camel);
  }
  return null;
};

/** What is known of the places in an answer. */
export interface Places {
  /** Nodes at which a call is read. */
  readonly calls: ReadonlySet<JsonNode>;
  /** Nodes whose members are nobody's fields: arguments, results, details of an error. */
  readonly free: ReadonlySet<JsonNode>;
}

/** What in an answer could be taken for a call, or hide one, without being read as such: the end of a sentence, or null. */
export const findHidden = (node: JsonNode, places: Places): string | null => {
  if (places.free.has(node)) return null;
  if (node.kind === 'array') {
    for (const item of node.items) {
      const hidden = findHidden(item, places);
      if (hidden !== null) return hidden;
    }
  }
  if (node.kind !== 'object') return null;
  const odd = oddMember(node);
  if (odd !== null) return `a member is not ${odd.expected}`;
  for (const { name, value } of node.members) {
    if (fields.get(name) === 'functionCall' && !isNull(value) && !places.calls.has(value))
      return 'a function call stands where none is read';
    const hidden = findHidden(value, places);
    if (hidden !== null) return hidden;
  }
  return null;
};
