// A ledger with a past: so many records that the first tiles and bundles of its logs fill up while the run goes on.
// Contract: made on a disk that gives no trouble, closed in order, and known to the evidence like everything later. Rejects never.

import { uuidv7 } from '../../src/core/identifier.ts';
import { createDisk } from '../../src/disk/disk.ts';
import { isLedgerProblem, openLedger } from '../../src/ledger/ledger.ts';
import { ledgerSettings } from './ledger-settings.ts';
import type { Evidence } from './evidence.ts';
import type { MemoryDisk } from './memory-disk.ts';
import { systemOver } from './memory-system.ts';
import type { Chance, Life } from './schedule.ts';
import { watchDisk } from './watched-disk.ts';

/** Up to one less than a tile is wide. */
const fewest = 225;
const most = 255;

/** Writes it and closes it; what it leaves is what the first life finds. */
export const writePast = async (disk: MemoryDisk, evidence: Evidence, chance: Chance, { clock }: Life): Promise<void> => {
  const past = createDisk(systemOver(watchDisk(disk, evidence), (bytes) => bytes));
  const ledger = await openLedger(ledgerSettings, { disk: past, clock, random: chance });
  if (isLedgerProblem(ledger)) throw new Error(ledger.problem);
  const timestamp = new Date(clock.wallMs()).toISOString();
  for (const stream of ['agent', 'model'] as const)
    await Promise.all(
      Array.from({ length: chance.between(fewest, most) }, () =>
        ledger.append({ log_id: uuidv7(clock, chance), timestamp, stream, kind: 'finding', source: 'envelope' }),
      ),
    );
  await ledger.close();
};
