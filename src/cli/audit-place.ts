// What all `audit` commands share: which ledger is meant, and how records are found and written.
// Reads the files of a ledger, of a running envelope or of a copy; asks an envelope only where its data lie. Throws what a person can act on.
// The config is loaded only where it has to name the folder: its parser takes longer than looking into a small ledger.

import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';

import { controlSocketPath, createControlClient, isClientFailure, isRemote } from '../client/client.ts';
import { recordLine, searchRecords, type Found, type Ledger, type RecordFilter, type StoredRecord } from '../ledger/reading.ts';
import {
  CommandError,
  configOption,
  socketOption,
  dataOption,
  exitCode,
  writeJson,
  type CommandInput,
  type CommandIo,
  type CommandOption,
} from './command.ts';
import { configPathOf } from './config-path.ts';
import { exitOf } from './control-client.ts';
import { createProgress } from './progress.ts';

const ledgerOption: CommandOption = {
  name: 'ledger',
  type: 'text',
  value: 'DIR',
  describe: 'Ledger folder itself, such as a copy of DATA/ledger',
};
/** Options that say which ledger is meant; without any, it is that of the running envelope. */
export const placeOptions: readonly CommandOption[] = [ledgerOption, dataOption, configOption, socketOption];

export interface Place {
  readonly folder: string;
  /** Empty where there is no folder that an index may be kept in. */
  readonly indexPath: string;
}

export const usageError = (message: string, next: string): CommandError => new CommandError('usage', message, next, exitCode.usage);

const isFolder = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;

const isWritable = (path: string): boolean => {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
};

/** The data folder of the envelope that answers at the control socket; null where none answers or it does not say. */
const runningData = async (input: CommandInput, io: CommandIo): Promise<string | null> => {
  const socket = controlSocketPath(input.text('control') ?? null, io.environment, 'connect');
  if (typeof socket === 'string' && isRemote(socket))
    throw usageError(
      'a ledger is read from its files, and those of that envelope lie on its machine',
      'Do this there, or name a copy of the ledger with --ledger DIR.',
    );
  const status = typeof socket === 'string' ? await createControlClient(socket).status() : socket;
  if (!isClientFailure(status)) return status.data;
  if (input.text('control') === undefined) return null;
  throw new CommandError(status.failure, status.problem, 'Or name the data folder with --data DIR.', exitOf(status));
};

const dataFolder = async (input: CommandInput, io: CommandIo): Promise<string> => {
  const data = input.text('data');
  if (data !== undefined) return resolve(io.cwd, data);
  const named = input.text('config') !== undefined;
  const running = named ? null : await runningData(input, io);
  if (running !== null) return running;
  const path = configPathOf(input, io);
  if (named || existsSync(path)) {
    const { loadOrExplain } = await import('./envelope-options.ts');
    return loadOrExplain(path).config.data_dir;
  }
  // Where nothing is named the envelope's own ledger is meant, so that it is the envelope that is missed.
  throw new CommandError(
    'unreachable',
    'no ledger is named, and no envelope is running and no config is there that could say where its data lie',
    'Name a data folder with --data DIR, or a copy of a ledger with --ledger DIR.',
    exitCode.unreachable,
  );
};

/** The ledger that a command is to look into; the index may only be kept in a data folder. */
export const placeOf = async (input: CommandInput, io: CommandIo): Promise<Place> => {
  const given = input.text('ledger');
  const data = given === undefined ? await dataFolder(input, io) : null;
  const folder = data === null ? resolve(io.cwd, given ?? '') : join(data, 'ledger');
  if (!isFolder(join(folder, 'logs')) && !isFolder(join(folder, 'journal'))) {
    const next = data === null ? 'Name the folder that holds `logs` and `journal`.' : 'Name the data folder of an envelope that has run.';
    throw new CommandError('no_ledger', `there is no ledger in ${folder}`, next);
  }
  const state = data === null ? '' : join(data, 'state');
  return { folder, indexPath: state !== '' && isFolder(state) && isWritable(state) ? join(state, 'index.db') : '' };
};

/** A record for machines. */
export const jsonOf = ({ origin, index, members }: StoredRecord): unknown => ({ origin, index, record: members });

const idOf = ({ members: { log_id: id } }: StoredRecord): string => (typeof id === 'string' ? id.replaceAll(/[^\w-]/g, '?') : '?');

/** One line a record. */
export const writeRecords = (records: readonly StoredRecord[], input: CommandInput, io: CommandIo): void => {
  for (const record of records) {
    if (input.json) writeJson(io.stdout, jsonOf(record));
    else io.stdout.write(`${idOf(record)}  ${recordLine(record)}\n`);
  }
};

const told = new WeakSet<CommandIo>();

/** Says once that what is found is not all that there was: a search is no verification, and must not look like one. */
export const tellUnread =
  (io: CommandIo) =>
  (count: number): void => {
    if (told.has(io)) return;
    told.add(io);
    io.stderr.write(
      `warning: ${count} ${count === 1 ? 'record' : 'records'} of the ledger cannot be read, and could not be searched; \`sealwright audit verify\` says what is damaged or missing\n`,
    );
  };

/** Searches with progress on a terminal. */
export const find = (ledger: Ledger, place: Place, filter: RecordFilter, io: CommandIo): Found => {
  const progress = createProgress(io, 'indexing', 'records');
  try {
    return searchRecords(ledger, filter, { indexPath: place.indexPath, onProgress: progress.update, onUnread: tellUnread(io) });
  } finally {
    progress.end();
  }
};

export const notFound = (what: string): CommandError =>
  new CommandError('not_found', `no invocation and no record has the id ${what}`, 'Find one with `sealwright audit search`.');
