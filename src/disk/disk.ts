// The disk as the rest of the house sees it: few operations, each of which says when it is durable. The real one is over node:fs.
// Contract: what is not said to be durable may be lost or torn by a crash. One process writes; see `lock`.
// Fails by rejecting with the system's error; `isDiskFull` tells a lack of space from the rest. Absence is null, never an error.

import * as machineFiles from 'node:fs';
import * as machinePromises from 'node:fs/promises';
import { dirname } from 'node:path';
import { limits } from '../core/limits.ts';
import { lockFile, type Lock } from './lock.ts';
import { placeOf } from './place.ts';

export type { Lock } from './lock.ts';

export interface DiskFile {
  /** Writes all of `bytes` at `position`, or rejects. Durable only after `sync`. */
  readonly write: (position: number, bytes: Uint8Array) => Promise<void>;
  /** Resolves when everything written is durable. After a rejection nothing is known of what was written since the last one. */
  readonly sync: () => Promise<void>;
  /** Whether the path at which it was opened still leads to it. */
  readonly isInPlace: () => Promise<boolean>;
  readonly close: () => Promise<void>;
}

export interface NewContent {
  readonly path: string;
  readonly bytes: Uint8Array;
}

export interface Disk {
  /** Makes the folder (0700) and those above it. Durable. */
  readonly createFolder: (path: string) => Promise<void>;
  readonly readFile: (path: string) => Promise<Uint8Array | null>;
  /** Names in a folder, sorted; none when it is absent. */
  readonly list: (path: string) => Promise<readonly string[]>;
  /** Bytes of what the path itself names, links not followed; null when absent. */
  readonly sizeOf: (path: string) => Promise<number | null>;
  /** Gives each path its new content whole, or leaves it as it was; makes missing folders. Each is durable when all resolved. A rejection says nothing about any of them. */
  readonly replaceFiles: (files: readonly NewContent[]) => Promise<void>;
  /** An empty file (0600) in place of whatever was there. Durable only after `syncFolder`. */
  readonly createFile: (path: string) => Promise<DiskFile>;
  /** For reading and writing; null when absent. */
  readonly openFile: (path: string) => Promise<DiskFile | null>;
  /** Durable only after `syncFolder`. */
  readonly rename: (from: string, to: string) => Promise<void>;
  readonly syncFolder: (path: string) => Promise<void>;
  /** Removes a file, or a folder with all that is in it. Not durable by itself: what was removed may come back after a crash. */
  readonly remove: (path: string) => Promise<void>;
  /** Null when another writer, in this process or elsewhere, holds it. Ends with the process. */
  readonly lock: (path: string) => Promise<Lock | null>;
}

/** What the disk stands on: the machine's own, or one that a test makes up. */
export interface System {
  readonly fs: Pick<
    typeof machineFiles,
    'write' | 'fdatasync' | 'fstatSync' | 'close' | 'open' | 'statSync' | 'lstatSync' | 'readlinkSync'
  >;
  readonly fsPromises: Pick<typeof machinePromises, 'open' | 'mkdir' | 'stat' | 'rename' | 'readdir' | 'readFile' | 'rm'>;
  readonly lock: (path: string) => Promise<Lock | null>;
}

const machine: System = { fs: machineFiles, fsPromises: machinePromises, lock: async (path) => lockFile(path) };

const codeOf = (error: unknown): string => (error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '');

export const isDiskFull = (error: unknown): boolean => codeOf(error) === 'ENOSPC' || codeOf(error) === 'EDQUOT';

/** The system's name of an error, such as EIO; never its text, which holds paths. */
export const diskErrorName = (error: unknown): string => codeOf(error) || (error instanceof Error ? error.name : 'unknown error');

const fileMode = 0o600;
const folderMode = 0o700;

const absent = (error: unknown): boolean => codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR';

// Callbacks and plain descriptors: a file handle's promises cost several times as much, twice for each commit.
const writeAll = ({ fs }: System, descriptor: number, position: number, bytes: Uint8Array): Promise<void> =>
  new Promise((resolve, reject) => {
    const from = (offset: number): void =>
      fs.write(descriptor, bytes, offset, bytes.length - offset, position + offset, (error, written) => {
        if (error) reject(error);
        else if (offset + written >= bytes.length) resolve();
        else from(offset + written);
      });
    from(0);
  });

const syncData = ({ fs }: System, descriptor: number): Promise<void> =>
  new Promise((resolve, reject) => fs.fdatasync(descriptor, (error) => (error ? reject(error) : resolve())));

const openedFile = (system: System, descriptor: number, path: string): DiskFile => {
  let place: (() => boolean) | null = null;
  return {
    write: (position, bytes) => writeAll(system, descriptor, position, bytes),
    sync: () => syncData(system, descriptor),
    // The inode of an open file is in memory: asking costs less than handing the question to another thread.
    isInPlace: async () => (place ??= placeOf(system.fs, descriptor, path, () => performance.now()))(),
    close: () => new Promise((resolve, reject) => system.fs.close(descriptor, (error) => (error ? reject(error) : resolve()))),
  };
};

const open = ({ fs }: System, path: string, flags: string): Promise<number> =>
  new Promise((resolve, reject) => fs.open(path, flags, fileMode, (error, descriptor) => (error ? reject(error) : resolve(descriptor))));

const syncFolder = async ({ fsPromises }: System, path: string): Promise<void> => {
  const folder = await fsPromises.open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
};

