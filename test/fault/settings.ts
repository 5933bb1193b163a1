// Settings of the ledger that the fault tests kill and read again.
// Segments are small, so that many are filled and removed in a short life.

import { join } from 'node:path';
import type { LedgerSettings } from '../../src/ledger/ledger.ts';

export const faultSettings = (folder: string): LedgerSettings => ({
  directory: join(folder, 'ledger'),
  privateDirectory: join(folder, 'private'),
  stateDirectory: join(folder, 'state'),
  deploymentName: 'local',
  retentionClass: 'standard',
  environment: 'development',
  deployment: 'laptop',
  release: 'sha256:0',
  segmentBytes: 512 * 1024,
  knownCheckpoints: [],
});
