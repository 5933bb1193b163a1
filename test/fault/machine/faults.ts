// Makes calls of a process on the files of one folder fail, be short or slow, and its wall clock step, while it runs: the other side of `fault.c`.
// Needs a C compiler and the dynamic loader of Linux; without one it fails with the name of what is missing.

import { spawnSync } from 'node:child_process';
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, readSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';

export type Call =
  | 'create'
  | 'open'
  | 'read'
  | 'pread'
  | 'write'
  | 'pwrite'
  | 'fsync'
  | 'fdatasync'
  | 'rename'
  | 'mkdir'
  | 'unlink'
  | 'rmdir'
  | 'ftruncate';

export interface Order {
  readonly call: Call;
  /** Below the folder, beginning with a slash; `*` stands for any characters. */
  readonly path: string;
  readonly how: 'EIO' | 'ENOSPC' | 'EMFILE' | 'short' | 'slow';
  /** So many calls pass before. */
  readonly skip?: number;
  /** So many fail; without a number all that follow. */
  readonly times?: number;
}

export interface Faults {
  readonly environment: Readonly<Record<string, string>>;
  readonly arm: (order: Order) => void;
  readonly disarm: () => void;
  /** How often the order was carried out. */
  readonly hits: () => number;
  /** From here on the wall clock is so far from the true one. */
  readonly stepClock: (offsetMs: number) => void;
  /** What was called on the folder, one line a call: the call, and the path below it. */
  readonly notes: () => readonly string[];
  readonly remove: () => void;
}

let library: string | null = null;

const build = (): string => {
  if (library !== null) return library;
  const folder = mkdtempSync(join(tmpdir(), 'sealwright-library-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'fault.so');
  const { error, status, stderr } = spawnSync(
    'cc',
    ['-Wall', '-Wextra', '-Werror', '-O2', '-shared', '-fPIC', '-o', file, join(import.meta.dirname, 'fault.c'), '-ldl'],
    { encoding: 'utf8' },
  );
  if (error !== undefined) throw new Error('`cc` is not installed: faults are made by a library in C. Install gcc and libc6-dev.');
  if (status !== 0) throw new Error(`fault.c could not be built: ${stderr}`);
  return (library = file);
};

/** Where each member stands, as `fault.c` reads it. */
const [hitsAt, clockAt, callAt, pathAt, folderAt, bytes] = [20, 24, 32, 64, 544, 1_056];
const hows = { EIO: 0, ENOSPC: 0, EMFILE: 0, short: 1, slow: 2 };

export const createFaults = (folder: string): Faults => {
  const own = mkdtempSync(join(tmpdir(), 'sealwright-order-'));
  const [file, noted] = [join(own, 'order'), join(own, 'notes')];
  const empty = Buffer.alloc(bytes);
  empty.write(folder, folderAt);
  writeFileSync(file, empty);
  const descriptor = openSync(file, 'r+');
  const armed = (is: boolean): void => void writeSync(descriptor, Buffer.from([is ? 1 : 0, 0, 0, 0]), 0, 4, 0);
  return {
    environment: { LD_PRELOAD: build(), SEALWRIGHT_FAULT: file, SEALWRIGHT_FAULT_NOTES: noted },
    arm: ({ call, path, how, skip = 0, times = -1 }) => {
      armed(false);
      const order = Buffer.alloc(folderAt - callAt);
      order.write(call, 0);
      order.write(path, pathAt - callAt);
      writeSync(descriptor, order, 0, order.length, callAt);
      const error = how === 'short' || how === 'slow' ? 0 : constants.errno[how];
      writeSync(descriptor, Buffer.from(Int32Array.of(hows[how], error, skip, times, 0).buffer), 0, 20, 4);
      armed(true);
    },
    disarm: () => armed(false),
    hits: () => {
      const count = Buffer.alloc(4);
      readSync(descriptor, count, 0, 4, hitsAt);
      return count.readInt32LE();
    },
    stepClock: (offsetMs) => void writeSync(descriptor, Buffer.from(BigInt64Array.of(BigInt(offsetMs)).buffer), 0, 8, clockAt),
    notes: () => (existsSync(noted) ? readFileSync(noted, 'utf8').split('\n').slice(0, -1) : []),
    remove: () => {
      closeSync(descriptor);
      rmSync(own, { recursive: true, force: true });
    },
  };
};
