// The strings of answers of the OpenAI Responses API as slots, whole or streamed; their items are walked as those of requests are.
// Identifiers, encrypted content, sounds, pictures and what hides the length of an event are no slots.
// Pure, and total over any JSON.

import type { Slot } from '../core/slot.ts';
import type { StreamSlot } from '../core/wire-format.ts';
import type { JsonNode } from './json.ts';
import { countOf, memberOf, pointer, textOf } from './json.ts';
import { visitContent, visitItem, visitPart } from './openai-responses-requests.ts';
import type { Walk } from './openai-responses-tools.ts';
import { createNotes } from './notes.ts';
import { identifiersAmong, visitStrings, visitTexts } from './reading.ts';
import { continuing } from './stream-slots.ts';

const slotsOnly = (): Walk => ({ slots: [], toolsOffered: [], notes: createNotes(), malformed: null });

/** Of a response or an event, beside the items. */
const isAboutAnswer = identifiersAmong(
  new Set([
    'id',
    'item_id',
    'object',
    'type',
    'status',
    'model',
    'previous_response_id',
    'service_tier',
    'truncation',
    'effort',
    'reason',
    'code',
    'param',
  ]),
);

/** A program may look like the name of an error. */
const isAboutEvent = identifiersAmong(new Set(['type', 'id', 'item_id', 'status']));

const visitResponse = (walk: Walk, response: JsonNode, path: string): void => {
  if (response.kind !== 'object') return visitStrings(walk.slots, response, path, 'unknown');
  for (const { name, value } of response.members) {
    const at = pointer(path, name);
    if (isAboutAnswer(name, value)) continue;
    if (name === 'output' && value.kind === 'array')
      for (const [index, item] of value.items.entries()) visitItem(walk, item, pointer(at, index));
    // Servers repeat what they were asked with.
    else if (name === 'instructions') visitContent(walk, value, at, 'system');
    else if (name === 'tools') visitStrings(walk.slots, value, at, 'system');
    else visitTexts(walk.slots, value, at, 'unknown', isAboutAnswer);
  }
};

/** The slots of a whole answer. */
export const responseSlots = (root: JsonNode): readonly Slot[] => {
  const walk = slotsOnly();
  visitResponse(walk, root, '');
  return walk.slots;
};

const RESULTS = 'response.shell_call_output_content.';

/** What an event says in bytes, or says nothing with. */
const isWordless = (name: string, type: string): boolean =>
  name === 'obfuscation' || name === 'partial_image_b64' || (name === 'delta' && type === 'response.audio.delta');

const visitEventMember = (walk: Walk, name: string, value: JsonNode, type: string): void => {
  const at = pointer('', name);
  const ofAnswer = type.startsWith('response.');
  const isIdentifier = ofAnswer ? isAboutEvent : isAboutAnswer;
  if (isWordless(name, type) || isIdentifier(name, value)) return;
  if (name === 'response') visitResponse(walk, value, at);
  else if (name === 'item') visitItem(walk, value, at);
  else if (name === 'part') visitPart(walk, value, at, 'assistant');
  else visitTexts(walk.slots, value, at, type.startsWith(RESULTS) ? 'tool' : ofAnswer ? 'assistant' : 'unknown', isIdentifier);
};

/** Where in its item a text of this kind stands, by what the event says of it. */
const textPlaces: Readonly<Record<string, (index: (name: string) => number) => string>> = {
  output_text: (index) => `/content/${index('content_index')}/text`,
  refusal: (index) => `/content/${index('content_index')}/refusal`,
  reasoning_text: (index) => `/content/${index('content_index')}/text`,
  reasoning_summary_text: (index) => `/summary/${index('summary_index')}/text`,
  function_call_arguments: () => '/arguments',
  mcp_call_arguments: () => '/arguments',
  custom_tool_call_input: () => '/input',
  code_interpreter_call_code: () => '/code',
  shell_call_command: (index) => `/action/commands/${index('command_index')}`,
  shell_call_output_content: (index) => `/output/${index('command_index')}`,
  apply_patch_call_operation_diff: () => '/operation/diff',
};

/** Parts that begin, and what the deltas behind them go on with. */
const partPlaces: Readonly<Record<string, (index: (name: string) => number) => string>> = {
  content_part: (index) => `/content/${index('content_index')}`,
  reasoning_part: (index) => `/content/${index('content_index')}`,
  reasoning_summary_part: (index) => `/summary/${index('summary_index')}`,
};

const eventName = /^response\.(.+)\.(added|delta)$/;

/** Which text of the answer a string of an event continues, by its path. What says a text once more, when it is done, continues none. */
const placeIn = (event: JsonNode, type: string): ((path: string) => string | null) => {
  const [, family = '', step] = eventName.exec(type) ?? [];
  const index = (name: string): number => countOf(memberOf(event, name)) ?? 0;
  const outputIndex = countOf(memberOf(event, 'output_index'));
  // Some servers name an item by its id alone.
  const item = pointer('/output', outputIndex ?? textOf(memberOf(event, 'item_id')) ?? '');
  const placed = Object.hasOwn(textPlaces, family) ? textPlaces[family]?.(index) : undefined;
  const begins = Object.hasOwn(partPlaces, family) ? partPlaces[family]?.(index) : undefined;
  const isUnder = (path: string, member: string): boolean => path === member || path.startsWith(`${member}/`);
  return (path) => {
    if (step === 'delta' && isUnder(path, '/delta')) return `${item}${placed ?? pointer('', family)}${path.slice('/delta'.length)}`;
    // A command begins with a part of its words.
    if (type === 'response.shell_call_command.added' && path === '/command') return `${item}${placed ?? ''}`;
    const isPart = step === 'added' && begins !== undefined && /^\/part\/[^/]*$/.test(path);
    return isPart ? `${item}${begins}${path.slice('/part'.length)}` : null;
  };
};

/** The slots of one event of a stream. */
export const eventSlots = (event: JsonNode): readonly StreamSlot[] => {
  const walk = slotsOnly();
  const type = textOf(memberOf(event, 'type')) ?? '';
  if (event.kind !== 'object') visitStrings(walk.slots, event, '', 'unknown');
  else for (const { name, value } of event.members) visitEventMember(walk, name, value, type);
  return continuing(walk.slots, placeIn(event, type));
};
