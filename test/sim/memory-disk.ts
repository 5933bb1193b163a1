// A disk in memory that can crash at any step and fail at any operation, for tests and the simulation.
// Contract: as `Disk`. A crash keeps what was synced; of the rest a seeded choice survives: of each write nothing, all, a prefix or some sectors; of each change to a folder all or nothing.
// After a crash the old disk answers no more, like the disk of a process that is gone; `crash` gives the disk that the next process finds.

import { dirname } from 'node:path';
import type { Disk, DiskFile, Lock } from '../../src/disk/disk.ts';

export type DiskFault = 'ok' | 'failed' | 'failed_but_persisted' | 'torn' | 'full' | 'slow';

export interface DiskOperation {
  readonly what: 'write' | 'sync' | 'create' | 'rename' | 'sync_folder' | 'remove' | 'read';
  readonly path: string;
  /** Counts from 1. */
  readonly step: number;
}

export interface MemoryDiskSettings {
  /** A number in [0, 1): the seeded source of every choice. */
  readonly chance: () => number;
  readonly fault?: (operation: DiskOperation) => DiskFault;
  /** Resolves when the operation may happen; `slow` operations wait for `slowly`. */
  readonly pause?: (operation: DiskOperation) => Promise<void>;
  readonly slowly?: (operation: DiskOperation) => Promise<void>;
  /** Called before each step; a crash inside it leaves the step undone. */
  readonly beforeStep?: (operation: DiskOperation) => void;
  /** Bytes that all files together may have. */
  readonly capacityBytes?: () => number;
}

/** What the system says of a file or a folder. */
export interface FileStatus {
  readonly device: number;
  readonly inode: number;
  /** Names that lead to the file; 0 once it was deleted. */
  readonly links: number;
  readonly bytes: number;
  readonly folder: boolean;
}

export interface MemoryFile extends DiskFile {
  /** Of the file itself, wherever its name leads by now. */
  readonly statusNow: () => FileStatus;
  /** A path that leads to it; null once it was deleted. */
  readonly nameNow: () => string | null;
}

export interface MemoryDisk extends Disk {
  readonly createFile: (path: string) => Promise<MemoryFile>;
  readonly openFile: (path: string) => Promise<MemoryFile | null>;
  readonly steps: () => number;
  /** Ends this disk and gives the one that a new process finds. */
  readonly crash: (settings?: MemoryDiskSettings) => MemoryDisk;
  /** Ends this disk as a killed process would: everything written is still there. */
  readonly kill: (settings?: MemoryDiskSettings) => MemoryDisk;
  /** A file's content as the running process sees it; later writes may change these bytes. Null for what is no file. */
  readonly content: (path: string) => Uint8Array | null;
  /** All files, likewise. */
  readonly files: () => ReadonlyMap<string, Uint8Array>;
  /** Makes one folder below one that is there: false where it is there already, null where its parent is missing. Durable only after `syncFolder`. */
  readonly makeFolder: (path: string) => boolean | null;
  /** What the path names, at once. */
  readonly statusNow: (path: string) => FileStatus | null;
  /** Another process takes the locks. */
  readonly loseLock: () => void;
  /** Changes a file from outside. */
  readonly tamper: (path: string, change: (bytes: Uint8Array) => Uint8Array | null) => void;
}

interface Write {
  readonly position: number;
  readonly bytes: Uint8Array;
  readonly torn: boolean;
  /** What stood there, and how long the file was: to take it back is cheaper than to keep each file twice. */
  readonly before: Uint8Array;
  readonly lengthBefore: number;
}

interface Inode {
  readonly number: number;
  /** As the running process sees it. Nobody else holds these bytes. */
  current: Uint8Array;
  unsynced: Write[];
  /** What a crash leaves without the unsynced writes, where that is not `current` with them taken back. */
  forgotten: Uint8Array | null;
}

/** What one operation did to the names of a folder, not synced yet. */
interface FolderChange {
  readonly folder: string;
  readonly before: ReadonlyMap<string, Inode | null>;
  /** The folder that it made. */
  readonly made?: string;
}

const sector = 512;

const applied = (content: Uint8Array, { position, bytes }: { readonly position: number; readonly bytes: Uint8Array }): Uint8Array => {
  const end = Math.max(content.length, position + bytes.length);
  const grown = end === content.length ? content : new Uint8Array(end);
  if (grown !== content) grown.set(content);
  grown.set(bytes, position);
  return grown;
};

/** The content that a crash finds: own bytes, which may be changed. */
const durableOf = ({ current, unsynced, forgotten }: Inode): Uint8Array => {
  if (forgotten !== null) return forgotten;
  const content = current.slice();
  for (const { position, before } of unsynced.toReversed()) content.set(before, position);
  return content.subarray(0, unsynced[0]?.lengthBefore ?? content.length);
};

const systemError = (code: string): Error => Object.assign(new Error(code), { code });

