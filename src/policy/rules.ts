// The whole set of policies that one config and one folder make: compiled and hand-written ones, validated together.
// Problems name file and line, and then there is no set. Pure; parses and decides nothing.

import { compileGrants, type IdentityGrants } from './compile-grants.ts';
import { type CompiledPolicy, compileRoles, settingOf } from './compile-roles.ts';
import type { JudgeSettings } from './judge.ts';
import { type PolicyFile, type PolicyProblem, readPolicyFile, validationProblems, type WrittenPolicy } from './policy-files.ts';

/** The part of the config that decides; `Config` has it. */
export interface PolicySettings extends JudgeSettings {
  readonly identity: IdentityGrants;
  readonly endpoints: Readonly<
    Record<
      string,
      {
        readonly topology: string;
        readonly provider: string;
        readonly region: string;
        readonly models: readonly { readonly pin: string }[];
      }
    >
  >;
}

export interface Rules {
  readonly policies: readonly (CompiledPolicy | WrittenPolicy)[];
  /** What the config became, as Cedar for people to read. */
  readonly compiledCedar: string;
}

const readFiles = (
  files: readonly PolicyFile[],
): { readonly policies: readonly WrittenPolicy[]; readonly problems: readonly PolicyProblem[] } => {
  const fileOf = new Map<string, string>();
  const policies: WrittenPolicy[] = [];
  const problems: PolicyProblem[] = [];
  for (const file of files) {
    const read = readPolicyFile(file);
    problems.push(...read.problems);
    for (const policy of read.policies) {
      const other = fileOf.get(policy.id);
      if (other !== undefined)
        problems.push({ file: policy.file, line: policy.line, message: `the id ${policy.id} already stands in ${other}` });
      fileOf.set(policy.id, file.name);
      policies.push(policy);
    }
  }
  return { policies, problems };
};

export const compileConfig = ({ agent_roles: roles, identity, agents }: PolicySettings): readonly CompiledPolicy[] => [
  ...compileRoles(roles),
  ...compileGrants(identity, agents),
];

export const cedarTextOf = (compiled: readonly CompiledPolicy[]): string => compiled.map(({ text }) => `${text}\n`).join('\n');

const compiledName = 'the config, as Cedar';

/** What Cedar has against the policies that the config became, such as a text of mixed scripts, with the setting that says it. */
const compiledProblems = (compiled: readonly CompiledPolicy[], text: string): readonly PolicyProblem[] => {
  let line = 1;
  const begins = compiled.map((policy) => {
    const at = line;
    line += policy.text.split('\n').length + 1;
    return { at, place: settingOf(policy.source) };
  });
  return validationProblems({ name: compiledName, text }).map((problem) => {
    const policy = begins.findLast(({ at }) => problem.line !== null && at <= problem.line);
    return policy === undefined ? problem : { ...problem, message: `${policy.place}: ${problem.message}` };
  });
};

export const compileRules = (
  settings: PolicySettings,
  files: readonly PolicyFile[],
): Rules | { readonly problems: readonly PolicyProblem[] } => {
  const compiled = compileConfig(settings);
  const compiledCedar = cedarTextOf(compiled);
  const { policies, problems } = readFiles(files);
  const all = [...problems, ...compiledProblems(compiled, compiledCedar)];
  return all.length > 0 ? { problems: all } : { policies: [...compiled, ...policies], compiledCedar };
};
