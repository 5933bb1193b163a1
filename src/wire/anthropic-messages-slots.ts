// The strings of the Anthropic Messages API as slots, for requests, whole answers and events alike: one walk over the blocks that all three hold.
// Identifiers, signatures and encrypted content are no slots; of a shape that is wrong, or that nobody knows, every string is one.
// A walk notes what cannot be inspected and what makes a request `malformed`; an answer has been judged before, and asks for the slots alone.

import { label } from '../core/identifier.ts';
import type { Slot } from '../core/slot.ts';
import type { StreamSlot } from '../core/wire-format.ts';
import { callTypes, knownBlocks, knownDeltas } from './anthropic-messages-names.ts';
import type { Walk } from './anthropic-messages-tools.ts';
import { checkSpelling, offerChanged, offerDefined, offerSource, wrong } from './anthropic-messages-tools.ts';
import type { JsonNode, JsonObject } from './json.ts';
import { countOf, memberOf, pointer, textOf } from './json.ts';
import { createNotes } from './notes.ts';
import { leftOut } from './passages.ts';
import { identifiersAmong, visitStrings, visitTexts } from './reading.ts';
import { continuing } from './stream-slots.ts';

type Role = Slot['role'];

/** Of a block or a message. */
export const isIdentifier = identifiersAmong(new Set(['type', 'role', 'id', 'tool_use_id', 'media_type']));

const isToolResult = (type: string): boolean => type === 'tool_result' || type.endsWith('_tool_result');

export const visitContent = (walk: Walk, content: JsonNode, path: string, role: Role): void => {
  if (content.kind === 'string') visitStrings(walk.slots, content, path, role);
  else if (content.kind === 'array')
    for (const [index, block] of content.items.entries()) visitBlock(walk, block, pointer(path, index), role);
  else {
    wrong(walk, path, 'a string or an array');
    visitStrings(walk.slots, content, path, role);
  }
};

const visitBlock = (walk: Walk, block: JsonNode, path: string, role: Role): void => {
  const type = textOf(memberOf(block, 'type'));
  if (block.kind !== 'object' || type === undefined) {
    wrong(walk, block.kind === 'object' ? pointer(path, 'type') : path, block.kind === 'object' ? 'a string' : 'an object');
    return visitStrings(walk.slots, block, path, role);
  }
  checkSpelling(walk, block, path);
  if (type === 'tool_result' && textOf(memberOf(block, 'tool_use_id')) === undefined) wrong(walk, pointer(path, 'tool_use_id'), 'a string');
  if (type === 'tool_addition') offerDefined(walk, block, path);
  if (type === 'compaction') offerChanged(walk, memberOf(block, 'tool_changes'), pointer(path, 'tool_changes'));
  const shape: Shape = { type, known: knownBlocks.has(type), role: isToolResult(type) ? 'tool' : role };
  if (shape.known && !media.has(type)) return visitMembers(walk, block, path, shape);
  walk.notes.inside(block, { type: 'text', text: leftOut }, () => {
    if (type === 'container_upload') walk.notes.add(type, 'file');
    if (type === 'image') walk.notes.medium(type, () => visitMembers(walk, block, path, shape));
    else visitMembers(walk, block, path, shape);
  });
};

/** Blocks in whose place a text can stand. */
const media: ReadonlySet<string> = new Set(['image', 'document', 'container_upload']);

interface Shape {
  readonly type: string;
  /** Whether the members of this type are known. */
  readonly known: boolean;
  readonly role: Role;
}

/** The members of a block, of a citation in it, or of a delta. */
const visitMembers = (walk: Walk, block: JsonObject, path: string, { type, known, role }: Shape): void => {
  for (const { name, value } of block.members) {
    const at = pointer(path, name);
    if ((known || name === 'type') && isIdentifier(name, value)) continue;
    if (known && name === 'signature') walk.notes.add(type, 'signed');
    else if (known && (name.startsWith('encrypted_') || (name === 'data' && type === 'redacted_thinking')))
      walk.notes.add(type, 'encrypted');
    else if (known && name === 'content' && value.kind === 'object')
      walk.notes.inside(value, null, () => visitBlock(walk, value, at, role));
    else if (known && name === 'content' && value.kind !== 'literal') visitContent(walk, value, at, role);
    else if (known && name === 'source' && value.kind === 'object') visitSource(walk, value, at, { type, role });
    else if (known && name === 'citations' && value.kind === 'array')
      for (const [index, citation] of value.items.entries()) visitCitation(walk, citation, pointer(at, index), role);
    else if (known && name === 'citation') visitCitation(walk, value, at, role);
    else {
      if (!known && namesAddress(value)) {
        walk.notes.add(label(type), 'url');
        offerSource(walk, path);
      }
      visitStrings(walk.slots, value, at, role);
    }
  }
};

