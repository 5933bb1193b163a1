// Changes an input at random: by bits, bytes and ranges, by words, by what another input holds, and by the structure that its kind has.
// Contract: never changes what was given; the result is at most `bytesMax` long. The same dice give the same result.

import type { Dice } from './dice.ts';
import { mutateJson } from './mutate-json.ts';
import { mutateLines } from './mutate-lines.ts';
import type { InputKind } from './target.ts';

export interface Surroundings {
  readonly kind: InputKind;
  readonly words: readonly string[];
  /** Another input of the corpus. */
  readonly other: () => Uint8Array;
  readonly bytesMax: number;
}

type Mutate = (bytes: Buffer, dice: Dice, around: Surroundings) => Buffer;

const telling = Buffer.from([0, 1, 9, 10, 13, 32, 34, 39, 44, 45, 46, 47, 48, 58, 64, 91, 92, 93, 123, 125, 127, 128, 192, 224, 239, 255]);
const numbers = [
  '0',
  '-0',
  '1',
  '-1',
  '255',
  '256',
  '65535',
  '65536',
  '2147483648',
  '4294967296',
  '9007199254740993',
  '1e400',
  '00',
  '0x10',
];

interface Range {
  readonly start: number;
  readonly end: number;
}

const rangeIn = (bytes: Buffer, dice: Dice): Range => {
  const length = dice.length(bytes.length);
  const start = dice.below(bytes.length - length + 1);
  return { start, end: Math.min(bytes.length, start + length) };
};

export const replaced = (bytes: Buffer, { start, end }: Range, by: Uint8Array): Buffer =>
  Buffer.concat([bytes.subarray(0, start), by, bytes.subarray(end)]);

const put = (bytes: Buffer, at: number, by: Uint8Array): Buffer => replaced(bytes, { start: at, end: at }, by);

const changedAt = (bytes: Buffer, at: number, change: (byte: number) => number): Buffer => {
  const copy = Buffer.from(bytes);
  if (at < copy.length) copy[at] = change(copy[at] ?? 0);
  return copy;
};

const anyByte = (dice: Dice): number => (dice.onceIn(2) ? (dice.oneOf([...telling]) ?? 0) : dice.below(256));

const word = (dice: Dice, { words }: Surroundings): Buffer => Buffer.from(dice.oneOf(words) ?? dice.oneOf(numbers) ?? '');

/** A number as binary formats write it, of a width that they have. */
const binaryNumber = (dice: Dice, near: number): Buffer => {
  const width = dice.oneOf([1, 2, 3, 4]) ?? 1;
  const max = 2 ** (8 * width);
  const value = dice.oneOf([0, 1, max - 1, max / 2, near, near - 1, near + 1, dice.below(max)]) ?? 0;
  const bytes = Buffer.alloc(width);
  bytes.writeUIntBE(((value % max) + max) % max, 0, width);
  return bytes;
};

/** The same word to a reader that is not strict about letters. */
const otherSpelling = (letter: string, dice: Dice): string =>
  dice.oneOf([
    letter === letter.toUpperCase() ? letter.toLowerCase() : letter.toUpperCase(),
    letter.replace('s', '\u017F').replace('k', '\u212A'),
    '',
  ]) ?? '';

const plain: readonly Mutate[] = [
  (bytes, dice) => {
    const word = dice.oneOf([...bytes.toString('latin1').matchAll(/[A-Za-z_]{3,}/g)]);
    if (word === undefined) return bytes;
    const at = word.index + dice.below(word[0].length);
    return replaced(bytes, { start: at, end: at + 1 }, Buffer.from(otherSpelling(bytes.toString('latin1', at, at + 1), dice)));
  },
  (bytes, dice) => changedAt(bytes, dice.below(bytes.length), (byte) => byte ^ (1 << dice.below(8))),
  (bytes, dice) => changedAt(bytes, dice.below(bytes.length), () => anyByte(dice)),
  (bytes, dice) => changedAt(bytes, dice.below(bytes.length), (byte) => (byte + (dice.onceIn(2) ? 1 : 255)) % 256),
  (bytes, dice) => put(bytes, dice.below(bytes.length + 1), Buffer.from(Array.from({ length: dice.length(8) }, () => anyByte(dice)))),
  (bytes, dice) => replaced(bytes, rangeIn(bytes, dice), Buffer.alloc(0)),
  (bytes, dice) => bytes.subarray(0, dice.below(bytes.length + 1)),
  (bytes, dice) => {
    const { start, end } = rangeIn(bytes, dice);
    return put(bytes, dice.below(bytes.length + 1), bytes.subarray(start, end));
  },
  (bytes, dice) => {
    const { start, end } = rangeIn(bytes, dice);
    return replaced(bytes, rangeIn(bytes, dice), bytes.subarray(start, end));
  },
  (bytes, dice, { bytesMax }) => {
    const { start, end } = rangeIn(bytes, dice);
    const times = Math.min(dice.length(4_096), Math.floor(bytesMax / (end - start + 1)));
    return put(bytes, end, Buffer.concat(Array.from({ length: times }, () => bytes.subarray(start, end))));
  },
  (bytes, dice, around) => put(bytes, dice.below(bytes.length + 1), word(dice, around)),
  (bytes, dice, around) => {
    const by = word(dice, around);
    const start = dice.below(bytes.length + 1);
    return replaced(bytes, { start, end: Math.min(bytes.length, start + by.length) }, by);
  },
  (bytes, dice, { other }) => {
    const from = Buffer.from(other());
    const { start, end } = rangeIn(from, dice);
    return replaced(bytes, dice.onceIn(2) ? rangeIn(bytes, dice) : { start: 0, end: 0 }, from.subarray(start, end));
  },
  (bytes, dice, { other }) => {
    const from = Buffer.from(other());
    return Buffer.concat([bytes.subarray(0, dice.below(bytes.length + 1)), from.subarray(dice.below(from.length + 1))]);
  },
  (bytes, dice) => {
    const start = dice.below(bytes.length + 1);
    const by = binaryNumber(dice, dice.oneOf([bytes.length - start, bytes.length]) ?? 0);
    return replaced(bytes, { start, end: Math.min(bytes.length, start + by.length) }, by);
  },
  (bytes, dice) => {
    const digits = [...bytes.toString('latin1').matchAll(/\d+/g)];
    const found = dice.oneOf(digits);
    if (found === undefined) return bytes;
    return replaced(bytes, { start: found.index, end: found.index + found[0].length }, Buffer.from(dice.oneOf(numbers) ?? ''));
  },
];

const json: Mutate = (bytes, dice, around) => mutateJson(bytes, dice, around.words);
const lines: Mutate = (bytes, dice, around) => mutateLines(bytes, dice, around.words);
/** The more of an input has a structure, the less often it is only bytes. */
const byKind: Readonly<Record<InputKind, readonly Mutate[]>> = {
  bytes: plain,
  json: [...plain, ...Array.from({ length: 2 * plain.length }, () => json)],
  lines: [...plain, ...Array.from({ length: plain.length }, () => lines)],
  events: [...plain, ...Array.from({ length: 2 * plain.length }, () => lines)],
};

/** `bytes` after one to several changes. */
export const mutate = (bytes: Uint8Array, dice: Dice, around: Surroundings): Uint8Array => {
  let changed: Buffer = Buffer.from(bytes);
  for (let left = dice.onceIn(2) ? 1 : dice.length(6); left > 0; left--)
    changed = dice.oneOf(byKind[around.kind])?.(changed, dice, around) ?? changed;
  return changed.subarray(0, around.bytesMax);
};
