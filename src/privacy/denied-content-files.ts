// The private folder of what is remembered of denied content: one file a person, named by his pseudonym, so that erasing it erases all of it.
// Bounded: where more persons have one than there may be, another's is removed, and what he was denied is denied once more.
// Rejects with the disk's error.

import { limits } from '../core/limits.ts';
import type { DeniedContentStore } from './denied-memories.ts';

/** The part of a disk that is needed. What is replaced is only its owner's to read. */
export interface DeniedContentDisk {
  readonly readFile: (path: string) => Promise<Uint8Array | null>;
  readonly replaceFiles: (files: readonly { readonly path: string; readonly bytes: Uint8Array }[]) => Promise<void>;
  readonly list: (folder: string) => Promise<readonly string[]>;
  readonly remove: (path: string) => Promise<void>;
}

const ending = '.json';

export const createDeniedContentFiles = (
  disk: DeniedContentDisk,
  folder: string,
  most: Readonly<Record<'deniedContentFilesCount', number>> = limits,
): DeniedContentStore => {
  const path = (name: string): string => `${folder}/${name}`;
  /** What was written last comes last. */
  let listed: Promise<Set<string>> | null = null;
  const namesThere = async (): Promise<Set<string>> => {
    listed ??= disk.list(folder).then((names) => new Set(names));
    try {
      return await listed;
    } catch (problem) {
      listed = null;
      throw problem;
    }
  };
  return {
    read: (userId) => disk.readFile(path(userId + ending)),
    write: async (userId, bytes) => {
      const name = userId + ending;
      const names = await namesThere();
      names.delete(name);
      names.add(name);
      await disk.replaceFiles([{ path: path(name), bytes }]);
      for (const oldest of names) {
        if (names.size <= most.deniedContentFilesCount) return;
        names.delete(oldest);
        await disk.remove(path(oldest));
      }
    },
  };
};
