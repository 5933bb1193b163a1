// The private file that says who a pseudonym stands for: one JSON object. It lies there and nowhere else; erasing an entry erases the link.
// Fails by rejecting with the disk's error, or where the file holds no JSON: a mapping that cannot be read must not be replaced by another.

import type { SubjectStore } from './world.ts';

/** The part of a disk that is needed. */
export interface SubjectDisk {
  readonly readFile: (path: string) => Promise<Uint8Array | null>;
  readonly replaceFiles: (files: readonly { readonly path: string; readonly bytes: Uint8Array }[]) => Promise<void>;
}

export const createSubjectFile = (disk: SubjectDisk, path: string): SubjectStore => ({
  read: async () => {
    const bytes = await disk.readFile(path);
    const parsed: unknown = bytes === null ? {} : JSON.parse(new TextDecoder().decode(bytes));
    return Object.fromEntries(Object.entries(parsed ?? {}).filter((entry): entry is [string, string] => typeof entry[1] === 'string'));
  },
  write: (subjects) => disk.replaceFiles([{ path, bytes: new TextEncoder().encode(`${JSON.stringify(subjects, null, 2)}\n`) }]),
});
