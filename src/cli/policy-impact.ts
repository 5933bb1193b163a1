// `policy impact`: which recorded decisions would be others under a candidate: other policies, another config, or both.
// Ends with 0 when none would flip and with 1 when some would. Decisions that cannot be made again are listed apart, with the reason.

import { resolve } from 'node:path';

import { goesOn } from '../core/decision.ts';
import type { RuleBook } from '../core/rules.ts';
import { openFolder, openLedger, type Ledger } from '../ledger/reading.ts';
import { placeOf, placeOptions, usageError } from './audit-place.ts';
import { exitCode, writeJson, type Command, type CommandInput, type CommandIo } from './command.ts';
import { loadOrExplain } from './envelope-options.ts';
import { printable } from './printable.ts';
import { createProgress } from './progress.ts';
import { recordCount, type RecordedDecision, recordedDecisions, replayed } from './recorded-decisions.ts';
import { releasesFolder, releasesOption, rulesError, type RuleBooks } from './rule-books.ts';

interface FlipGroup {
  readonly role: string | null;
  readonly user: string | null;
  readonly what: string;
  readonly from: string;
  readonly to: string;
  /** What decides under the candidate. */
  readonly policies: readonly string[];
  readonly records: (string | null)[];
}

interface Impact {
  readonly decisions: number;
  readonly flips: readonly FlipGroup[];
  readonly not_replayable: readonly { readonly why: string; readonly records: (string | null)[] }[];
}

const unitMs: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };

/** Milliseconds of a duration such as `7d` or `12h`. */
export const durationMs = (text: string): number | null => {
  const [, count, unit = ''] = /^(\d{1,6})([mhdw])$/.exec(text) ?? [];
  const ms = unitMs[unit];
  return count === undefined || ms === undefined ? null : Number(count) * ms;
};

/** The beginning of the time that `--since` names, as an RFC 3339 timestamp. */
export const sinceOf = (input: CommandInput, io: CommandIo): string => {
  const given = input.text('since') ?? '7d';
  const ms = durationMs(given);
  if (ms === null) throw usageError(`\`--since\` takes a duration such as 7d, 12h or 30m, not \`${given}\``, 'Correct the duration.');
  return new Date(Math.max(0, io.clock.wallMs() - ms)).toISOString();
};

/** A denial that stops nothing is another answer than one that does. */
const answer = (verdict: string, goesOn: boolean): string => (verdict !== 'permit' && goesOn ? `${verdict}, only observed` : verdict);

const added = (
  groups: Map<string, FlipGroup>,
  { role, user, what, record }: RecordedDecision,
  { from, to, policies }: Pick<FlipGroup, 'from' | 'to' | 'policies'>,
): void => {
  const key = JSON.stringify([role, user, what, from, to, policies]);
  const group = groups.get(key) ?? { role, user, what, from, to, policies, records: [] };
  groups.set(key, group);
  group.records.push(record);
};

const impactOf = (ledger: Ledger, rules: RuleBook, since: string, io: CommandIo): Impact => {
  const progress = createProgress(io, 'replaying', 'records');
  const total = recordCount(ledger);
  const flips = new Map<string, FlipGroup>();
  const apart = new Map<string, (string | null)[]>();
  let [records, decisions] = [0, 0];
  for (const recorded of recordedDecisions(ledger, since, () => progress.update((records += 1), total))) {
    decisions += 1;
    const again = replayed(recorded, rules);
    if ('unanswerable' in again) {
      const others = apart.get(again.unanswerable) ?? [];
      apart.set(again.unanswerable, others);
      others.push(recorded.record);
      continue;
    }
    const [from, to] = [answer(recorded.verdict, !recorded.refused), answer(again.verdict, goesOn(again))];
    if (from !== to) added(flips, recorded, { from, to, policies: again.policies });
  }
  progress.end();
  const byName = (a: FlipGroup, b: FlipGroup): number => {
    const [one, other] = [a, b].map(({ role, user, what }) => `${role} ${user} ${what}`) as [string, string];
    return one < other ? -1 : 1;
  };
  return {
    decisions,
    flips: [...flips.values()].toSorted(byName),
    not_replayable: [...apart].map(([why, ids]) => ({ why, records: ids })),
  };
};

