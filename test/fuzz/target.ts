// What the fuzzer needs of a parser: what to begin with, and what must hold for any bytes.
// Contract: `check` throws where something does not hold, and only then; it depends on nothing but the input.

export type InputKind = 'bytes' | 'json' | 'lines' | 'events';

export interface Target {
  readonly kind: InputKind;
  /** Inputs to begin with, beside those of the corpus. */
  readonly seeds: () => readonly Uint8Array[];
  /** Longer inputs are not tried. */
  readonly bytesMax?: number;
  /** Texts that inputs are made of, beside those of the source. */
  readonly words?: readonly string[];
  readonly check: (input: Uint8Array) => void | Promise<void>;
  /** Lets go of what would keep a process, such as a socket that listens. */
  readonly end?: () => Promise<void>;
}

export const bytesMaxOf = ({ bytesMax }: Target): number => bytesMax ?? 8_192;
