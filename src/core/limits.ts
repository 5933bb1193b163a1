// Everything that grows has its bound here; the unit is the last part of the name.
// A bound that is reached is a denial or a `truncated: n` in a record, never a silent cut.

const KIB = 1024;
const MIB = 1024 * KIB;

export const limits = {
  // doors
  requestBodyBytes: 32 * MIB,
  bodiesInFlightBytes: 128 * MIB,
  /** What a request takes beside its body, from when it is read to the end of its answer; counted with it. */
  requestOverheadBytes: 64 * KIB,
  headerBytes: 32 * KIB,
  headerCount: 200,
  headersArriveMs: 10_000,
  preambleBytes: 256,
  requestArrivesMs: 60_000,
  unwantedBodyMs: 5_000,
  clientSilenceMs: 60_000,
  connectionIdleMs: 75_000,
  connectionsCount: 4_096,
  /** A connection that came so short a time ago may have spoken already, and not been heard yet. */
  firstWordMs: 100,
  /** Connections beyond those that are answered that there are too many. */
  surplusConnectionsCount: 256,
  tunnelsUnderWayCount: 3_840,
  drainMs: 20_000,
  /** What has not ended this long before the rest is broken is ended with a sentence. */
  drainNoticeMs: 3_000,
  drainLookMs: 50,
  clientHelloBytes: 16 * KIB,
  clientHelloMs: 5_000,
  /** How long a tunnel may carry nothing once one of its directions has ended. */
  halfOpenMs: 60_000,
  /** From here on a label of a name that a wildcard permits could carry something out; so many bits a character only where chance chose them. */
  plainLabelCharacters: 40,
  randomLabelCharacters: 20,
  certificateLookMs: 10_000,
  // wire formats
  jsonDepth: 200,
  jsonNodesCount: 500_000,
  rememberedBodyBytes: 4 * MIB,
  rememberedBodiesBytes: 64 * MIB,
  answerBodyBytes: 32 * MIB,
  streamEventBytes: 8 * MIB,
  heldBlockBytes: 16 * MIB,
  /** What holding an event back takes beside its bytes; counted with them. */
  heldEventBytes: 256,
  toolsOfferedCount: 1_024,
  toolCallsPerAnswerCount: 256,
  outputItemsCount: 4_096,
  choicesPerAnswerCount: 128,
  labelCharacters: 128,
  /** What Codex says of one turn, beside what else its header fields hold. */
  turnMetadataCharacters: 8 * KIB,
  // upstream
  connectMs: 10_000,
  /** Fewer than threads may ask for names, so that those of endpoints and issuers find one whatever agents ask for. */
  destinationLookupsCount: 24,
  proxyAnswerBytes: 16 * KIB,
  upstreamHeadersMs: 600_000,
  upstreamHeaderBytes: 16 * KIB,
  upstreamSilenceMs: 300_000,
  keepAliveMs: 10_000,
  upstreamAttemptsCount: 4,
  retryDelayMs: 500,
  retryAfterMs: 20_000,
  drainedBytes: 16 * KIB,
  drainedMs: 1_000,
  endpointCheckMs: 60_000,
  endpointCheckBytes: MIB,
  endpointCheckModelsCount: 4,
  // invocations
  leaseMs: 30_000,
  heartbeatMs: 10_000,
  /** So late a busy process comes to what is due; later than that it stood still. */
  heldUpMs: 5_000,
  openInvocationsCount: 10_000,
  openToolCallsPerInvocationCount: 4_096,
  deniedContentPerPersonCount: 1_024,
  deniedContentCount: 65_536,
  deniedContentUnsavedMs: 1_000,
  deniedContentFilesCount: 16_384,
  controlBodyBytes: 2 * MIB,
  controlBodiesBytes: 32 * MIB,
  taskCharacters: 500,
  deniedRecordsShownCount: 5,
  reportedBytes: 512,
  reportedFactsBytes: 48 * KIB,
  unidentifiedSourcesPerMinuteCount: 64,
  // identity
  credentialBytes: 16 * KIB,
  claimCharacters: 512,
  claimPathCount: 8,
  requiredClaimsCount: 16,
  groupsPerInvokerCount: 64,
  delegationChainCount: 4,
  keySetBytes: 256 * KIB,
  keysPerSetCount: 100,
  keySetFreshMs: 10 * 60_000,
  keySetStaleMs: 60 * 60_000,
  keySetCooldownMs: 10_000,
  identityAnswerMs: 5_000,
  assertionLifetimeSeconds: 300,
  assertionsRememberedCount: 100_000,
  assertionSkewSeconds: 30,
  keysTriedCount: 8,
  proofsCachedCount: 4_096,
  pseudonymsCachedCount: 16_384,
  stopsCount: 1_024,
  stopReasonCharacters: 200,
  proofGraceMs: 60_000,
  // signing in, on the machine of whoever runs agents
  credentialCommandMs: 30_000,
  clientKeyBytes: 64 * KIB,
  loginFileBytes: 128 * KIB,
  loginsCount: 64,
  loginMarginMs: 60_000,
  loginLockMs: 30_000,
  loginLockLookMs: 50,
  loginMs: 5 * 60_000,
  strayCallbacksCount: 32,
  redirectConnectionsCount: 32,
  deviceCodeMs: 30 * 60_000,
  devicePollMs: 60_000,
  issuerAnswerMs: 10_000,
  issuerAnswerBytes: 512 * KIB,
  // records
  leafBytes: 65_535,
  listInRecordCount: 64,
  sentenceCharacters: 500,
  // ledger
  batchEntriesCount: 1_024,
  batchBytes: 4 * MIB,
  queuedEntriesCount: 4_096,
  commitMs: 2_000,
  /** How often it is looked how long they have waited; a look that comes late does not count what it is late by. */
  commitLookMs: 250,
  segmentBytes: 64 * MIB,
  outcomeReserveBytes: MIB,
  checkpointEveryMs: 1_000,
  checkpointSetEveryMs: 10_000,
  unpublishedBytes: 64 * MIB,
  diskRetryMs: 1_000,
  /** Enough for a file system to join their syncs. Where the runtime has fewer threads for files, one less than these. */
  filesReplacedAtOnceCount: 8,
  /** How long one that takes a lock waits for another that came at the same moment to give way. */
  lockContentionMs: 250,
  /** Where the system says itself that an open file was moved or deleted: how often that is held against what stands at its path. */
  placeLookMs: 250,
  /** How often whoever asks whether it is ready may cause the disk to be tried. */
  diskLookMs: 10_000,
  // diagnostics
  /** Of lines that wait for whoever reads them. */
  diagnosticsWaitingBytes: MIB,
  unidentifiedLinesPerMinuteCount: 64,
  /** Combinations of labels of one metric. */
  metricSeriesCount: 1_000,
  // config and runner
  configBytes: MIB,
  trustedCertificatesBytes: MIB,
  policyFileBytes: 256 * KIB,
  policyFilesCount: 256,
  /** Steps of the deepest path through a policy: operators, and three for each bracket. The engine's stack holds about twice as many. */
  policyDepthCount: 180,
  policyTextsValidatedCount: 4_096,
  /** From so many on, what is common to all roles is a set of its own: asking one more set takes as long as 30 policies. */
  policiesSharedCount: 64,
  portsPerHostCount: 16,
  rangesPerHostCount: 64,
  privateRangesCount: 64,
  toolConditionsCount: 16,
  conditionValuesCount: 256,
  toolArgumentsCount: 128,
  toolArgumentNameCharacters: 128,
  toolArgumentCharacters: 4 * KIB,
  suggestionsCount: 1_024,
  decisionsCachedCount: 4_096,
  decisionsReplayedCount: 16_384,
  questionDepth: 16,
  questionReplayedCharacters: 4 * KIB,
  filesWatchedCount: 50_000,
  commitsListedCount: 1_024,
  fileHashedBytes: 64 * MIB,
  filesListedCount: 4_096,
  filesListedBytes: 256 * KIB,
  programHashedBytes: 1_024 * MIB,
  examinedRunMs: 120_000,
  examinedOutputCharacters: 1_000_000,
  /** From the start of what makes a jail to all its doors. */
  jailOpeningMs: 30_000,
  /** From the end of the agent to that of all it left. */
  jailEndingMs: 20_000,
  jailEndingLookMs: 5,
  /** A run touches its folder so often; one of another machine or container that was not touched for so long is taken to be over. */
  runTouchMs: 600_000,
  otherRunsStaleMs: 86_400_000,
  /** Threads count as processes here. */
  jailProcessesCount: 4_096,
  /** Of one jail to one door, at a time. */
  relayedConnectionsCount: 1_024,
  /** Of what a jail holds; more would be felt before each start. */
  socketsSoughtEntriesCount: 10_000,
  toolchainsCount: 64,
  hostProgramsListedCount: 100,
  /** Of one folder of hooks; git knows some thirty names. */
  gitHooksCount: 256,
  agentFilesCount: 4_096,
  carriedFileBytes: 64 * KIB,
  keptFileBytes: 16 * MIB,
  carriedFoldersCount: 16,
  digestsCachedCount: 64,
  digestsCachedTotalCount: 4_096,
  digestCacheBytes: 2 * MIB,
  fileSettledMs: 2_000,
  gitTextBytes: 8 * MIB,
  gitSettingsFilesCount: 32,
  /** Of values that may name a path. Each is looked at twice, while the lease runs. */
  gitWordsCount: 16_384,
  gitIndexBytes: 256 * MIB,
  gitRepositoriesCount: 64,
  /** In which modules of one repository are looked for. */
  gitModuleFoldersCount: 1_024,
  gitFiltersCount: 64,
  gitCommitBytes: MIB,
  gitDeltasCount: 256,
  gitPacksCount: 512,
  gitReadsCount: 100_000,
  controlAnswerMs: 10_000,
  agentStopMs: 5_000,
} as const;
