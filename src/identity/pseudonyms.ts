// The random name by which records know a person or program. Who it stands for lies in the private subject map and nowhere else.
// The same subject always has the same one; the first sight is durable before it is answered. Rejects where the map cannot be read or written.

import { Buffer } from 'node:buffer';
import { limits } from '../core/limits.ts';
import type { IdentityWorld } from './world.ts';

export interface Pseudonyms {
  readonly of: (subject: string) => Promise<string>;
  /** Null for a subject that was never seen. */
  readonly known: (subject: string) => Promise<string | null>;
  readonly subjectOf: (pseudonym: string) => Promise<string | null>;
}

export const createPseudonyms = ({ store, random }: Pick<IdentityWorld, 'store' | 'random'>): Pseudonyms => {
  /** The oldest first. */
  const cached = new Map<string, string>();
  // One at a time, so that two first sights of one person do not make two pseudonyms.
  let last: Promise<unknown> = Promise.resolve();

  const keep = (subject: string, pseudonym: string): string => {
    cached.set(subject, pseudonym);
    const [oldest] = cached.keys();
    if (cached.size > limits.pseudonymsCachedCount && oldest !== undefined) cached.delete(oldest);
    return pseudonym;
  };
  const listed = (subjects: Readonly<Record<string, string>>, subject: string): string | undefined =>
    Object.entries(subjects).find(([, person]) => person === subject)?.[0];
  const found = async (subject: string): Promise<string> => {
    const subjects = await store.read();
    const known = cached.get(subject) ?? listed(subjects, subject);
    if (known !== undefined) return keep(subject, known);
    const pseudonym = `user_${Buffer.from(random.bytes(16)).toString('hex')}`;
    await store.write({ ...subjects, [pseudonym]: subject });
    return keep(subject, pseudonym);
  };
  return {
    of: async (subject) => {
      const known = cached.get(subject);
      if (known !== undefined) return known;
      const turn = last.then(() => found(subject));
      last = turn.catch(() => undefined);
      return turn;
    },
    known: async (subject) => cached.get(subject) ?? listed(await store.read(), subject) ?? null,
    subjectOf: async (pseudonym) => {
      const subjects = await store.read();
      return Object.hasOwn(subjects, pseudonym) ? (subjects[pseudonym] ?? null) : null;
    },
  };
};
