// Choices of a seeded source of chance.
// Contract: the same seed gives the same choices, on any machine.

import { seededChance } from '../sim/memory-disk.ts';

export interface Dice {
  /** A whole number from 0 to one less than `count`; 0 for a count of 0. */
  readonly below: (count: number) => number;
  readonly oneOf: <Item>(items: readonly Item[]) => Item | undefined;
  /** True once in so many times. */
  readonly onceIn: (times: number) => boolean;
  /** A length that is mostly short, at most `max`. */
  readonly length: (max: number) => number;
}

export const createDice = (seed: number): Dice => {
  const chance = seededChance(seed);
  const below = (count: number): number => Math.floor(chance() * count);
  return {
    below,
    oneOf: (items) => items[below(items.length)],
    onceIn: (times) => below(times) === 0,
    length: (max) => Math.min(max, 1 + below(2 ** (1 + below(1 + Math.floor(Math.log2(max + 1)))))),
  };
};

/** FNV-1a: what differs is told apart, and nothing more. */
export const hashOf = (bytes: Uint8Array): number => {
  let hash = 0x811c9dc5;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
};
