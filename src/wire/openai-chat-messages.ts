// The messages of Chat Completions as slots, for requests, whole answers and the parts of streamed ones alike.
// Identifiers, sounds and pictures are no slots; of a shape that is wrong, or that nobody knows, every string is one.
// A walk notes what cannot be inspected and what makes a request `malformed`; an answer has been judged before, and asks for the slots alone.

import { limits } from '../core/limits.ts';
import type { Slot } from '../core/slot.ts';
import type { OfferedTool } from '../core/wire-format.ts';
import { offersUrlSource, urlSource } from './hosted.ts';
import type { JsonNode, JsonObject } from './json.ts';
import { given, memberOf, pointer, textOf } from './json.ts';
import { isLookalikeMember, isLookalikeWord, mediaTypes } from './openai-chat-names.ts';
import { holdsAddress, isBytes, isFetched } from './openai-media.ts';
import type { Notes } from './notes.ts';
import { leftOut } from './passages.ts';
import { identifiersAmong, visitStrings } from './reading.ts';

export interface Walk {
  readonly slots: Slot[];
  readonly toolsOffered: OfferedTool[];
  readonly notes: Notes;
  malformed: string | null;
}

export type Role = Slot['role'];

export const wrong = (walk: Walk, path: string, expected: string): void => {
  walk.malformed ??= `${path} is not ${expected}`;
};

/** Refuses a member, a role or a type that the server could take for one of those that we act on. */
export const checkSpelling = (walk: Walk, node: JsonNode, path: string): void => {
  if (node.kind !== 'object') return;
  for (const { name, value } of node.members) {
    if (isLookalikeMember(name)) wrong(walk, pointer(path, name), 'a known name in this spelling');
    const isWord = (name === 'role' || name === 'type') && value.kind === 'string';
    if (isWord && isLookalikeWord(value.text)) wrong(walk, pointer(path, name), 'a known word in this spelling');
  }
};

const isIdentifier = identifiersAmong(new Set(['type', 'role', 'id', 'tool_call_id', 'detail', 'format', 'file_id']));

export const offer = (walk: Walk, path: string, tool: OfferedTool): void => {
  if (walk.toolsOffered.length < limits.toolsOfferedCount) walk.toolsOffered.push(tool);
  else wrong(walk, path, `one of at most ${limits.toolsOfferedCount} tools`);
};

/** What stands where something else should: a request is refused for it; an answer may have it where nobody reads it, and its strings count. */
const visitOdd = (walk: Walk, node: JsonNode, path: string, role: Role, expected: string): void => {
  wrong(walk, path, expected);
  visitStrings(walk.slots, node, path, role);
};

const offerSource = (walk: Walk, at: string): void => {
  if (!offersUrlSource(walk.toolsOffered)) offer(walk, at, urlSource);
};

/** What of a part is no medium. An address is text, and what lies there is not. */
const visitBeside = (walk: Walk, what: string, name: string, value: JsonNode, path: string, role: Role): void => {
  const isSource = holdsAddress(name, value);
  if (isSource) offerSource(walk, path);
  if (isSource || name === 'file_id') walk.notes.add(what, name === 'file_id' ? name : 'url');
  if (isSource || !isIdentifier(name, value)) visitStrings(walk.slots, value, path, role);
};

/** What the model gets to see or hear. Bytes and stored files cannot be read; an address is text, but not what lies there. */
const visitMedium = (walk: Walk, type: string, medium: JsonNode, path: string, role: Role): void => {
  const visitSource = (name: string, value: JsonNode, at: string): void => {
    const bytes = value.kind === 'string' && isBytes(value.text, name !== 'url');
    const isSource = name === 'url' ? isFetched(value) : holdsAddress(name, value);
    walk.notes.add(type, bytes ? 'base64' : name === 'url' || isSource ? 'url' : 'unknown form');
    if (isSource) offerSource(walk, at);
    if (!bytes) visitStrings(walk.slots, value, at, role);
  };
  // Some servers take the address itself, or the bytes, in place of an object that holds them.
  if (medium.kind === 'string') return visitSource(type.endsWith('url') ? 'url' : type, medium, path);
  // The pictures of a film.
  if (medium.kind === 'array') {
    for (const [index, item] of medium.items.entries()) visitMedium(walk, type, item, pointer(path, index), role);
    return;
  }
  if (medium.kind !== 'object') return visitOdd(walk, medium, path, role, 'an object');
  checkSpelling(walk, medium, path);
  for (const { name, value } of medium.members) {
    const at = pointer(path, name);
    if (name === 'url' || name === 'data' || name === 'file_data') visitSource(name, value, at);
    else visitBeside(walk, type, name, value, at, role);
  }
};

const visitPart = (walk: Walk, part: JsonNode, path: string, role: Role): void => {
  const type = textOf(memberOf(part, 'type'));
  // Some servers take texts among the parts.
  if (part.kind === 'string') return visitStrings(walk.slots, part, path, role);
  if (part.kind !== 'object') return visitOdd(walk, part, path, role, 'an object');
  if (type === undefined) wrong(walk, pointer(path, 'type'), 'a string');
  checkSpelling(walk, part, path);
  if (type === 'text' || type === 'refusal') return visitPartMembers(walk, part, path, { type, role });
  walk.notes.inside(part, { type: 'text', text: leftOut }, () => {
    const visit = (): void => visitPartMembers(walk, part, path, { type, role });
    if (type !== undefined && mediaTypes.has(type)) walk.notes.medium(type, visit);
    else visit();
  });
};

const visitPartMembers = (
  walk: Walk,
  part: JsonObject,
  path: string,
  { type, role }: { readonly type: string | undefined; readonly role: Role },
): void => {
  const what = type !== undefined && mediaTypes.has(type) ? type : 'content';
  for (const { name, value } of part.members) {
    const at = pointer(path, name);
    if (mediaTypes.has(name)) visitMedium(walk, name, value, at, role);
    else visitBeside(walk, what, name, value, at, role);
  }
};

const visitContent = (walk: Walk, content: JsonNode, path: string, role: Role): void => {
  if (content.kind === 'string') visitStrings(walk.slots, content, path, role);
  else if (content.kind === 'array') for (const [index, part] of content.items.entries()) visitPart(walk, part, pointer(path, index), role);
  else if (given(content) !== undefined) visitOdd(walk, content, path, role, 'a string or an array');
};

/** Calls of an earlier answer. Arguments are one slot: JSON inside a string is text here, escapes and all. */
const visitCalls = (walk: Walk, calls: JsonNode, path: string, role: Role): void => {
  if (calls.kind !== 'array') {
    if (given(calls) !== undefined) visitOdd(walk, calls, path, role, 'an array');
    return;
  }
  for (const [index, call] of calls.items.entries()) {
    const at = pointer(path, index);
    if (call.kind !== 'object') {
      visitOdd(walk, call, at, role, 'an object');
      continue;
    }
    checkSpelling(walk, call, at);
    for (const { name, value } of call.members) {
      if (name === 'function' || name === 'custom') checkSpelling(walk, value, pointer(at, name));
      if (!isIdentifier(name, value)) visitStrings(walk.slots, value, pointer(at, name), role);
    }
  }
};

/** A member of a message, or of the part of one that a stream brings. */
export const visitMessageMember = (walk: Walk, name: string, value: JsonNode, path: string, role: Role): void => {
  if (name === 'content') visitContent(walk, value, path, role);
  else if (name === 'tool_calls') visitCalls(walk, value, path, role);
  else if (!isIdentifier(name, value)) {
    if (name === 'function_call') checkSpelling(walk, value, path);
    visitStrings(walk.slots, value, path, role);
  }
};
