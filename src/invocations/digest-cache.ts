// Digests of agents' programs as runners found them, so that the next run need not read hundreds of megabytes again. One private file.
// An entry belongs to the invoker who told it and holds for a file with exactly its facts: nobody can plant one for somebody else.
// It only saves time: what cannot be read is forgotten, what cannot be written lasts as long as the process, and nothing here rejects.

import type { Clock } from '../core/clock.ts';
import { bodyOfFacts, factsOfBody, isSettled, isSha256, type FileFacts } from '../core/file-facts.ts';
import { limits } from '../core/limits.ts';

export interface DigestCache {
  /** SHA-256 in hexadecimal of the invoker's file with exactly these facts; null when it is not known. */
  readonly find: (userId: string, facts: FileFacts) => Promise<string | null>;
  /** Remembers what the invoker's file was found to have, unless it changed just now. */
  readonly keep: (userId: string, facts: FileFacts, sha256: string) => Promise<void>;
}

export interface DigestCacheParts {
  readonly path: string;
  /** The part of a disk that is needed. What is replaced is only its owner's to read. */
  readonly disk: {
    readonly sizeOf: (path: string) => Promise<number | null>;
    readonly readFile: (path: string) => Promise<Uint8Array | null>;
    readonly replaceFiles: (files: readonly { readonly path: string; readonly bytes: Uint8Array }[]) => Promise<void>;
  };
  readonly clock: Pick<Clock, 'wallMs'>;
}

interface Entry {
  readonly invoker: string;
  readonly facts: FileFacts;
  readonly sha256: string;
}

/** By invoker and facts, the oldest first. */
type Entries = Map<string, Entry>;

const keyOf = (invoker: string, facts: FileFacts): string => JSON.stringify([invoker, bodyOfFacts(facts)]);

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const entryFrom = (value: unknown): Entry | null => {
  if (!isObject(value)) return null;
  const { invoker, sha256 } = value;
  const facts = factsOfBody(value);
  return typeof invoker === 'string' && isSha256(sha256) && facts !== null ? { invoker, facts, sha256 } : null;
};

const forgetOldest = (entries: Entries, countMax: number, isMeant: (entry: Entry) => boolean): void => {
  const meant = [...entries].filter(([, entry]) => isMeant(entry));
  for (const [key] of meant.slice(0, Math.max(0, meant.length - countMax))) entries.delete(key);
};

const add = (entries: Entries, entry: Entry): void => {
  const key = keyOf(entry.invoker, entry.facts);
  entries.delete(key);
  entries.set(key, entry);
  forgetOldest(entries, limits.digestsCachedCount, ({ invoker }) => invoker === entry.invoker);
  forgetOldest(entries, limits.digestsCachedTotalCount, () => true);
};

const read = async ({ path, disk }: DigestCacheParts): Promise<Entries> => {
  const entries: Entries = new Map();
  try {
    const bytes = ((await disk.sizeOf(path)) ?? 0) > limits.digestCacheBytes ? null : await disk.readFile(path);
    const listed: unknown = bytes === null ? [] : JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    const found = (Array.isArray(listed) ? listed : []).map(entryFrom).filter((entry) => entry !== null);
    for (const entry of found.slice(-limits.digestsCachedTotalCount)) entries.set(keyOf(entry.invoker, entry.facts), entry);
  } catch {
    entries.clear();
  }
  return entries;
};

const bytesOf = (entries: Entries): Uint8Array => {
  const listed = [...entries.values()].map(({ invoker, facts, sha256 }) => ({ invoker, ...bodyOfFacts(facts), sha256 }));
  return new TextEncoder().encode(`${JSON.stringify(listed)}\n`);
};

export const createDigestCache = (parts: DigestCacheParts): DigestCache => {
  const { path, disk, clock } = parts;
  let loaded: Promise<Entries> | null = null;
  const known = (): Promise<Entries> => (loaded ??= read(parts));
  // One write at a time, so that the newest is the last.
  let written: Promise<void> = Promise.resolve();
  const write = (entries: Entries): Promise<void> =>
    (written = written.then(() => disk.replaceFiles([{ path, bytes: bytesOf(entries) }])).catch(() => undefined));

  return {
    find: async (userId, facts) => (await known()).get(keyOf(userId, facts))?.sha256 ?? null,
    keep: async (userId, facts, sha256) => {
      const entries = await known();
      if (!isSettled(facts, clock.wallMs())) return;
      const key = keyOf(userId, facts);
      const before = entries.get(key)?.sha256;
      if (before === sha256) return;
      // Two digests of one state of a file: neither is believed.
      if (before === undefined) add(entries, { invoker: userId, facts, sha256 });
      else entries.delete(key);
      await write(entries);
    },
  };
};
