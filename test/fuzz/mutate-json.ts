// Changes a JSON text by its values and members, so that most of what comes out is still JSON: of another shape, with other names, or with one twice.
// Contract: takes any bytes; where nothing looks like JSON they come back as they are. Finds values by itself, not by the parser that it tests.

import type { Dice } from './dice.ts';

interface Found {
  readonly start: number;
  readonly end: number;
  /** A member's name. */
  readonly isName: boolean;
}

const token = /"(?:[^"\\]|\\.)*"|[[\]{}]|-?\d[\d.eE+-]*|true|false|null/gs;

/** Every value and name of `text`, brackets matched as far as they do. */
const valuesIn = (text: string): readonly Found[] => {
  const found: Found[] = [];
  const open: number[] = [];
  for (const { 0: each, index: start } of text.matchAll(token)) {
    const end = start + each.length;
    if (each === '{' || each === '[') open.push(start);
    else if (each === '}' || each === ']') {
      const from = open.pop();
      if (from !== undefined) found.push({ start: from, end, isName: false });
    } else found.push({ start, end, isName: each.startsWith('"') && /^\s*:/.test(text.slice(end, end + 8)) });
  }
  return found;
};

const made = [
  'null', 'true', 'false', '0', '-0', '1.5', '1e400', '9007199254740993', '""', '"x"', '[]', '{}', '[[]]', '[{}]', '"\\u0000"', '"\\ud800"',
  '"\\n"', '{"type":"text","text":"x"}', `${'['.repeat(220)}${']'.repeat(220)}`,
]; // prettier-ignore

const between = (text: string, { start, end }: Found, by: string): string => text.slice(0, start) + by + text.slice(end);

const fold = (name: string, dice: Dice): string => {
  const inner = name.slice(1, -1);
  const at = dice.below(inner.length);
  const letter = inner[at] ?? '';
  const other = dice.oneOf([
    letter.toUpperCase(),
    letter.toLowerCase(),
    `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`,
    letter.replace('s', '\u017F').replace('k', '\u212A'),
    '',
  ]);
  return /^[a-z_]$/i.test(letter) && inner[at - 1] !== '\\' ? `"${inner.slice(0, at)}${other ?? ''}${inner.slice(at + 1)}"` : name;
};

/** The member or item that holds `value`, with the comma before it. */
const wholeOf = (text: string, { start, end }: Found): Found => {
  const before = /,?\s*(?:"(?:[^"\\]|\\.)*"\s*:\s*)?$/s.exec(text.slice(Math.max(0, start - 200), start))?.[0] ?? '';
  return { start: start - before.length, end, isName: false };
};

type Change = (text: string, at: Found, values: readonly Found[], dice: Dice, words: readonly string[]) => string;

const sliceOf = (text: string, found: Found | undefined): string => (found === undefined ? 'null' : text.slice(found.start, found.end));

const nameOf = (dice: Dice, words: readonly string[]): string => JSON.stringify(dice.oneOf(words) ?? 'x');

const changes: readonly Change[] = [
  (text, at, _values, dice) => between(text, at, dice.oneOf(made) ?? ''),
  (text, at, values, dice) => between(text, at, sliceOf(text, dice.oneOf(values))),
  (text, at, _values, dice, words) => between(text, at, nameOf(dice, words)),
  (text, at) => between(text, wholeOf(text, at), ''),
  (text, at) => {
    const whole = wholeOf(text, at);
    const copy = text.slice(whole.start, whole.end);
    return between(text, { ...whole, start: whole.end }, copy.startsWith(',') ? copy : `,${copy}`);
  },
  (text, at, values, dice) => {
    const whole = wholeOf(text, at);
    const other = dice.oneOf(values);
    if (other === undefined) return text;
    const copy = text.slice(whole.start, whole.end);
    return between(text, { ...other, start: other.end }, copy.startsWith(',') ? copy : `,${copy}`);
  },
  (text, at) => between(text, at, `[${sliceOf(text, at)}]`),
  (text, at, _values, dice, words) => between(text, at, `{${nameOf(dice, words)}:${sliceOf(text, at)}}`),
  (text, at, values, dice, words) =>
    text[at.start] === '{'
      ? between(text, { ...at, start: at.start + 1, end: at.start + 1 }, `${nameOf(dice, words)}:${dice.onceIn(2) ? (dice.oneOf(made) ?? '') : sliceOf(text, dice.oneOf(values))}${text[at.start + 1] === '}' ? '' : ','}`)
      : text,
  (text, at, _values, dice) => (sliceOf(text, at).startsWith('"') ? between(text, at, fold(sliceOf(text, at), dice)) : text),
  (text, at, _values, dice) => between(text, { ...at, end: at.start }, dice.oneOf([' ', '\n', '\t', '\r\n', '\uFEFF', '\u2028', '/**/']) ?? ''),
]; // prettier-ignore

export const mutateJson = (bytes: Buffer, dice: Dice, words: readonly string[]): Buffer => {
  const text = bytes.toString();
  const values = valuesIn(text);
  const names = values.filter(({ isName }) => isName);
  const at = dice.oneOf(dice.onceIn(3) && names.length > 0 ? names : values);
  if (at === undefined) return bytes;
  return Buffer.from(dice.oneOf(changes)?.(text, at, values, dice, words) ?? text);
};
