// Everything that grows has its bound here; the unit is the last part of the name.
// A bound that is reached is a denial or a `truncated: n` in a record, never a silent cut.

const KIB = 1024;
const MIB = 1024 * KIB;

export const limits = {
  // doors
  requestBodyBytes: 32 * MIB,
  bodiesInFlightBytes: 128 * MIB,
  headerBytes: 32 * KIB,
  headerCount: 200,
  headersArriveMs: 10_000,
  requestArrivesMs: 60_000,
  connectionIdleMs: 75_000,
  connectionsCount: 4_096,
  drainMs: 20_000,
  // wire formats
  jsonDepth: 200,
  answerBodyBytes: 32 * MIB,
  streamEventBytes: 8 * MIB,
  heldBlockBytes: 8 * MIB,
  toolsOfferedCount: 1_024,
  toolCallsPerAnswerCount: 256,
  labelCharacters: 128,
  // upstream
  connectMs: 10_000,
  upstreamHeadersMs: 600_000,
  upstreamSilenceMs: 300_000,
  // invocations
  leaseMs: 30_000,
  heartbeatMs: 10_000,
  openInvocationsCount: 10_000,
  openToolCallsPerInvocationCount: 4_096,
  controlBodyBytes: 2 * MIB,
  taskCharacters: 500,
  unidentifiedSourcesPerMinuteCount: 64,
  // records
  leafBytes: 65_535,
  listInRecordCount: 256,
  sentenceCharacters: 500,
  // ledger
  batchEntriesCount: 1_024,
  batchBytes: 4 * MIB,
  queuedEntriesCount: 4_096,
  commitMs: 2_000,
  segmentBytes: 64 * MIB,
  outcomeReserveBytes: MIB,
  checkpointEveryMs: 1_000,
  checkpointSetEveryMs: 10_000,
  // config and runner
  configBytes: MIB,
  policyFileBytes: 256 * KIB,
  filesWatchedCount: 50_000,
  commitsListedCount: 256,
  fileHashedBytes: 64 * MIB,
} as const;

export type LimitName = keyof typeof limits;
