// The form of the chunks by which a text grows, taken from one that was read, so that the many that follow need not be read one by one.
// In such a chunk only the words differ, and the filling by which the vendor hides their length; from neither does the reading learn anything.
// Bounded: the latest few forms are kept. Never throws.

import type { EventTemplate } from './event-template.ts';
import { anyString, literal, runOf } from './event-template.ts';
import type { JsonNode } from './json.ts';
import { given, memberOf } from './json.ts';
import type { StreamEvent } from './sse.ts';

/** More than one, since several choices grow in turn. */
const FORMS_COUNT = 4;

const wordMembers = ['content', 'reasoning_content', 'reasoning', 'refusal'] as const;

/** The strings of a chunk that may differ, in their order. The first content of a choice is something that the reading learns. */
const wordsIn = (root: JsonNode, choice: JsonNode | undefined, hasSpoken: boolean): readonly JsonNode[] => {
  const delta = memberOf(choice, 'delta');
  const members = wordMembers.filter((name) => hasSpoken || name !== 'content');
  const words = members.map((name) => memberOf(delta, name)).filter((node) => node?.kind === 'string');
  const filling = memberOf(root, 'obfuscation');
  const all = words.length > 0 && filling?.kind === 'string' ? [...words, filling] : words;
  return all.flatMap((node) => node ?? []).toSorted((a, b) => a.start - b.start);
};

const formOf = ({ raw, dataAt }: StreamEvent, words: readonly JsonNode[]): EventTemplate => {
  const bytes = Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength);
  const ends = [0, ...words.map(({ end }) => end + dataAt)];
  const starts = [...words.map(({ start }) => start + dataAt), bytes.length];
  const around = starts.map((start, index) => literal(bytes.toString('utf8', ends[index], start)));
  return around.flatMap((part, index) => (index === 0 ? [part] : [anyString, part]));
};

export interface Growth {
  /** Takes the form of a chunk of one choice that passed. `hasSpoken`: the choice has content, from this chunk or an earlier one. */
  readonly learn: (unit: StreamEvent, root: JsonNode, choice: JsonNode | undefined, hasSpoken: boolean) => void;
  /** How many bytes at the beginning are chunks of the forms that were learned. */
  readonly run: (bytes: Buffer) => number;
}

export const createGrowth = (): Growth => {
  let forms: readonly EventTemplate[] = [];
  return {
    learn: (unit, root, choice, hasSpoken) => {
      const words = wordsIn(root, choice, hasSpoken);
      // Probabilities differ with the words.
      if (words.length === 0 || given(memberOf(choice, 'logprobs')) !== undefined) return;
      forms = [formOf(unit, words), ...forms.slice(0, FORMS_COUNT - 1)];
    },
    run: (bytes) => (forms.length === 0 ? 0 : runOf(forms, bytes)),
  };
};
