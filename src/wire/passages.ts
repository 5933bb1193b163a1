// Pieces of a conversation as formats have them: what makes one the same when it is sent again, and what stands in the place of one that is taken out.
// Clients move marks for the prompt cache from request to request, and end a text with a line break once another follows: neither makes it another.
// Pure; total over any JSON.

import type { Passage } from '../core/opaque.ts';
import type { JsonNode } from './json.ts';
import { jsonText, memberOf } from './json.ts';

/** Tells the model that something is missing, and nobody what. */
export const leftOut = 'What stood here was refused by a policy earlier in this conversation and is left out.';

/** Where the provider may cache up to. */
const CACHE_MARK = 'cache_control';

const ofText: ReadonlySet<string> = new Set(['type', 'text', CACHE_MARK]);

/** The text of a piece that is nothing else. */
const plainText = (node: JsonNode): string | undefined => {
  if (node.kind === 'string') return node.text;
  const text = memberOf(node, 'text');
  return node.kind === 'object' && text?.kind === 'string' && node.members.every(({ name }) => ofText.has(name)) ? text.text : undefined;
};

const addBytes = (chunks: Uint8Array[], node: JsonNode, body: Uint8Array): void => {
  if (node.kind === 'array') {
    chunks.push(Buffer.from('['));
    for (const item of node.items) {
      addBytes(chunks, item, body);
      chunks.push(Buffer.from(','));
    }
    chunks.push(Buffer.from(']'));
  } else if (node.kind === 'object') {
    chunks.push(Buffer.from('{'));
    for (const { name, value } of node.members) {
      if (name === CACHE_MARK) continue;
      chunks.push(Buffer.from(`${JSON.stringify(name)}:`));
      addBytes(chunks, value, body);
      chunks.push(Buffer.from(','));
    }
    chunks.push(Buffer.from('}'));
  } else chunks.push(body.subarray(node.start, node.end));
};

export const passageOf = (node: JsonNode, body: Uint8Array): Passage => ({
  start: node.start,
  end: node.end,
  identity: () => {
    const text = plainText(node);
    if (text !== undefined) return Buffer.from(text.trim(), 'utf8');
    const chunks: Uint8Array[] = [];
    addBytes(chunks, node, body);
    return Buffer.concat(chunks);
  },
});

/** The parts of a message's content, or the message itself where it has none. */
export const passagesIn = (message: JsonNode, content: JsonNode | undefined, body: Uint8Array): readonly Passage[] => {
  const parts = content?.kind === 'array' ? content.items : content?.kind === 'string' ? [content] : [];
  return (parts.length > 0 ? parts : [message]).map((part) => passageOf(part, body));
};

/** `shape` as JSON, with the mark for the prompt cache that `node` has: what may be cached up to there still may. */
export const inPlaceOf = (node: JsonNode, shape: object, body: Uint8Array): Uint8Array => {
  const mark = memberOf(node, CACHE_MARK);
  const text = jsonText(shape);
  if (mark === undefined) return text;
  return Buffer.concat([text.subarray(0, -1), Buffer.from(`,"${CACHE_MARK}":`), body.subarray(mark.start, mark.end), Buffer.from('}')]);
};
