// The few calls of node:fs on which the envelope's own disk stands, over a disk in memory: so that the code that says when something is durable is the
// real one, and what it asks of the system can fail, be torn and be lost as `memory-disk.ts` has it.
// Contract: as node:fs, as far as `src/disk/disk.ts` uses it. A descriptor belongs to the process that opened it.

import { dirname } from 'node:path';
import type { System } from '../../src/disk/disk.ts';
import type { FileStatus, MemoryDisk, MemoryFile } from './memory-disk.ts';

type Callback<T> = (error: Error | null, value: T) => void;

const systemError = (code: string): Error => Object.assign(new Error(code), { code });

const settle = <T>(work: Promise<T>, done: Callback<T | undefined>): void => {
  void work.then(
    (value) => done(null, value),
    (error: unknown) => done(error as Error, undefined),
  );
};

const statsOf = ({ device, inode, links, bytes, folder }: FileStatus) => ({
  dev: device,
  ino: inode,
  nlink: links,
  size: bytes,
  isDirectory: () => folder,
});

/** `partly`: now and then the system takes less of a write than it was given. */
export const systemOver = (disk: MemoryDisk, partly: (bytes: number) => number): System => {
  const opened = new Map<number, MemoryFile>();
  let descriptors = 0;
  const fileAt = (descriptor: number): MemoryFile => {
    const found = opened.get(descriptor);
    if (found === undefined) throw systemError('EBADF');
    return found;
  };
  const open = async (path: string, flags: string): Promise<number> => {
    if (flags.startsWith('w') && disk.statusNow(dirname(path)) === null) throw systemError('ENOENT');
    const file = flags.startsWith('w') ? await disk.createFile(path) : await disk.openFile(path);
    if (file === null) throw systemError('ENOENT');
    opened.set(++descriptors, file);
    return descriptors;
  };
  const folderAt = (path: string): void => {
    if (path !== '/' && disk.statusNow(path)?.folder !== true) throw systemError('ENOENT');
  };
  const fs = {
    open: (path: string, flags: string, _mode: number, done: Callback<number | undefined>) => settle(open(path, flags), done),
    write: (
      descriptor: number,
      bytes: Uint8Array,
      offset: number,
      length: number,
      position: number,
      done: Callback<number | undefined>,
    ) => {
      const taken = partly(length);
      const writing = fileAt(descriptor).write(position, bytes.subarray(offset, offset + taken));
      settle(
        writing.then(() => taken),
        done,
      );
    },
    fdatasync: (descriptor: number, done: Callback<void>) => settle(fileAt(descriptor).sync(), done),
    readlinkSync: (path: string) => fileAt(Number(/^\/proc\/self\/fd\/(\d+)$/.exec(path)?.[1])).nameNow() ?? 'deleted',
    fstatSync: (descriptor: number) => statsOf(fileAt(descriptor).statusNow()),
    close: (descriptor: number, done: Callback<void>) => {
      const file = fileAt(descriptor);
      opened.delete(descriptor);
      settle(file.close(), done);
    },
    statSync: () => ({ dev: 1 }),
    lstatSync: (path: string) => {
      const status = disk.statusNow(path);
      return status === null ? undefined : statsOf(status);
    },
  };
  const fsPromises = {
    open: async (path: string) => {
      folderAt(path);
      return { sync: () => disk.syncFolder(path), close: async () => undefined };
    },
    mkdir: async (path: string) => {
      const made = disk.makeFolder(path);
      if (made !== true) throw systemError(made === null ? 'ENOENT' : 'EEXIST');
    },
    stat: async (path: string) => {
      const status = disk.statusNow(path);
      if (status === null) throw systemError('ENOENT');
      return statsOf(status);
    },
    rename: disk.rename,
    readdir: async (path: string) => {
      folderAt(path);
      return disk.list(path);
    },
    readFile: async (path: string) => {
      const bytes = await disk.readFile(path);
      if (bytes === null) throw systemError('ENOENT');
      return bytes;
    },
    rm: disk.remove,
  };
  // The types of node:fs have many more forms than are used here.
  return { fs, fsPromises, lock: disk.lock } as unknown as System;
};
