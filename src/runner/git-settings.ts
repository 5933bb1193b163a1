// Settings of git that beat those of the repository in which an agent works (git-config(1), ENVIRONMENT). Agents ask git by themselves what has changed,
// before any model was asked; a repository may name programs that git then starts to find out, and those are overruled.
// Reads the repository's settings with what they include; where they cannot be read whole, git is kept from the repository, and the person is told.

import { realpathSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { limits } from '../core/limits.ts';
import { isUnreadable, readSmall } from './bounded-file.ts';
import type { Repository } from './git-facts.ts';

export interface GitSettings {
  readonly environment: Readonly<Record<string, string>>;
  readonly warnings: readonly string[];
}

class Unreadable extends Error {}

const textOf = (path: string): string => {
  const real = ((): string | null => {
    try {
      return realpathSync(path);
    } catch {
      return null;
    }
  })();
  if (real === null) return '';
  const bytes = readSmall(real, limits.gitTextBytes);
  if (isUnreadable(bytes)) throw new Unreadable(`${path} is ${bytes.unreadable}`);
  return bytes.toString('utf8').replaceAll(/\\\r?\n/g, '');
};

const unquoted = (value: string): string => value.trim().replaceAll(/\\(["\\])|"/g, '$1');

/** Wherever git would look; conditions are taken to hold, and a path that could be of an inclusion is taken for one. */
const includedBy = (text: string, path: string, home: string): readonly string[] =>
  /\[\s*include/i.test(text)
    ? [...text.matchAll(/\bpath\s*=\s*([^\r\n]*)/gi)].map(([, value = '']) => {
        const named = unquoted(value.replace(/\s[#;].*$/, ''));
        if (/^(?:~[^/]|%\()/.test(named)) throw new Unreadable(`${path} includes a file of somebody else`);
        return resolve(dirname(path), named.replace(/^~(?=\/|$)/, home));
      })
    : [];

/** The settings of a repository, file by file. */
const textsOf = ({ gitFolder, commonFolder }: Repository, home: string): readonly string[] => {
  const waiting = [join(commonFolder, 'config'), join(gitFolder, 'config.worktree')];
  const read = new Map<string, string>();
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    if (read.has(path)) continue;
    if (read.size >= limits.gitSettingsFilesCount) throw new Unreadable(`they include more than ${limits.gitSettingsFilesCount} files`);
    const text = textOf(path);
    read.set(path, text);
    waiting.push(...includedBy(text, path, home));
  }
  return [...read.values()];
};

/** Names of filters, also of those that stand where git would not see them: overruling such a one does nothing. */
const filtersIn = (text: string): readonly string[] => [
  ...[...text.matchAll(/\[\s*filter\s+"((?:[^"\\\n]|\\.)*)"\s*\]/gi)].map(([, name = '']) => name.replaceAll(/\\(.)/g, '$1')),
  ...[...text.matchAll(/\[\s*filter\.([^\]\s]+)\s*\]/gi)].map(([, name = '']) => name.toLowerCase()),
];

/** The filter of Git LFS, as `git lfs install --local` writes it, is the program on the person's PATH. */
const isLfs = (name: string, texts: readonly string[]): boolean =>
  name === 'lfs' &&
  texts
    .flatMap((text) => [...text.matchAll(/^\s*(?:clean|smudge|process)\s*=\s*(.*?)\s*$/gim)].map(([, value = '']) => value))
    .every((value) => /^git-lfs (?:clean -- %f|smudge(?: --skip)? -- %f|filter-process(?: --skip)?)$/.test(value));

const always: readonly (readonly [key: string, value: string])[] = [
  ['core.fsmonitor', 'false'],
  // Else a folder of the workspace that looks like one is a repository with settings of its own.
  ['safe.bareRepository', 'explicit'],
];

const asEnvironment = (settings: readonly (readonly [key: string, value: string])[]): Readonly<Record<string, string>> => ({
  GIT_CONFIG_COUNT: String(settings.length),
  ...Object.fromEntries(
    settings.flatMap(([key, value], index) => [
      [`GIT_CONFIG_KEY_${index}`, key],
      [`GIT_CONFIG_VALUE_${index}`, value],
    ]),
  ),
});

const overruling = (repository: Repository, home: string): readonly (readonly [key: string, value: string])[] => {
  if (repository.problem !== null) throw new Unreadable(repository.problem);
  const texts = textsOf(repository, home);
  const names = [...new Set(texts.flatMap(filtersIn))].filter((name) => !isLfs(name, texts));
  if (names.length > limits.gitFiltersCount) throw new Unreadable(`they name more than ${limits.gitFiltersCount} filters`);
  return names.flatMap((name) => [
    ...['clean', 'smudge', 'process'].map((key) => [`filter.${name}.${key}`, ''] as const),
    [`filter.${name}.required`, 'false'] as const,
  ]);
};

/** `home` is the person's. */
export const gitSettingsFor = (repository: Repository | null, home: string): GitSettings => {
  try {
    return { environment: asEnvironment([...always, ...(repository === null ? [] : overruling(repository, home))]), warnings: [] };
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
    const warning = `git is kept from this repository, because its settings cannot be read whole: ${error.message}.`;
    return { environment: { ...asEnvironment(always), GIT_DIR: '/dev/null' }, warnings: [warning] };
  }
};
