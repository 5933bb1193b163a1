// Reading files that a hostile repository may have laid out: regular files only, through no symbolic link, never more than a bound.
// A FIFO, a device, a link anywhere below the trusted root or a file past its bound is `unreadable` with a reason; nothing here throws or blocks.

import { closeSync, constants, fstatSync, lstatSync, openSync, readSync, realpathSync } from 'node:fs';
import type { Stats } from 'node:fs';
import type { FileFacts } from '../core/file-facts.ts';

export interface Unreadable {
  readonly unreadable: string;
  /** Nothing lies at that path. */
  readonly missing: boolean;
}

export interface OpenFile {
  readonly stats: Stats;
  /** As they are now. */
  readonly facts: () => FileFacts;
  /** Up to `count` bytes from `offset`; fewer at the end of the file. */
  readonly read: (offset: number, count: number) => Buffer;
  readonly close: () => void;
}

export const isUnreadable = (value: object): value is Unreadable => 'unreadable' in value;

const codeOf = (error: unknown): string => (error instanceof Error && 'code' in error ? String(error.code) : 'unknown error');

/** Whether the path, as bytes, is what it says: no part of it is a symbolic link. */
const isDirect = (path: Buffer): boolean => realpathSync.native(path, { encoding: 'buffer' }).equals(path);

const isOther = (stats: Stats): boolean => !stats.isFile() && !stats.isSymbolicLink();

const factsOf = (fd: number): FileFacts => {
  const { dev, ino, size, mtimeNs, ctimeNs } = fstatSync(fd, { bigint: true });
  return { device: `${dev}`, inode: `${ino}`, sizeBytes: `${size}`, modifiedNs: `${mtimeNs}`, changedNs: `${ctimeNs}` };
};

/** Opens the regular file at an absolute, normalised path whose root was resolved before. The caller closes it. */
export const openRegular = (path: string | Buffer): OpenFile | Unreadable => {
  const bytes = typeof path === 'string' ? Buffer.from(path) : path;
  let fd: number | null = null;
  try {
    // To open a device or a FIFO does something by itself, also where a link above leads to it; what takes its place meanwhile is found out below.
    if (isOther(lstatSync(bytes))) return { unreadable: 'not a regular file', missing: false };
    // Non-blocking, because opening a FIFO would wait for its writer.
    fd = openSync(bytes, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    const open = fd;
    const stats = fstatSync(open);
    const problem = !stats.isFile() ? 'not a regular file' : !isDirect(bytes) ? 'reached through a symbolic link' : null;
    if (problem !== null) {
      closeSync(open);
      return { unreadable: problem, missing: false };
    }
    const read = (offset: number, count: number): Buffer => {
      const chunk = Buffer.alloc(count);
      let filled = 0;
      while (filled < count) {
        const got = readSync(open, chunk, filled, count - filled, offset + filled);
        if (got === 0) break;
        filled += got;
      }
      return chunk.subarray(0, filled);
    };
    return { stats, facts: () => factsOf(open), read, close: () => closeSync(open) };
  } catch (error) {
    if (fd !== null) closeSync(fd);
    const code = codeOf(error);
    if (code === 'ELOOP') return { unreadable: 'a symbolic link', missing: false };
    return { unreadable: code, missing: code === 'ENOENT' || code === 'ENOTDIR' };
  }
};

/** The whole of a small file, or why not. */
export const readSmall = (path: string, bytesMax: number): Buffer | Unreadable => {
  const file = openRegular(path);
  if (isUnreadable(file)) return file;
  try {
    if (file.stats.size > bytesMax) return { unreadable: `more than ${bytesMax} bytes`, missing: false };
    return file.read(0, file.stats.size);
  } catch (error) {
    return { unreadable: codeOf(error), missing: false };
  } finally {
    file.close();
  }
};
