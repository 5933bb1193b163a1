// Conditions on the arguments of a tool, as Cedar that a person can read: one expression for each argument, all of which must hold.
// Pure. An argument that is missing or of another type makes its expression false, never an error; `absent` asks for no argument at all.

import { foldedName } from '../core/tool-arguments.ts';
import { patternLiteral, textLiteral } from './cedar-text.ts';
import type { Condition } from './config.ts';

export interface ArgumentCondition {
  readonly argument: string;
  /** Holds only where the question has arguments. */
  readonly cedar: string;
}

type Value = string | number | boolean;

/** Where the values of a type lie, and how one is written. */
const places = {
  string: { kept: 'texts', written: (value: Value): string => textLiteral(String(value)) },
  number: { kept: 'numbers', written: String },
  boolean: { kept: 'flags', written: String },
} as const;

type Kind = keyof typeof places;

const kindOf = (value: Value): Kind => typeof value as Kind;

/** The argument is there as this kind of value, and each of `tests` holds for it. */
const as = (argument: string, kind: Kind, tests: readonly ((value: string) => string)[]): string => {
  const [kept, name] = [`context.arguments.${places[kind].kept}`, textLiteral(argument)];
  return [`${kept}.hasTag(${name})`, ...tests.map((test) => test(`${kept}.getTag(${name})`))].join(' && ');
};

const among = (kind: Kind, values: readonly Value[]): ((value: string) => string) => {
  const written = [...new Set(values)].map(places[kind].written);
  return (value) => (written.length === 1 ? `${value} == ${written[0]}` : `[${written.join(', ')}].contains(${value})`);
};

const oneOf = (argument: string, values: readonly Value[]): string => {
  const kinds = [...Map.groupBy(values, kindOf)].map(([kind, ofKind]) => as(argument, kind, [among(kind, ofKind)]));
  return kinds.length === 1 ? kinds.join('') : `(${kinds.join(' || ')})`;
};

const compiled = (argument: string, condition: Condition): string => {
  if (typeof condition !== 'object') return oneOf(argument, [condition]);
  if (!('length' in condition)) return ofTests(argument, condition);
  return oneOf(argument, condition);
};

type Tests = Exclude<Condition, Value | readonly Value[]>;

const ofTests = (argument: string, tests: Tests): string => {
  const { equals, one_of: listed, like, starts_with: start, at_least: least, at_most: most, absent } = tests;
  const forms = [
    ...(like === undefined ? [] : [patternLiteral(like.split('*'))]),
    ...(start === undefined ? [] : [patternLiteral([start, ''])]),
  ];
  const bounds = [...(least === undefined ? [] : [`>= ${least}`]), ...(most === undefined ? [] : [`<= ${most}`])];
  return [
    ...(absent === undefined ? [] : [`!context.arguments.names.contains(${textLiteral(foldedName(argument))})`]),
    ...(equals === undefined ? [] : [oneOf(argument, [equals])]),
    ...(listed === undefined ? [] : [oneOf(argument, listed)]),
    ...(forms.length === 0
      ? []
      : [
          as(
            argument,
            'string',
            forms.map((form) => (value: string) => `${value} like ${form}`),
          ),
        ]),
    ...(bounds.length === 0
      ? []
      : [
          as(
            argument,
            'number',
            bounds.map((bound) => (value: string) => `${value} ${bound}`),
          ),
        ]),
  ].join(' && ');
};

/** What must be there before a condition can ask for an argument. */
export const givenArguments = 'context has arguments';

/** In the order of the config. */
export const compileConditions = (when: Readonly<Record<string, Condition>>): readonly ArgumentCondition[] =>
  Object.entries(when).map(([argument, condition]) => ({ argument, cedar: compiled(argument, condition) }));
