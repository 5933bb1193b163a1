// Ways to cut an input into chunks, derived from the input, so that a check needs no dice of its own.
// Pure.

import { hashOf } from './dice.ts';

/** `bytes` cut into chunks of these lengths, over and over. */
export const cutBy = (bytes: Uint8Array, lengths: readonly number[]): readonly Uint8Array[] => {
  const chunks: Uint8Array[] = [];
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const length = Math.max(1, lengths[turn % lengths.length] ?? bytes.length);
    chunks.push(bytes.subarray(at, at + length));
    at += length;
  }
  return chunks;
};

/** Lengths that differ from input to input; mostly short. */
export const lengthsFor = (input: Uint8Array): readonly number[] => {
  const hash = hashOf(input);
  return [1 + (hash & 15), 1 + ((hash >>> 4) & 255), 1 + ((hash >>> 12) & 3), 1 + ((hash >>> 14) & 63)];
};

/** Two numbers that one input settles, for a place in it and a choice. */
export const choiceFor = (input: Uint8Array): { readonly place: number; readonly choice: number } => {
  const hash = hashOf(input);
  return { place: hash % (input.length + 1), choice: hash >>> 20 };
};
