// The folder of one run: the agent's settings, written anew each time, its temporary files, and links to what outlives the run, its conversations.
// So nothing that an agent was talked into writing into its own settings is there the next time. 0700, below the person's state folder, and gone
// at the end; what a killed runner left is swept by the next. Making it throws what the file system says; closing it never throws.

import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, isAbsolute, join } from 'node:path';
import { homeFolder } from '../client/client.ts';
import { ownNameForm } from '../core/identifier.ts';
import { limits } from '../core/limits.ts';
import { isUnreadable, readSmall } from './bounded-file.ts';

export interface RunFolder {
  readonly temporary: string;
  /** Empty; stands for the person's home in a jail. */
  readonly person: string;
  /** For what a jail is made with; never inside one. */
  readonly folder: string;
  /** Removes it. Says what of it could not be done. */
  readonly close: () => readonly string[];
}

export interface AgentHome extends RunFolder {
  /** Absolute. */
  readonly home: string;
  /** Folders in which its conversations lie; of what lies around them a jail holds nothing, because this process writes there. */
  readonly conversations: readonly string[];
  /** Writes the settings: text by path inside the home. */
  readonly lay: (files: Readonly<Record<string, string>>) => void;
  /** Keeps what outlives the run, and removes the rest. Says what of it could not be done. */
  readonly close: () => readonly string[];
}

export interface HomeOwner {
  /** Name of the agent in the config, and what kind of client it is: their conversations are kept apart. */
  readonly agent: string;
  readonly client: string;
  /** Paths inside the home; folders end in a slash, and in their paths one `*` may stand for any folder. */
  readonly kept: readonly string[];
}

/** Where the state of a person's programs lies (XDG Base Directory Specification). */
export const stateFolder = (env: Readonly<Record<string, string | undefined>>): string => {
  const named = env['XDG_STATE_HOME'] ?? '';
  const base = isAbsolute(named) ? named : join(homeFolder(env), '.local', 'state');
  return join(base, 'sealwright');
};

/** The name of a run's folder begins with the process id of its runner. */
const isAlive = (name: string): boolean => {
  try {
    process.kill(Number.parseInt(name, 10), 0);
    return true;
  } catch (error) {
    // Somebody else's process of that number is alive as well.
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
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

const sweep = (runs: string): void => {
  for (const name of readdirSync(runs)) {
    if (isAlive(name)) continue;
    try {
      removeAll(join(runs, name));
    } catch {
      // It lies in nobody's way, and the next run tries again.
    }
  }
};

const isFolder = (path: string): boolean => path.endsWith('/');

/** The folder below `root`, which nobody but us can replace; null where it is not there. A link on the way would lead to what is not ours. */
const folderBelow = (root: string, path: string): string | null => {
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
const makeBelow = (root: string, path: string): string => {
  const there = folderBelow(root, path);
  if (there !== null) return there;
  // Another run may make it at the same moment.
  mkdirSync(join(makeBelow(root, dirname(path)), basename(path)), { recursive: true, mode: 0o700 });
  return makeBelow(root, path);
};

/** From one side to the other: as bytes, of a regular file that is reached through no link. An agent could write on both sides. */
const carryOver = (path: string, from: string, to: string): string | null => {
  const bytes = readSmall(join(from, path), limits.keptFileBytes);
  if (isUnreadable(bytes)) return bytes.missing ? null : bytes.unreadable;
  const target = join(makeBelow(to, dirname(path)), basename(path));
  const beside = `${target}.${process.pid}`;
  rmSync(beside, { force: true });
  // Exclusive, so that no link that somebody put there is followed.
  writeFileSync(beside, bytes, { mode: 0o600, flag: 'wx' });
  renameSync(beside, target);
  return null;
};

const connect = (path: string, home: string, store: string): void => {
  if (!isFolder(path)) return void carryOver(path, store, home);
  symlinkSync(makeBelow(store, path), join(makeBelow(home, dirname(path)), basename(path)));
};

const foldersIn = (root: string, path: string): readonly string[] => {
  const folder = folderBelow(root, path);
  if (folder === null) return [];
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [entry.name] : []));
};

/** The paths that a pattern stands for below `root`. */
const pathsOf = (pattern: string, root: string): readonly string[] => {
  const [before, after] = pattern.split('*');
  if (before === undefined || after === undefined) return [pattern];
  return foldersIn(root, before).map((name) => `${before}${name}${after}`);
};

/** Folders that did not exist yet when the run began, so that no link led to what is kept. */
const keepNewFolders = (kept: readonly string[], home: string, store: string): void => {
  const made = kept.filter((path) => path.includes('*')).flatMap((pattern) => pathsOf(pattern, home));
  for (const path of made) {
    const inside = join(home, path).replace(/\/$/, '');
    // One that was there when the run began is a link to what is kept.
    if (lstatSync(inside, { throwIfNoEntry: false })?.isDirectory() !== true) continue;
    const beside = makeBelow(store, path);
    for (const name of readdirSync(inside)) if (!existsSync(join(beside, name))) renameSync(join(inside, name), join(beside, name));
  }
};

const keepFiles = (kept: readonly string[], home: string, store: string): readonly string[] =>
  kept
    .filter((path) => !isFolder(path))
    .flatMap((path) => {
      const problem = attempt(() => carryOver(path, home, store));
      return problem === null ? [] : [`${path} of this run is not kept: ${problem}`];
    });

/** Why it could not be done. */
const attempt = (act: () => string | null | void): string | null => {
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
const openState = (state: string): string => {
  makeState(state);
  return realpathSync(state);
};

/** Makes the folder of a run below `state`, and sweeps those of runners that are gone. */
export const openRunFolder = (state: string): RunFolder => {
  const runs = makeBelow(openState(state), 'runs');
  sweep(runs);
  // Short, because programs put sockets into their temporary folder, and the path of one may have 107 bytes.
  const folder = mkdtempSync(join(runs, `${process.pid}-`));
  const temporary = join(folder, 'tmp');
  const person = join(folder, 'person');
  for (const inside of [temporary, person]) mkdirSync(inside, { mode: 0o700 });
  return {
    temporary,
    person,
    folder,
    close: () => {
      const left = attempt(() => removeAll(folder));
      return left === null ? [] : [`the folder of this run is left for the next one to remove: ${left}`];
    },
  };
};

/** The same for an agent with settings and conversations. */
export const openAgentHome = (state: string, { agent, client, kept }: HomeOwner): AgentHome => {
  // The envelope says it, and it becomes a part of a path.
  if (!ownNameForm.test(agent)) throw new Error('the name of the agent is none that a config may have');
  const store = makeBelow(openState(state), join('agents', agent, client));
  const keptHere = kept.flatMap((pattern) => pathsOf(pattern, store));
  const run = openRunFolder(state);
  const home = join(run.folder, 'home');
  laidIn(run, () => {
    mkdirSync(home, { mode: 0o700 });
    for (const path of keptHere) connect(path, home, store);
  });
  return {
    ...run,
    home,
    conversations: keptHere.filter(isFolder).map((path) => join(store, path).replace(/\/$/, '')),
    lay: (files) => {
      for (const [path, text] of Object.entries(files)) {
        mkdirSync(dirname(join(home, path)), { recursive: true, mode: 0o700 });
        writeFileSync(join(home, path), text, { mode: 0o600 });
      }
    },
    close: () => {
      const problems = keepFiles(kept, home, store);
      const unkept = attempt(() => keepNewFolders(kept, home, store));
      return [...problems, ...(unkept === null ? [] : [`a conversation of this run is not kept: ${unkept}`]), ...run.close()];
    },
  };
};
