// The strings of answers of the Generative Language API as slots, whole or streamed; their contents are walked as those of requests are.
// Identifiers, names of states, signatures and media are no slots. Both names of a field are the same field, as everywhere.
// Pure, and total over any JSON.

import type { Slot } from '../core/slot.ts';
import type { StreamSlot } from '../core/wire-format.ts';
import { camelOf, fieldOf } from './gemini-names.ts';
import type { Visit, Walk } from './gemini-requests.ts';
import { anything, listOf, objectOf, opaque, parts, saidBy } from './gemini-requests.ts';
import type { JsonNode } from './json.ts';
import { pointer } from './json.ts';
import type { IsIdentifier } from './reading.ts';
import { createNotes } from './notes.ts';
import { identifiersAmong, visitTexts } from './reading.ts';
import { continuing, indexesOf } from './stream-slots.ts';

const states =
  'modelVersion responseId finishReason blockReason category probability severity modality trafficType serviceTier createTime status ' +
  'urlRetrievalStatus';
const isState = identifiersAmong(new Set(states.split(' ')));
const isAboutAnswer: IsIdentifier = (name, value) => isState(camelOf(name), value);

/** What an answer says of itself. */
const about: Visit = (walk, node, path, role) => visitTexts(walk.slots, node, path, role, isAboutAnswer);

/** The fields that are known, each in its way; of all others what is no name of a state. */
const answerOf =
  (visits: Readonly<Record<string, Visit>>): Visit =>
  (walk, node, path, role) => {
    if (node.kind !== 'object') return anything(walk, node, path, role);
    for (const { name, value } of node.members) {
      const camel = camelOf(name);
      const visit = Object.hasOwn(visits, camel) ? visits[camel] : undefined;
      if (!isAboutAnswer(name, value)) (visit ?? about)(walk, value, pointer(path, name), role);
    }
  };

const candidate = saidBy(
  'assistant',
  answerOf({
    content: saidBy('assistant', parts),
    groundingMetadata: saidBy('tool', objectOf({ searchEntryPoint: objectOf({ sdkBlob: opaque }) })),
    urlContextMetadata: saidBy('tool', about),
  }),
);

const answer = answerOf({ candidates: listOf(candidate) });

/** The slots of a whole answer, or of a chunk of one. An error may come as a list. */
export const answerSlots = (root: JsonNode): readonly Slot[] => {
  const walk: Walk = { model: '', namedModels: [], slots: [], toolsOffered: [], notes: createNotes(), malformed: null };
  (root.kind === 'array' ? listOf(answer) : answer)(walk, root, '', 'unknown');
  return walk.slots;
};

const inText = /^\/candidates\/(\d+)\/content\/parts\/(\d+)\/text$/;

const itemAt = (node: JsonNode | undefined, position: number): JsonNode | undefined =>
  node?.kind === 'array' ? node.items[position] : undefined;

/** Every chunk has parts of its own, and clients join the texts of all: those of thoughts, and those of the answer. */
export const eventSlots = (event: JsonNode): readonly StreamSlot[] => {
  const candidates = fieldOf(event, 'candidates');
  const indexes = indexesOf(candidates);
  return continuing(answerSlots(event), (path) => {
    const [, position, place] = inText.exec(path) ?? [];
    if (position === undefined) return null;
    const part = itemAt(fieldOf(fieldOf(itemAt(candidates, Number(position)), 'content'), 'parts'), Number(place));
    const thought = part?.kind === 'object' && part.members.some(({ name, value }) => name === 'thought' && isTrue(value));
    return `/candidates/${indexes[Number(position)] ?? position}/${thought ? 'thought' : 'text'}`;
  });
};

const isTrue = (node: JsonNode): boolean => node.kind === 'literal' && node.value === true;
