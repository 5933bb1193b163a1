// `audit verify --replay`: makes each recorded decision again with the rules of the release that the record names.
// A decision that differs is a problem, and so is a kept release whose content has another digest; one that is not there is only reported.

import { goesOn } from '../core/decision.ts';
import type { RuleBook } from '../core/rules.ts';
import type { Ledger } from '../ledger/reading.ts';
import type { CommandIo } from './command.ts';
import { printable } from './printable.ts';
import { createProgress } from './progress.ts';
import { recordCount, type RecordedDecision, recordedDecisions, replayed as replayedBy } from './recorded-decisions.ts';
import type { RuleBooks } from './rule-books.ts';

export interface ReplayReport {
  readonly ok: boolean;
  readonly decisions: number;
  readonly replayed: number;
  /** Why others could not be made again, and how many. */
  readonly not_replayed: readonly { readonly why: string; readonly count: number }[];
  readonly missing_releases: readonly string[];
  readonly problems: readonly {
    readonly file: string;
    readonly index: number | null;
    readonly record: string | null;
    readonly what: string;
  }[];
}

/** What is different about a decision that was made again; null where nothing is. */
export const difference = (
  recorded: RecordedDecision,
  again: Exclude<ReturnType<RuleBook['replay']>, { unanswerable: string }>,
): string | null => {
  const { contradictions, verdict, refused } = recorded;
  if (contradictions.length > 0)
    return `the question is about something else than the record, which differs in ${contradictions.join(', ')}`;
  if (again.verdict !== verdict) return `the record says ${verdict}, the rules of its release say ${again.verdict}`;
  if (refused && verdict === 'permit') return 'the record says that it was refused and permitted';
  if (!refused && !goesOn(again)) return `the record refuses nothing, the rules of its release say ${again.verdict} and enforce it`;
  if (!refused && recorded.mode !== again.mode) return `the record says ${recorded.mode}, the mode of its release is ${again.mode}`;
  const lacking = again.policies.filter((id) => !recorded.policies.includes(id));
  if (recorded.whole && lacking.length > 0)
    return `the record does not name ${lacking.join(', ')}, which decided by the rules of its release`;
  const strange = recorded.policies.filter((id) => !again.policies.includes(id));
  if (strange.length > 0) return `the record names ${strange.join(', ')}, which did not decide by the rules of its release`;
  const observed = again.observed?.verdict ?? again.verdict;
  return observed === recorded.observed
    ? null
    : `the record says that ${recorded.observed} was observed, the rules of its release say ${observed}`;
};

type Kept = ReturnType<RuleBooks['ofRelease']>;

export const replayLedger = (ledger: Ledger, books: RuleBooks, releases: string, io: CommandIo): ReplayReport => {
  const progress = createProgress(io, 'replaying', 'records');
  const kept = new Map<string, Kept>();
  const why = new Map<string, number>();
  const missing = new Set<string>();
  const problems: ReplayReport['problems'][number][] = [];
  let [records, decisions, replayed] = [0, 0, 0];
  const total = recordCount(ledger);
  const rulesOf = (digest: string): Kept => {
    const before = kept.get(digest);
    if (before !== undefined) return before;
    const opened = books.ofRelease(releases, digest);
    kept.set(digest, opened);
    if (!('problem' in opened)) return opened;
    if (opened.missing) missing.add(digest);
    else problems.push({ file: `releases/${digest.replace(':', '-')}/release.json`, index: null, record: null, what: opened.problem });
    return opened;
  };
  const count = (reason: string): void => void why.set(reason, (why.get(reason) ?? 0) + 1);
  for (const recorded of recordedDecisions(ledger, null, () => progress.update((records += 1), total))) {
    decisions += 1;
    const rules = rulesOf(recorded.release ?? '');
    const again = 'problem' in rules ? { unanswerable: rules.problem } : replayedBy(recorded, rules);
    if ('unanswerable' in again) {
      count(again.unanswerable);
      continue;
    }
    replayed += 1;
    const what = difference(recorded, again);
    if (what !== null) problems.push({ file: `logs/${recorded.origin}`, index: recorded.index, record: recorded.record, what });
  }
  progress.end();
  return {
    ok: problems.length === 0,
    decisions,
    replayed,
    not_replayed: [...why].map(([reason, times]) => ({ why: reason, count: times })),
    missing_releases: [...missing],
    problems,
  };
};

export const printReplay = (report: ReplayReport, io: CommandIo): void => {
  const say = (line: string): void => void io.stdout.write(`${printable(line)}\n`);
  for (const { file, index, record, what } of report.problems)
    say(`PROBLEM  ${file}${index === null ? '' : `  entry ${index}`}${record === null ? '' : `  ${record}`}: ${what}`);
  for (const digest of report.missing_releases) say(`the release ${digest} is not kept here`);
  for (const { why, count } of report.not_replayed) io.stdout.write(`not replayed  ${count}: ${why}\n`);
  io.stdout.write(
    `${report.replayed} of ${report.decisions} decisions replayed, ${report.problems.length} ${report.problems.length === 1 ? 'problem' : 'problems'}\n`,
  );
};
