// What one run was, from its records: who, which agent, where, how long, how it ended, what it did and left behind.
// Pure; members of any shape. What no record says is null. What the closed record counts is compared with the records where all of them are here.

import { goesOn, type Decision } from '../core/decision.ts';
import type { Cost } from '../core/price.ts';
import { createCounting, isError, type Totals } from '../core/totals.ts';
import type { StoredRecord } from './reader.ts';
import { at, endings, plain, type Members } from './record-line.ts';

export interface RunSummary {
  readonly invocationId: string | null;
  readonly userId: string | null;
  readonly userAssurance: string | null;
  readonly userIssuer: string | null;
  readonly agent: string | null;
  readonly agentVersion: string | null;
  readonly agentClient: string | null;
  readonly agentDigest: string | null;
  readonly role: string | null;
  readonly dataClassification: string | null;
  readonly purpose: string | null;
  readonly taskDigest: string | null;
  readonly containment: string | null;
  /** Name of the deployment, as the logs are called. */
  readonly deploymentName: string | null;
  readonly deployment: string | null;
  readonly environment: string | null;
  readonly program: string | null;
  /** More than one where it changed while the run was open. */
  readonly releases: readonly string[];
  /** What the client calls its sessions: claims. */
  readonly sessions: readonly string[];
  readonly startedAt: string | null;
  readonly durationMs: number | null;
  /** A sentence; null while nothing says that it ended. */
  readonly ended: string | null;
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly totals: Totals;
  /** `records`: no closed record counts the whole run, so its records were counted. */
  readonly countedFrom: 'closed record' | 'records';
  /** Where the closed record and the records do not agree, in a sentence. */
  readonly disagreement: string | null;
  readonly commits: readonly string[];
  /** How many more there are than `commits`. */
  readonly commitsMore: number;
  /** Null where nobody looked. */
  readonly filesChanged: number | null;
  /** Changed files that start programs outside the jail, each with what starts them. */
  readonly hostPrograms: readonly { readonly path: string; readonly runsWith: string | null }[];
  /** How many more there are than `hostPrograms`. */
  readonly hostProgramsMore: number;
  /** What of `head`, `commits` and `files` the runner could not read, or not to the end. */
  readonly unread: readonly string[];
  readonly findings: readonly string[];
}

const listed = 64;

const text = (value: unknown): string | null => (typeof value === 'string' && value !== '' ? plain(value) : null);
const count = (value: unknown): number | null => (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : null);
const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

/** Each once, in the order in which they come; at most as many as anyone reads. */
const distinct = (values: readonly (string | null)[]): readonly string[] =>
  [...new Set(values.filter((value) => value !== null))].slice(0, listed);

const isPermitted = (decision: unknown): boolean => {
  const { verdict, mode } = typeof decision === 'object' && decision !== null ? (decision as Partial<Decision>) : {};
  return goesOn({ verdict: verdict ?? 'deny', mode: mode ?? 'enforce' });
};

const costOf = (value: unknown): Cost | null => {
  const { currency, amount } = typeof value === 'object' && value !== null ? (value as Members) : {};
  return typeof currency === 'string' && typeof amount === 'string' ? { currency, amount } : null;
};

const crossingTypes = ['model_request', 'tool_call', 'network_connection'] as const;