/** What a crash leaves of one unsynced write. */
const survivor = (content: Uint8Array, write: Write, chance: () => number): Uint8Array => {
  const kind = Math.floor(chance() * 4);
  if (kind === 0) return content;
  if (kind === 1 && !write.torn) return applied(content, write);
  if (kind <= 2)
    return applied(content, { position: write.position, bytes: write.bytes.subarray(0, Math.floor(chance() * write.bytes.length)) });
  let kept = content;
  for (let at = 0; at < write.bytes.length; at += sector) {
    if (chance() < 0.5) kept = applied(kept, { position: write.position + at, bytes: write.bytes.subarray(at, at + sector) });
  }
  return kept;
};

/** What a crash leaves of a file. */
const afterCrash = (inode: Inode, chance: () => number): Uint8Array =>
  inode.unsynced.reduce((content, write) => survivor(content, write, chance), durableOf(inode));

const newInode = (number: number, content: Uint8Array): Inode => ({ number, current: content, unsynced: [], forgotten: null });

interface Store {
  names: Map<string, Inode>;
  folders: Set<string>;
  changes: FolderChange[];
  inodes: number;
}

const restore = (store: Store, names: ReadonlyMap<string, Inode | null>): void => {
  for (const [path, inode] of names) {
    if (inode === null) store.names.delete(path);
    else store.names.set(path, inode);
  }
};

const removeBelow = (store: Store, folder: string): void => {
  for (const path of store.names.keys()) if (path.startsWith(`${folder}/`)) store.names.delete(path);
  for (const path of store.folders) if (path === folder || path.startsWith(`${folder}/`)) store.folders.delete(path);
};

/** Folders change in order: of each, the first few unsynced changes survive a crash. */
const loseFolderChanges = (store: Store, chance: () => number): void => {
  for (const folder of new Set(store.changes.map((change) => change.folder))) {
    const changes = store.changes.filter((change) => change.folder === folder);
    const lost = changes.slice(Math.floor(chance() * (changes.length + 1)));
    for (const { before, made } of lost.toReversed()) {
      restore(store, before);
      if (made !== undefined) removeBelow(store, made);
    }
  }
  store.changes = [];
};

