// The strings of answers of Chat Completions as slots, whole or streamed; their messages are walked as those of requests are.
// Identifiers, sounds and what hides the length of a chunk are no slots.
// Pure, and total over any JSON.

import type { Slot } from '../core/slot.ts';
import type { StreamSlot } from '../core/wire-format.ts';
import type { JsonNode } from './json.ts';
import { memberOf, pointer } from './json.ts';
import type { Walk } from './openai-chat-messages.ts';
import { visitMessageMember } from './openai-chat-messages.ts';
import { createNotes } from './notes.ts';
import { identifiersAmong, visitStrings, visitTexts } from './reading.ts';
import { atIndex, continuing, indexesOf } from './stream-slots.ts';

const named = identifiersAmong(
  new Set([
    'id',
    'object',
    'model',
    'system_fingerprint',
    'service_tier',
    'type',
    'code',
    'param',
    'finish_reason',
    'native_finish_reason',
  ]),
);

/** What stands beside the message of a choice, and what says nothing at all. */
const isAboutAnswer = (name: string, value: JsonNode): boolean => name === 'obfuscation' || named(name, value);

const visitSound = (walk: Walk, sound: JsonNode, path: string): void => {
  if (sound.kind !== 'object') return visitStrings(walk.slots, sound, path, 'assistant');
  for (const { name, value } of sound.members)
    if (name !== 'data' && !named(name, value)) visitStrings(walk.slots, value, pointer(path, name), 'assistant');
};

const visitMessage = (walk: Walk, message: JsonNode, path: string): void => {
  if (message.kind !== 'object') return visitStrings(walk.slots, message, path, 'assistant');
  for (const { name, value } of message.members) {
    const at = pointer(path, name);
    if (name === 'audio') visitSound(walk, value, at);
    else visitMessageMember(walk, name, value, at, 'assistant');
  }
};

/** A choice has a message, or a part of one. */
const visitChoice = (walk: Walk, choice: JsonNode, path: string): void => {
  if (choice.kind !== 'object') return visitStrings(walk.slots, choice, path, 'assistant');
  for (const { name, value } of choice.members) {
    const at = pointer(path, name);
    if (isAboutAnswer(name, value)) continue;
    if (name === 'message' || name === 'delta') visitMessage(walk, value, at);
    else visitTexts(walk.slots, value, at, 'assistant', isAboutAnswer);
  }
};

/** The slots of a whole answer, or of a chunk of one. */
export const answerSlots = (root: JsonNode): readonly Slot[] => {
  const walk: Walk = { slots: [], toolsOffered: [], notes: createNotes(), malformed: null };
  if (root.kind !== 'object') visitStrings(walk.slots, root, '', 'unknown');
  else
    for (const { name, value } of root.members) {
      const at = pointer('', name);
      if (isAboutAnswer(name, value)) continue;
      if (name === 'choices' && value.kind === 'array')
        for (const [index, choice] of value.items.entries()) visitChoice(walk, choice, pointer(at, index));
      else visitTexts(walk.slots, value, at, 'unknown', isAboutAnswer);
    }
  return walk.slots;
};

const inDelta = /^\/choices\/(\d+)\/delta\/([^/]*)(.*)$/s;

/** A chunk has the calls, and whatever else is a list, under indexes of their own; what a text quotes comes whole. */
export const eventSlots = (event: JsonNode): readonly StreamSlot[] => {
  const choices = memberOf(event, 'choices');
  const items = choices?.kind === 'array' ? choices.items : [];
  const indexes = indexesOf(choices);
  const lists = items.map((choice) => {
    const delta = memberOf(choice, 'delta');
    return new Map(delta?.kind === 'object' ? delta.members.map(({ name, value }) => [pointer('', name), indexesOf(value)]) : []);
  });
  return continuing(answerSlots(event), (path) => {
    const [, position = '', name = '', rest = ''] = inDelta.exec(path) ?? [];
    const index = indexes[Number(position)];
    if (position === '' || index === undefined || name === 'annotations') return null;
    const list = lists[Number(position)]?.get(`/${name}`) ?? [];
    return `/choices/${index}/message${atIndex(`/${name}${rest}`, `/${name}`, list)}`;
  });
};
