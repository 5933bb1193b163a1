// What a person wants to know of a run first, as pairs of a name and a text: the same on a terminal and in a page.
// Pure. What no record says is left out.

import { shownCost } from '../core/price.ts';
import type { RunSummary } from '../ledger/reading.ts';

export interface Fact {
  readonly name: string;
  readonly value: string;
}

export const grouped = (count: number): string => String(count).replaceAll(/\B(?=(?:\d{3})+$)/g, ',');

const plural = (count: number, one: string, many: string): string => `${grouped(count)} ${count === 1 ? one : many}`;

/** Such as `31 min 4 s`. */
export const shownDuration = (ms: number): string => {
  const seconds = Math.floor(ms / 1_000);
  const [hours, minutes] = [Math.floor(seconds / 3_600), Math.floor(seconds / 60) % 60];
  if (hours > 0) return `${grouped(hours)} h ${minutes} min`;
  if (minutes > 0) return `${minutes} min ${seconds % 60} s`;
  return ms < 1_000 ? `${ms} ms` : `${(ms / 1_000).toFixed(1)} s`;
};

/** Since the start, such as `+1:02.345`. */
export const shownSince = (ms: number | null): string => {
  if (ms === null) return '+?';
  const [sign, all] = [ms < 0 ? '-' : '+', Math.abs(ms)];
  const [hours, minutes, seconds] = [Math.floor(all / 3_600_000), Math.floor(all / 60_000) % 60, (all % 60_000) / 1_000];
  const clock = `${hours > 0 ? String(minutes).padStart(2, '0') : minutes}:${seconds.toFixed(3).padStart(6, '0')}`;
  return `${sign}${hours > 0 ? `${hours}:` : ''}${clock}`;
};

const digest = (hex: string | null): string | null => hex && `sha256 ${hex.slice(0, 12)}…`;

const joined = (...parts: readonly (string | null)[]): string => parts.filter((part) => part !== null && part !== '').join(' · ');

const ending = ({ ended, exitCode, signal }: RunSummary): string => {
  if (ended === null) return 'still open, or its end is not in this ledger';
  return joined(ended, signal === null ? null : `killed by ${signal}`, exitCode === null ? null : `exit code ${exitCode}`);
};

const counted = ({ totals }: RunSummary): string => {
  const { input_token_count: input, cached_input_token_count: cached, output_token_count: output } = totals;
  if (input === null && output === null) return '';
  const fromCache = cached === null || cached === 0 ? '' : ` (${grouped(cached)} of it from a cache)`;
  return joined(`${input === null ? '?' : grouped(input)} in${fromCache}`, `${output === null ? '?' : grouped(output)} out`);
};

export const shownCosts = ({ totals: { cost, calls_without_cost: unknown } }: RunSummary): string => {
  if (cost === null || cost.length === 0) return '';
  const more = unknown === 0 ? null : `and of ${plural(unknown, 'call', 'calls')} unknown`;
  return joined(cost.map(shownCost).join(' + '), more);
};

const calls = ({ totals, countedFrom }: RunSummary): string =>
  joined(
    plural(totals.model_calls, 'model call', 'model calls'),
    plural(totals.tool_calls, 'tool call', 'tool calls'),
    totals.connections === 0 ? null : plural(totals.connections, 'connection', 'connections'),
    `${grouped(totals.denials)} denied`,
    countedFrom === 'records' ? 'counted from the records' : null,
    totals.since === 'restart' ? 'from the restart of the envelope on' : null,
  );

const tools = ({ totals: { tools_used: used, truncated } }: RunSummary): string =>
  [
    ...used.map(({ name, count }) => `${name} ${grouped(count)}`),
    ...(truncated === undefined ? [] : [`${plural(truncated.tools_used, 'call', 'calls')} of others`]),
  ].join(', ');

/** What the runner could not see is not the same as nothing. */
const ifUnread = (what: string, { unread }: RunSummary): string => (unread.includes(what) ? 'not all could be read' : '');

const commits = (run: RunSummary): string => {
  const { commits: made, commitsMore } = run;
  if (made.length === 0) return '';
  const shown = made.slice(0, 8).map((commit) => commit.slice(0, 12));
  const left = made.length + commitsMore - shown.length;
  return joined(
    `${grouped(made.length + commitsMore)}: ${shown.join(', ')}${left === 0 ? '' : `, and ${grouped(left)} more`}`,
    ifUnread('commits', run),
  );
};

const hostPrograms = ({ hostPrograms: programs, hostProgramsMore: more }: RunSummary): string => {
  if (programs.length === 0) return '';
  const shown = programs.slice(0, 8).map(({ path, runsWith }) => `${path}${runsWith === null ? '' : ` (${runsWith})`}`);
  const left = programs.length + more - shown.length;
  return `${shown.join(', ')}${left === 0 ? '' : `, and ${grouped(left)} more`}`;
};

/** `tools` stands in a table of its own where there is room for one. */
export const factsOf = (run: RunSummary): readonly Fact[] => {
  const facts: readonly (readonly [string, string | null])[] = [
    ['who', joined(run.userId, run.userAssurance, run.userIssuer)],
    [
      'agent',
      joined(
        run.agent,
        run.agentVersion && `version ${run.agentVersion}`,
        run.agentClient && `client ${run.agentClient}`,
        digest(run.agentDigest),
      ),
    ],
    ['role', joined(run.role, run.dataClassification && `data ${run.dataClassification}`, run.purpose)],
    ['task', run.taskDigest && `keyed digest ${run.taskDigest.slice(0, 12)}…`],
    ['containment', run.containment],
    ['where', joined(run.deploymentName, run.deployment, run.environment, run.program && `program ${run.program}`)],
    ['release', run.releases.join(', ')],
    ['sessions', run.sessions.length === 0 ? '' : joined(run.sessions.slice(0, 4).join(', '), 'as the client says')],
    ['started', run.startedAt],
    ['took', run.durationMs === null ? null : shownDuration(run.durationMs)],
    ['ended', ending(run)],
    ['calls', calls(run)],
    ['tokens', counted(run)],
    ['cost', shownCosts(run)],
    ['tools', tools(run)],
    ['commits', commits(run)],
    ['files', run.filesChanged === null ? null : joined(`${plural(run.filesChanged, 'file', 'files')} changed`, ifUnread('files', run))],
    ['runs later', hostPrograms(run)],
  ];
  return facts.flatMap(([name, value]) => (value === null || value === '' ? [] : [{ name, value }]));
};
