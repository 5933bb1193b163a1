// `audit show`: one invocation as a timeline of all streams, or one record whole.
// Ends with 1 when there is no such id.

import { openFolder, openLedger, recordById, timelineOf, type Found } from '../ledger/reading.ts';
import { find, jsonOf, notFound, placeOf, placeOptions, usageError } from './audit-place.ts';
import { CommandError, exitCode, writeJson, type Command, type CommandInput, type CommandIo } from './command.ts';

/** More than one invocation can plausibly have; beyond it the command says that the timeline is not whole. */
const timelineRecords = 10_000;

const showInvocation = (found: Found, input: CommandInput, io: CommandIo): number => {
  if (input.json) for (const record of found.records.toReversed()) writeJson(io.stdout, jsonOf(record));
  else io.stdout.write(timelineOf(found.records));
  if (found.total > found.records.length) io.stderr.write(`only the last ${found.records.length} of ${found.total} records are shown\n`);
  return exitCode.ok;
};

const show = async (input: CommandInput, io: CommandIo): Promise<number> => {
  const place = await placeOf(input, io);
  const ledger = openLedger(openFolder(place.folder));
  const [given] = input.positionals;
  if ((given === undefined) !== input.flag('last'))
    throw usageError('`audit show` needs one id, or --last', 'Find an id with `sealwright audit search`.');
  const [opened] = given === undefined ? find(ledger, place, { kind: 'opened', limit: 1 }, io).records : [];
  const id = given ?? opened?.members['invocation_id'];
  if (typeof id !== 'string')
    throw new CommandError('not_found', 'the ledger holds no invocation', 'Start an agent with `sealwright run`.');
  const found = find(ledger, place, { invocation: id, limit: timelineRecords }, io);
  if (found.total > 0) return showInvocation(found, input, io);
  const record = recordById(ledger, id);
  if (record === null) throw notFound(id);
  if (input.json) writeJson(io.stdout, jsonOf(record));
  else io.stdout.write(`${record.origin}#${record.index}\n${JSON.stringify(record.members, null, 2)}\n`);
  return exitCode.ok;
};

export const auditShow: Command = {
  name: 'audit show',
  summary: 'Show one invocation as a timeline, or one record',
  positionals: [{ name: 'ID', describe: 'Invocation id, or the log_id of a record', optional: true }],
  options: [{ name: 'last', type: 'flag', describe: 'The invocation that was opened last' }, ...placeOptions],
  examples: [{ line: 'sealwright audit show --last', does: 'shows the latest run of an agent' }],
  run: show,
};
