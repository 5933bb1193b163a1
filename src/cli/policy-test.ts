// `policy test`: runs the `*.test.json` files beside the policies, and says which policies none of them exercised.
// Ends with 1 when a test fails, and with `--require-coverage` when a hand-written policy is not exercised.

import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

import { CommandError, configOption, exitCode, writeJson, type Command, type CommandInput, type CommandIo } from './command.ts';
import { makeFolder } from './make-folder.ts';
import { usageError } from './audit-place.ts';
import { configPathOf } from './config-path.ts';
import { loadOrExplain } from './envelope-options.ts';
import { type PolicyTestReport, rulesError, type RuleBooks } from './rule-books.ts';
import type { LoadedConfig } from '../config/config.ts';
import { shellWord } from '../core/shell-word.ts';

const folderOf = ({ config }: LoadedConfig, input: CommandInput, io: CommandIo): string => {
  const [given] = input.positionals;
  const folder = given === undefined ? config.policies.folder : resolve(io.cwd, given);
  if (folder !== null) return folder;
  throw usageError('the config names no folder of policies', 'Name one, or set `policies` in the config.');
};

const print = ({ results, unexercised, unexercisedCompiled }: PolicyTestReport, io: CommandIo): void => {
  const failed = results.filter(({ problem }) => problem !== null);
  for (const { file, number, name, problem } of failed) io.stdout.write(`FAILED  ${file}  test ${number}, ${name}: ${problem}\n`);
  for (const { id, file, line } of unexercised) io.stdout.write(`no test exercises ${id} (${file}${line === null ? '' : `:${line}`})\n`);
  const compiled = unexercisedCompiled.length;
  if (compiled > 0)
    io.stdout.write(
      `${unexercised.length > 0 ? 'and none' : 'no test'} exercises ${compiled} of those that the config became; --json lists them\n`,
    );
  io.stdout.write(`${results.length - failed.length} of ${results.length} tests passed\n`);
};

/** Writes what the stock tool needs, and says how to run it. */
const writeExport = (books: RuleBooks, loaded: LoadedConfig, folder: string, target: string, io: CommandIo): void => {
  const files = books.exported(loaded, folder);
  if ('problems' in files) throw rulesError(files);
  try {
    makeFolder(target);
    for (const [name, text] of files) writeFileSync(join(target, name), text);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
    throw new CommandError('cannot_write', `${target} cannot be written (${code})`, 'Name a folder that you may write in.');
  }
  for (const name of files.keys())
    if (name.endsWith('.test.json')) {
      const [policies, schema, tests] = ['policies.cedar', 'schema.cedarschema', name].map((each) => shellWord(join(target, each)));
      io.stderr.write(`Run it with: cedar run-tests --policies ${policies} --schema ${schema} --tests ${tests}\n`);
    }
};

export const createPolicyTest = (books: RuleBooks): Command => ({
  name: 'policy test',
  summary: 'Run the tests of the policies',
  describe:
    'A test is an entry of a `*.test.json` file in the form of `cedar run-tests`: name, request, entities, decision, reason, num_errors; and `observed` for policies that only observe. It is put to all policies at once: those that the config became and those of the folder. Without a test that a policy determines, the policy is listed as not exercised.',
  positionals: [{ name: 'FOLDER', describe: 'Folder of policies and tests; by default the one that the config names', optional: true }],
  options: [
    configOption,
    { name: 'require-coverage', type: 'flag', describe: 'End with 1 when a hand-written policy is not exercised' },
    { name: 'export', type: 'text', value: 'DIR', describe: 'Also write policies, schema and tests for the stock `cedar` command' },
  ],
  examples: [
    { line: 'sealwright policy test --config sealwright.yaml --require-coverage', does: 'run the tests as a build would' },
    { line: 'sealwright policy test ./policies --export ./for-cedar', does: 'run them, and write out what `cedar run-tests` needs' },
  ],
  run: async (input, io) => {
    const loaded = loadOrExplain(configPathOf(input, io));
    const folder = folderOf(loaded, input, io);
    const report = books.test(loaded, folder);
    if ('problems' in report) throw rulesError(report);
    const target = input.text('export');
    if (target !== undefined) writeExport(books, loaded, folder, resolve(io.cwd, target), io);
    const covered = report.unexercised.length === 0 || !input.flag('require-coverage');
    const ok = covered && report.results.every(({ problem }) => problem === null);
    const { results, unexercised, unexercisedCompiled } = report;
    if (input.json) writeJson(io.stdout, { ok, tests: results, not_exercised: unexercised, compiled_not_exercised: unexercisedCompiled });
    else print(report, io);
    return ok ? exitCode.ok : exitCode.no;
  },
});
