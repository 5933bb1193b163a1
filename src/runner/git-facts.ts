// What a repository says about itself, read from its files: where it is, the commit that HEAD names, the commits that came in between.
// Nothing of the repository runs and none of its settings is read, so hooks, filters, fsmonitor and core.worktree have no effect here.
// What cannot be read is a reason in words, never a throw, a wait or a file outside the repository.

import { lstatSync, realpathSync } from 'node:fs';
import type { Stats } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { limits } from '../core/limits.ts';
import { isUnreadable, readSmall } from './bounded-file.ts';
import { liesWithin } from './executable.ts';
import { MalformedRepository, openCommitStore } from './git-objects.ts';
import type { Commit, CommitStore } from './git-objects.ts';

export interface Repository {
  /** The folder that holds `.git`, resolved. */
  readonly root: string;
  /** Why no commit can be read; null when the two folders are known. */
  readonly problem: string | null;
  /** Holds HEAD. */
  readonly gitFolder: string;
  /** Holds objects and branches; another one than `gitFolder` in a linked working tree. */
  readonly commonFolder: string;
}

export interface HeadCommit {
  /** Hexadecimal id; null before the first commit. */
  readonly commit: string | null;
  readonly notRead: string | null;
}

export interface NewCommits {
  /** Ids, newest first. */
  readonly commits: readonly string[];
  /** False when there are more than the bound, or when their history is not all here. */
  readonly complete: boolean;
  readonly notRead: string | null;
}

const look = (path: string): Stats | null => {
  try {
    return lstatSync(path);
  } catch {
    return null;
  }
};

const realFolder = (path: string): string | null => {
  try {
    const folder = realpathSync(path);
    return lstatSync(folder).isDirectory() ? folder : null;
  } catch {
    return null;
  }
};

/** The one line of a small file; null when there is none. */
const line = (path: string): string | null => {
  const bytes = readSmall(path, limits.gitTextBytes);
  if (isUnreadable(bytes)) return bytes.missing ? null : malformed(`${basename(path)} is ${bytes.unreadable}`);
  const [first = '', ...rest] = bytes.toString('utf8').split('\n');
  return rest.join('') === '' && !first.includes('\0') ? first.trimEnd() : malformed(`${basename(path)} has more than one line`);
};

const malformed = (problem: string): never => {
  throw new MalformedRepository(problem);
};

/** What went wrong while reading, as a reason. A bug is not a reason and goes on. */
const reasonOf = (error: unknown): string => {
  if (error instanceof MalformedRepository) return error.message;
  if (error instanceof Error && 'code' in error) return `its files cannot be read (${String(error.code)})`;
  throw error;
};

/** Whether `gitFolder` and the `.git` file that names it belong together: it names the file back, or is a submodule's within an enclosing repository. */
const belongsTo = (gitFolder: string, root: string): boolean => {
  const back = line(join(gitFolder, 'gitdir'));
  if (back !== null) return resolve(gitFolder, back) === join(root, '.git');
  for (let folder = dirname(root); ; folder = dirname(folder)) {
    const modules = join(folder, '.git', 'modules');
    if (gitFolder !== modules && liesWithin(modules, gitFolder)) return true;
    if (folder === dirname(folder)) return false;
  }
};

const commonFolderOf = (gitFolder: string): string => {
  const named = line(join(gitFolder, 'commondir'));
  if (named === null) return gitFolder;
  const worktrees = dirname(gitFolder);
  const common = realFolder(resolve(gitFolder, named));
  const fits = basename(worktrees) === 'worktrees' && common === dirname(worktrees);
  return fits && common !== null ? common : malformed('its commondir names a folder that it does not belong to');
};

const gitFolderOf = (root: string, stats: Stats): string => {
  const place = join(root, '.git');
  if (stats.isDirectory()) return place;
  if (stats.isSymbolicLink()) return malformed('.git is a symbolic link');
  if (!stats.isFile()) return malformed('.git is neither a folder nor a file');
  const named = /^gitdir: (.+)$/.exec(line(place) ?? '')?.[1];
  const folder = named === undefined ? null : realFolder(resolve(root, named));
  if (folder === null) return malformed('its .git file names no folder');
  return belongsTo(folder, root) ? folder : malformed('its .git file names a folder that does not belong to it');
};

/** The repository around `cwd`; null when there is none. */
export const findRepository = (cwd: string): Repository | null => {
  let root = realFolder(cwd);
  for (; root !== null; root = root === dirname(root) ? null : dirname(root)) {
    const stats = look(join(root, '.git'));
    // As git does: a folder of that name without HEAD is no repository.
    if (stats === null || (stats.isDirectory() && look(join(root, '.git', 'HEAD')) === null)) continue;
    try {
      const gitFolder = gitFolderOf(root, stats);
      return { root, problem: null, gitFolder, commonFolder: commonFolderOf(gitFolder) };
    } catch (error) {
      return { root, problem: reasonOf(error), gitFolder: '', commonFolder: '' };
    }
  }
  return null;
};