/** What a text quotes, and from where. */
const visitCitation = (walk: Walk, citation: JsonNode, path: string, role: Role): void =>
  citation.kind === 'object'
    ? visitMembers(walk, citation, path, { type: 'citation', known: true, role })
    : visitStrings(walk.slots, citation, path, role);

/** Whether a block that nobody knows yet holds an address in the form in which others have one. */
const namesAddress = (node: JsonNode): boolean => {
  if (node.kind === 'array') return node.items.some(namesAddress);
  if (node.kind !== 'object') return false;
  return textOf(memberOf(node, 'type')) === 'url' || node.members.some(({ value }) => namesAddress(value));
};

/** Where an image or a document comes from. Text can be read; bytes, addresses and stored files cannot. */
const visitSource = (walk: Walk, source: JsonNode, path: string, block: { readonly type: string; readonly role: Role }): void => {
  const type = textOf(memberOf(source, 'type'));
  if (source.kind !== 'object' || type === undefined) {
    wrong(walk, pointer(path, 'type'), 'a string');
    return visitStrings(walk.slots, source, path, block.role);
  }
  checkSpelling(walk, source, path);
  const readable = block.type === 'document' && (type === 'text' || type === 'content');
  if (!readable) walk.notes.add(block.type, label(type));
  if (type === 'url') offerSource(walk, path);
  for (const { name, value } of source.members) {
    const at = pointer(path, name);
    if (isIdentifier(name, value) || (name === 'data' && type === 'base64')) continue;
    if (name === 'content' && type === 'content') visitContent(walk, value, at, block.role);
    else visitStrings(walk.slots, value, at, block.role);
  }
};

/** A walk of which only the slots are wanted. */
const slotsOnly = (): Walk => ({ slots: [], toolsOffered: [], notes: createNotes(), malformed: null });

/** Of a message, an error or a count, beside the content. */
const isAboutAnswer = identifiersAmong(
  new Set(['type', 'role', 'id', 'model', 'stop_reason', 'request_id', 'service_tier', 'inference_geo', 'expires_at']),
);

const visitMessage = (walk: Walk, message: JsonNode, path: string): void => {
  if (message.kind !== 'object') return visitStrings(walk.slots, message, path, 'unknown');
  for (const { name, value } of message.members) {
    const at = pointer(path, name);
    if (isAboutAnswer(name, value)) continue;
    if (name === 'content') visitContent(walk, value, at, 'assistant');
    else visitTexts(walk.slots, value, at, 'unknown', isAboutAnswer);
  }
};

/** The slots of a whole answer. */
export const messageSlots = (root: JsonNode): readonly Slot[] => {
  const walk = slotsOnly();
  visitMessage(walk, root, '');
  return walk.slots;
};

const visitDelta = (walk: Walk, delta: JsonNode, path: string): void => {
  if (delta.kind !== 'object') return visitStrings(walk.slots, delta, path, 'assistant');
  const type = textOf(memberOf(delta, 'type')) ?? '';
  visitMembers(walk, delta, path, { type, known: knownDeltas.has(type), role: 'assistant' });
};

const DELTA = '/delta/';
const BLOCK = '/content_block/';

/** Arguments grow as JSON text under a name of their own. */
const memberGrown = (name: string): string => (name === 'partial_json' ? 'input' : name);

/** Which text of the message a string of an event continues, by its path. What a call begins with is not continued; a citation comes whole. */
const placeIn = (event: JsonNode, type: string): ((path: string) => string | null) => {
  const content = `/content/${countOf(memberOf(event, 'index')) ?? ''}`;
  const isCall = callTypes.has(textOf(memberOf(memberOf(event, 'content_block'), 'type')) ?? '');
  return (path) => {
    if (type === 'content_block_delta' && path.startsWith(DELTA) && !path.startsWith('/delta/citation/'))
      return `${content}/${memberGrown(path.slice(DELTA.length))}`;
    const begins = type === 'content_block_start' && !isCall && path.startsWith(BLOCK) && !path.includes('/', BLOCK.length);
    return begins ? `${content}/${path.slice(BLOCK.length)}` : null;
  };
};

/** The slots of one event of a stream. */
export const eventSlots = (event: JsonNode): readonly StreamSlot[] => {
  const walk = slotsOnly();
  const type = textOf(memberOf(event, 'type')) ?? '';
  if (event.kind !== 'object') visitStrings(walk.slots, event, '', 'unknown');
  else
    for (const { name, value } of event.members) {
      const at = pointer('', name);
      if (isAboutAnswer(name, value)) continue;
      if (name === 'message' && type === 'message_start') visitMessage(walk, value, at);
      else if (name === 'content_block' && type === 'content_block_start') visitBlock(walk, value, at, 'assistant');
      else if (name === 'delta' && type === 'content_block_delta') visitDelta(walk, value, at);
      else visitTexts(walk.slots, value, at, 'unknown', isAboutAnswer);
    }
  return continuing(walk.slots, placeIn(event, type));
};
