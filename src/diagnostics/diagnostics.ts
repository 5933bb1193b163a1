// What whoever operates the envelope sees of it while it runs: one line a crossing, and metrics.
// It looks on from around the gate; nothing waits for it and nothing fails by it. The caller says where lines go and reads the standing.

import type { Clock } from '../core/clock.ts';
import type { DiagnosticLine } from '../core/diagnostic-line.ts';
import { limits } from '../core/limits.ts';
import type { Account, Accounts } from './accounts.ts';
import { createAccounts } from './accounts.ts';
import { crossingLine, levelOf } from './crossing-line.ts';
import { commitBounds, createCrossingCounts } from './crossing-counts.ts';
import { contentTypes, expose, expositionFor } from './exposition.ts';
import { createCounter, createHistogram, type Samples } from './instruments.ts';
import { createLines, type LineSettings, type LineSink } from './lines.ts';
import { metricTable, type StandingMetric } from './metric-table.ts';

export type { Samples } from './instruments.ts';
export type { LineSettings, LineSink } from './lines.ts';

/** Values that are looked at when somebody asks for the metrics; all but what is counted here. */
export type Standing = Readonly<
  Record<Exclude<StandingMetric, 'sealwright_crossings_under_way' | 'sealwright_ledger_commit_duration_seconds'>, Samples>
>;

export interface Diagnostics {
  /** To be put around the stages and the gate. */
  readonly accounts: Pick<Accounts, 'stages' | 'cross'>;
  readonly tell: (line: DiagnosticLine) => void;
  /** By where it came from, as `Incoming.from` has it. */
  readonly turnedAway: (from: string) => void;
  readonly committedIn: (ms: number) => void;
  /** In the format that an `Accept` field asks for. */
  readonly metrics: (standing: Standing, accept: string | undefined) => { readonly contentType: string; readonly text: string };
}

const kinds = ['stream', 'tunnel', 'other'] as const;

const kindOf = ({ streaming, carries }: Readonly<Account>): (typeof kinds)[number] =>
  carries === 'tunnel' ? 'tunnel' : streaming ? 'stream' : 'other';

/** How many lines of callers whom nobody knows may be written in a minute: a stranger must not fill the disk. */
const createStrangerAllowance = (clock: Clock): (() => boolean) => {
  let [minute, count] = [-1, 0];
  return () => {
    const now = Math.floor(clock.monotonicMs() / 60_000);
    if (now !== minute) [minute, count] = [now, 0];
    count += 1;
    return count <= limits.unidentifiedLinesPerMinuteCount;
  };
};

export const createDiagnostics = (
  settings: LineSettings,
  { sink, clock }: { readonly sink: LineSink; readonly clock: Clock },
): Diagnostics => {
  const counts = createCrossingCounts();
  const commits = createHistogram(commitBounds, [[]]);
  const dropped = createCounter([['slow_reader'], ['unidentified']]);
  const lines = createLines(settings, { sink, clock, dropped: () => dropped.add(1, 'slow_reader') });
  const mayTellOfStranger = createStrangerAllowance(clock);

  const accounts = createAccounts(clock, (account) => {
    counts.count(account);
    const level = levelOf(account);
    if (!lines.isTold(level)) return;
    if (account.invocation === null && !mayTellOfStranger()) dropped.add(1, 'unidentified');
    else lines.tell({ level, event: 'crossing', members: crossingLine(account) });
  });

  const underWay: Samples = function* () {
    const found = new Map<string, number>(kinds.map((kind) => [kind, 0]));
    for (const account of accounts.underWay()) found.set(kindOf(account), (found.get(kindOf(account)) ?? 0) + 1);
    for (const [kind, value] of found) yield { labels: [kind], value };
  };

  return {
    accounts,
    tell: lines.tell,
    turnedAway: (from) => counts.turnedAway(from.split(' ', 1)[0] ?? 'other'),
    committedIn: (ms) => commits.observe(ms / 1_000),
    metrics: (standing, accept) => {
      const samples: Readonly<Record<keyof typeof metricTable, Samples>> = {
        ...counts.samples,
        sealwright_diagnostic_lines_dropped: dropped.samples,
        ...standing,
        sealwright_crossings_under_way: underWay,
        sealwright_ledger_commit_duration_seconds: commits.samples,
      };
      const names = Object.keys(metricTable) as (keyof typeof metricTable)[];
      const format = expositionFor(accept);
      const families = names.map((name) => ({ name, ...metricTable[name], samples: samples[name] }));
      return { contentType: contentTypes[format], text: expose(families, format) };
    },
  };
};
