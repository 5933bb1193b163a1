// `audit verify`: verifies every entry, hash and signature of a ledger from its files alone, or one proof.
// Ends with 1 when something does not verify; names the file and the offset of the smallest such unit. With `--replay` also makes decisions again.

import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';

import { isNoteProblem, openFolder, openLedger, parseVkey, verifyLedger, verifyProof } from '../ledger/reading.ts';
import { placeOf, placeOptions, usageError } from './audit-place.ts';
import { printReplay, replayLedger, type ReplayReport } from './audit-replay.ts';
import { exitCode, writeJson, type Command, type CommandInput, type CommandIo } from './command.ts';
import { printable } from './printable.ts';
import { createProgress } from './progress.ts';
import { releasesFolder, releasesOption, type RuleBooks } from './rule-books.ts';

const keysOf = (input: CommandInput): readonly string[] => {
  for (const vkey of input.texts('key')) {
    const key = parseVkey(vkey);
    if (isNoteProblem(key))
      throw usageError(`\`--key\`: ${key.problem}`, 'Give the line in `key.vkey` as it was handed to you, not the one in the folder.');
  }
  return input.texts('key');
};

const readGiven = (path: string, what: string, io: CommandIo): Uint8Array => {
  try {
    return readFileSync(resolve(io.cwd, path));
  } catch {
    throw usageError(`${path} cannot be read`, `Name a file that holds a ${what}.`);
  }
};

/** The key in a ledger folder: who can write the folder can put another there. */
const folderKey = async (input: CommandInput, io: CommandIo): Promise<string> => {
  const { folder } = await placeOf(input, io);
  return Buffer.from(openFolder(folder).read('key.vkey') ?? [])
    .toString('utf8')
    .trimEnd();
};

const unanchored =
  'Whoever holds the signing key could have made this. Give --key, and --since, to compare with what you know from elsewhere.';

/** A proof needs no ledger, only the key of whoever signed. */
const verifyOneProof = async (path: string, input: CommandInput, io: CommandIo): Promise<number> => {
  if (input.texts('since').length > 0) throw usageError('`--proof` takes no `--since`', 'A proof brings its own checkpoint.');
  const text = Buffer.from(readGiven(path, 'proof', io)).toString('utf8');
  const given = keysOf(input);
  const keys = given.length > 0 ? given : [await folderKey(input, io)];
  const verifiers = keys.flatMap((vkey) => {
    const key = parseVkey(vkey);
    return isNoteProblem(key) ? [] : [key];
  });
  const proved = verifyProof(text, verifiers);
  if (isNoteProblem(proved)) {
    if (input.json) writeJson(io.stdout, { ok: false, problem: proved.problem });
    else io.stdout.write(`PROBLEM  ${path}: ${proved.problem}\nnot verified\n`);
    return exitCode.no;
  }
  const { origin, index, size, leaf, signedBy } = proved;
  const standing = given.length > 0 ? 'verified with the given key' : 'consistent, unanchored';
  const record = Buffer.from(leaf).toString('utf8');
  if (input.json) writeJson(io.stdout, { ok: true, standing, origin, index, size, signed_by: signedBy, leaf: record });
  else {
    io.stdout.write(`${printable(record)}\n`);
    io.stdout.write(`leaf ${index} of ${size} in ${origin}, signed by ${signedBy.join(', ')}\n${standing}\n`);
    if (given.length === 0) io.stderr.write(`${unanchored}\n`);
  }
  return exitCode.ok;
};

const counted = (count: number, one: string, many: string): string => `${count} ${count === 1 ? one : many}`;

const print = ({ logs, problems, omitted, ok, standing }: ReturnType<typeof verifyLedger>, anchored: boolean, io: CommandIo): void => {
  for (const { origin, size, root, unpublished } of logs) {
    const waiting = unpublished > 0 ? `  and ${unpublished} unpublished` : '';
    io.stdout.write(`${origin}  ${counted(size, 'leaf', 'leaves')}  root ${root}${waiting}\n`);
  }
  for (const { file, offset, what } of problems) io.stdout.write(`PROBLEM  ${file}  byte ${offset}: ${what}\n`);
  if (omitted > 0) io.stdout.write(`and ${counted(omitted, 'more problem', 'more problems')}\n`);
  io.stdout.write(`${standing}\n`);
  const waiting = logs.reduce((leaves, { unpublished }) => leaves + unpublished, 0);
  if (waiting > 0) {
    const leaves = counted(waiting, 'leaf lies', 'leaves lie');
    io.stderr.write(
      `${leaves} in the journal only, and no signature covers what lies there yet. A running envelope signs about every second.\n`,
    );
  }
  if (ok && !anchored) io.stderr.write(`${unanchored}\n`);
};

/** The decisions made again, where that was asked for. */
const replayed = async (
  folder: string,
  books: () => Promise<RuleBooks>,
  input: CommandInput,
  io: CommandIo,
): Promise<ReplayReport | null> =>
  input.flag('replay') ? replayLedger(openLedger(openFolder(folder)), await books(), releasesFolder(folder, input, io), io) : null;

const verify = async (books: () => Promise<RuleBooks>, input: CommandInput, io: CommandIo): Promise<number> => {
  const proof = input.text('proof');
  if (proof !== undefined) return verifyOneProof(proof, input, io);
  const { folder } = await placeOf(input, io);
  const progress = createProgress(io, 'verifying', 'leaves');
  const keys = keysOf(input);
  const sinceNames = input.texts('since');
  const since = sinceNames.map((path) => readGiven(path, 'checkpoint', io));
  const verification = verifyLedger(openFolder(folder), { keys, since, sinceNames, onProgress: progress.update });
  progress.end();
  const replay = await replayed(folder, books, input, io);
  const ok = verification.ok && replay?.ok !== false;
  if (input.json) writeJson(io.stdout, replay === null ? verification : { ...verification, ok, replay });
  else {
    if (replay !== null) printReplay(replay, io);
    print(verification, keys.length + since.length > 0, io);
  }
  return ok ? exitCode.ok : exitCode.no;
};

/** The command, given what decides again; it is loaded only where that is asked for. */
export const createAuditVerify = (books: () => Promise<RuleBooks>): Command => ({
  name: 'audit verify',
  summary: 'Verify every entry, hash and signature of a ledger',
  describe:
    'Without --key and --since the answer is "consistent, unanchored": whoever holds the signing key could have made it so. With a key and a checkpoint that you know from elsewhere, the answer does not depend on the folder.',
  positionals: [],
  options: [
    { name: 'key', type: 'text', value: 'VKEY', describe: 'Verifier key known from elsewhere', many: true },
    { name: 'since', type: 'text', value: 'FILE', describe: 'Checkpoint known from elsewhere', many: true },
    {
      name: 'replay',
      type: 'flag',
      describe: 'Also make each recorded decision again, with the rules of the release that its record names',
    },
    releasesOption,
    { name: 'proof', type: 'text', value: 'FILE', describe: 'A proof of one record, instead of a ledger; with --key no ledger is needed' },
    ...placeOptions,
  ],
  examples: [
    { line: 'sealwright audit verify --proof record.tlog-proof --key "$VKEY"', does: 'verifies one record, without any ledger' },
    { line: 'sealwright audit verify --ledger ./copy --key "$VKEY"', does: 'verifies a copy with a key known from elsewhere' },
  ],
  run: (input, io) => verify(books, input, io),
});