const isMount = ({ fs }: System, folder: string): boolean => fs.statSync(folder).dev !== fs.statSync(dirname(folder)).dev;

interface Folders {
  readonly create: (path: string) => Promise<void>;
  readonly forget: (path: string) => void;
}

/** Level by level: under /proc, where nothing can be made, `mkdir` with `recursive` never comes back. */
const makeFolder = async (system: System, path: string, parentMade = false): Promise<void> => {
  const { fsPromises } = system;
  try {
    await fsPromises.mkdir(path, { mode: folderMode });
  } catch (error) {
    if (codeOf(error) === 'EEXIST' && (await fsPromises.stat(path)).isDirectory()) return;
    if (codeOf(error) !== 'ENOENT' || parentMade || dirname(path) === path) throw error;
    await makeFolder(system, dirname(path));
    await makeFolder(system, path, true);
  }
};

const createFolders = (system: System): Folders => {
  const durable = new Set<string>();
  return {
    create: async (path) => {
      if (durable.has(path)) return;
      await makeFolder(system, path);
      // As far up as the file system goes, once: whoever made a folder that is there already may have ended before it was durable.
      const synced: string[] = [];
      for (let folder = path; folder !== dirname(folder) && !durable.has(folder) && !isMount(system, folder); folder = dirname(folder)) {
        try {
          await syncFolder(system, dirname(folder));
        } catch (error) {
          // Nobody makes a folder in one that he may not read.
          if (codeOf(error) !== 'EACCES') throw error;
        }
        synced.push(folder);
      }
      for (const folder of synced) durable.add(folder);
    },
    forget: (path) => {
      for (const folder of durable) if (folder === path || folder.startsWith(`${path}/`)) durable.delete(folder);
    },
  };
};

/** Ends the name of what a replacement that was cut short leaves beside its file: worth nothing, and in nobody's way. */
export const temporaryEnding = '.tmp';

const temporary = (path: string): string => `${path}${temporaryEnding}`;

const writeTemporary = async (system: System, { path, bytes }: NewContent, folders: Folders): Promise<void> => {
  const create = async (): Promise<number> => {
    await folders.create(dirname(path));
    return await open(system, temporary(path), 'w');
  };
  const descriptor = await create().catch((error: unknown) => {
    if (!absent(error)) throw error;
    folders.forget(dirname(path));
    return create();
  });
  const file = openedFile(system, descriptor, temporary(path));
  try {
    await file.write(0, bytes);
    await file.sync();
  } finally {
    await file.close();
  }
};

/** Threads that the runtime has for files: what libuv takes where nobody says otherwise. */
const threads = Number(process.env['UV_THREADPOOL_SIZE']) || 4;

/** However slow what is replaced, a commit finds a thread of its own. */
export const filesAtOnce = Math.max(1, Math.min(limits.filesReplacedAtOnceCount, threads - 1));

type Lanes = <T>(work: () => Promise<T>) => Promise<T>;

/** So many do their work at a time; the others wait, in their order. */
const createLanes = (count: number): Lanes => {
  const waiting: (() => void)[] = [];
  let free = count;
  return async (work) => {
    if (free > 0) free -= 1;
    else await new Promise<void>((resolve) => void waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next === undefined) free += 1;
      else next();
    }
  };
};

const eachOf = async <T>(items: readonly T[], lanes: Lanes, work: (item: T) => Promise<void>): Promise<void> => {
  const settled = await Promise.allSettled(items.map((item) => lanes(() => work(item))));
  for (const result of settled) if (result.status === 'rejected') throw result.reason;
};

const replaceFiles = async (system: System, files: readonly NewContent[], folders: Folders, lanes: Lanes): Promise<void> => {
  await eachOf(files, lanes, (file) => writeTemporary(system, file, folders));
  await eachOf(files, lanes, ({ path }) => system.fsPromises.rename(temporary(path), path));
  await eachOf([...new Set(files.map(({ path }) => dirname(path)))], lanes, (folder) => syncFolder(system, folder));
};

const orNull = async <T>(work: Promise<T>): Promise<T | null> => {
  try {
    return await work;
  } catch (error) {
    if (absent(error)) return null;
    throw error;
  }
};

/** The machine's own disk, unless it is to stand on another system. */
export const createDisk = (system: System = machine): Disk => {
  const { fs, fsPromises } = system;
  const folders = createFolders(system);
  const lanes = createLanes(filesAtOnce);
  return {
    createFolder: folders.create,
    readFile: (path) => orNull(fsPromises.readFile(path)),
    list: async (path) => ((await orNull(fsPromises.readdir(path))) ?? []).toSorted(),
    sizeOf: async (path) => fs.lstatSync(path, { throwIfNoEntry: false })?.size ?? null,
    replaceFiles: (files) => replaceFiles(system, files, folders, lanes),
    createFile: async (path) => openedFile(system, await open(system, path, 'w+'), path),
    openFile: async (path) => {
      const descriptor = await orNull(open(system, path, 'r+'));
      return descriptor === null ? null : openedFile(system, descriptor, path);
    },
    rename: (from, to) => fsPromises.rename(from, to),
    syncFolder: (path) => syncFolder(system, path),
    remove: (path) => {
      folders.forget(path);
      return fsPromises.rm(path, { recursive: true, force: true });
    },
    lock: system.lock,
  };
};
