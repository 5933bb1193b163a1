// `audit show`: one run as facts, timeline and findings, on a terminal or as a page of its own, or one record whole.
// Ends with 1 when there is no such id. A page says how the folder verifies; the rest reads without verifying.

import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';

import {
  openFolder,
  openLedger,
  recordById,
  summaryOf,
  timelineOf,
  verifyLedger,
  type Found,
  type Ledger,
  type StoredRecord,
} from '../ledger/reading.ts';
import { find, jsonOf, notFound, placeOf, placeOptions, usageError, type Place } from './audit-place.ts';
import { CommandError, exitCode, writeJson, type Command, type CommandInput, type CommandIo } from './command.ts';
import { printableJson } from './printable.ts';
import { createProgress } from './progress.ts';
import { runPage } from './run-page.ts';
import { runText } from './run-text.ts';

/** More than one invocation can plausibly have; beyond it the command says that the timeline is not whole. */
const timelineRecords = 10_000;
const problemsShown = 20;

interface Run {
  readonly records: readonly StoredRecord[];
  /** How many more the ledger has of it. */
  readonly missing: number;
}

/** Its latest records; of a longer run also those that opened and closed it, because they say what it was. */
const runOf = (id: string, ledger: Ledger, place: Place, io: CommandIo): Run => {
  const found = find(ledger, place, { invocation: id, limit: timelineRecords }, io);
  if (found.total <= found.records.length) return { records: found.records, missing: 0 };
  const ends = ['opened', 'closed'].flatMap((kind) => find(ledger, place, { invocation: id, kind, limit: 1 }, io).records);
  const nameOf = ({ origin, index }: StoredRecord): string => `${origin}#${index}`;
  const records = [...new Map([...found.records, ...ends].map((record) => [nameOf(record), record])).values()];
  return { records, missing: found.total - records.length };
};

const verificationOf = (place: Place, io: CommandIo): Parameters<typeof runPage>[0]['verification'] => {
  const progress = createProgress(io, 'verifying', 'leaves');
  const { ok, standing, logs, problems, omitted } = verifyLedger(openFolder(place.folder), { onProgress: progress.update });
  progress.end();
  const shown = problems.slice(0, problemsShown).map(({ file, offset, what }) => `${file} byte ${offset}: ${what}`);
  const more = problems.length - shown.length + omitted;
  return {
    ok,
    standing,
    problems: more > 0 ? [...shown, `and ${more} more`] : shown,
    logs: logs.map(({ origin, size, root }) => ({ origin, size, root })),
  };
};

const writePage = ({ records, missing }: Run, place: Place, input: CommandInput, io: CommandIo): void => {
  const page = runPage({
    run: summaryOf(records, missing === 0),
    timeline: timelineOf(records),
    verification: verificationOf(place, io),
    missing,
    madeAt: new Date(io.clock.wallMs()).toISOString(),
    version: io.version,
  });
  const out = input.text('output');
  if (out === undefined) io.stdout.write(page);
  else {
    writeFileSync(resolve(io.cwd, out), page);
    io.stderr.write(`${out}: ${records.length} records, ${Buffer.byteLength(page)} bytes\n`);
  }
};

/** Colours where a person watches and has not asked for none (no-color.org). */
const coloursOn = ({ isTerminal, environment }: CommandIo): boolean =>
  isTerminal.stdout && (environment['NO_COLOR'] ?? '') === '' && environment['TERM'] !== 'dumb';

const showRun = (run: Run, place: Place, input: CommandInput, io: CommandIo): number => {
  const { records, missing } = run;
  if (input.flag('html')) writePage(run, place, input, io);
  else if (input.json) for (const record of records.toReversed()) writeJson(io.stdout, jsonOf(record));
  else {
    const look = { colours: coloursOn(io), columns: io.isTerminal.stdout ? io.columns : null };
    io.stdout.write(runText(summaryOf(records, missing === 0), timelineOf(records), look));
  }
  if (missing > 0) io.stderr.write(`only the last ${records.length} of ${records.length + missing} records are shown\n`);
  return exitCode.ok;
};

const checkOptions = (input: CommandInput): void => {
  if ((input.positionals[0] === undefined) !== input.flag('last'))
    throw usageError('`audit show` needs one id, or --last', 'Find an id with `sealwright audit search`.');
  if (input.flag('html') && input.json) throw usageError('a page is no JSON', 'Give --html or --json, not both.');
  if (input.text('output') !== undefined && !input.flag('html'))
    throw usageError('`--output` names the file of a page', 'Give --html too, or redirect the output.');
};

const show = async (input: CommandInput, io: CommandIo): Promise<number> => {
  checkOptions(input);
  const place = await placeOf(input, io);
  const ledger = openLedger(openFolder(place.folder));
  const [given] = input.positionals;
  const opened: Found['records'] = given === undefined ? find(ledger, place, { kind: 'opened', limit: 1 }, io).records : [];
  const id = given ?? opened[0]?.members['invocation_id'];
  if (typeof id !== 'string')
    throw new CommandError('not_found', 'the ledger holds no invocation', 'Start an agent with `sealwright run`.');
  const run = runOf(id, ledger, place, io);
  if (run.records.length > 0) return showRun(run, place, input, io);
  const record = recordById(ledger, id);
  if (record === null) throw notFound(id);
  if (input.flag('html')) throw usageError('`--html` shows a run, and this is the id of one record', 'Give the id of its invocation.');
  if (input.json) writeJson(io.stdout, jsonOf(record));
  else io.stdout.write(`${record.origin}#${record.index}\n${printableJson(JSON.stringify(record.members, null, 2))}\n`);
  return exitCode.ok;
};

export const auditShow: Command = {
  name: 'audit show',
  summary: 'Show one run of an agent as a timeline or a page, or one record',
  describe:
    'A run: who started which agent where, how long and how it ended, what it used, made and cost, then each crossing of both streams, and findings. With --html as one page without scripts and without anything that it would fetch, every record in it, and how the folder verifies.',
  positionals: [{ name: 'ID', describe: 'Invocation id, or the log_id of a record', optional: true }],
  options: [
    { name: 'last', type: 'flag', describe: 'The invocation that was opened last' },
    { name: 'html', type: 'flag', describe: 'Write the run as a page, to standard output' },
    { name: 'output', type: 'text', value: 'FILE', describe: 'With --html: the file to write' },
    ...placeOptions,
  ],
  examples: [
    { line: 'sealwright audit show --last', does: 'shows the latest run of an agent' },
    { line: 'sealwright audit show --last --html --output run.html', does: 'writes it as a page' },
  ],
  run: show,
};
