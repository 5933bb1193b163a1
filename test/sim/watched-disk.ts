// The disk as the envelope gets it, with an onlooker who reads each journal segment and checkpoint in the moment in which it becomes durable.
// Contract: changes nothing and answers as the disk below does. Also shows a disk's folder to the verifier.

import { basename } from 'node:path';
import type { DiskFile } from '../../src/disk/disk.ts';
import type { LedgerFiles } from '../../src/ledger/verifier.ts';
import type { Evidence } from './evidence.ts';
import type { MemoryDisk } from './memory-disk.ts';

export const watchDisk = (disk: MemoryDisk, evidence: Evidence): MemoryDisk => {
  const durable = (path: string): void => {
    const isSegment = path.endsWith('.wal');
    const bytes = isSegment || path.endsWith('/checkpoint') ? disk.content(path) : null;
    if (bytes === null) return;
    if (isSegment) evidence.journal(basename(path), bytes);
    else evidence.checkpoint(bytes);
  };
  const watched = (path: string, file: DiskFile): DiskFile => ({
    ...file,
    sync: async () => {
      await file.sync();
      durable(path);
    },
  });
  return {
    ...disk,
    createFile: async (path) => watched(path, await disk.createFile(path)),
    openFile: async (path) => {
      const file = await disk.openFile(path);
      return file === null ? null : watched(path, file);
    },
    replaceFiles: async (files) => {
      await disk.replaceFiles(files);
      for (const { path } of files) durable(path);
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
