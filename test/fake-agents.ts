// Packages that look like those of the CLI agents to whoever examines what is installed, and that say what they were started with.
// Files alone: nothing is fetched. Everything lies in a folder that the caller removes.

import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Files by path; what begins with `#!` may be executed. */
export const layFiles = (folder: string, files: Readonly<Record<string, string>>): void => {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
    if (text.startsWith('#!')) chmodSync(join(folder, path), 0o755);
  }
};

export const manifest = (name: string, version: string): string => JSON.stringify({ name, version });

/** Says its environment, its arguments and the files of its home, one a line. */
const telling = '#!/bin/sh\nenv\nfor argument in "$@"; do echo "argument: $argument"; done\n';

const platform = `${process.platform}-${process.arch}`;

/** Where `name` lies under `modules`, with a link to it in `bin`, as an installation leaves them. */
const linked = (folder: string, name: string, program: string): string => {
  mkdirSync(join(folder, 'bin'), { recursive: true });
  symlinkSync(join(folder, 'node_modules', program), join(folder, 'bin', name));
  return join(folder, 'bin', name);
};

/** Each lays an installation into `folder` and gives the path of the link to its program. */
export const fakeAgents = {
  claude: (folder: string, version = '2.1.197', script = telling): string => {
    layFiles(join(folder, 'node_modules'), {
      [`@anthropic-ai/claude-code-${platform}/package.json`]: manifest(`@anthropic-ai/claude-code-${platform}`, version),
      [`@anthropic-ai/claude-code-${platform}/claude`]: script,
    });
    return linked(folder, 'claude', `@anthropic-ai/claude-code-${platform}/claude`);
  },
  codex: (folder: string, version = '0.169.0'): string => {
    layFiles(join(folder, 'node_modules'), {
      '@openai/codex/package.json': manifest('@openai/codex', version),
      '@openai/codex/bin/codex.js': '#!/usr/bin/env node\n',
      [`@openai/codex-${platform}/package.json`]: manifest('@openai/codex', `${version}-${platform}`),
      [`@openai/codex-${platform}/vendor/codex`]: 'the binary',
      [`@openai/codex-${platform}/vendor/voice/bell.wav`]: 'a sound',
      [`@openai/codex-${platform}/README.md`]: 'words',
    });
    return linked(folder, 'codex', '@openai/codex/bin/codex.js');
  },
  gemini: (folder: string, version = '0.61.0'): string => {
    layFiles(join(folder, 'node_modules'), {
      '@google/gemini-cli/package.json': manifest('@google/gemini-cli', version),
      '@google/gemini-cli/bundle/gemini.js': '#!/usr/bin/env node\nimport "./chunk.js";\n',
      '@google/gemini-cli/bundle/chunk.js': 'the rest',
      '@google/gemini-cli/bundle/docs/page.md': 'words',
    });
    return linked(folder, 'gemini', '@google/gemini-cli/bundle/gemini.js');
  },
} as const;
