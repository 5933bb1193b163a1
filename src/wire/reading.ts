// What the readers of all formats share: visiting every string of a subtree as a slot, and telling identifiers from words.
// Pure; nothing here fails. Lists are bounded by the parser's limits.

import { label } from '../core/identifier.ts';
import type { Slot } from '../core/slot.ts';
import type { JsonNode, JsonProblem } from './json.ts';
import { referenceToken } from './json.ts';

/** The slots of a container that was visited, as a memo on it. */
class Visited {
  readonly slots: readonly Slot[];
  readonly path: string;
  readonly role: Slot['role'];
  /** Where the container began. */
  readonly start: number;

  constructor(slots: readonly Slot[], path: string, role: Slot['role'], start: number) {
    this.slots = slots;
    this.path = path;
    this.role = role;
    this.start = start;
  }
}

/** Shorter containers are visited faster than a memo of them is made and found. */
const MEMO_BYTES = 256;

/** Adds a slot for every string value under `node`. Member names and numbers are not slots. */
export const visitStrings = (slots: Slot[], node: JsonNode, path: string, role: Slot['role']): void => {
  if ((node.kind !== 'object' && node.kind !== 'array') || node.end - node.start < MEMO_BYTES) return collect(slots, node, path, role);
  const { memo, start } = node;
  if (memo instanceof Visited && memo.path === path && memo.role === role) return addAgain(slots, memo, start - memo.start);
  const from = slots.length;
  collect(slots, node, path, role);
  node.memo = new Visited(slots.slice(from), path, role, start);
};

/** Adds the slots of a container that now stands `by` bytes further on. */
const addAgain = (slots: Slot[], visited: Visited, by: number): void => {
  for (const slot of visited.slots) slots.push(by === 0 ? slot : { ...slot, start: slot.start + by, end: slot.end + by });
};

const collect = (slots: Slot[], node: JsonNode, path: string, role: Slot['role']): void => {
  if (node.kind === 'string') return void slots.push({ path, start: node.start, end: node.end, text: node.text, role });
  if (!mayHoldStrings(node)) return;
  // Paths are made once per container and only where a slot may follow: a body has more of them than of anything else.
  const parent = `${path}/`;
  if (node.kind === 'object') {
    for (const { name, value } of node.members) if (mayHoldStrings(value)) collect(slots, value, parent + referenceToken(name), role);
  } else if (node.kind === 'array') {
    let index = 0;
    for (const item of node.items) {
      if (mayHoldStrings(item)) collect(slots, item, parent + String(index), role);
      index++;
    }
  }
};

const mayHoldStrings = ({ kind }: JsonNode): boolean => kind !== 'number' && kind !== 'literal';

/** Whether a member of a known shape is an identifier. One that could be prose is text like any other. */
export type IsIdentifier = (name: string, value: JsonNode) => boolean;

export const identifiersAmong =
  (names: ReadonlySet<string>): IsIdentifier =>
  (name, value) =>
    names.has(name) && value.kind === 'string' && label(value.text) === value.text;

/** As `visitStrings`, without the identifiers, however deep they stand: for what an answer says about itself. */
export const visitTexts = (slots: Slot[], node: JsonNode, path: string, role: Slot['role'], isIdentifier: IsIdentifier): void => {
  if (node.kind === 'object') {
    for (const { name, value } of node.members)
      if (!isIdentifier(name, value)) visitTexts(slots, value, `${path}/${referenceToken(name)}`, role, isIdentifier);
  } else if (node.kind === 'array')
    for (const [index, item] of node.items.entries()) visitTexts(slots, item, `${path}/${index}`, role, isIdentifier);
  else visitStrings(slots, node, path, role);
};

/** A parser's problem as the end of a sentence. */
export const describeProblem = ({ problem, at }: JsonProblem): string => `${problem} (at byte ${at})`;

/** What `make` gives, made when it is first asked for. */
export const once = <Made>(make: () => Made): (() => Made) => {
  let made: { readonly value: Made } | null = null;
  return () => (made ??= { value: make() }).value;
};
