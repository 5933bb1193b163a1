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
  unwantedBodyMs: 5_000,
  clientSilenceMs: 60_000,
  connectionIdleMs: 75_000,
  connectionsCount: 4_096,
  drainMs: 20_000,
  drainLookMs: 50,
  // wire formats
  jsonDepth: 200,
  jsonNodesCount: 500_000,
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
  drainedBytes: 16 * KIB,
  drainedMs: 1_000,
  // invocations
  leaseMs: 30_000,
  heartbeatMs: 10_000,
  openInvocationsCount: 10_000,
  openToolCallsPerInvocationCount: 4_096,
  controlBodyBytes: 2 * MIB,
  controlBodiesBytes: 32 * MIB,
  taskCharacters: 500,
  reportedBytes: 512,
  reportedFactsBytes: 48 * KIB,
  unidentifiedSourcesPerMinuteCount: 64,
  // records
  leafBytes: 65_535,
  listInRecordCount: 64,
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
  unpublishedBytes: 64 * MIB,
  diskRetryMs: 1_000,
  // config and runner
  configBytes: MIB,
  policyFileBytes: 256 * KIB,
  policyFilesCount: 256,
  decisionsCachedCount: 4_096,
  filesWatchedCount: 50_000,
  commitsListedCount: 64,
  fileHashedBytes: 64 * MIB,
  filesListedBytes: 32 * KIB,
  programHashedBytes: 1_024 * MIB,
  digestsCachedCount: 64,
  gitTextBytes: 8 * MIB,
  gitCommitBytes: MIB,
  gitDeltasCount: 256,
  gitPacksCount: 512,
  gitReadsCount: 100_000,
  controlAnswerMs: 10_000,
  agentStopMs: 5_000,
} as const;

export type LimitName = keyof typeof limits;