const createOn = (store: Store, settings: MemoryDiskSettings): MemoryDisk => {
  const { chance } = settings;
  let steps = 0;
  let gone = false;
  const locks = new Set<string>();
  let lost = false;

  const nothing = (): Promise<never> => new Promise(() => undefined);

  const step = async (what: DiskOperation['what'], path: string): Promise<DiskFault> => {
    if (gone) return await nothing();
    steps += 1;
    const operation = { what, path, step: steps };
    settings.beforeStep?.(operation);
    await settings.pause?.(operation);
    if (gone) return await nothing();
    const fault = settings.fault?.(operation) ?? 'ok';
    if (fault === 'slow') {
      await settings.slowly?.(operation);
      if (gone) return await nothing();
    }
    return fault;
  };

  /** Runs `change` as the fault asks, and rejects where it asks for that. */
  const faulty = (fault: DiskFault, change: (torn: boolean) => void): void => {
    if (fault === 'full') throw systemError('ENOSPC');
    if (fault === 'failed') throw systemError('EIO');
    change(fault === 'torn');
    if (fault === 'failed_but_persisted' || fault === 'torn') throw systemError('EIO');
  };

  const used = (): number => [...new Set(store.names.values())].reduce((bytes, inode) => bytes + inode.current.length, 0);

  const setNames = (names: ReadonlyMap<string, Inode | null>): void => {
    const before = new Map([...names.keys()].map((path) => [path, store.names.get(path) ?? null]));
    for (const folder of new Set([...names.keys()].map((path) => dirname(path)))) store.changes.push({ folder, before });
    restore(store, names);
  };

  const statusFor = (inode: Inode): FileStatus => ({
    device: 1,
    inode: inode.number,
    links: [...store.names.values()].filter((one) => one === inode).length,
    bytes: inode.current.length,
    folder: false,
  });

  const nameOf = (inode: Inode): string | null => [...store.names].find(([, one]) => one === inode)?.[0] ?? null;

  const statusNow = (path: string): FileStatus | null => {
    const inode = store.names.get(path);
    if (inode !== undefined) return statusFor(inode);
    return store.folders.has(path) ? { device: 1, inode: 0, links: 1, bytes: 0, folder: true } : null;
  };

  const write = async (inode: Inode, path: string, position: number, bytes: Uint8Array): Promise<void> => {
    const fault = await step('write', path);
    const growth = Math.max(0, position + bytes.length - inode.current.length);
    if (growth > 0 && used() + growth > (settings.capacityBytes?.() ?? Infinity)) throw systemError('ENOSPC');
    faulty(fault, (torn) => {
      const kept = torn ? bytes.slice(0, Math.floor(chance() * bytes.length)) : bytes.slice();
      const { current } = inode;
      inode.unsynced.push({
        position,
        bytes: kept,
        torn,
        before: current.slice(position, position + kept.length),
        lengthBefore: current.length,
      });
      inode.current = applied(current, { position, bytes: kept });
    });
  };

  const sync = async (inode: Inode, path: string): Promise<void> => {
    faulty(await step('sync', path), (torn) => {
      // A sync that fails half way leaves some writes durable and forgets that the others are not.
      if (torn) inode.forgotten = afterCrash(inode, chance);
      else if (inode.forgotten !== null) inode.forgotten = inode.unsynced.reduce(applied, inode.forgotten);
      inode.unsynced = [];
    });
  };

  const opened = (inode: Inode, path: string): MemoryFile => ({
    statusNow: () => statusFor(inode),
    write: (position, bytes) => write(inode, path, position, bytes),
    sync: () => sync(inode, path),
    nameNow: () => nameOf(inode),
    isInPlace: async () => (gone ? await nothing() : store.names.get(path) === inode),
    close: async () => (gone ? await nothing() : undefined),
  });

  const createFolder = async (path: string): Promise<void> => {
    if (gone) return await nothing();
    for (let folder = path; folder !== dirname(folder); folder = dirname(folder)) store.folders.add(folder);
  };

  const createFile = async (path: string): Promise<MemoryFile> => {
    const inode = newInode(++store.inodes, new Uint8Array(0));
    faulty(await step('create', path), () => setNames(new Map([[path, inode]])));
    return opened(inode, path);
  };

  const rename = async (from: string, to: string): Promise<void> => {
    faulty(await step('rename', to), () => {
      const inode = store.names.get(from);
      if (inode === undefined) throw systemError('ENOENT');
      setNames(
        new Map([
          [to, inode],
          [from, null],
        ]),
      );
    });
  };

  const syncFolder = async (path: string): Promise<void> => {
    faulty(await step('sync_folder', path), () => {
      store.changes = store.changes.filter(({ folder }) => folder !== path);
    });
  };

  const next = (after: MemoryDiskSettings | undefined): MemoryDisk => {
    gone = true;
    return createOn(
      { ...store, names: new Map(store.names), folders: new Set(store.folders), changes: [...store.changes] },
      after ?? settings,
    );
  };

  return {
    createFolder,
    createFile,
    rename,
    syncFolder,
    readFile: async (path) => {
      if ((await step('read', path)) === 'failed') throw systemError('EIO');
      return store.names.get(path)?.current.slice() ?? null;
    },
    list: async (path) => {
      await step('read', path);
      const below = [...store.names.keys(), ...store.folders].filter((name) => name.startsWith(`${path}/`));
      return [...new Set(below.map((name) => name.slice(path.length + 1).split('/')[0] ?? ''))].toSorted();
    },
    sizeOf: async (path) => (gone ? await nothing() : (statusNow(path)?.bytes ?? null)),
    statusNow,
    makeFolder: (path) => {
      if (store.folders.has(path)) return false;
      if (dirname(path) !== '/' && !store.folders.has(dirname(path))) return null;
      store.folders.add(path);
      store.changes.push({ folder: dirname(path), before: new Map(), made: path });
      return true;
    },
    replaceFiles: async (files) => {
      for (const { path, bytes } of files) {
        await createFolder(dirname(path));
        const file = await createFile(`${path}.tmp`);
        await file.write(0, bytes);
        await file.sync();
      }
      for (const { path } of files) await rename(`${path}.tmp`, path);
      for (const folder of new Set(files.map(({ path }) => dirname(path)))) await syncFolder(folder);
    },
    openFile: async (path) => {
      await step('read', path);
      const inode = store.names.get(path);
      return inode === undefined ? null : opened(inode, path);
    },
    remove: async (path) => {
      faulty(await step('remove', path), () => {
        const gone = [...store.names.keys()].filter((name) => name === path || name.startsWith(`${path}/`));
        if (gone.length > 0) setNames(new Map(gone.map((name) => [name, null])));
        for (const folder of store.folders) if (folder === path || folder.startsWith(`${path}/`)) store.folders.delete(folder);
      });
    },
    lock: async (path): Promise<Lock | null> => {
      if (gone) return await nothing();
      if (locks.has(path)) return null;
      locks.add(path);
      let held = true;
      return {
        isHeld: () => held && !lost,
        release: () => {
          if (held) locks.delete(path);
          held = false;
        },
      };
    },
    loseLock: () => void (lost = true),
    steps: () => steps,
    crash: (after) => {
      loseFolderChanges(store, chance);
      for (const inode of new Set(store.names.values()))
        Object.assign(inode, { current: afterCrash(inode, chance), unsynced: [], forgotten: null });
      return next(after);
    },
    kill: next,
    content: (path) => store.names.get(path)?.current ?? null,
    files: () => new Map([...store.names].map(([path, inode]) => [path, inode.current])),
    tamper: (path, change) => {
      const inode = store.names.get(path);
      const content = change(inode?.current.slice() ?? new Uint8Array(0));
      if (content === null) store.names.delete(path);
      else store.names.set(path, newInode(++store.inodes, content.slice()));
    },
  };
};

export const createMemoryDisk = (settings: MemoryDiskSettings): MemoryDisk =>
  createOn({ names: new Map(), folders: new Set(), changes: [], inodes: 0 }, settings);

/** A seeded source of chance (mulberry32). */
export const seededChance = (seed: number): (() => number) => {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
};
