// A reading with what it finds only when asked in the place of the asking, so that two can be compared.
// Pure; what is malformed stays as it is.

import type { Passage } from '../src/core/opaque.ts';
import type { Malformed, Reading } from '../src/core/wire-format.ts';

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();

const plainPassage = ({ identity, ...rest }: Passage) => ({ ...rest, identity: text(identity()) });

export const plainReading = (reading: Reading | Malformed): unknown => {
  if ('malformed' in reading) return reading;
  const { elsewhere, parts, conversation } = reading.opaque;
  const plainParts = parts.map(({ replacement, ...part }) => ({ ...plainPassage(part), replacement: text(replacement()) }));
  return { ...reading, opaque: { elsewhere, parts: plainParts, conversation: conversation().map(plainPassage) } };
};
