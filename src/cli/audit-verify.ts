// `audit verify`: verifies every entry, hash and signature of a ledger from its files alone.
// Ends with 1 when something does not verify; names the file and the offset of the smallest such unit.

import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';

import { isNoteProblem, openFolder, parseVkey, verifyLedger } from '../ledger/reading.ts';
import { placeOf, placeOptions, usageError } from './audit-place.ts';
import { exitCode, writeJson, type Command, type CommandInput, type CommandIo } from './command.ts';
import { createProgress } from './progress.ts';

const keysOf = (input: CommandInput): readonly string[] => {
  for (const vkey of input.texts('key')) {
    const key = parseVkey(vkey);
    if (isNoteProblem(key))
      throw usageError(`\`--key\`: ${key.problem}`, 'Give the line in `key.vkey` as it was handed to you, not the one in the folder.');
  }
  return input.texts('key');
};

const readGiven = (path: string, io: CommandIo): Uint8Array => {
  try {
    return readFileSync(resolve(io.cwd, path));
  } catch {
    throw usageError(`${path} cannot be read`, 'Name a file that holds a checkpoint.');
  }
};

const verify = async (input: CommandInput, io: CommandIo): Promise<number> => {
  const { folder } = placeOf(input, io);
  const progress = createProgress(io, 'verifying', 'leaves');
  const keys = keysOf(input);
  const since = input.texts('since').map((path) => readGiven(path, io));
  const verification = verifyLedger(openFolder(folder), { keys, since, onProgress: progress.update });
  progress.end();
  if (input.json) writeJson(io.stdout, verification);
  else {
    for (const { origin, size, root, unpublished } of verification.logs) {
      io.stdout.write(`${origin}  ${size} leaves  root ${root}${unpublished > 0 ? `  and ${unpublished} unpublished` : ''}\n`);
    }
    for (const { file, offset, what } of verification.problems) io.stdout.write(`PROBLEM  ${file}  byte ${offset}: ${what}\n`);
    if (verification.omitted > 0) io.stdout.write(`and ${verification.omitted} more problems\n`);
    io.stdout.write(`${verification.standing}\n`);
  }
  return verification.ok ? exitCode.ok : exitCode.no;
};

export const auditVerify: Command = {
  name: 'audit verify',
  summary: 'Verify every entry, hash and signature of a ledger',
  describe:
    'Without --key and --since the answer is "consistent, unanchored": whoever holds the signing key could have made it so. With a key and a checkpoint that you know from elsewhere, the answer does not depend on the folder.',
  positionals: [],
  options: [
    { name: 'key', type: 'text', value: 'VKEY', describe: 'Verifier key known from elsewhere', many: true },
    { name: 'since', type: 'text', value: 'FILE', describe: 'Checkpoint known from elsewhere', many: true },
    ...placeOptions,
  ],
  examples: [{ line: 'sealwright audit verify --ledger ./copy --key "$VKEY"', does: 'verifies a copy with a key known from elsewhere' }],
  run: verify,
};
