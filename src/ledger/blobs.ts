// What is too long for a record lies beside the logs in `blobs/`, named by its digest, which a record names.
// Durable before the digest is given; what cannot be kept has no digest, and the caller says so.

import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { Disk } from '../disk/disk.ts';

/** A function that keeps bytes in the ledger folder and answers `sha256:HEX` of them; null when the disk refused. */
export const createBlobs =
  (disk: Pick<Disk, 'replaceFiles'>, ledgerDirectory: string) =>
  async (bytes: Uint8Array): Promise<string | null> => {
    const hex = createHash('sha256').update(bytes).digest('hex');
    const kept = await disk.replaceFiles([{ path: join(ledgerDirectory, 'blobs', hex), bytes }]).then(
      () => true,
      () => false,
    );
    return kept ? `sha256:${hex}` : null;
  };
