// `egress suggest`: hosts that agents asked for and no rule permits, as entries of `allowed_hosts` with the reasons for each.
// What was asked for is in the ledger; whether a rule permits it by now says the release that was last in force. Changes nothing. Whether an agent should have what it asked for is for a person to say.

import { limits } from '../core/limits.ts';
import type { RuleBook } from '../core/rules.ts';
import { openFolder, openLedger, recordsOf, type Ledger, type StoredRecord } from '../ledger/reading.ts';
import { placeOf, placeOptions } from './audit-place.ts';
import { exitCode, writeJson, type Command } from './command.ts';
import { sinceOf } from './policy-impact.ts';
import { printable } from './printable.ts';
import { membersOf, textOf } from './record-members.ts';
import { releasesFolder, releasesOption, type RuleBooks } from './rule-books.ts';

interface Suggestion {
  readonly role: string;
  /** As an entry of the list has it. */
  readonly entry: string;
  readonly agents: readonly string[];
  /** How often it was refused, and how often it went on because rules are only observed. */
  readonly denied: number;
  readonly observed: number;
  readonly last: string;
  readonly record: string;
  /** Why what went on failed all the same, such as an address that a rule would have to list. */
  readonly failed: string | null;
}

/** Whether the rules permit by now what a record says was asked. */
type IsPermitted = (request: unknown) => boolean;

const isPermittedBy =
  (rules: RuleBook): IsPermitted =>
  (request) => {
    const again = rules.replay(request);
    return 'verdict' in again && again.verdict === 'permit';
  };

const suggestionOf = ({ members }: StoredRecord, isPermitted: IsPermitted): Suggestion | null => {
  const { name, port } = membersOf(members['destination']);
  const { verdict, request } = membersOf(members['decision']);
  const [role, host, record] = [textOf(members['agent_role']), textOf(name), textOf(members['log_id'])];
  if (members['kind'] !== 'decision' || verdict !== 'deny' || role === null || host === null || record === null) return null;
  const denial = textOf(members['denial']);
  // What was refused for another reason than policy no rule would permit.
  if (typeof port !== 'number' || (denial !== null && denial !== 'host_not_permitted')) return null;
  if (isPermitted(request ?? null)) return null;
  return {
    role,
    entry: `${host.includes(':') ? `[${host}]` : host}:${port}`,
    agents: [textOf(members['agent_id']) ?? '(unknown)'],
    denied: denial === null ? 0 : 1,
    observed: denial === null ? 1 : 0,
    last: textOf(members['timestamp']) ?? '',
    record,
    failed: null,
  };
};

const joined = (before: Suggestion, { agents, denied, observed, last, record }: Suggestion): Suggestion => ({
  ...before,
  agents: [...new Set([...before.agents, ...agents])],
  denied: before.denied + denied,
  observed: before.observed + observed,
  ...(last > before.last && { last, record }),
});

interface Found {
  readonly suggestions: readonly Suggestion[];
  /** How many attempts were at further hosts: an agent that guesses names must not fill the memory. */
  readonly others: number;
}

const suggestionsIn = (ledger: Ledger, since: string, isPermitted: IsPermitted): Found => {
  let others = 0;
  const found = new Map<string, Suggestion>();
  /** Of what goes on, until its outcome: as many as connections are open at a time. */
  const keyOfDecision = new Map<unknown, string>();
  for (const log of ledger.logs)
    for (const record of recordsOf(ledger, log)) {
      const { members } = record;
      if (members['action_type'] !== 'network_connection' || (textOf(members['timestamp']) ?? '') < since) continue;
      const suggestion = suggestionOf(record, isPermitted);
      const key = suggestion === null ? keyOfDecision.get(members['decision_log_id']) : `${suggestion.role} ${suggestion.entry}`;
      const before = key === undefined ? undefined : found.get(key);
      keyOfDecision.delete(members['decision_log_id']);
      if (key === undefined) continue;
      if (suggestion !== null && before === undefined && found.size >= limits.suggestionsCount) others += 1;
      else if (suggestion !== null) {
        found.set(key, before === undefined ? suggestion : joined(before, suggestion));
        if (suggestion.observed > 0) keyOfDecision.set(suggestion.record, key);
      } else if (before !== undefined) found.set(key, { ...before, failed: textOf(members['error_message']) ?? before.failed });
    }
  const suggestions = [...found.values()].toSorted((a, b) => (`${a.role} ${a.entry}` < `${b.role} ${b.entry}` ? -1 : 1));
  return { suggestions, others };
};

const reasonOf = ({ agents, denied, observed, last, record, failed }: Suggestion): string => {
  const times = [...(denied > 0 ? [`denied ${denied}x`] : []), ...(observed > 0 ? [`only observed ${observed}x`] : [])].join(', ');
  return `${times}, last ${last} by ${agents.join(', ')} (record ${record})${failed === null ? '' : `; it failed: ${failed}`}`;
};

const yamlOf = (suggestions: readonly Suggestion[]): string =>
  [
    'agent_roles:',
    ...[...Map.groupBy(suggestions, ({ role }) => role)].flatMap(([role, ofRole]) => [
      `  ${role}:`,
      '    allowed_hosts:',
      ...ofRole.flatMap((suggestion) => [`      # ${reasonOf(suggestion)}`, `      - '${suggestion.entry}'`]),
    ]),
    '',
  ]
    .map(printable)
    .join('\n');

export const createEgressSuggest = (books: () => Promise<RuleBooks>): Command => ({
  name: 'egress suggest',
  summary: 'Propose hosts that agents asked for and no rule permits',
  describe:
    'Entries of `allowed_hosts` for what was denied since then, or went on only because rules are observed, each with how often, by whom and a record. What the rules permit that were last in force is left out. Nothing is changed: keep what the role needs, and say why. Ends with 1 where there is nothing to propose.',
  positionals: [],
  options: [
    { name: 'since', type: 'text', value: 'DURATION', describe: 'How far back, such as 7d, 12h or 30m', default: '7d' },
    ...placeOptions,
    releasesOption,
  ],
  examples: [{ line: 'sealwright egress suggest --since 1d --data ./data', does: 'what a day of observing showed' }],
  run: async (input, io) => {
    const since = sinceOf(input, io);
    const { folder } = await placeOf(input, io);
    const rules = (await books()).lastInForce(releasesFolder(folder, input, io));
    if ('problem' in rules)
      io.stderr.write(`What rules permit by now is not left out: ${printable(rules.problem)}; name the kept releases with --releases\n`);
    const isPermitted = 'problem' in rules ? () => false : isPermittedBy(rules);
    const { suggestions, others } = suggestionsIn(openLedger(openFolder(folder)), since, isPermitted);
    if (input.json) writeJson(io.stdout, { since, others, suggestions: suggestions.map((each) => ({ ...each, reason: reasonOf(each) })) });
    else io.stdout.write(suggestions.length === 0 ? `Nothing was asked for since ${since} that no rule permits.\n` : yamlOf(suggestions));
    if (others > 0) io.stderr.write(`${others} attempts at further hosts are not shown; name a shorter time with --since\n`);
    return suggestions.length === 0 ? exitCode.no : exitCode.ok;
  },
});
