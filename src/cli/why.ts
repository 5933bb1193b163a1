// `why`: a record in a sentence, with what to ask whom for. Reads the ledger's files and never asks the envelope.
// Where the release that decided is kept, what would have to change was found out by deciding again.
// Ends with 1 when there is no such record. What it reads it does not verify; `audit verify` does.

import { existsSync } from 'node:fs';

import { openFolder, openLedger, recordById } from '../ledger/reading.ts';
import { notFound, placeOf, placeOptions } from './audit-place.ts';
import { exitCode, writeJson, type Command, type CommandInput, type CommandIo } from './command.ts';
import { configPathOf } from './config-path.ts';
import { explain, type Explanation, type WayOut } from './explanation.ts';
import { printable } from './printable.ts';
import type { RecordMembers } from './record-members.ts';
import { releasesFolder, releasesOption, type RuleBooks } from './rule-books.ts';

/** Who answers for the agent, where a config that can be read says so. */
const ownerOf = async (agent: unknown, input: CommandInput, io: CommandIo): Promise<string | null> => {
  const path = configPathOf(input, io);
  if (typeof agent !== 'string' || !existsSync(path)) return null;
  const { readConfig } = await import('./config-file.ts');
  const loaded = readConfig(path);
  return 'config' in loaded ? (loaded.config.agents[agent]?.owner ?? null) : null;
};

/** What would give another verdict, and who answers for the agent, by the rules that decided; null where those are not at hand. */
const wayOutOf = async (
  { decision, release }: RecordMembers,
  releases: string,
  books: () => Promise<RuleBooks>,
): Promise<WayOut | null> => {
  if (typeof decision !== 'object' || decision === null || !('request' in decision) || decision.request === null) return null;
  const rules = (await books()).ofRelease(releases, String(release));
  const ruled = 'problem' in rules ? null : rules.explain(decision.request);
  if (ruled === null || 'unanswerable' in ruled || ruled.decision.verdict === 'permit') return null;
  const [flip] = ruled.flips;
  return flip === undefined ? null : { changes: flip.changes, owner: ruled.owner };
};

const headings: Readonly<Record<Explanation['verdict'], string>> = {
  permitted: 'Permitted',
  denied: 'Denied',
  'would have been denied': 'Would have been denied (the control only observes)',
  'not a decision': 'Not a decision',
};

const render = ({ verdict, denial, attempt, reason, next }: Explanation): string =>
  [`${headings[verdict]}${denial === null ? '' : ` (${denial})`}: ${attempt}`, reason, next]
    .filter((line) => line !== '')
    .map((line) => `${printable(line)}\n`)
    .join('');

/** The command, given what decides again; it is loaded only for a denial that rules made. */
export const createWhy = (books: () => Promise<RuleBooks>): Command => ({
  name: 'why',
  summary: 'Explain a record: what was decided, by what, and whom to ask',
  describe:
    'RECORD is the id in the header field `x-sealwright-record` of a denial, or the first word of a line of `audit search`. Names the role, the policies that decided or that none permitted, and the setting to ask for.',
  positionals: [{ name: 'RECORD', describe: 'Id of a record' }],
  options: [releasesOption, ...placeOptions],
  examples: [{ line: 'sealwright why 019aa5c2-7b1e-7c44-9d0a-3f6f2b8e1c55 --data ./data', does: 'explain one denial' }],
  run: async (input, io) => {
    const [id = ''] = input.positionals;
    const place = await placeOf(input, io);
    const record = recordById(openLedger(openFolder(place.folder)), id);
    if (record === null) throw notFound(printable(id));
    const { members } = record;
    const wayOut = await wayOutOf(members, releasesFolder(place.folder, input, io), books);
    const explanation = explain(members, (await ownerOf(members['agent_id'], input, io)) ?? wayOut?.owner ?? null, wayOut);
    if (input.json) writeJson(io.stdout, { ...explanation, origin: record.origin, index: record.index });
    else io.stdout.write(render(explanation));
    return exitCode.ok;
  },
});
