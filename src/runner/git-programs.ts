// What git runs or obeys of its own folders, and what of a workspace its settings name: hooks, settings, attributes, and what leads to other folders.
// Asked later, says what of it is another now. Looks at names, sizes, times and inodes; runs nothing and reads only settings. Never throws for what lies there.

import { lstatSync, readdirSync, readlinkSync, realpathSync, statSync } from 'node:fs';
import type { Stats } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { limits } from '../core/limits.ts';
import { isUnreadable, readSmall } from './bounded-file.ts';
import { readGitConfig } from './git-config.ts';
import type { GitSetting } from './git-config.ts';
import type { Repository } from './git-facts.ts';
import { liesWithin } from './executable.ts';

/** Files that git obeys. `commondir` leads to a folder whose settings and hooks are taken in place of these. */
const obeyed = ['config', 'config.worktree', 'commondir', 'info/attributes', 'info/sparse-checkout'] as const;

export const factsOf = ({ mode, size, mtimeMs, ctimeMs, ino }: Stats): string => [mode, size, mtimeMs, ctimeMs, ino].join(':');

const seen = <T>(look: () => T, otherwise: T): T => {
  try {
    return look();
  } catch {
    return otherwise;
  }
};

/** A name below a folder whose own path may be any bytes. */
const inFolder = (folder: string | Buffer, name: string): string | Buffer =>
  typeof folder === 'string' ? join(folder, name) : Buffer.concat([folder, Buffer.from(`/${name}`)]);

/** Of a file and, where it is a link, of what it leads to; empty where nothing is. */
const stateOf = (path: string | Buffer): string =>
  seen(() => {
    const stats = lstatSync(path);
    return stats.isSymbolicLink() ? `${factsOf(stats)} ${seen(() => factsOf(statSync(path)), '')}` : factsOf(stats);
  }, '');

interface Listed {
  readonly names: readonly string[];
  readonly state: string;
}

/** The names in a folder; one that is there and keeps its names to itself is a state of its own. */
const listed = (folder: string | Buffer): Listed => {
  try {
    return { names: readdirSync(folder).slice(0, limits.gitHooksCount), state: '' };
  } catch (error) {
    const isNone = error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR');
    return { names: [], state: isNone ? '' : 'cannot be listed' };
  }
};

/** States by path below a folder of git, of what git obeys there. */
export const obeyedIn = (gitFolder: string | Buffer): ReadonlyMap<string, string> => {
  const hooks = inFolder(gitFolder, 'hooks');
  const { names, state } = listed(hooks);
  const stated = (paths: readonly string[]) => paths.map((path) => [path, stateOf(inFolder(gitFolder, path))] as const);
  const inHooks = stated(names.map((name) => `hooks/${name}`));
  // Names in a folder that a link leads to are somebody else's, and stand in no record; that something is another there, does.
  const linked = seen(() => lstatSync(hooks).isSymbolicLink(), false);
  const ofHooks = linked
    ? [['hooks', [stateOf(hooks), state, ...inHooks.flat()].join('\n')] as const]
    : [...inHooks, ['hooks', state] as const];
  return new Map([...stated(obeyed), ...ofHooks].filter(([, each]) => each !== ''));
};

const isFolder = (path: string): boolean => seen(() => statSync(path).isDirectory(), false);

/** Whether git would take a folder for a repository where somebody asks it there. */
export const looksLikeRepository = (folder: string): boolean =>
  isFolder(join(folder, 'objects')) && isFolder(join(folder, 'refs')) && seen(() => lstatSync(join(folder, 'HEAD')), null) !== null;

/** Which folder it is, whatever leads to it. */
const folderAt = (path: string): string | null =>
  seen(() => {
    const stats = statSync(path);
    return stats.isDirectory() ? `${stats.dev}:${stats.ino}` : null;
  }, null);

/** The folders of modules, at any depth: a name of a module may hold slashes. Links are followed, as git does, and each folder is looked at once. */
const modulesBelow = (gitFolder: string): readonly string[] => {
  const found: string[] = [];
  const waiting = ['modules'];
  const looked = new Set<string>();
  for (let path = waiting.pop(); path !== undefined && found.length < limits.gitRepositoriesCount; path = waiting.pop()) {
    const place = folderAt(join(gitFolder, path));
    if (place === null || looked.has(place)) continue;
    if (looked.add(place).size > limits.gitModuleFoldersCount) return found;
    for (const name of listed(join(gitFolder, path)).names) {
      const below = `${path}/${name}`;
      const folder = join(gitFolder, below);
      if (looksLikeRepository(folder)) {
        found.push(below);
        waiting.push(`${below}/modules`);
      } else if (isFolder(folder) && waiting.length < limits.gitRepositoriesCount) waiting.push(below);
    }
  }
  return found;
};

