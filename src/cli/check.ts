// `check`: reads config and policies as `up` would, and says all that is wrong with them. Offline: opens no socket and writes nothing.
// Exit 0 when the envelope would start with them, 1 when not. Warnings do not change the answer.

import { problemText, type ConfigProblem, type LoadedConfig } from '../config/config.ts';
import { configOption, exitCode, writeJson, type Command, type CommandInput, type CommandIo } from './command.ts';
import { readConfig } from './config-file.ts';
import { configPathOf, localConfigHint } from './config-path.ts';
import { warningsOf } from './envelope-options.ts';

export interface PolicyFinding {
  readonly file: string;
  readonly line: number | null;
  readonly message: string;
}

export interface JudgedRules {
  /** Digest of the release that config, policies and package make. */
  readonly release: string;
  /** What the roles became. */
  readonly compiledCedar: string;
  /** Names of the hand-written files. */
  readonly policyFiles: readonly string[];
  /** What looks wrong with hand-written policies though they validate. */
  readonly warnings: readonly PolicyFinding[];
  /** Ids of policies that only observe. */
  readonly observing: readonly string[];
}

/** Loads the policies of a config and makes its release; the rooms that do this are not open to a command. */
export type JudgeRules = (loaded: LoadedConfig, version: string) => JudgedRules | { readonly problems: readonly PolicyFinding[] };

interface Report {
  readonly ok: boolean;
  readonly config: string;
  readonly release: string | null;
  readonly problems: readonly (ConfigProblem | PolicyFinding)[];
  readonly warnings: readonly (ConfigProblem | PolicyFinding)[];
  readonly compiled_cedar: string | null;
  readonly policy_files: readonly string[];
  readonly observing: readonly string[];
}

const examine = (input: CommandInput, io: CommandIo, judge: JudgeRules): Report => {
  const path = configPathOf(input, io);
  const loaded = readConfig(path);
  const nothing = { ok: false, config: path, release: null, warnings: [], compiled_cedar: null, policy_files: [], observing: [] };
  const local = localConfigHint(input, io);
  if (local !== null) {
    const message = `There is no file ${path}, and no other is named. Run: sealwright check ${local}`;
    return { ...nothing, problems: [{ path: '', line: null, message }] };
  }
  if ('problems' in loaded) return { ...nothing, problems: loaded.problems };
  const warnings = warningsOf(loaded, io);
  const judged = judge(loaded, io.version);
  if ('problems' in judged) return { ...nothing, problems: judged.problems, warnings };
  const { release, compiledCedar, policyFiles, warnings: ofPolicies, observing } = judged;
  return {
    ok: true,
    config: path,
    release,
    problems: [],
    warnings: [...warnings, ...ofPolicies],
    compiled_cedar: compiledCedar,
    policy_files: policyFiles,
    observing,
  };
};

const lineOf = (path: string, problem: ConfigProblem | PolicyFinding): string => {
  if ('path' in problem) return problemText(path, problem);
  return `${problem.file}${problem.line === null ? '' : `:${problem.line}`}: ${problem.message}`;
};

const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;

const print = (report: Report, io: CommandIo): void => {
  for (const problem of report.problems) io.stderr.write(`error: ${lineOf(report.config, problem)}\n`);
  for (const warning of report.warnings) io.stderr.write(`warning: ${lineOf(report.config, warning)}\n`);
  if (!report.ok) {
    io.stderr.write(`${counted(report.problems.length, 'problem')}; the envelope would not start. Correct them and run the check again.\n`);
    return;
  }
  const files = report.policy_files.length === 0 ? 'no hand-written policies' : counted(report.policy_files.length, 'policy file');
  io.stdout.write(`ok: ${report.config} (${files}, ${counted(report.warnings.length, 'warning')})\nrelease: ${report.release}\n`);
};

/** The command, given what judges policies. */
export const createCheck = (judge: JudgeRules): Command => ({
  name: 'check',
  summary: 'Check config and policies without starting anything',
  describe:
    'Reads the config, the hand-written policies and the roles as `up` would, and names file and line of each problem. Nothing is contacted. ' +
    'Prints the digest of the release that they make together with this version; with --json also what the roles become as Cedar.',
  positionals: [],
  options: [configOption],
  examples: [
    { line: 'sealwright check --config sealwright.yaml', does: 'check a file of your own' },
    { line: 'sealwright check --json', does: 'check the config of the system, for machines' },
  ],
  run: async (input: CommandInput, io: CommandIo) => {
    const report = examine(input, io, judge);
    if (input.json) writeJson(io.stdout, report);
    else print(report, io);
    return report.ok ? exitCode.ok : exitCode.no;
  },
});
