// What is remembered of denied content, by person: digests under a key of the person's own that lies beside them, so that erasing one file erases both.
// It is there while the person runs something, and on disk from then on: a second at the latest after a denial, whose answer does not wait for it.
// It only spares people a second denial: what cannot be read is forgotten, what cannot be written lasts as long as the person's runs, nothing here rejects.

import type { Clock, Random } from '../core/clock.ts';
import { keyedHash } from '../core/keyed-digest.ts';
import { limits } from '../core/limits.ts';
import type { Invocation } from '../core/principal.ts';

/** By the digest of a part, and of what was said last when it was denied: how often that was said from the part on. The oldest come first. */
export type Memory = Map<string, Map<string, number>>;

/** Where the memory of a person lies between his runs; one file each. */
export interface DeniedContentStore {
  readonly read: (userId: string) => Promise<Uint8Array | null>;
  readonly write: (userId: string, bytes: Uint8Array) => Promise<void>;
}

export interface DeniedContentWorld {
  readonly store: DeniedContentStore;
  readonly clock: Pick<Clock, 'after'>;
  readonly random: Random;
}

export type DeniedContentBounds = Readonly<Record<'deniedContentPerPersonCount' | 'deniedContentCount', number>>;

interface Person {
  readonly userId: string;
  key: Uint8Array;
  memory: Memory;
  count: number;
  readonly runs: Set<string>;
  /** Stops the wait for the next write; null where nothing is to be written. */
  cancelSaving: (() => void) | null;
  loaded: Promise<void>;
}

/** What a run may know: the same key for each run of the same person, agent and role, and for no other. */
interface Run {
  readonly person: Person;
  readonly key: Uint8Array;
}

export interface DeniedMemories {
  /** To be awaited before the invocation runs. */
  readonly recall: (invocation: Invocation) => Promise<void>;
  /** Undefined for an invocation that does not run. */
  readonly of: (invocationId: string) => { readonly memory: Memory; readonly digest: (bytes: Uint8Array) => string } | undefined;
  /** Bounds what was added to, and keeps it. */
  readonly keep: (invocationId: string) => void;
  readonly forget: (invocationId: string) => void;
  /** Resolves when all that can be written is. */
  readonly flush: () => Promise<void>;
}

const keyBytes = 32;

/** Forgets the oldest until no more than `most` are left, and says how many that are. */
const bound = (memory: Memory, most: number): number => {
  let count = [...memory.values()].reduce((sum, lasts) => sum + lasts.size, 0);
  for (const [denied, lasts] of memory) {
    for (const last of lasts.keys()) {
      if (count <= most) return count;
      lasts.delete(last);
      count -= 1;
    }
    memory.delete(denied);
  }
  return count;
};

const bytesOf = ({ key, memory }: Person): Uint8Array => {
  const denied = [...memory].flatMap(([part, lasts]) => [...lasts].map(([last, times]) => [part, last, times]));
  return new TextEncoder().encode(`${JSON.stringify({ key: Buffer.from(key).toString('base64'), denied })}\n`);
};

const memoryFrom = (entries: unknown): Memory => {
  const memory: Memory = new Map();
  for (const entry of Array.isArray(entries) ? (entries as unknown[]) : []) {
    const [part, last, times] = Array.isArray(entry) ? (entry as unknown[]) : [];
    if (typeof part !== 'string' || typeof last !== 'string' || !Number.isSafeInteger(times)) continue;
    memory.set(part, (memory.get(part) ?? new Map<string, number>()).set(last, Number(times)));
  }
  return memory;
};

/** Null where it has not the form. A shorter key could be guessed, and with it what the digests stand for. */
const readBack = (bytes: Uint8Array | null): Pick<Person, 'key' | 'memory'> | null => {
  try {
    const { key, denied } = JSON.parse(new TextDecoder().decode(bytes ?? new Uint8Array())) as { key?: unknown; denied?: unknown };
    const kept = typeof key === 'string' ? Buffer.from(key, 'base64') : null;
    return kept?.length === keyBytes ? { key: kept, memory: memoryFrom(denied) } : null;
  } catch {
    return null;
  }
};

export const createDeniedMemories = ({ store, clock, random }: DeniedContentWorld, most: DeniedContentBounds): DeniedMemories => {
  /** The one who was denied something longest ago comes first. */
  const persons = new Map<string, Person>();
  const runs = new Map<string, Run>();
  const writing = new Map<string, Promise<void>>();
  let total = 0;

  const recount = (person: Person): void => {
    total -= person.count;
    person.count = bound(person.memory, most.deniedContentPerPersonCount);
    total += person.count;
    for (const oldest of persons.values()) {
      if (total <= most.deniedContentCount) return;
      total -= oldest.count;
      oldest.count = 0;
      oldest.memory.clear();
    }
  };

  const load = async (person: Person): Promise<void> => {
    // What is being written is not there to be read yet.
    await writing.get(person.userId);
    const found = readBack(await store.read(person.userId).catch(() => null));
    person.key = found?.key ?? random.bytes(keyBytes);
    person.memory = found?.memory ?? person.memory;
    recount(person);
  };

  const save = (person: Person): void => {
    person.cancelSaving?.();
    person.cancelSaving = null;
    const { userId } = person;
    const bytes = bytesOf(person);
    const before = writing.get(userId) ?? Promise.resolve();
    const written = before.then(() => store.write(userId, bytes)).catch(() => undefined);
    writing.set(userId, written);
    void written.then(() => writing.get(userId) === written && writing.delete(userId));
  };

  const personOf = (userId: string): Person => {
    const known = persons.get(userId);
    if (known !== undefined) return known;
    const person: Person = {
      userId,
      key: new Uint8Array(),
      memory: new Map(),
      count: 0,
      runs: new Set(),
      cancelSaving: null,
      loaded: Promise.resolve(),
    };
    persons.set(userId, person);
    person.loaded = load(person);
    return person;
  };

  return {
    recall: async ({ id, invoker, agent, role }) => {
      const person = personOf(invoker.userId);
      person.runs.add(id);
      await person.loaded;
      const whose = new TextEncoder().encode(JSON.stringify([agent.id, role]));
      runs.set(id, { person, key: Buffer.from(keyedHash(person.key, whose), 'hex') });
    },

    of: (id) => {
      const run = runs.get(id);
      return run && { memory: run.person.memory, digest: (bytes) => keyedHash(run.key, bytes) };
    },

    keep: (id) => {
      const person = runs.get(id)?.person;
      if (person === undefined) return;
      persons.delete(person.userId);
      persons.set(person.userId, person);
      recount(person);
      person.cancelSaving ??= clock.after(limits.deniedContentUnsavedMs, () => save(person));
    },

    forget: (id) => {
      const person = runs.get(id)?.person;
      runs.delete(id);
      if (person === undefined) return;
      person.runs.delete(id);
      if (person.runs.size > 0) return;
      if (person.cancelSaving !== null) save(person);
      persons.delete(person.userId);
      total -= person.count;
    },

    flush: async () => {
      for (const person of persons.values()) if (person.cancelSaving !== null) save(person);
      await Promise.all(writing.values());
    },
  };
};
