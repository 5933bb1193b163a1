// What of a request nobody could inspect: of which kinds, which is all that policies can ask for, and in which parts of the conversation.
// The list of kinds is closed. A part can be taken out whole, in favour of a sentence; what stands elsewhere cannot.
// Pure; the readers of the wire formats find it.

import type { ByteRange } from './slot.ts';

export interface NotInspected {
  readonly what: string;
  readonly why: string;
}

/** What each kind means, for the reference. A policy that asks for any other never applies. */
export const opaqueKinds = {
  image: 'Pictures, and what else is looked at.',
  audio: 'Sounds.',
  video: 'Films.',
  document: 'PDFs, and files of any other kind.',
  url: 'What lies at an address that the provider would fetch.',
  stored: 'What the provider keeps or is asked to keep: files, conversations, earlier answers, prompts, cached content.',
  encrypted: 'What only the provider can read, such as signed or encrypted reasoning.',
  token_ids: 'A text that comes as numbers.',
  other: 'Anything else.',
} as const;

export type OpaqueKind = keyof typeof opaqueKinds;

export const isOpaqueKind = (name: unknown): name is OpaqueKind => typeof name === 'string' && Object.hasOwn(opaqueKinds, name);

export interface Opaque {
  readonly notInspected: readonly NotInspected[];
  /** Sorted, each once. */
  readonly kinds: readonly OpaqueKind[];
}

/** A piece of a conversation: a text, a picture, a result. */
export interface Passage extends ByteRange {
  /** What it says, the same whenever it is sent: without what clients write beside it anew with each request. */
  readonly identity: () => Uint8Array;
}

/** A part of the conversation that was not said by the model and that nobody could inspect. */
export interface OpaquePart extends Passage, Opaque {
  /** A sentence in the vendor's own shape, to stand where the part stands. */
  readonly replacement: () => Uint8Array;
}

export interface OpaqueContent {
  /** What is in no part. */
  readonly elsewhere: Opaque;
  /** In the order of the request. None lies in another, each in one passage. */
  readonly parts: readonly OpaquePart[];
  /** The passages in their order, but for instructions to the model, which clients put anywhere. Found anew each time. */
  readonly conversation: () => readonly Passage[];
}

/** What is left of it without some of its parts. */
export const opaqueWithout = ({ elsewhere, parts }: OpaqueContent, taken: readonly OpaquePart[] = []): Opaque => {
  const without = new Set(taken);
  const left = [elsewhere, ...parts.filter((part) => !without.has(part))];
  const notes = left.flatMap(({ notInspected }) => notInspected);
  return {
    notInspected: [...new Map(notes.map((note) => [`${note.what}\n${note.why}`, note])).values()],
    kinds: [...new Set(left.flatMap(({ kinds }) => kinds))].toSorted(),
  };
};
