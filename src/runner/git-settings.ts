// Settings of git that beat those of the repository in which an agent works (git-config(1), ENVIRONMENT). Agents ask git by themselves what has changed,
// before any model was asked; a repository may name programs that git then starts to find out, and those are overruled.
// Reads the repository's settings with what they include; where they cannot be read whole, git is kept from the repository, and the person is told.

import { isUtf8 } from 'node:buffer';
import { realpathSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { limits } from '../core/limits.ts';
import { isUnreadable, readSmall } from './bounded-file.ts';
import type { GitConfig } from './git-config.ts';
import { readGitConfig } from './git-config.ts';
import type { Repository } from './git-facts.ts';
import { findRepository } from './git-facts.ts';
import { linksIn } from './git-links.ts';

export interface GitSettings {
  readonly environment: Readonly<Record<string, string>>;
  readonly warnings: readonly string[];
}

class Unreadable extends Error {}

/** The settings in a file; none where there is no file. */
const configIn = (path: string): GitConfig => {
  const real = ((): string | null => {
    try {
      return realpathSync(path);
    } catch {
      return null;
    }
  })();
  if (real === null) return { sections: [], settings: [] };
  const bytes = readSmall(real, limits.gitTextBytes);
  if (isUnreadable(bytes)) throw new Unreadable(`${path} is ${bytes.unreadable}`);
  return readGitConfig(bytes.toString('latin1')) ?? unreadable(`${path} is not in the form that git has for settings`);
};

const unreadable = (problem: string): never => {
  throw new Unreadable(problem);
};

/** A name or a path of a file of settings as text. What could not be given to git as the same bytes, and what versions of git read differently, is none. */
const plainText = (latin1: string, what: string): string => {
  const bytes = Buffer.from(latin1, 'latin1');
  // oxlint-disable-next-line no-control-regex -- these are the ones
  return isUtf8(bytes) && !/[\u0000-\u001f\u007f]/.test(latin1) ? bytes.toString() : unreadable(`${what} has characters that no name has`);
};

/** Wherever git would look; conditions are taken to hold. */
const includedBy = ({ settings }: GitConfig, path: string, home: string): readonly string[] =>
  settings
    .filter(({ section, key, value }) => /^include(?:if\.|$)/.test(section) && key === 'path' && value !== null)
    .map(({ value }) => {
      const named = plainText(value ?? '', `a file that ${path} includes`);
      if (/^(?:~[^/]|%\()/.test(named)) throw new Unreadable(`${path} includes a file of somebody else`);
      return resolve(dirname(path), named.replace(/^~(?=\/|$)/, home));
    });

/** The settings of a repository, file by file. */
const configsOf = ({ gitFolder, commonFolder }: Repository, home: string): readonly GitConfig[] => {
  const waiting = [join(commonFolder, 'config'), join(gitFolder, 'config.worktree')];
  const read = new Map<string, GitConfig>();
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    if (read.has(path)) continue;
    if (read.size >= limits.gitSettingsFilesCount) throw new Unreadable(`they include more than ${limits.gitSettingsFilesCount} files`);
    const config = configIn(path);
    read.set(path, config);
    waiting.push(...includedBy(config, path, home));
  }
  return [...read.values()];
};

const filterPrefix = 'filter.';

/** Names of filters, as they stand in settings. */
const filtersIn = ({ sections }: GitConfig): readonly string[] =>
  sections.filter((section) => section.startsWith(filterPrefix)).map((section) => section.slice(filterPrefix.length));

const programs: ReadonlySet<string> = new Set(['clean', 'smudge', 'process']);
const lfsProgram = /^git-lfs (?:clean -- %f|smudge(?: --skip)? -- %f|filter-process(?: --skip)?)$/;

/** The filter of Git LFS, as `git lfs install --local` writes it, is the program on the person's PATH. */
const isLfs = (name: string, configs: readonly GitConfig[]): boolean =>
  name === 'lfs' &&
  configs
    .flatMap(({ settings }) => settings.filter(({ section, key }) => section === `${filterPrefix}lfs` && programs.has(key)))
    .every(({ value }) => lfsProgram.test(value ?? ''));

const always: readonly (readonly [key: string, value: string])[] = [
  ['core.fsmonitor', 'false'],
  // Else a folder of the workspace that looks like one is a repository with settings of its own.
  ['safe.bareRepository', 'explicit'],
];

const asEnvironment = (settings: readonly (readonly [key: string, value: string])[]): Readonly<Record<string, string>> => ({
  // What git writes only to be faster next time is not written, so that no hook hears of it.
  GIT_OPTIONAL_LOCKS: '0',
  GIT_CONFIG_COUNT: String(settings.length),
  ...Object.fromEntries(
    settings.flatMap(([key, value], index) => [
      [`GIT_CONFIG_KEY_${index}`, key],
      [`GIT_CONFIG_VALUE_${index}`, value],
    ]),
  ),
});

/** What git takes where nobody names another, to look at signatures, which showing a commit may ask for. It is on the person's PATH. */
const verifyingPrograms: ReadonlyMap<string, string> = new Map([
  ['gpg', 'gpg'],
  ['gpg.openpgp', 'gpg'],
  ['gpg.x509', 'gpgsm'],
  ['gpg.ssh', 'ssh-keygen'],
]);

const verifiersIn = ({ settings }: GitConfig): readonly string[] =>
  settings.filter(({ section, key }) => verifyingPrograms.has(section) && key === 'program').map(({ section }) => section);

const settingsNamed = (configs: readonly GitConfig[], section: string, key: string): readonly string[] =>
  configs.flatMap(({ settings }) => settings.flatMap((each) => (each.section === section && each.key === key ? [each.value ?? ''] : [])));

/** Git takes the format from the repository's own file alone. */
const idBytesOf = ({ commonFolder }: Repository, configs: readonly GitConfig[]): 20 | 32 => {
  const all = settingsNamed(configs, 'extensions', 'objectformat');
  const [format = 'sha1', ...others] = settingsNamed([configIn(join(commonFolder, 'config'))], 'extensions', 'objectformat');
  if (all.length > 1 || others.length > 0 || (format !== 'sha1' && format !== 'sha256'))
    return unreadable('they name several formats of objects');
  return format === 'sha1' ? 20 : 32;
};

/** The repositories inside of this one that git looks into, each with settings of its own; `configs` are those of this one. */
const repositoriesWithin = (repository: Repository, configs: readonly GitConfig[]): readonly Repository[] => {
  const { root, gitFolder } = repository;
  const index = readSmall(join(gitFolder, 'index'), limits.gitIndexBytes);
  if (isUnreadable(index)) return index.missing ? [] : unreadable(`its index is ${index.unreadable}`);
  const links = linksIn(index, idBytesOf(repository, configs)) ?? unreadable('its index cannot be read');
  const elsewhere = settingsNamed(configs, 'core', 'worktree').map((path) => resolve(gitFolder, plainText(path, 'its work tree')));
  return links.flatMap((link) => {
    const path = plainText(link.toString('latin1'), 'a repository inside of it');
    if (path.split('/').some((part) => part === '' || part === '..')) return unreadable('a repository inside of it has no place');
    return [...new Set([root, ...elsewhere])].flatMap((folder) => findRepository(join(folder, path)) ?? []);
  });
};

/** The settings of a repository and of all that are inside of it. A place without a repository is found again as the one around it. */
const allConfigsOf = (repository: Repository, home: string): readonly GitConfig[] => {
  const waiting = [repository];
  const read = new Map<string, readonly GitConfig[]>();
  for (let each = waiting.pop(); each !== undefined; each = waiting.pop()) {
    if (each.problem !== null) throw new Unreadable(each.problem);
    if (read.has(each.root)) continue;
    if (read.size >= limits.gitRepositoriesCount) throw new Unreadable(`it holds more than ${limits.gitRepositoriesCount} repositories`);
    const configs = configsOf(each, home);
    read.set(each.root, configs);
    waiting.push(...repositoriesWithin(each, configs));
  }
  return [...read.values()].flat();
};

const overruling = (repository: Repository, home: string): readonly (readonly [key: string, value: string])[] => {
  const configs = allConfigsOf(repository, home);
  const found = new Set(configs.flatMap(filtersIn));
  const verifiers = [...new Set(configs.flatMap(verifiersIn))];
  const names = [...found].filter((name) => !isLfs(name, configs)).map((name) => plainText(name, 'the name of a filter'));
  if (names.length > limits.gitFiltersCount) throw new Unreadable(`they name more than ${limits.gitFiltersCount} filters`);
  return [
    ...verifiers.map((section) => [`${section}.program`, verifyingPrograms.get(section) ?? 'gpg'] as const),
    ...names.flatMap((name) => [
      ...[...programs].map((key) => [`filter.${name}.${key}`, ''] as const),
      [`filter.${name}.required`, 'false'] as const,
    ]),
  ];
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
