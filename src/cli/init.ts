// `init`: writes a config to begin with, and a folder for policies. Never overwrites; what it writes only its owner can change.
// The config is the packaged example, so that what is tested is what people get.

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

import { problemText } from '../config/config.ts';
import { shellWord } from '../core/shell-word.ts';
import { CommandError, exitCode, writeJson, type Command } from './command.ts';
import { readConfig } from './config-file.ts';
import { makeFolder } from './make-folder.ts';

const policiesSetting = `
# Hand-written Cedar policies, beside what the roles say. \`{ folder: ./policies, mode: observe }\` would let pass what is denied,
# and record what would have happened.
policies: ./policies
`;

const starterPolicy = `// Policies written by hand, in Cedar. Each needs an @id, which records name when it decides. Forbid always wins over permit.
// Check them with \`sealwright check\`. Two that are often wanted, as comments:

// @id("residency")
// forbid (principal, action == Sealwright::Action::"invokeModel", resource)
// unless { context.endpoint.region == "eu" || context.endpoint.region == "local" };

// A forbid with @approval is one that a person can lift:
// @id("refunds-need-a-person")
// @approval("refund")
// forbid (principal, action == Sealwright::Action::"callTool", resource == Sealwright::Tool::"refund");
`;

const starterConfig = (packageFolder: string): string => {
  const example = readFileSync(join(packageFolder, 'examples', 'sealwright.yaml'), 'utf8');
  return example.replace('../schema/', `${join(packageFolder, 'schema')}/`) + policiesSetting;
};

const codeOf = (error: unknown): string => (error instanceof Error && 'code' in error ? String(error.code) : 'unknown error');

const writeStarter = (folder: string, packageFolder: string): readonly string[] => {
  const config = join(folder, 'sealwright.yaml');
  const policies = join(folder, 'policies');
  const starter = join(policies, 'starter.cedar');
  for (const path of [config, starter]) {
    if (existsSync(path)) throw new CommandError('exists', `${path} is already there`, 'Name another folder, or move it away first.');
  }
  const text = starterConfig(packageFolder);
  try {
    makeFolder(policies);
    writeFileSync(starter, starterPolicy, { mode: 0o600, flag: 'wx' });
    // Last, so that a config that is there is one that works.
    writeFileSync(config, text, { mode: 0o600, flag: 'wx' });
  } catch (error) {
    throw new CommandError('cannot_write', `${folder} cannot be written (${codeOf(error)})`, 'Name a folder that you may write in.');
  }
  return [config, starter];
};

export const init: Command = {
  name: 'init',
  summary: 'Write a config to begin with',
  describe: 'Writes `sealwright.yaml` and `policies/` with comments, readable and writable by you alone. Never overwrites.',
  positionals: [{ name: 'DIR', describe: 'Folder to write in; the working folder by default', optional: true }],
  options: [],
  examples: [{ line: 'sealwright init envelope', does: 'write envelope/sealwright.yaml and envelope/policies' }],
  run: async (input, io) => {
    const folder = resolve(io.cwd, input.positionals[0] ?? '.');
    const written = writeStarter(folder, io.packageFolder);
    const config = join(folder, 'sealwright.yaml');
    const loaded = readConfig(config);
    const problems = 'problems' in loaded ? loaded.problems.map((problem) => problemText(config, problem)) : [];
    if (input.json) writeJson(io.stdout, { written, problems });
    else io.stdout.write(`${written.map((path) => `wrote ${path}\n`).join('')}next: sealwright up --config ${shellWord(config)}\n`);
    for (const problem of problems) io.stderr.write(`before it can be used: ${problem}\n`);
    return exitCode.ok;
  },
};
