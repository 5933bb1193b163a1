// The read side's face: what commands use to look into a ledger folder, live or copied, without the envelope.
// Reading does not verify; `verifyLedger` does, over the same files.

import { recordLine } from './record-line.ts';
import { summaryOf, type RunSummary } from './run-summary.ts';
import { timelineOf, type Row, type Timeline } from './timeline.ts';
import { searchRecords, usesOf, type Found, type RecordFilter, type Use } from './search.ts';
import { openLedger, recordAt, recordById, recordsOf, type Ledger, type StoredRecord } from './reader.ts';
import { proveRecord, verifyProof } from './proof.ts';
import { isNoteProblem, parseVkey } from './note.ts';
import { openFolder, verifyLedger } from './verifier.ts';

export type { Found, Ledger, RecordFilter, Row, RunSummary, StoredRecord, Timeline, Use };
export {
  isNoteProblem,
  openFolder,
  openLedger,
  parseVkey,
  proveRecord,
  recordAt,
  recordById,
  recordLine,
  recordsOf,
  searchRecords,
  summaryOf,
  timelineOf,
  usesOf,
  verifyLedger,
  verifyProof,
};