const shownMax = 3;

const examples = (records: readonly (string | null)[]): string => {
  const shown = records.slice(0, shownMax).join(', ');
  return records.length > shownMax ? `${shown}, …` : shown;
};

const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;

const print = ({ decisions, flips, not_replayable: apart }: Impact, since: string, io: CommandIo): void => {
  const say = (line: string): void => void io.stdout.write(`${printable(line)}\n`);
  for (const [role, ofRole] of Map.groupBy(flips, (flip) => flip.role)) {
    say(role === null ? 'the control plane' : `role ${role}`);
    for (const [user, ofUser] of Map.groupBy(ofRole, (flip) => flip.user)) {
      say(`  invoker ${user ?? '(unknown)'}`);
      for (const { what, from, to, policies, records } of ofUser) {
        const by = policies.length === 0 ? 'no policy permits it' : policies.join(', ');
        say(`    ${what}: ${from} would be ${to} (${by}); ${counted(records.length, 'decision')}: ${examples(records)}`);
      }
    }
  }
  for (const { why, records } of apart) say(`cannot be replayed, ${counted(records.length, 'decision')}: ${why}: ${examples(records)}`);
  const flipped = flips.reduce((count, { records }) => count + records.length, 0);
  say(`${flipped} of ${counted(decisions, 'decision')} since ${since} would flip`);
};

/** The candidate: a config of its own with its folder or another one, or the active release with other policies. */
const candidateOf = (books: RuleBooks, ledgerFolder: string, input: CommandInput, io: CommandIo): RuleBook => {
  const [given] = input.positionals;
  const folder = given === undefined ? null : resolve(io.cwd, given);
  const config = input.text('config');
  if (config === undefined && folder === null)
    throw usageError('`policy impact` needs a folder of policies, or --config', 'Name what would be changed.');
  const loaded = config === undefined ? null : loadOrExplain(resolve(io.cwd, config));
  const rules =
    loaded === null
      ? books.ofLastRelease(releasesFolder(ledgerFolder, input, io), folder ?? '')
      : books.ofConfig(loaded, folder ?? loaded.config.policies.folder);
  if ('problems' in rules) throw rulesError(rules);
  return rules;
};

/** Here the config is a candidate and does not say which ledger is meant. */
const withoutConfig = (input: CommandInput): CommandInput => ({
  ...input,
  text: (name) => (name === 'config' ? undefined : input.text(name)),
});

export const createPolicyImpact = (books: RuleBooks): Command => ({
  name: 'policy impact',
  summary: 'List the recorded decisions that other rules would flip',
  describe:
    'NEWFOLDER holds the policies as they would be; the rest is as in the release that was last active, or as in the config that --config names. Each recorded decision since then is made again, and listed where its verdict would be another. Ends with 1 where any would flip.',
  positionals: [{ name: 'NEWFOLDER', describe: 'Folder of `*.cedar` files as they would be', optional: true }],
  options: [
    { name: 'since', type: 'text', value: 'DURATION', describe: 'How far back, such as 7d, 12h or 30m', default: '7d' },
    { name: 'config', type: 'text', value: 'FILE', describe: 'Config as it would be; where it lies does not say which ledger is meant' },
    releasesOption,
    ...placeOptions.filter(({ name }) => name !== 'config'),
  ],
  examples: [
    { line: 'sealwright policy impact --since 7d ./policies-next --data ./data', does: 'what would become other with these policies' },
    { line: 'sealwright policy impact --config next.yaml --data ./data', does: 'the same for another config' },
  ],
  run: async (input, io) => {
    const since = sinceOf(input, io);
    const { folder } = await placeOf(withoutConfig(input), io);
    const rules = candidateOf(books, folder, input, io);
    const impact = impactOf(openLedger(openFolder(folder)), rules, since, io);
    if (input.json) writeJson(io.stdout, { ok: impact.flips.length === 0, since, ...impact });
    else print(impact, since, io);
    return impact.flips.length === 0 ? exitCode.ok : exitCode.no;
  },
});
