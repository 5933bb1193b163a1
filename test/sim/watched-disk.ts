// The disk below the envelope, with an onlooker who reads each journal segment in the moment in which it becomes durable, and each checkpoint in the
// moment in which it can be seen.
// Contract: changes nothing and answers as the disk below does. Also shows a disk's folder to the verifier.

import { basename, dirname } from 'node:path';
import type { LedgerFiles } from '../../src/ledger/verifier.ts';
import type { Evidence } from './evidence.ts';
import { ledgerSettings } from './ledger-settings.ts';
import type { MemoryDisk, MemoryFile } from './memory-disk.ts';

const headsFile = `${ledgerSettings.privateDirectory}/ledger-heads.json`;

export const watchDisk = (disk: MemoryDisk, evidence: Evidence): MemoryDisk => {
  /** Segments that have their name but not yet for good. */
  const renamed = new Set<string>();
  const journal = (path: string): void => {
    const bytes = path.endsWith('.wal') ? disk.content(path) : null;
    if (bytes !== null) evidence.journal(basename(path), bytes);
  };
  const watched = (path: string, file: MemoryFile): MemoryFile => ({
    ...file,
    sync: async () => {
      await file.sync();
      journal(path);
    },
  });
  return {
    ...disk,
    createFile: async (path) => watched(path, await disk.createFile(path)),
    openFile: async (path) => {
      const file = await disk.openFile(path);
      return file === null ? null : watched(path, file);
    },
    rename: async (from, to) => {
      await disk.rename(from, to);
      renamed.add(to);
      // From now on anybody can see it.
      const bytes = to.endsWith('/checkpoint') ? disk.content(to) : null;
      if (bytes === null) return;
      evidence.checkpoint(bytes, (path) => disk.content(`${dirname(to)}/${path}`) !== null);
      evidence.remembered(disk.content(headsFile));
    },
    remove: async (path) => {
      if (dirname(path).endsWith('/journal')) evidence.removed(basename(path));
      await disk.remove(path);
    },
    syncFolder: async (folder) => {
      await disk.syncFolder(folder);
      for (const path of renamed) if (dirname(path) === folder && renamed.delete(path)) journal(path);
    },
  };
};

/** A folder of the disk, as the verifier reads it. */
export const filesOf = (disk: MemoryDisk, folder: string): LedgerFiles => {
  const files = new Map(
    [...disk.files()].flatMap(([path, bytes]) => (path.startsWith(`${folder}/`) ? [[path.slice(folder.length + 1), bytes]] : [])),
  );
  return {
    list: (path) => {
      const prefix = path === '' || path.endsWith('/') ? path : `${path}/`;
      const names = [...files.keys()].filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length));
      return [...new Set(names.map((name) => (name.includes('/') ? `${name.slice(0, name.indexOf('/'))}/` : name)))].toSorted();
    },
    read: (path) => files.get(path) ?? null,
  };
};
