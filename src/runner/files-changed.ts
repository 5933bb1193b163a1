// Which files of a working tree changed between two looks at it. Looks at names, sizes, times and inodes, and reads only what changed.
// Does not enter a symbolic link, nor the `.git` of its root; of another one it looks at what git obeys. Opens nothing but regular files.
// Names are bytes, kept as Latin-1 text inside and decoded only for the report. A tree past the bound is watched in part, and says so.

import { lstatSync, opendirSync } from 'node:fs';
import { relative } from 'node:path';
import { limits } from '../core/limits.ts';
import { isUnreadable, openRegular } from './bounded-file.ts';
import { factsOf, obeyedIn } from './git-programs.ts';
import { newHash } from './hashing.ts';

export interface TreeSnapshot {
  /** Facts by path below the root; equal facts mean an unchanged file. */
  readonly files: ReadonlyMap<string, string>;
  /** False when a file or folder was left out: past the bound, or not readable. */
  readonly complete: boolean;
  /** Folders that keep their names to themselves, by path below the root. */
  readonly unlisted: readonly string[];
}

export interface ChangedFile {
  /** Relative to the root. */
  readonly path: string;
  readonly change: 'added' | 'modified' | 'deleted';
  /** Of its content now, in hexadecimal; null when it is gone, no regular file, or past the bound of bytes read. */
  readonly sha256: string | null;
}

export interface FilesChanged {
  readonly files: readonly ChangedFile[];
  /** All of them, also those that `files` does not list. */
  readonly paths: readonly string[];
  /** Folders that could be looked at before, or were not there, and cannot be now. */
  readonly hidden: readonly string[];
  /** How many more there are than `files` lists. */
  readonly truncated: number;
}

const asBytes = (text: string): Buffer => Buffer.from(text, 'latin1');
const asLatin1 = (path: string): string => Buffer.from(path).toString('latin1');

/** Up to `entriesMax` names in a folder, in the order of their bytes. */
const namesIn = (folder: Buffer, entriesMax: number): { readonly names: readonly string[]; readonly complete: boolean } => {
  // Entry by entry, because a folder may hold millions.
  const open = opendirSync(folder, { encoding: 'latin1' });
  const names: string[] = [];
  try {
    for (let entry = open.readSync(); entry !== null; entry = open.readSync()) {
      if (names.length === entriesMax) return { names: names.toSorted(), complete: false };
      names.push(entry.name);
    }
  } finally {
    open.closeSync();
  }
  return { names: names.toSorted(), complete: true };
};

/** Looks at the tree below `root`, a resolved folder, up to `entriesMax` files and folders. */
export const snapshotTree = (root: string, entriesMax: number = limits.filesWatchedCount): TreeSnapshot => {
  const base = asLatin1(root);
  const files = new Map<string, string>();
  const folders = [''];
  let seen = 0;
  const unlisted: string[] = [];
  let complete = true;
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    try {
      const listed = namesIn(asBytes(`${base}/${folder}`), entriesMax - seen);
      complete &&= listed.complete;
      seen += listed.names.length;
      for (const name of listed.names) {
        const path = folder + name;
        const stats = path === '.git' ? undefined : lstatSync(asBytes(`${base}/${path}`), { throwIfNoEntry: false });
        if (stats === undefined) continue;
        if (!stats.isDirectory()) files.set(path, factsOf(stats));
        else if (name !== '.git') folders.push(`${path}/`);
        else for (const [below, facts] of obeyedIn(asBytes(`${base}/${path}`))) files.set(`${path}/${below}`, facts);
      }
    } catch {
      complete = false;
      if (unlisted.length < limits.hostProgramsListedCount) unlisted.push(folder.slice(0, -1));
    }
  }
  return { files, complete, unlisted };
};

/** The same without what lies in a folder of `root`, or in all of it. */
export const leavingOut = (root: string, folder: string, tree: TreeSnapshot): TreeSnapshot => {
  const below = asLatin1(relative(root, folder));
  const isOutside = (path: string): boolean => below !== '' && path !== below && !path.startsWith(`${below}/`);
  return {
    ...tree,
    files: new Map([...tree.files].filter(([path]) => isOutside(path))),
    unlisted: tree.unlisted.filter(isOutside),
  };
};

const chunkBytes = 256 * 1_024;

/** SHA-256 of a regular file of at most `bytesMax` bytes, and how many were read. */
const contentDigest = (path: Buffer, bytesMax: number): { readonly sha256: string | null; readonly bytes: number } => {
  const file = openRegular(path);
  if (isUnreadable(file)) return { sha256: null, bytes: 0 };
  try {
    const { size } = file.stats;
    if (size > bytesMax) return { sha256: null, bytes: 0 };
    const hash = newHash('sha256');
    for (let at = 0; at < size; at += chunkBytes) hash.update(file.read(at, Math.min(chunkBytes, size - at)));
    return { sha256: hash.digest('hex'), bytes: size };
  } catch {
    return { sha256: null, bytes: 0 };
  } finally {
    file.close();
  }
};

/** What changed from `before` to `after`. Where a look was not complete, absence from it proves nothing and is not reported. */
export const compareTrees = (root: string, before: TreeSnapshot, after: TreeSnapshot): FilesChanged => {
  const changes: [path: string, change: ChangedFile['change']][] = [];
  for (const [path, facts] of after.files) {
    const earlier = before.files.get(path);
    if (earlier === undefined ? before.complete : earlier !== facts) changes.push([path, earlier === undefined ? 'added' : 'modified']);
  }
  if (after.complete) for (const path of before.files.keys()) if (!after.files.has(path)) changes.push([path, 'deleted']);
  const files: ChangedFile[] = [];
  let listedBytes = 0;
  let hashableBytes: number = limits.fileHashedBytes;
  for (const [path, change] of changes) {
    const name = asBytes(path).toString('utf8');
    listedBytes += Buffer.byteLength(name);
    if (files.length === limits.filesListedCount || listedBytes > limits.filesListedBytes) break;
    const content = change === 'deleted' ? { sha256: null, bytes: 0 } : contentDigest(asBytes(`${asLatin1(root)}/${path}`), hashableBytes);
    hashableBytes -= content.bytes;
    files.push({ path: name, change, sha256: content.sha256 });
  }
  const names = (paths: readonly string[]): readonly string[] => paths.map((path) => asBytes(path).toString('utf8'));
  return {
    files,
    paths: names(changes.map(([path]) => path)),
    hidden: names(after.unlisted.filter((path) => !before.unlisted.includes(path))),
    truncated: changes.length - files.length,
  };
};
