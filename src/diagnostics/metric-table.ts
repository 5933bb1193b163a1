// Every metric that the envelope shows: name, type, labels and meaning, as the exposition and the reference page have it.
// Labels take their values from closed sets or from the config alone: never an id, a person, or a name that a caller chose.

export type MetricType = 'counter' | 'gauge' | 'histogram' | 'info';

export interface MetricRow {
  readonly type: MetricType;
  readonly labels: readonly string[];
  readonly help: string;
}

const counter = (help: string, ...labels: readonly string[]): MetricRow => ({ type: 'counter', labels, help });
const gauge = (help: string, ...labels: readonly string[]): MetricRow => ({ type: 'gauge', labels, help });
const histogram = (help: string, ...labels: readonly string[]): MetricRow => ({ type: 'histogram', labels, help });
const info = (help: string, ...labels: readonly string[]): MetricRow => ({ type: 'info', labels, help });

/** Counted where crossings pass. Counters without `_total` and infos without `_info`, which the exposition adds. */
export const crossingMetrics = {
  sealwright_crossings: counter(
    'Crossings that are over, by what they were, the verdict, whether it was enforced, and what became of them.',
    'action',
    'verdict',
    'mode',
    'result',
  ),
  sealwright_denials: counter('Denials by code.', 'denial'),
  sealwright_request_duration_seconds: histogram('From acceptance to the end of a crossing.', 'action'),
  sealwright_stage_duration_seconds: histogram('Time that a stage of the gate took.', 'stage'),
  sealwright_time_to_first_byte_seconds: histogram(
    'From acceptance to the first byte that the caller was given of an answer.',
    'streaming',
  ),
  sealwright_upstream_duration_seconds: histogram('From handing a model request on to the end of the answer.', 'endpoint'),
  sealwright_upstream_response_seconds: histogram('From handing a model request on to the head of the answer.', 'endpoint'),
  sealwright_upstream_responses: counter('Answers of endpoints by class of status, and failures to get one.', 'endpoint', 'status'),
  sealwright_upstream_attempts: counter('Attempts to reach an endpoint.', 'endpoint'),
  sealwright_sent_bytes: counter('Bytes that crossings sent out.', 'action'),
  sealwright_received_bytes: counter('Bytes that came back to crossings.', 'action'),
  sealwright_tokens: counter('Units that providers counted, by pin of the model.', 'model', 'kind'),
  sealwright_unrecorded: counter('Records of crossings that could not be made durable, by reason.', 'reason'),
  sealwright_turned_away: counter('Callers who were turned away before there was a crossing, by listener.', 'listener'),
  sealwright_diagnostic_lines_dropped: counter('Diagnostic lines that were not written, by reason.', 'reason'),
} as const satisfies Readonly<Record<string, MetricRow>>;

/** Looked at when somebody asks. */
export const standingMetrics = {
  sealwright_build: info('Version of the package, and the release that decides.', 'version', 'release', 'environment', 'deployment'),
  sealwright_ready: gauge('1 where the envelope can serve, as `/readyz` says.'),
  sealwright_crossings_under_way: gauge('Crossings that are under way, by kind.', 'kind'),
  sealwright_open_invocations: gauge('Invocations that are open.'),
  sealwright_open_connections: gauge('Connections that are open, by listener.', 'listener'),
  sealwright_bodies_in_flight_bytes: gauge('Memory that bodies under way take.'),
  sealwright_stops_in_force: gauge('Stops that are in force.'),
  sealwright_ledger_state: gauge('1 for the state that the ledger is in, 0 for the others.', 'state'),
  sealwright_ledger_records: counter('Records that became durable.'),
  sealwright_ledger_commits: counter('Batches that became durable.'),
  sealwright_ledger_commit_duration_seconds: histogram('Time that a batch took to become durable.'),
  sealwright_ledger_queued_entries: gauge('Records that wait to become durable.'),
  sealwright_ledger_oldest_wait_seconds: gauge('How long the oldest of them has waited.'),
  sealwright_ledger_unpublished_bytes: gauge('What is durable in the journal and not yet in the logs.'),
  sealwright_ledger_checkpoint_age_seconds: gauge('Time since a checkpoint was last published; it also grows while nothing is recorded.'),
  process_cpu_seconds: counter('Total user and system CPU time spent in seconds.'),
  process_resident_memory_bytes: gauge('Resident memory size in bytes.'),
  process_virtual_memory_bytes: gauge('Virtual memory size in bytes.'),
  process_start_time_seconds: gauge('Start time of the process since unix epoch in seconds.'),
  process_open_fds: gauge('Number of open file descriptors.'),
  process_max_fds: gauge('Maximum number of open file descriptors.'),
  nodejs_version: info('Node.js version.', 'version'),
  nodejs_eventloop_lag_mean_seconds: gauge('The mean of the event loop delays since the last scrape.'),
  nodejs_eventloop_lag_p50_seconds: gauge('The 50th percentile of the event loop delays since the last scrape.'),
  nodejs_eventloop_lag_p99_seconds: gauge('The 99th percentile of the event loop delays since the last scrape.'),
  nodejs_eventloop_lag_max_seconds: gauge('The longest of the event loop delays since the last scrape.'),
  nodejs_heap_size_total_bytes: gauge('Process heap size from Node.js in bytes.'),
  nodejs_heap_size_used_bytes: gauge('Process heap size used from Node.js in bytes.'),
  nodejs_external_memory_bytes: gauge('Node.js external memory size in bytes.'),
} as const satisfies Readonly<Record<string, MetricRow>>;

export type CrossingMetric = keyof typeof crossingMetrics;
export type StandingMetric = keyof typeof standingMetrics;

export const metricTable: Readonly<Record<CrossingMetric | StandingMetric, MetricRow>> = { ...crossingMetrics, ...standingMetrics };
