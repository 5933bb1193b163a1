// What the readers of all formats share: visiting every string of a subtree as a slot, and noting once what could not be inspected.
// Pure; nothing here fails. Lists are bounded by the parser's limits or by their own.

import { limits } from '../core/limits.ts';
import type { Slot } from '../core/slot.ts';
import type { NotInspected } from '../core/wire-format.ts';
import type { JsonNode, JsonProblem } from './json.ts';
import { pointer } from './json.ts';

/** Adds a slot for every string value under `node`. Member names and numbers are not slots. */
export const visitStrings = (slots: Slot[], node: JsonNode, path: string, role: Slot['role']): void => {
  if (node.kind === 'string') slots.push({ path, start: node.start, end: node.end, text: node.text, role });
  else if (node.kind === 'array') for (const [index, item] of node.items.entries()) visitStrings(slots, item, pointer(path, index), role);
  else if (node.kind === 'object') for (const { name, value } of node.members) visitStrings(slots, value, pointer(path, name), role);
};

export interface Notes {
  /** Notes a kind of content once, however often it occurs. */
  readonly add: (what: string, why: string) => void;
  readonly list: () => readonly NotInspected[];
}

export const createNotes = (): Notes => {
  const notes = new Map<string, NotInspected>();
  return {
    add: (what, why) => {
      if (notes.size < limits.listInRecordCount) notes.set(`${what}\n${why}`, { what, why });
      else notes.set('', { what: 'further_content', why: `more than ${limits.listInRecordCount} kinds` });
    },
    list: () => [...notes.values()],
  };
};

/** A parser's problem as the end of a sentence. */
export const describeProblem = ({ problem, at }: JsonProblem): string => `${problem} (at byte ${at})`;
