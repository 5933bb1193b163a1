// The arguments of a tool call in Cedar's terms: three entities whose tags are the arguments of one type each, and the names of all.
// Pure. What is no object is no arguments, and a value of another type stands only as a name; nothing here fails.

import type { Json } from '../core/canonical-json.ts';
import type { JudgedRequest } from '../core/decision.ts';
import { foldedName } from '../core/tool-arguments.ts';
import { uid } from './cedar-text.ts';
import type { Question } from './evaluate.ts';
import { argumentsFact } from './schema.ts';

/** The one call whose arguments are asked about. */
const callId = 'call';

const kinds = [
  ['texts', 'ArgumentTexts', (value: Json): boolean => typeof value === 'string'],
  ['numbers', 'ArgumentNumbers', (value: Json): boolean => Number.isSafeInteger(value)],
  ['flags', 'ArgumentFlags', (value: Json): boolean => typeof value === 'boolean'],
] as const;

type Tags = NonNullable<Question['entities'][number]['tags']>;

const givenIn = (context: JudgedRequest['context']): readonly (readonly [name: string, value: Json])[] | null => {
  const given = context[argumentsFact];
  return typeof given === 'object' && given !== null && !Array.isArray(given) ? Object.entries(given) : null;
};

export const argumentEntities = (context: JudgedRequest['context']): Question['entities'] => {
  const given = givenIn(context);
  if (given === null) return [];
  return kinds.map(([, type, holds]) => ({
    uid: uid(type, callId),
    attrs: {},
    parents: [],
    tags: Object.fromEntries(given.filter(([, value]) => holds(value))) as Tags,
  }));
};

/** The part of the context that they are; empty where there are none to look at. */
export const argumentsContext = (context: JudgedRequest['context']): Question['context'] => {
  const given = givenIn(context);
  if (given === null) return {};
  const typed = kinds.map(([kept, type]) => [kept, { __entity: { ...uid(type, callId) } }]);
  return { [argumentsFact]: { ...Object.fromEntries(typed), names: given.map(([name]) => foldedName(name)) } };
};
