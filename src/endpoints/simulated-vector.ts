// Vectors that stand for texts where no model embeds them: the same text has the same vector, another text has another.
// They say nothing about meaning. Pure; bounded by what `vectorsProblem` lets through.

import { createHash } from 'node:crypto';

const dimensionsDefault = 16;
const numbersMax = 262_144;

/** The number of dimensions that was asked for, where it is one that can be had. */
export const dimensionsOf = (asked: unknown): number =>
  typeof asked === 'number' && Number.isInteger(asked) && asked > 0 ? asked : dimensionsDefault;

/** Why so many numbers are not made; null when they are. */
export const vectorsProblem = (count: number, dimensions: number): string | null => {
  if (count === 0) return '[simulated] There is nothing to embed.';
  return count * dimensions > numbersMax ? `[simulated] At most ${numbersMax} numbers are made for one request.` : null;
};

/** `dimensions` numbers, together of length one. */
export const vectorFor = (text: string, dimensions: number): readonly number[] => {
  // Marsaglia's xorshift, which never comes to nought: what it needs is to differ, not to be unpredictable.
  let state = createHash('sha256').update(text).digest().readUInt32LE(0) | 1;
  const numbers = Array.from({ length: dimensions }, () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state / 2 ** 31;
  });
  const length = Math.sqrt(numbers.reduce((sum, each) => sum + each * each, 0));
  return numbers.map((each) => Math.fround(each / length));
};
