// `audit search`: finds records by what they say; the latest first.
// Ends with 1 when nothing matches. The index is brought up to date before; of a copy it is temporary.

import type { Verdict } from '../core/decision.ts';
import type { RecordKind } from '../core/receipt.ts';
import { openFolder, openLedger, type RecordFilter } from '../ledger/reading.ts';
import { find, placeOf, placeOptions, usageError, writeRecords } from './audit-place.ts';
import { CommandError, exitCode, type Command, type CommandInput, type CommandIo, type CommandOption } from './command.ts';

/** `Date` alone would take the 30th of February for the 2nd of March. */
const exists = (time: string): boolean => {
  const whole = `${time}${'0000-01-01T00:00:00.000'.slice(time.length)}Z`;
  const date = new Date(whole);
  return !Number.isNaN(date.getTime()) && date.toISOString() === whole;
};

/** A point in time as the beginning of a timestamp. */
const timeOf = (input: CommandInput, name: string): string | undefined => {
  const given = input.text(name);
  if (given === undefined) return undefined;
  const time = given.replace(/Z$/, '');
  if (!/^\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?)?$/.test(time))
    throw usageError(`\`--${name}\` takes a time in UTC such as 2026-05-01 or 2026-05-01T12:30, not \`${given}\``, 'Correct the time.');
  if (!exists(time)) throw usageError(`\`--${name}\` takes a time that exists, and \`${given}\` does not`, 'Correct the time.');
  return time;
};

const verdicts: readonly Verdict[] = ['permit', 'deny', 'approval'];
const kinds: readonly RecordKind[] = ['opened', 'closed', 'decision', 'outcome', 'finding', 'change', 'recovery', 'checkpoint_set'];

const listed = (known: readonly string[]): string => `${known.slice(0, -1).join(', ')} or ${known.at(-1)}`;

const oneOf = (input: CommandInput, name: string, known: readonly string[]): string | undefined => {
  const given = input.text(name);
  if (given === undefined || known.includes(given)) return given;
  throw usageError(`\`--${name}\` takes ${listed(known)}, not \`${given}\``, 'Choose one of them.');
};

const search = async (input: CommandInput, io: CommandIo): Promise<number> => {
  const filter: RecordFilter = {
    invocation: input.text('invocation'),
    session: input.text('session'),
    invoker: input.text('invoker'),
    agent: input.text('agent'),
    role: input.text('role'),
    model: input.text('model'),
    verdict: oneOf(input, 'verdict', verdicts),
    kind: oneOf(input, 'kind', kinds),
    from: timeOf(input, 'from'),
    to: timeOf(input, 'to'),
    limit: input.whole('limit', 1) ?? 1,
  };
  const place = await placeOf(input, io);
  const { records, total } = find(openLedger(openFolder(place.folder)), place, filter, io);
  writeRecords(records, input, io);
  if (total > records.length) io.stderr.write(`${records.length} of ${total} records; --limit shows more\n`);
  if (total === 0 && input.json)
    throw new CommandError('not_found', 'no record matches', 'Ask for what more records have, or for a longer time.');
  if (total === 0) io.stderr.write('no record matches\n');
  return total > 0 ? exitCode.ok : exitCode.no;
};

const text = (name: string, value: string, describe: string): CommandOption => ({ name, type: 'text', value, describe });

export const auditSearch: Command = {
  name: 'audit search',
  summary: 'Find records by what they say',
  describe: 'Shows the latest first. The index is brought up to date first; it is kept in the data folder, or made anew for a copy.',
  positionals: [],
  options: [
    text('invocation', 'ID', 'Invocation (the correlation id)'),
    text('session', 'ID', 'Session as the client itself names it: a claim'),
    text('invoker', 'ID', 'Pseudonym of who started the agent'),
    text('agent', 'NAME', 'Agent'),
    text('role', 'NAME', 'Role of the agent'),
    text('model', 'NAME', 'Model asked for, pinned or reported'),
    text('verdict', 'VERDICT', `Verdict: ${listed(verdicts)}`),
    text('kind', 'KIND', `Kind of record: ${listed(kinds)}`),
    text('from', 'TIME', 'Not before this time in UTC, such as 2026-05-01 or 2026-05-01T12:30'),
    text('to', 'TIME', 'Before this time'),
    { ...text('limit', 'N', 'At most so many records'), default: '50' },
    ...placeOptions,
  ],
  examples: [{ line: 'sealwright audit search --verdict deny --from 2026-05-01', does: 'finds what was denied since the first of May' }],
  run: search,
};
