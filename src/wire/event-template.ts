// Recognises, without parsing, events that are byte for byte of one form in which only a text differs (the many deltas of a streamed answer).
// A format says the form, and may do so only where its full reading would let every such event pass and learn nothing from it.
// Whatever differs from the form by a byte is not recognised, and is left to the full reading. Never throws.

import { isUtf8 } from 'node:buffer';
import { limits } from '../core/limits.ts';
import { escapeLength } from './json-text.ts';

interface Scanned {
  readonly bytes: Buffer;
  /** The same bytes once more, four of which are compared as fast as one; made when it is needed. */
  view: DataView | null;
}

/** Where the part that begins at `at` ends; -1 where it does not stand there. */
export type TemplatePart = (scanned: Scanned, at: number) => number;

/** A whole event, from the first byte of its first line to its blank line. */
export type EventTemplate = readonly TemplatePart[];

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const SPACE = 0x20;
const WORD_BYTES = 4;

/** These bytes and no others. */
export const literal = (text: string): TemplatePart => {
  const wanted = Buffer.from(text);
  const { length } = wanted;
  const words = Int32Array.from({ length: Math.floor(length / WORD_BYTES) }, (_, index) => wanted.readInt32LE(index * WORD_BYTES));
  const wordsCount = words.length;
  return (scanned, at) => {
    const { bytes } = scanned;
    if (at + length > bytes.length) return -1;
    const view = (scanned.view ??= new DataView(bytes.buffer, bytes.byteOffset, bytes.length));
    for (let index = 0; index < wordsCount; index++) if (view.getInt32(at + index * WORD_BYTES, true) !== words[index]) return -1;
    for (let index = wordsCount * WORD_BYTES; index < length; index++) if (view.getUint8(at + index) !== wanted[index]) return -1;
    return at + length;
  };
};

/** A JSON string with its quotes (RFC 8259, section 7), whatever it says. That it is UTF-8 is looked at for the whole run. */
export const anyString: TemplatePart = ({ bytes }, at) => {
  const { length } = bytes;
  if (bytes[at] !== QUOTE) return -1;
  for (let next = at + 1; next < length;) {
    const byte = bytes[next] ?? 0;
    if (byte === QUOTE) return next + 1;
    if (byte < SPACE) return -1;
    const count = byte === BACKSLASH ? escapeLength(bytes, next) : 1;
    if (count === 0) return -1;
    next += count;
  }
  return -1;
};

/** Any number of blanks: what may stand between two values of a JSON text and is no end of a line. */
export const blanks: TemplatePart = ({ bytes }, at) => {
  let end = at;
  while (bytes[end] === SPACE) end++;
  return end;
};

const endOfOne = (template: EventTemplate, scanned: Scanned, at: number): number => {
  let end = at;
  // By index: this is walked for every event, and an iterator would cost a third more.
  for (let index = 0; index < template.length; index++) {
    end = template[index]?.(scanned, end) ?? -1;
    if (end === -1) return -1;
  }
  return end === at || end - at > limits.streamEventBytes ? -1 : end;
};

/** Where the event that begins at `at` ends; -1 when it is of none of the forms, or not whole. */
const endOf = (templates: readonly EventTemplate[], scanned: Scanned, at: number): number => {
  for (let index = 0; index < templates.length; index++) {
    const end = endOfOne(templates[index] ?? [], scanned, at);
    if (end !== -1) return end;
  }
  return -1;
};

/** How many bytes at the beginning of `bytes` are whole events of these forms. */
export const runOf = (templates: readonly EventTemplate[], bytes: Buffer): number => {
  const scanned: Scanned = { bytes, view: null };
  let length = 0;
  for (let end = endOf(templates, scanned, 0); end !== -1; end = endOf(templates, scanned, end)) length = end;
  if (length === 0) return 0;
  // Each event begins and ends with ASCII, so the whole is UTF-8 if and only if each of them is.
  if (isUtf8(bytes.subarray(0, length))) return length;
  let valid = 0;
  for (let end = endOf(templates, scanned, 0); isUtf8(bytes.subarray(valid, end)); end = endOf(templates, scanned, end)) valid = end;
  return valid;
};
