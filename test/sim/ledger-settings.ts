// Where the ledger of a simulated envelope lies, and how large the segments of its journal are: small, so that they fill up.
// Contract: the same for all envelopes of a run.

export const ledgerFolder = '/data/ledger';

export const ledgerSettings = {
  directory: ledgerFolder,
  privateDirectory: '/data/private',
  stateDirectory: '/data/state',
  deploymentName: 'sim',
  retentionClass: 'standard',
  environment: 'development',
  deployment: 'laptop',
  release: 'none',
  segmentBytes: 512 * 1024,
  knownCheckpoints: [],
};
