// Which jail an agent gets: what of this machine is in it, by what it is and where it works. Looks at paths; writes only into the folder of the run.
// A workspace that is, or holds, everything that a person has is refused: a jail around it would hold nothing back.

import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { limits } from '../core/limits.ts';
import { liesWithin } from './executable.ts';
import { foldersElsewhere, type Repository } from './git-facts.ts';
import { gitIdentity } from './git-identity.ts';
import { jailFiles } from './jail-environment.ts';
import type { Standing, JailOrder } from './jail/jail.ts';
import { lyingSockets, walkThrough, type Walk } from './jail/lying-sockets.ts';
import type { RunFolder } from './run-folder.ts';

export interface JailPlace {
  readonly cwd: string;
  readonly standing: Standing;
  readonly workspace: string;
  readonly userHome: string;
  readonly repository: Repository | null;
  /** Folders of the envelope, where they are known: its data, its control socket. */
  readonly ofEnvelope: readonly string[];
  /** One of these: its data. */
  readonly dataOfEnvelope: string | null;
}

export interface JailedProgram {
  /** All files that run, symbolic links resolved. */
  readonly files: readonly string[];
  readonly toolchains: readonly string[];
  /** Folders of its own that it may change: its settings of this run, its conversations. */
  readonly own: readonly string[];
  /** Files of `/etc` that hold settings which nobody in there can change: text by path. */
  readonly managed: Readonly<Record<string, string>>;
}

/** What the machine is run by: whoever could change one of these would need no way out. */
const foldersOfSystem: ReadonlySet<string> = new Set(
  ['bin', 'boot', 'dev', 'etc', 'lib', 'lib32', 'lib64', 'libx32', 'proc', 'run', 'sbin', 'sys', 'usr', 'var'].map((name) => `/${name}`),
);
/** Of these also each part: what lies there is the kernel itself. */
const ofKernel = ['/proc', '/sys'] as const;

/** Why no jail can be made around this workspace; null where one can. */
export const workspaceProblem = ({ workspace, userHome, dataOfEnvelope: data }: JailPlace): string | null => {
  if (workspace === '/') return 'The whole machine is no workspace. Change into the folder of a project.';
  if (foldersOfSystem.has(workspace) || ofKernel.some((folder) => liesWithin(folder, workspace)))
    return `The workspace is ${workspace}, a folder of the system, so a jail would hold nothing back. Change into the folder of a project.`;
  if (data !== null && liesWithin(data, workspace))
    return 'The workspace lies in the data of the envelope. Change into the folder of a project.';
  if (!liesWithin(workspace, userHome)) return null;
  const what = workspace === userHome ? 'your home folder' : 'a folder that holds your home folder';
  return `The workspace is ${what}, so a jail would hold nothing back. Change into the folder of a project.`;
};

/** The folder of the package that a file belongs to, or the file alone. */
const unitOf = (file: string): string => /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(file)?.[0] ?? file;

const isSystem = (path: string): boolean => liesWithin('/usr', path);

const hosts = '127.0.0.1 localhost\n::1 localhost ip6-localhost\n';
/** Names are looked up by the network door, never in a jail. */
const noNames = { '/etc/hosts': hosts, '/etc/resolv.conf': '', '/etc/nsswitch.conf': 'passwd: files\ngroup: files\nhosts: files\n' };

export interface LaidOrder extends Omit<JailOrder, 'doors' | 'credential'> {
  readonly warnings: readonly string[];
}

const unseenSockets = `Only the first ${limits.socketsSoughtEntriesCount} entries of the workspace were looked through for sockets. One of a program outside that lies deeper could be reached from the jail (docs/jail.md).`;

type Held = Pick<JailedProgram, 'files' | 'toolchains'>;

/** What it holds of the machine, beside what is made for the run. */
const heldOf = ({ workspace, repository, ofEnvelope, dataOfEnvelope }: JailPlace, { files, toolchains }: Held) => {
  const outside = (path: string): boolean => !liesWithin(workspace, path);
  const readable = [...new Set([...files.map(unitOf), ...toolchains.filter(existsSync)])].filter(
    (path) => !isSystem(path) && outside(path),
  );
  const linked = foldersElsewhere(repository);
  // Beside its data there are only sockets in its folders, which are sought by themselves.
  const isHeld = (path: string): boolean =>
    path === dataOfEnvelope
      ? [workspace, ...linked, ...readable].some((folder) => liesWithin(folder, path))
      : path !== workspace && !outside(path);
  return { readable, linked, hidden: ofEnvelope.filter((path) => isHeld(path) && existsSync(path)) };
};

/** For sockets, through what it will hold of the machine. It takes the longest of all, and needs nothing of the run, so that it can be done ahead. */
export const walkAround = (place: JailPlace, program: Held): Walk => {
  const { readable, linked, hidden } = heldOf(place, program);
  return walkThrough([place.workspace, ...linked, ...readable], hidden);
};

/** Made for one run; the doors and the credential are those of its invocation. */
export const jailOrder = (place: JailPlace, program: JailedProgram, run: RunFolder, walk: Walk = walkAround(place, program)): LaidOrder => {
  const { cwd, standing, workspace, userHome } = place;
  const { readable, linked, hidden } = heldOf(place, program);
  const identity = gitIdentity(userHome);
  if (identity !== '') writeFileSync(join(run.person, '.gitconfig'), identity, { mode: 0o600, encoding: 'latin1' });
  if (liesWithin(workspace, run.folder))
    throw new Error('the folder of its state lies in the workspace, where the agent could change it; let XDG_STATE_HOME name another');
  const writable = [...program.own, ...linked];
  const sockets = lyingSockets([workspace, ...writable, ...readable], hidden, [walk, walkThrough(program.own, hidden)]);
  return {
    workspace,
    cwd,
    standing,
    writable,
    readable,
    hidden,
    sockets: sockets.paths,
    warnings: sockets.whole ? [] : [unseenSockets],
    home: { outside: run.person, inside: userHome },
    temporary: run.temporary,
    ownFiles: { ...noNames, ...jailFiles, ...program.managed },
    folder: run.folder,
  };
};
