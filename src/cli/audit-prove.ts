// `audit prove`: a proof of one record that anyone can verify offline, as C2SP tlog-proof.
// A proof is verified before it is handed out. Ends with 1 when the record is unknown or no checkpoint covers it yet.

import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';

import {
  isNoteProblem,
  openFolder,
  openLedger,
  parseVkey,
  proveRecord,
  recordAt,
  recordById,
  verifyProof,
  type Ledger,
  type StoredRecord,
} from '../ledger/reading.ts';
import { shellWord } from '../core/shell-word.ts';
import { notFound, placeOf, placeOptions } from './audit-place.ts';
import { CommandError, exitCode, writeJson, type Command, type CommandInput, type CommandIo } from './command.ts';

const recordNamed = (ledger: Ledger, name: string): StoredRecord => {
  const [, origin, index] = /^(.+)#(\d+)$/.exec(name) ?? [];
  const record = origin === undefined ? recordById(ledger, name) : recordAt(ledger, origin, Number(index));
  if (record === null) throw notFound(name);
  return record;
};

const prove = async (input: CommandInput, io: CommandIo): Promise<number> => {
  const { folder } = await placeOf(input, io);
  const files = openFolder(folder);
  const ledger = openLedger(files);
  const record = recordNamed(ledger, input.positionals[0] ?? '');
  const proof = proveRecord(ledger, record);
  if (typeof proof !== 'string') throw new CommandError('not_proved', proof.problem, 'Try again shortly.');
  const key = parseVkey(
    Buffer.from(files.read('key.vkey') ?? [])
      .toString('utf8')
      .trimEnd(),
  );
  const verified = isNoteProblem(key) ? key : verifyProof(proof, [key]);
  if (isNoteProblem(verified))
    throw new CommandError('not_proved', `the proof does not verify: ${verified.problem}`, 'Run `sealwright audit verify`.');
  const out = input.text('out');
  if (out !== undefined) writeFileSync(resolve(io.cwd, out), proof);
  const { origin, index, size, signedBy } = verified;
  if (input.json) writeJson(io.stdout, { origin, index, size, signed_by: signedBy, ...(out === undefined ? { proof } : { file: out }) });
  else if (out === undefined) io.stdout.write(proof);
  else {
    io.stdout.write(`${out}: leaf ${index} of ${size} in ${origin}, signed by ${signedBy.join(', ')}\n`);
    io.stderr.write(`Check it anywhere: sealwright audit verify --proof ${shellWord(out)} --key VKEY\n`);
  }
  return exitCode.ok;
};

export const auditProve: Command = {
  name: 'audit prove',
  summary: 'Write a proof of one record that anyone can verify offline',
  describe:
    'The proof is a C2SP tlog-proof with the record in its `extra` line. `audit verify --proof FILE` checks it, without a ledger where --key is given.',
  positionals: [{ name: 'LOG_ID', describe: 'log_id of a record, or ORIGIN#INDEX' }],
  options: [{ name: 'out', type: 'text', value: 'FILE', describe: 'File to write, by custom NAME.tlog-proof' }, ...placeOptions],
  examples: [{ line: 'sealwright audit prove LOG_ID --out record.tlog-proof', does: 'writes the proof to a file' }],
  run: prove,
};