/** Where the `.git` of a folder leads, by what git would believe of it; null where it leads nowhere. */
const leadsTo = (root: string): string | null =>
  seen(() => {
    const place = join(root, '.git');
    const real = realpathSync(place);
    if (statSync(real).isDirectory()) return real;
    const text = readSmall(real, limits.gitTextBytes);
    const named = isUnreadable(text) ? undefined : /^gitdir: (.+?)\s*$/.exec(text.toString())?.[1];
    return named === undefined ? null : realpathSync(resolve(dirname(real), named));
  }, null);

/** What `.git` itself is; of a folder no more than that, since its times change with all that git does. */
const kindOf = (place: string): string =>
  seen(() => {
    const stats = lstatSync(place);
    if (stats.isDirectory()) return 'folder';
    return stats.isSymbolicLink() ? `link to ${readlinkSync(place)}` : factsOf(stats);
  }, '');

/** By path below the root; folders of git that lie elsewhere are named as if they did not. */
const statesOf = (root: string, repository: Repository): ReadonlyMap<string, string> => {
  const found = new Map<string, string>([['.git', kindOf(join(root, '.git'))]]);
  const folders = new Set([leadsTo(root), ...(repository.problem === null ? [repository.gitFolder, repository.commonFolder] : [])]);
  for (const folder of folders) {
    if (folder === null) continue;
    for (const below of [
      '',
      ...modulesBelow(folder).map((path) => `${path}/`),
      ...listed(join(folder, 'worktrees')).names.map((name) => `worktrees/${name}/`),
    ])
      for (const [name, state] of obeyedIn(join(folder, below))) {
        const path = `.git/${below}${name}`;
        found.set(path, `${found.get(path) ?? ''} ${folder} ${state}`);
      }
  }
  return found;
};

/** Settings whose values are names of branches and persons, and places that nothing is run from. */
const isHarmless = ({ section, key }: GitSetting): boolean =>
  /^(?:user|author|committer)$/.test(section) ||
  section.startsWith('branch.') ||
  (/^(?:remote|submodule)\./.test(section) && /^(?:url|pushurl|fetch|push|active|branch)$/.test(key));

const words = (value: string): readonly string[] => value.split(/[\s;&|"'!=]+/).filter((word) => word !== '');

interface Named {
  readonly paths: readonly string[];
  /** False past the bound. */
  readonly whole: boolean;
}

/** Paths below the root that the settings of its repository name: programs, folders of hooks, further settings. */
const namedBySettings = (root: string, repository: Repository): Named => {
  const folder = leadsTo(root);
  if (folder === null) return { paths: [], whole: true };
  const files = [...new Set([folder, repository.commonFolder, repository.gitFolder])]
    .filter((each) => each !== '')
    .flatMap((each) => [join(each, 'config'), join(each, 'config.worktree')]);
  const named = new Set<string>();
  let looked = 0;
  for (let file = files.shift(), read = 0; file !== undefined && read < limits.gitSettingsFilesCount; file = files.shift(), read += 1) {
    const text = readSmall(
      seen(() => realpathSync(file ?? ''), file),
      limits.gitTextBytes,
    );
    const config = isUnreadable(text) ? null : readGitConfig(text.toString('latin1'));
    for (const setting of config?.settings ?? []) {
      if (setting.value === null || isHarmless(setting)) continue;
      const isInclusion = /^include(?:if\.|$)/.test(setting.section) && setting.key === 'path';
      for (const word of new Set([setting.value, ...words(setting.value)])) {
        looked += 1;
        if (looked > limits.gitWordsCount) return { paths: [...named], whole: false };
        for (const from of [root, dirname(file)]) {
          const path = resolve(from, Buffer.from(word, 'latin1').toString());
          if (path === root || !liesWithin(root, path)) continue;
          if (isInclusion && !named.has(path.slice(root.length + 1))) files.push(path);
          named.add(path.slice(root.length + 1));
        }
      }
    }
  }
  return { paths: [...named], whole: true };
};

export interface GitProgramsWatch {
  /** Files of git's own folders that are others now. */
  readonly changed: () => readonly string[];
  /** Whether a path of the workspace is one that settings of git name, then or now; and whether all of them were looked at. */
  readonly named: () => { readonly isNamed: (path: string) => boolean; readonly whole: boolean };
}

/** Looks now, and again when it is asked. */
export const watchGitPrograms = (repository: Repository): GitProgramsWatch => {
  const { root } = repository;
  const [before, namedBefore] = [statesOf(root, repository), namedBySettings(root, repository)];
  return {
    changed: () => {
      const now = statesOf(root, repository);
      return [...new Set([...before.keys(), ...now.keys()])]
        .filter((name) => (before.get(name) ?? '') !== (now.get(name) ?? ''))
        .toSorted();
    },
    named: () => {
      const now = namedBySettings(root, repository);
      const named = new Set([...namedBefore.paths, ...now.paths]);
      const isNamed = (path: string): boolean => {
        for (let end = path.length; end > 0; end = path.lastIndexOf('/', end - 1)) if (named.has(path.slice(0, end))) return true;
        return false;
      };
      return { isNamed, whole: now.whole };
    },
  };
};
