// `version`: which release of the package runs, and on what.
// Reads nothing and cannot fail.

import { exitCode, writeJson, type Command } from './command.ts';

export const version: Command = {
  name: 'version',
  summary: 'Print the version of Sealwright and of Node',
  positionals: [],
  options: [],
  examples: [{ line: 'sealwright version --json', does: 'the same for machines' }],
  run: async (input, io) => {
    if (input.json) writeJson(io.stdout, { sealwright: io.version, node: process.version, platform: io.platform });
    else io.stdout.write(`sealwright ${io.version} (Node ${process.version}, ${io.platform})\n`);
    return exitCode.ok;
  },
};
