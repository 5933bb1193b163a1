// The journal on disk: preallocated, zero-filled segments that hold batches one after the other; the next segment is made ahead of need.
// Contract: `write` resolves when the batch is durable in a file that is still the one at its path, and no other process can have read the journal before.
// One call at a time.
// Fails by rejecting, or by calling `lost`: after that nothing more may be written, because nobody knows what the disk has.
// Only where space is missing for the next segment, of which nothing was promised yet, that shows in `next` instead.

import type { Clock } from '../core/clock.ts';
import { limits } from '../core/limits.ts';
import { diskErrorName, isDiskFull, type Disk, type DiskFile } from '../disk/disk.ts';

const segmentForm = /^seg-([0-9a-f]{16})\.wal$/;
const readyName = 'next.wal';
const unfinishedName = 'next.tmp';
const chunkBytes = 1024 * 1024;
/** What a disk writes at least. */
const sectorBytes = 512;

export const lockLost =
  'the lock of the ledger was deleted or replaced, so that another process may write to it: find out who changes the folder, then restart';

export const segmentName = (firstLsn: number): string => `seg-${firstLsn.toString(16).padStart(16, '0')}.wal`;

/** The first LSN that a file name of the journal promises; null for other files. */
export const segmentFirstLsn = (name: string): number | null => {
  const [, lsn] = segmentForm.exec(name) ?? [];
  return lsn === undefined ? null : Number.parseInt(lsn, 16);
};

const nameBytes = segmentName(0).length;

/**
 * What says durably which segment is the newest, so that one that somebody took is missed. Always of one length, because it is overwritten in place; and
 * twice, so that a writing that broke off leaves one of the two names whole.
 */
export const newestText = (name: string | null): Uint8Array => Buffer.from(`${(name ?? '').padEnd(nameBytes)}\n`.repeat(2));

/** The names of which one is the newest segment; empty where there was none before the writing that broke off, or at all. */
export const newestNames = (text: Uint8Array | null): readonly string[] => {
  const said = Buffer.from(text ?? []).toString('latin1');
  const names = [said.slice(0, nameBytes), said.slice(nameBytes + 1, 2 * nameBytes + 1)].map((name) => name.trim());
  return names.includes('') ? [] : names;
};

export interface Journal {
  /** Bytes left in the current segment; 0 before the first. */
  readonly roomBytes: () => number;
  /** The next segment; `full` means that there is no space for it, which is tried again every `limits.diskRetryMs`. */
  readonly next: () => 'ready' | 'preparing' | 'full';
  /** Resolves when `next` is no longer `preparing`. */
  readonly prepared: () => Promise<void>;
  /** Goes on in the next segment, which must be ready and whose first record will have this LSN. */
  readonly roll: (firstLsn: number) => Promise<void>;
  readonly write: (bytes: Uint8Array) => Promise<void>;
  /** Makes durable, behind the last batch, the zeros that are there already: it fails as `write` would, and changes nothing. One call at a time. */
  readonly tryDisk: () => Promise<void>;
  /** File name of the current segment, after the end of the last one; null before the first. It is there as long as there is a ledger. */
  readonly current: () => string | null;
  readonly close: () => Promise<void>;
}

/** A problem that ends writing: its message is a sentence for people. */
export class JournalLost extends Error {}

interface Segment {
  readonly name: string;
  readonly file: DiskFile;
  position: number;
}

