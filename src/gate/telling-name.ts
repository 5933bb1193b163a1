// Names that a wildcard permits and that could carry something out by themselves: whoever answers for the domain reads every name that is asked for.
// A guess, and so only ever a finding. Pure.

import { limits } from '../core/limits.ts';

/** Above this, characters look chosen by chance: words and hyphens stay below it, base32 and base64 of this length reach it. */
const bitsPerCharacterMax = 3.8;

/** Why the part of `name` before the wildcard's domain is remarkable, as the end of a sentence; null where it is not. */
export const tellingPart = (name: string, domain: string): string | null => {
  const labels = name.slice(0, -domain.length - 1).split('.');
  const longest = Math.max(...labels.map((label) => label.length));
  if (longest > limits.plainLabelCharacters) return `has a part of ${longest} characters`;
  const byChance = labels.some((label) => label.length >= limits.randomLabelCharacters && bitsPerCharacter(label) > bitsPerCharacterMax);
  return byChance ? 'has a part that looks chosen by chance' : null;
};

/** Shannon's entropy of the characters as they are distributed in the text. */
const bitsPerCharacter = (text: string): number => {
  const counts = new Map<string, number>();
  for (const character of text) counts.set(character, (counts.get(character) ?? 0) + 1);
  return [...counts.values()].reduce((bits, count) => bits - (count / text.length) * Math.log2(count / text.length), 0);
};