/** What of a repository lies outside its root, as it does in a linked working tree and in a submodule. */
export const foldersElsewhere = (repository: Repository | null): readonly string[] =>
  repository === null || repository.problem !== null
    ? []
    : [...new Set([repository.gitFolder, repository.commonFolder])].filter((folder) => !liesWithin(repository.root, folder));

const isId = (text: string): boolean => /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(text);

/** Branch names as they may stand in a path: no empty, hidden or parent part. */
const isRef = (name: string): boolean => /^refs(?:\/(?!\.)[^/\0\\]+)+$/.test(name) && name.length <= 1_024;

const perWorktree = /^refs\/(?:bisect|worktree|rewritten)\//;
const symbolicDepth = 5;

const packedRef = (commonFolder: string, name: string): string | null => {
  const bytes = readSmall(join(commonFolder, 'packed-refs'), limits.gitTextBytes);
  if (isUnreadable(bytes)) return bytes.missing ? null : malformed(`packed-refs is ${bytes.unreadable}`);
  const found = bytes
    .toString('utf8')
    .split('\n')
    .find((entry) => entry.endsWith(` ${name}`) && isId(entry.slice(0, -name.length - 1)));
  return found === undefined ? null : found.slice(0, -name.length - 1);
};

/** The commit that HEAD names now. */
export const headCommit = ({ problem, gitFolder, commonFolder }: Repository): HeadCommit => {
  if (problem !== null) return { commit: null, notRead: problem };
  try {
    if (look(join(commonFolder, 'reftable')) !== null) return { commit: null, notRead: 'its branches are kept as reftable' };
    let at = join(gitFolder, 'HEAD');
    let name = 'HEAD';
    for (let depth = 0; depth < symbolicDepth; depth++) {
      const text = line(at) ?? packedRef(commonFolder, name);
      if (text === null) return name === 'HEAD' ? { commit: null, notRead: 'it has no HEAD' } : { commit: null, notRead: null };
      if (isId(text)) return { commit: text, notRead: null };
      name = /^ref: *(.+)$/.exec(text)?.[1] ?? '';
      if (!isRef(name)) return { commit: null, notRead: 'HEAD names neither a branch nor a commit' };
      at = join(perWorktree.test(name) ? gitFolder : commonFolder, name);
    }
    return { commit: null, notRead: 'HEAD is a chain of names' };
  } catch (error) {
    return { commit: null, notRead: reasonOf(error) };
  }
};

interface Waiting {
  readonly id: string;
  readonly commit: Commit;
}

/**
 * What git calls `before..after`: walks from both ends, newest first, until no new commit waits.
 * It goes on while an old one may still turn out to be a parent of one that was listed: commits of the same second come in no order.
 */
const walk = (store: CommitStore, before: string | null, after: string): NewCommits => {
  const marks = new Map<string, 'new' | 'old'>();
  const waitingNew = new Set<string>();
  const queue: Waiting[] = [];
  const listed: string[] = [];
  let oldestListed = Infinity;
  let complete = true;
  const visit = (id: string, mark: 'new' | 'old'): void => {
    const known = marks.get(id);
    if (known === 'old' || known === mark) return;
    marks.set(id, mark);
    if (mark === 'old') waitingNew.delete(id);
    const commit = store.find(id);
    if (commit === null) {
      if (mark === 'new') complete = false;
      return;
    }
    if (mark === 'new') waitingNew.add(id);
    let low = 0;
    let high = queue.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((queue[middle]?.commit.committed ?? 0) < commit.committed) low = middle + 1;
      else high = middle;
    }
    queue.splice(low, 0, { id, commit });
  };
  if (before !== null) visit(before, 'old');
  visit(after, 'new');
  for (let newest = queue.pop(); newest !== undefined; newest = queue.pop()) {
    if (waitingNew.size === 0 && newest.commit.committed < oldestListed) break;
    const mark = marks.get(newest.id) ?? 'old';
    waitingNew.delete(newest.id);
    if (mark === 'new') {
      if (listed.length === limits.commitsListedCount) {
        complete = false;
        break;
      }
      listed.push(newest.id);
      oldestListed = Math.min(oldestListed, newest.commit.committed);
    }
    for (const parent of newest.commit.parents) visit(parent, mark);
  }
  return { commits: listed.filter((id) => marks.get(id) === 'new'), complete, notRead: null };
};

/** The commits that `after` has in its history and `before` (null: no commit yet) has not. */
export const commitsBetween = ({ problem, commonFolder }: Repository, before: string | null, after: string | null): NewCommits => {
  const none: NewCommits = { commits: [], complete: true, notRead: problem };
  if (problem !== null || after === null || after === before) return none;
  if (before !== null && before.length !== after.length) return { ...none, notRead: 'its object format changed' };
  try {
    const store = openCommitStore(join(commonFolder, 'objects'), after.length === 40 ? 20 : 32);
    try {
      return walk(store, before, after);
    } finally {
      store.close();
    }
  } catch (error) {
    return { ...none, complete: false, notRead: reasonOf(error) };
  }
};
