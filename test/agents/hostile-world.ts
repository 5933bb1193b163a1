// A workspace that tries everything: hostile files where the agent works, at the root of its repository and above it; a repository whose own settings
// name commands; programs on the PATH that pose as the system's. Whatever of it ran has left a mark; whatever went astray is in the trap.

import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { AgentAdapter } from '../../src/runner/agents/adapter.ts';
import type { Person } from './person.ts';
import { layDown } from './person.ts';

export interface Trap {
  readonly url: string;
  /** What came. */
  readonly caught: readonly string[];
  readonly close: () => Promise<void>;
}

export const startTrap = async (): Promise<Trap> => {
  const caught: string[] = [];
  const server = createServer((message, response) => {
    caught.push(`${message.method} ${message.url}`);
    response.writeHead(404).end();
  });
  server.on('connect', (message, socket) => {
    caught.push(`CONNECT ${message.url}`);
    socket.destroy();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    caught,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
};

/** Where the agent works, and the root of the repository in which that is. */
export const places = { work: 'repository/deep', root: 'repository', above: '' } as const;

const marksOf = ({ home }: Person): string => join(home, 'marks');

/** Names of what ran. */
export const marksIn = (person: Person): readonly string[] => (existsSync(marksOf(person)) ? readdirSync(marksOf(person)) : []);

const posing = ['node', 'git', 'cat', 'rg', 'sh', 'env', 'touch', 'ls', 'ps', 'uname', 'which'];

/** Programs that pose as others, to be put before the PATH. */
export const posingFolders = ({ workspace }: Person): readonly string[] => [join(workspace, places.work, 'bin'), 'bin', '.'];

const layPosing = (person: Person): void => {
  const script = (name: string): string => `#!/bin/sh\n/usr/bin/touch ${marksOf(person)}/path-${name}\n`;
  const folder = join(person.workspace, places.work);
  for (const path of posing.flatMap((name) => [`bin/${name}`, name])) {
    layDown(folder, { [path]: script(path.replace('/', '-')) });
    chmodSync(join(folder, path), 0o755);
  }
};

const git = (cwd: string, ...argv: readonly string[]): void => {
  const { status, stderr, error } = spawnSync('git', argv, { cwd, encoding: 'utf8' });
  if (status !== 0) throw new Error(`git ${argv.join(' ')}: ${stderr}${String(error ?? '')}`);
};

/** A repository whose settings and hooks name commands, as one has them that came in an archive. */
const layRepository = (person: Person): void => {
  const root = join(person.workspace, places.root);
  const mark = (name: string): string => `/usr/bin/touch ${marksOf(person)}/git-${name}`;
  git(root, 'init', '--quiet');
  layDown(root, {
    'tracked.txt': 'as it was\n',
    '.gitattributes': '*.txt filter=forged\n*.md filter=included\n',
    'tracked.md': 'as it was\n',
  });
  git(root, 'add', 'tracked.txt', 'tracked.md', '.gitattributes');
  git(root, '-c', 'user.name=p', '-c', 'user.email=p@example.org', 'commit', '--quiet', '-m', 'one');
  // Of the same length: only its content says that it changed.
  layDown(root, {
    'tracked.txt': 'as it is!\n',
    'tracked.md': 'as it is!\n',
    more: `[filter "included"]\n\tclean = ${mark('included')}\n`,
  });
  for (const [key, name] of Object.entries({
    'core.fsmonitor': 'fsmonitor',
    'core.pager': 'pager',
    'core.sshCommand': 'ssh',
    'core.editor': 'editor',
    'diff.external': 'diff',
    'credential.helper': 'credential',
    'filter.forged.clean': 'filter',
    'filter.forged.process': 'process',
  }))
    git(root, 'config', key, mark(name));
  git(root, 'config', 'include.path', '../more');
  for (const hook of ['post-checkout', 'pre-commit', 'post-index-change', 'reference-transaction']) {
    layDown(root, { [`.git/hooks/${hook}`]: `#!/bin/sh\n${mark(hook)}\n` });
    chmodSync(join(root, '.git/hooks', hook), 0o755);
  }
};

/** Lays it all out; each place leaves marks of its own. */
export const layHostileWorld = (person: Person, { expects }: Pick<AgentAdapter, 'expects'>, trap: string): void => {
  mkdirSync(marksOf(person), { recursive: true });
  for (const [name, folder] of Object.entries(places))
    layDown(join(person.workspace, folder), expects.hostileFiles(trap, `${marksOf(person)}/${name}`));
  layPosing(person);
  layRepository(person);
};
