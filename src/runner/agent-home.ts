// What an agent has of its own in a run: its settings, written anew each time, and links to what outlives the run, its conversations.
// So nothing that an agent was talked into writing into its own settings is there the next time. It lies in the folder of the run, and goes with it.
// Making it throws what the file system says; closing it never throws.

import { existsSync, lstatSync, mkdirSync, readdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { ownNameForm } from '../core/identifier.ts';
import { limits } from '../core/limits.ts';
import { isUnreadable, readSmall } from './bounded-file.ts';
import { attempt, folderBelow, laidIn, makeBelow, openRunFolder, openState, type RunFolder } from './run-folder.ts';

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

const isFolder = (path: string): boolean => path.endsWith('/');

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

/** The folder of a run, for an agent with settings and conversations. */
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