export const createJournal = (
  settings: { readonly folder: string; readonly segmentBytes: number; readonly newestFile: string },
  {
    disk,
    clock,
    lost,
    isLocked,
  }: {
    readonly disk: Disk;
    readonly clock: Clock;
    readonly lost: (problem: string) => void;
    /** Whether nobody else can have taken over this journal. */
    readonly isLocked: () => boolean;
  },
): Journal => {
  const path = (name: string): string => `${settings.folder}/${name}`;
  let segment: Segment | null = null;
  let current: string | null = null;
  let state: 'ready' | 'preparing' | 'full' = 'preparing';
  let preparation: Promise<void> = Promise.resolve();
  let stopRetry = (): void => undefined;
  let closed = false;

  const isClosed = (): boolean => closed;

  const fill = async (): Promise<void> => {
    const file = await disk.createFile(path(unfinishedName));
    try {
      const zeros = new Uint8Array(Math.min(chunkBytes, settings.segmentBytes));
      for (let position = 0; position < settings.segmentBytes && !isClosed(); position += zeros.length) {
        await file.write(position, zeros.subarray(0, Math.min(zeros.length, settings.segmentBytes - position)));
        // Synced piece by piece, so that a commit in between never waits for a whole segment of zeros.
        await file.sync();
      }
    } finally {
      await file.close();
    }
    if (closed) return await disk.remove(path(unfinishedName));
    await disk.rename(path(unfinishedName), path(readyName));
    await disk.syncFolder(settings.folder);
  };

  const isReady = async (): Promise<boolean> => (await disk.sizeOf(path(readyName))) === settings.segmentBytes;

  const prepare = async (): Promise<void> => {
    try {
      if (!(await isReady())) await fill();
      state = 'ready';
    } catch (error) {
      state = 'full';
      await disk.remove(path(unfinishedName)).catch(() => undefined);
      if (!isDiskFull(error)) lost(`the next journal segment could not be made (${diskErrorName(error)}): check the disk, then restart`);
      else if (!closed)
        stopRetry = clock.after(limits.diskRetryMs, () => {
          preparation = prepare();
        });
    }
  };
  preparation = prepare();

  /** Needs no space, which may be what is missing. */
  const noteNewest = async (name: string): Promise<void> => {
    const file = await disk.openFile(settings.newestFile);
    if (file === null) throw new JournalLost('newest-segment vanished from the ledger: find out who removes files there, then restart');
    try {
      await file.write(0, newestText(name));
      await file.sync();
    } finally {
      await file.close();
    }
  };

  const lose = (what: string, error: unknown): never => {
    if (error instanceof JournalLost) throw error;
    // A segment is written in full beforehand, but a disk that never overwrites in place needs space even so.
    throw new JournalLost(
      isDiskFull(error)
        ? `${what} for lack of space: free space on the disk that holds the ledger, then restart`
        : `${what} (${diskErrorName(error)}): check the disk, then restart`,
    );
  };

  /** Durable at the end of the segment, in a file that is still the one at its path. */
  const put = async ({ file, name, position }: Segment, bytes: Uint8Array): Promise<void> => {
    await file.write(position, bytes);
    await file.sync();
    if (!(await file.isInPlace())) {
      throw new JournalLost(`${name} was deleted or replaced while it was written: find out who changes the journal, then restart`);
    }
    // Asked last: who took the lock before may have read the journal without this batch.
    if (!isLocked()) throw new JournalLost(lockLost);
  };

  return {
    roomBytes: () => (segment === null ? 0 : settings.segmentBytes - segment.position),
    next: () => state,
    prepared: () => preparation,
    current: () => current,
    roll: async (firstLsn) => {
      const name = segmentName(firstLsn);
      try {
        await segment?.file.close();
        await disk.rename(path(readyName), path(name));
        await disk.syncFolder(settings.folder);
        // Before anything is written to it: from here on its absence is a loss.
        await noteNewest(name);
        const file = await disk.openFile(path(name));
        if (file === null) throw new JournalLost(`${name} vanished from the journal: find out who removes files there, then restart`);
        segment = { name, file, position: 0 };
        current = name;
      } catch (error) {
        lose('the journal could not go on in its next segment', error);
      }
      state = 'preparing';
      preparation = prepare();
    },
    write: async (bytes) => {
      if (segment === null) throw new JournalLost('the journal has no segment');
      try {
        await put(segment, bytes);
        segment.position += bytes.length;
      } catch (error) {
        lose('a batch could not be made durable', error);
      }
    },
    tryDisk: async () => {
      if (segment === null || settings.segmentBytes - segment.position < sectorBytes) return;
      try {
        await put(segment, new Uint8Array(sectorBytes));
      } catch (error) {
        lose('the disk could not be written', error);
      }
    },
    close: async () => {
      closed = true;
      stopRetry();
      await preparation;
      await segment?.file.close().catch(() => undefined);
      segment = null;
    },
  };
};
