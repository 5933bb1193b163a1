// What is kept of the last request of an invocation, so that the next one, which repeats most of it, is parsed faster.
// It changes how long parsing takes and never what comes of it. At most one body per invocation, both bounded and forgotten with it:
// past a limit the invocation that read longest ago loses its own, and a body that is too large is not kept at all.

import { limits } from '../core/limits.ts';
import type { ReadingMemory } from '../core/wire-format.ts';
import type { JsonNode, JsonProblem, Parsed } from './json.ts';
import { isJsonProblem, parseJson } from './json.ts';

/** Smaller bodies are parsed faster than kept; so a side request does not take the place of the conversation. */
const LEAST_BYTES = 4_096;

/** What a value takes in memory beside the bytes of the body, with the slot that is made of it: measured on large bodies, rounded up. */
const VALUE_BYTES = 320;

class KeptText implements Parsed {
  readonly bytes: Uint8Array;
  readonly root: JsonNode;
  readonly weightBytes: number;

  constructor(bytes: Uint8Array, root: JsonNode) {
    this.bytes = bytes;
    this.root = root;
    this.weightBytes = weigh(bytes, root);
  }
}

const weigh = (bytes: Uint8Array, root: JsonNode): number => bytes.length + VALUE_BYTES * ('valuesCount' in root ? root.valuesCount : 1);

/** As `parseJson`; with a memory, of what it kept before, and keeping this text for the next. */
export const parseWithMemory = (source: Uint8Array, memory: ReadingMemory | undefined): JsonNode | JsonProblem => {
  if (memory === undefined || source.length < LEAST_BYTES) return parseJson(source);
  const { kept } = memory;
  const root = parseJson(source, kept instanceof KeptText ? kept : undefined);
  // A copy, since what is compared with the next text must still be what these nodes were read from.
  if (!isJsonProblem(root) && weigh(source, root) <= limits.rememberedBodyBytes) memory.kept = new KeptText(Buffer.from(source), root);
  return root;
};

export interface ReadingMemories {
  /** The memory of one invocation. */
  readonly of: (invocationId: string) => ReadingMemory;
  /** Lets go of what is kept for an invocation that has ended. */
  readonly forget: (invocationId: string) => void;
  readonly weightBytes: () => number;
}

export const createReadingMemories = (mostBytes: number = limits.rememberedBodiesBytes): ReadingMemories => {
  /** The one that was used longest ago comes first. */
  const texts = new Map<string, KeptText>();
  let weightBytes = 0;

  const forget = (id: string): void => {
    weightBytes -= texts.get(id)?.weightBytes ?? 0;
    texts.delete(id);
  };

  const keep = (id: string, kept: unknown): void => {
    forget(id);
    if (!(kept instanceof KeptText)) return;
    texts.set(id, kept);
    weightBytes += kept.weightBytes;
    for (const oldest of texts.keys()) {
      if (weightBytes <= mostBytes) return;
      forget(oldest);
    }
  };

  return {
    of: (id) => ({
      get kept() {
        return texts.get(id);
      },
      set kept(value: unknown) {
        keep(id, value);
      },
    }),
    forget,
    weightBytes: () => weightBytes,
  };
};
