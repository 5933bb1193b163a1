// A person of a machine of their own: a home with the one CLI agent installed, a workspace, and an environment such as a shell has.
// Both folders are gone when the person is.

import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import type { Cli } from './clis.ts';
import { install } from './install.ts';
import { scratchFolder } from './scratch.ts';

export type Files = Readonly<Record<string, string | Uint8Array>>;

export interface Person {
  readonly home: string;
  readonly workspace: string;
  readonly env: Readonly<Record<string, string>>;
  readonly remove: () => void;
}

export const layDown = (folder: string, files: Files): void => {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content);
  }
};

export const createPerson = async (cli: Cli, files: Files = {}, homeFiles: Files = {}): Promise<Person> => {
  const program = await install(cli);
  const home = mkdtempSync(join(scratchFolder(), 'p-'));
  const workspace = realpathSync(mkdtempSync(join(tmpdir(), 'agent-workspace-')));
  mkdirSync(join(home, 'bin'));
  symlinkSync(program, join(home, 'bin', cli.command));
  layDown(home, homeFiles);
  layDown(workspace, files);
  return {
    home,
    workspace,
    env: {
      // This Node comes first: it runs the agents that are scripts, and `sealwright` itself.
      PATH: [join(home, 'bin'), dirname(process.execPath), process.env['PATH'] ?? ''].join(delimiter),
      HOME: home,
      TERM: 'dumb',
      COLORTERM: 'truecolor',
      LANG: 'C.UTF-8',
      SHELL: '/bin/sh',
      USER: 'person',
    },
    remove: () => {
      for (const folder of [workspace, home]) rmSync(folder, { recursive: true, force: true });
    },
  };
};
