// `policy explain`: what decided, what it saw, and what would give another verdict, each found out by deciding again.
// A record is explained by the rules of its own release, or by those of `--config`; a request by those of a config.

import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';

import { goesOn } from '../core/decision.ts';
import type { RuleBook, Ruled } from '../core/rules.ts';
import { openFolder, openLedger, recordById } from '../ledger/reading.ts';
import { notFound, placeOf, placeOptions, usageError } from './audit-place.ts';
import { CommandError, exitCode, writeJson, type Command, type CommandInput, type CommandIo } from './command.ts';
import { configPathOf } from './config-path.ts';
import { loadOrExplain } from './envelope-options.ts';
import { printable } from './printable.ts';
import { membersOf } from './record-members.ts';
import { releasesFolder, releasesOption, rulesError, type RuleBooks } from './rule-books.ts';

interface Question {
  readonly request: unknown;
  readonly rules: RuleBook;
}

const ofConfig = (books: RuleBooks, input: CommandInput, io: CommandIo): RuleBook => {
  const loaded = loadOrExplain(configPathOf(input, io));
  const rules = books.ofConfig(loaded, loaded.config.policies.folder);
  if ('problems' in rules) throw rulesError(rules);
  return rules;
};

/** A judged request, or a record that holds one. */
const requestIn = (path: string): unknown => {
  let parsed: unknown;
  if (!existsSync(path)) throw usageError(`${path} does not exist`, 'Name a file with a judged request, or the id of a record.');
  try {
    parsed = JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    throw usageError(
      `${path} holds no JSON that can be read`,
      'Name a file with a judged request, such as `decision.request` of a record.',
    );
  }
  const members = membersOf(parsed);
  return membersOf(membersOf(members['record'] ?? members)['decision'])['request'] ?? parsed;
};

const questionOf = async (books: RuleBooks, input: CommandInput, io: CommandIo): Promise<Question> => {
  const [given = ''] = input.positionals;
  const path = resolve(io.cwd, given);
  if (given.endsWith('.json') || existsSync(path)) return { request: requestIn(path), rules: ofConfig(books, input, io) };
  const { folder } = await placeOf(input, io);
  const record = recordById(openLedger(openFolder(folder)), given);
  if (record === null) throw notFound(given);
  const { request = null } = membersOf(record.members['decision']);
  if (input.text('config') !== undefined) return { request, rules: ofConfig(books, input, io) };
  const rules = books.ofRelease(releasesFolder(folder, input, io), String(record.members['release']));
  if ('problem' in rules)
    throw new CommandError(
      'release',
      `the rules that decided cannot be read: ${rules.problem}`,
      'Name a config with --config FILE instead.',
    );
  return { request, rules };
};

const headings = { permit: 'Permitted', deny: 'Denied', approval: 'Denied without the approval of a person' } as const;

const indented = (text: string): string => text.replaceAll(/^/gm, '    ');

const render = ({ decision, rulings, facts, flips }: Ruled): string => {
  const wanted = decision.verdict === 'permit' ? 'deny' : 'permit';
  const decided =
    rulings.length === 0
      ? ['  no policy: what nothing permits is denied']
      : rulings.map(
          ({ id, effect, place, text, observes }) =>
            `  ${effect} ${id} (${place})${observes ? ', which only observes' : ''}\n${indented(text)}`,
        );
  const width = Math.max(...facts.map(([name]) => name.length));
  const changes = flips.map((flip) => `  ${flip.changes.map(({ what }) => what).join('\n  and ')}`);
  const heading =
    goesOn(decision) && decision.verdict !== 'permit' ? 'Would be denied (the control only observes)' : headings[decision.verdict];
  return [
    `${heading}: ${decision.reason}`,
    '',
    'Decided by',
    ...decided,
    '',
    'What it saw',
    ...facts.map(([name, value]) => `  ${name.padEnd(width)}  ${value}`),
    '',
    changes.length === 0
      ? `No change of a setting or a policy that was tried would ${wanted} it.`
      : `What would ${wanted} it; each was found out by deciding again`,
    ...changes,
    '',
  ]
    .flatMap((part) => part.split('\n'))
    .map(printable)
    .join('\n');
};

export const createPolicyExplain = (books: RuleBooks): Command => ({
  name: 'policy explain',
  summary: 'Explain a decision: what made it, what it saw, what would change it',
  describe:
    'Explains the decision of a record by the rules of the release that made it, or by those of --config; or a request in a file by the rules of a config. Each change that is named was tried, and gave the other verdict.',
  positionals: [
    { name: 'RECORD|REQUEST', describe: 'Id of a record, or a JSON file with a judged request (`decision.request`) or a record' },
  ],
  options: [
    { name: 'test', type: 'flag', describe: 'Print question and answer as a test for `policy test` instead' },
    releasesOption,
    ...placeOptions,
  ],
  examples: [
    { line: 'sealwright policy explain 019aa5c2-7b1e-7c44-9d0a-3f6f2b8e1c55 --data ./data', does: 'explain a recorded decision' },
    { line: 'sealwright policy explain RECORD --test > policies/order.test.json', does: 'keep a recorded decision as a test' },
    { line: 'sealwright policy explain request.json --config sealwright.yaml', does: 'explain what a config would decide' },
  ],
  run: async (input, io) => {
    const { request, rules } = await questionOf(books, input, io);
    const ruled = rules.explain(request);
    if ('unanswerable' in ruled)
      throw new CommandError(
        'not_explained',
        `it cannot be explained: ${ruled.unanswerable}`,
        '`sealwright why RECORD` says what the record says.',
      );
    if (input.flag('test')) io.stdout.write(`${JSON.stringify([ruled.asTest()], null, 2)}\n`);
    else if (input.json) {
      const { decision, rulings, facts, flips } = ruled;
      writeJson(io.stdout, { decision, decided_by: rulings, facts: Object.fromEntries(facts), flips });
    } else io.stdout.write(render(ruled));
    return exitCode.ok;
  },
});
