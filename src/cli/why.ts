// `why`: a record in a sentence, with what to ask whom for. Reads the ledger's files and never asks the envelope.
// Ends with 1 when there is no such record. What it reads it does not verify; `audit verify` does.

import { existsSync, readFileSync, realpathSync, statSync } from 'node:fs';

import { openFolder, openLedger, recordById } from '../ledger/reading.ts';
import { notFound, placeOf, placeOptions } from './audit-place.ts';
import { exitCode, writeJson, type Command, type CommandInput, type CommandIo } from './command.ts';
import { configPathOf } from './config-path.ts';
import { explain, type Explanation } from './explanation.ts';

/** Who answers for the agent, where a config that can be read says so. */
const ownerOf = async (agent: unknown, input: CommandInput, io: CommandIo): Promise<string | null> => {
  const path = configPathOf(input, io);
  if (typeof agent !== 'string' || !existsSync(path)) return null;
  const { loadConfig } = await import('../config/config.ts');
  const loaded = loadConfig(path, {
    files: { readFileSync, realpathSync, statSync },
    userId: process.getuid?.() ?? null,
  });
  return 'config' in loaded ? (loaded.config.agents[agent]?.owner ?? null) : null;
};

/** Control characters would let what others chose rewrite the terminal. */
const printable = (text: string): string => text.replaceAll(/\p{Cc}/gu, ' ');

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

export const why: Command = {
  name: 'why',
  summary: 'Explain a record: what was decided, by what, and whom to ask',
  describe:
    'RECORD is the id in the header field `x-sealwright-record` of a denial, or the first word of a line of `audit search`. Names the role, the policies that decided or that none permitted, and the setting to ask for.',
  positionals: [{ name: 'RECORD', describe: 'Id of a record' }],
  options: [...placeOptions],
  examples: [{ line: 'sealwright why 019aa5c2-7b1e-7c44-9d0a-3f6f2b8e1c55 --data ./data', does: 'explain one denial' }],
  run: async (input, io) => {
    const [id = ''] = input.positionals;
    const place = await placeOf(input, io);
    const record = recordById(openLedger(openFolder(place.folder)), id);
    if (record === null) throw notFound(printable(id));
    const explanation = explain(record.members, await ownerOf(record.members['agent_id'], input, io));
    if (input.json) writeJson(io.stdout, { ...explanation, origin: record.origin, index: record.index });
    else io.stdout.write(render(explanation));
    return exitCode.ok;
  },
};