/** Counts what the records of a run say, as the envelope counts while it runs. */
export const totalsOf = (records: readonly StoredRecord[]): Totals => {
  const counting = createCounting('opening');
  const operations = new Map<unknown, string>();
  for (const { members } of records) {
    const { kind, action_type: action, decision, log_id: id, operation } = members;
    if (kind !== 'decision' || !(crossingTypes as readonly unknown[]).includes(action)) continue;
    const isTool = action === 'tool_call';
    if (!isPermitted(decision)) counting.denied(isTool);
    else if (action === 'network_connection') counting.passed({ connection: true });
    else if (isTool) counting.passed({ tool: plain(at(members, 'tool', 'name') ?? '?') });
    else {
      operations.set(id, plain(operation ?? ''));
      counting.passed({ model: plain(operation ?? '') });
    }
  }
  for (const { members } of records) {
    const operation = members['kind'] === 'outcome' ? operations.get(members['decision_log_id']) : undefined;
    if (operation === undefined) continue;
    // A second outcome of the same decision counts nothing.
    operations.delete(members['decision_log_id']);
    counting.modelEnded(operation, {
      inputTokenCount: count(members['input_token_count']),
      cachedInputTokenCount: count(members['cached_input_token_count']),
      outputTokenCount: count(members['output_token_count']),
      cost: costOf(members['cost']),
      refusedByProvider: isError(members['upstream_status']),
    });
  }
  return counting.totals();
};

const named = (value: unknown): Totals['tools_used'] =>
  list(value).flatMap((tool) => {
    const { name, count: times } = typeof tool === 'object' && tool !== null ? (tool as Members) : {};
    const [known, calls] = [text(name), count(times)];
    return known === null || calls === null ? [] : [{ name: known, count: calls }];
  });

/** The totals of a closed record; null where it has none in full, as those of earlier versions. */
const recordedTotals = (closed: Members): Totals | null => {
  const of = (name: string): unknown => at(closed, 'totals', name);
  const [crossings, denials, deniedAsText] = [count(of('crossings')), count(of('denials')), count(of('denied_as_text'))];
  const [modelCalls, toolCalls] = [count(of('model_calls')), count(of('tool_calls'))];
  if (crossings === null || denials === null || deniedAsText === null || modelCalls === null || toolCalls === null) return null;
  const more = count(at(closed, 'totals', 'truncated', 'tools_used'));
  const costs = of('cost');
  return {
    crossings,
    denials,
    denied_as_text: deniedAsText,
    model_calls: modelCalls,
    tool_calls: toolCalls,
    connections: count(of('connections')) ?? 0,
    input_token_count: count(of('input_token_count')),
    cached_input_token_count: count(of('cached_input_token_count')),
    output_token_count: count(of('output_token_count')),
    tools_used: named(of('tools_used')).slice(0, listed),
    cost: Array.isArray(costs)
      ? list(costs)
          .flatMap((cost) => costOf(cost) ?? [])
          .slice(0, listed)
      : null,
    calls_without_cost: count(of('calls_without_cost')) ?? 0,
    since: of('since') === 'restart' ? 'restart' : 'opening',
    ...(more !== null && more > 0 && { truncated: { tools_used: more } }),
  };
};

const compared = ['model_calls', 'tool_calls', 'denials'] as const;

/** What the closed record says that the records do not. */
const disagreementOf = (recorded: Totals, found: Totals): string | null => {
  const differing = compared.filter((name) => recorded[name] !== found[name]);
  if (differing.length === 0) return null;
  const said = differing.map((name) => `${recorded[name]} ${name.replace('_', ' ')} where the records here are of ${found[name]}`);
  return `The closed record counts ${said.join(', and ')}.`;
};

const endOf = ({ ended, error_message: message }: Members): string => {
  const why = ended === 'closed' ? 'closed by its runner' : (endings.get(ended) ?? text(ended) ?? 'for an unknown reason');
  return text(message) === null ? why : `${why}: ${text(message)}`;
};

const findingOf = ({ members }: StoredRecord): readonly string[] =>
  members['kind'] === 'finding' ? [plain(at(members, 'finding', 'sentence') ?? at(members, 'finding', 'code') ?? 'a finding')] : [];

/** From the first record to the last; null where their times are none. */
const spanOf = (records: readonly StoredRecord[]): number | null => {
  const times = records.flatMap(({ members: { timestamp } }) => (typeof timestamp === 'string' ? Date.parse(timestamp) : []));
  const known = times.filter(Number.isFinite).toSorted((a, b) => a - b);
  return known.length === 0 ? null : (known.at(-1) ?? 0) - (known[0] ?? 0);
};

