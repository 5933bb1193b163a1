// Who the invoker is. With `local_development` nobody proves anything: whoever can open the control socket is taken at the runner's word,
// only on loopback, and every record says so. People are known in records by random pseudonyms; the mapping is private and can be erased.

import type { Random } from '../core/clock.ts';
import { limits } from '../core/limits.ts';
import type { Invoker } from '../core/principal.ts';

/** The private subject map: pseudonym to person. */
export interface SubjectStore {
  readonly read: () => Promise<Readonly<Record<string, string>>>;
  /** Durable when it resolves. */
  readonly write: (subjects: Readonly<Record<string, string>>) => Promise<void>;
}

export interface Identity {
  /** The invoker behind a name that the runner reports. First sight writes the mapping before it answers. */
  readonly invoker: (reportedName: string) => Promise<Invoker>;
}

export const createIdentity = (store: SubjectStore, random: Random): Identity => {
  // One at a time, so that two first sights of one person do not make two pseudonyms.
  let last: Promise<unknown> = Promise.resolve();
  const pseudonymFor = async (subject: string): Promise<string> => {
    const subjects = await store.read();
    const known = Object.entries(subjects).find(([, person]) => person === subject);
    if (known !== undefined) return known[0];
    const pseudonym = `user_${Buffer.from(random.bytes(16)).toString('hex')}`;
    await store.write({ ...subjects, [pseudonym]: subject });
    return pseudonym;
  };
  return {
    invoker: async (reportedName) => {
      const turn = last.then(() => pseudonymFor(`local:${reportedName.slice(0, limits.labelCharacters)}`));
      last = turn.catch(() => undefined);
      return { userId: await turn, assurance: 'local_development' };
    },
  };
};
