// The folder of one run, below the person's state folder: a home that is empty, temporary files, and what the run is made with. 0700, and gone at the end.
// What a runner that was killed left is swept by the next one: of this place by its process id, of another one, which may share the folder, when it
// was not touched for long. Making it throws what the file system says; closing it never throws.

import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  realpathSync,
  rmSync,
  statSync,
  utimesSync,
} from 'node:fs';
import { basename, dirname, isAbsolute, join } from 'node:path';
import { homeFolder } from '../client/client.ts';
import { limits } from '../core/limits.ts';

export interface RunFolder {
  readonly temporary: string;
  /** Empty; stands for the person's home in a jail. */
  readonly person: string;
  /** For what a jail is made with; never inside one. */
  readonly folder: string;
  /** Removes it. Says what of it could not be done. */
  readonly close: () => readonly string[];
}

/** Where the state of a person's programs lies (XDG Base Directory Specification). */
export const stateFolder = (env: Readonly<Record<string, string | undefined>>): string => {
  const named = env['XDG_STATE_HOME'] ?? '';
  const base = isAbsolute(named) ? named : join(homeFolder(env), '.local', 'state');
  return join(base, 'sealwright');
};

/** Where process ids mean what they mean here: this boot of this machine, and this container; eight characters. Machines and containers can share a home. */
const place = (): string => {
  try {
    const boot = Number.parseInt(readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').slice(0, 8), 16);
    // pid_namespaces(7)
    const namespace = Number.parseInt(/\d+/.exec(readlinkSync('/proc/self/ns/pid'))?.[0] ?? '', 10);
    return ((boot ^ namespace) >>> 0).toString(16).padStart(8, '0');
  } catch {
    // Not Linux, which has neither.
    return '00000000';
  }
};

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // Somebody else's process of that number is alive as well.
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
};

/** The name of a run's folder says whose it is: the process id of its runner, and where that counts. */
const isLeft = (runs: string, name: string, here: string): boolean => {
  const [, pid, there] = /^(\d+)-([0-9a-f]{8})-/.exec(name) ?? [];
  if (there === here) return !isAlive(Number(pid));
  return Date.now() - statSync(join(runs, name)).mtimeMs > limits.otherRunsStaleMs;
};

/** Folders that their own program made unwritable, as package caches are, keep their content from being removed. */
const openFolders = (folder: string): void => {
  chmodSync(folder, 0o700);
  for (const entry of readdirSync(folder, { withFileTypes: true })) if (entry.isDirectory()) openFolders(join(folder, entry.name));
};

const removeAll = (folder: string): void => {
  try {
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  } catch {
    openFolders(folder);
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  }
};

const sweep = (runs: string, here: string): void => {
  for (const name of readdirSync(runs)) {
    try {
      if (isLeft(runs, name, here)) removeAll(join(runs, name));
    } catch {
      // It lies in nobody's way, and the next run tries again.
    }
  }
};

/** The folder below `root`, which nobody but us can replace; null where it is not there. A link on the way would lead to what is not ours. */
export const folderBelow = (root: string, path: string): string | null => {
  let folder = root;
  for (const part of path.split('/').filter((each) => each !== '' && each !== '.')) {
    folder = join(folder, part);
    const stats = lstatSync(folder, { throwIfNoEntry: false });
    if (stats === undefined) return null;
    if (!stats.isDirectory()) throw new Error(`${folder} is not a folder`);
  }
  return folder;
};

/** The same, made where it is not there. */
export const makeBelow = (root: string, path: string): string => {
  const there = folderBelow(root, path);
  if (there !== null) return there;
  // Another run may make it at the same moment.
  mkdirSync(join(makeBelow(root, dirname(path)), basename(path)), { recursive: true, mode: 0o700 });
  return makeBelow(root, path);
};

/** Why it could not be done. */
export const attempt = (act: () => string | null | void): string | null => {
  try {
    return act() ?? null;
  } catch (error) {
    return error instanceof Error ? error.message : 'unknown error';
  }
};

/** On a file system that cannot be written Node says that there is no such folder. */
const makeState = (state: string): void => {
  try {
    mkdirSync(state, { recursive: true, mode: 0o700 });
  } catch {
    throw new Error(`the folder ${state} could not be made; let XDG_STATE_HOME name a folder that can be written`);
  }
};

/** What `lay` gives; where it throws, nothing stays of the run. */
export const laidIn = <T>(run: Pick<RunFolder, 'close'>, lay: () => T): T => {
  try {
    return lay();
  } catch (error) {
    run.close();
    throw error;
  }
};

/** The state folder itself, links above it followed: those are the person's own; those below are nobody's. */
export const openState = (state: string): string => {
  makeState(state);
  return realpathSync(state);
};

/** Makes the folder of a run below `state`, and sweeps those of runners that are gone. */
export const openRunFolder = (state: string): RunFolder => {
  const runs = makeBelow(openState(state), 'runs');
  const here = place();
  sweep(runs, here);
  // Short, because programs put sockets into their temporary folder, and the path of one may have 107 bytes.
  const folder = mkdtempSync(join(runs, `${process.pid}-${here}-`));
  const temporary = join(folder, 'tmp');
  const person = join(folder, 'person');
  for (const inside of [temporary, person]) mkdirSync(inside, { mode: 0o700 });
  const touching = setInterval(() => attempt(() => utimesSync(folder, new Date(), new Date())), limits.runTouchMs).unref();
  return {
    temporary,
    person,
    folder,
    close: () => {
      clearInterval(touching);
      const left = attempt(() => removeAll(folder));
      return left === null ? [] : [`the folder of this run is left for the next one to remove: ${left}`];
    },
  };
};