type LeftBehind = Pick<RunSummary, 'commits' | 'commitsMore' | 'filesChanged' | 'hostPrograms' | 'hostProgramsMore' | 'unread'>;

const leftBehind = (closed: Members): LeftBehind => {
  const commits = list(at(closed, 'run', 'git', 'commits_made'));
  const programs = list(at(closed, 'run', 'host_programs'));
  const files = at(closed, 'run', 'files_changed');
  const truncated = (name: string): number => count(at(closed, 'run', 'truncated', name)) ?? 0;
  const unread = list(at(closed, 'run', 'not_read')).flatMap((each) =>
    typeof each === 'object' && each !== null ? (text((each as Members)['what']) ?? []) : [],
  );
  const listedFiles = list(files).length + truncated('files_changed');
  const shown = commits.flatMap((commit) => text(commit) ?? []).slice(0, listed);
  const hostPrograms = programs.slice(0, listed).flatMap((each) => {
    const { path, runs_with: by } = typeof each === 'object' && each !== null ? (each as Members) : {};
    const named = text(path);
    return named === null ? [] : [{ path: named, runsWith: text(by) }];
  });
  return {
    commits: shown,
    commitsMore: commits.length - shown.length + truncated('git.commits_made'),
    // An empty list of files that nobody could read says nothing.
    filesChanged: Array.isArray(files) && (listedFiles > 0 || !unread.includes('files')) ? listedFiles : null,
    hostPrograms,
    hostProgramsMore: programs.length - hostPrograms.length + truncated('host_programs'),
    unread: unread.slice(0, listed),
  };
};

/** `isWhole`: all records of the run that the ledger has are among `records`. */
export const summaryOf = (records: readonly StoredRecord[], isWhole: boolean): RunSummary => {
  const first = (kind: string): StoredRecord | undefined => records.find(({ members }) => members['kind'] === kind);
  const any = records.find(({ members }) => members['user_id'] !== undefined) ?? records[0];
  const opened = first('opened')?.members ?? any?.members ?? {};
  const closed = first('closed')?.members ?? {};
  const [recorded, found] = [recordedTotals(closed), totalsOf(records)];
  const trusted = recorded?.since === 'opening' || (recorded !== null && !isWhole);
  return {
    invocationId: text(opened['invocation_id']),
    userId: text(opened['user_id']),
    userAssurance: text(opened['user_assurance']),
    userIssuer: text(opened['user_issuer']),
    agent: text(opened['agent_id']),
    agentVersion: text(opened['agent_version']),
    agentClient: text(opened['agent_client']),
    agentDigest: text(opened['agent_digest']),
    role: text(opened['agent_role']),
    dataClassification: text(opened['data_classification']),
    purpose: text(opened['purpose']),
    taskDigest: text(opened['task']),
    containment: text(opened['containment']),
    deploymentName: text(any?.origin.split('/')[0]),
    deployment: text(opened['deployment']),
    environment: text(opened['environment']),
    program: text(at(opened, 'run', 'program')),
    releases: distinct(records.map(({ members }) => text(members['release']))),
    sessions: distinct(records.map(({ members }) => text(members['session_id']))),
    startedAt: text(opened['timestamp']),
    durationMs: count(closed['duration_ms']) ?? spanOf(records),
    ended: first('closed') === undefined ? null : endOf(closed),
    exitCode: count(at(closed, 'run', 'exit_code')),
    signal: text(at(closed, 'run', 'signal')),
    totals: trusted && recorded !== null ? recorded : found,
    countedFrom: trusted ? 'closed record' : 'records',
    disagreement: isWhole && recorded?.since === 'opening' ? disagreementOf(recorded, found) : null,
    ...leftBehind(closed),
    findings: records.flatMap(findingOf).slice(0, listed),
  };
};
