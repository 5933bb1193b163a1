// Files of a workspace that run later outside any jail, by what reads them: hooks and settings of git, editors, shells, build tools, CI, other agents.
// What an agent changed of these is listed for the person and recorded, because running them is how an agent could get out after its end. Pure, but for
// the look at git's own folder, whose files no list of changes holds.

import { lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

interface Kind {
  readonly runsWith: string;
  readonly matches: RegExp;
}

/** By path below the root of the workspace. */
const kinds: readonly Kind[] = [
  {
    runsWith: 'git',
    matches:
      /^(?:\.git\/|.*\/\.git\/|\.husky\/|\.githooks\/|(?:.*\/)?\.gitmodules$|(?:.*\/)?\.gitattributes$|\.pre-commit-config\.yaml$|lefthook\.ya?ml$)/,
  },
  {
    runsWith: 'an editor',
    matches:
      /^(?:.*\/)?(?:\.vscode\/|\.idea\/|\.zed\/|\.fleet\/|\.vim\/|\.exrc$|\.nvimrc$|\.nvim\.lua$|\.dir-locals\.el$|.*\.code-workspace$|\.devcontainer(?:\/|\.json$))/,
  },
  {
    runsWith: 'a shell',
    matches:
      /^(?:.*\/)?(?:\.envrc|\.env(?:\..*)?|\.bashrc|\.bash_profile|\.profile|\.zshrc|\.zshenv|\.tool-versions|\.mise\.toml|mise\.toml)$/,
  },
  {
    runsWith: 'an agent',
    matches: /^(?:.*\/)?(?:\.claude\/|\.codex\/|\.gemini\/|\.cursor\/|\.continue\/|\.opencode\/|\.qwen\/|\.mcp\.json$|opencode\.jsonc?$)/,
  },
  {
    runsWith: 'CI',
    matches:
      /^(?:\.github\/(?:workflows|actions)\/|\.gitlab-ci\.yml$|\.gitlab\/|\.circleci\/|\.buildkite\/|\.woodpecker|\.drone\.yml$|azure-pipelines\.yml$|bitbucket-pipelines\.yml$|Jenkinsfile$|\.travis\.yml$)/,
  },
  {
    runsWith: 'a build tool',
    matches:
      /^(?:.*\/)?(?:package\.json|\.npmrc|\.yarnrc(?:\.yml)?|\.pnpmfile\.cjs|Makefile|makefile|GNUmakefile|.*\.mk|justfile|Taskfile\.ya?ml|Rakefile|Gemfile|build\.rs|\.cargo\/config(?:\.toml)?|setup\.py|conftest\.py|noxfile\.py|tox\.ini|pyproject\.toml|.*\.pth|build\.gradle(?:\.kts)?|settings\.gradle(?:\.kts)?|gradlew|mvnw|\.mvn\/.*|CMakeLists\.txt|Dockerfile|.*\.csproj|Directory\.Build\.(?:props|targets))$/,
  },
];

/** What reads and runs it; null for a file that nothing runs by its name. */
export const runsLater = (path: string): string | null => kinds.find(({ matches }) => matches.test(path))?.runsWith ?? null;

export interface HostProgram {
  readonly path: string;
  readonly runs_with: string;
}

export const hostPrograms = (paths: readonly string[]): readonly HostProgram[] =>
  paths.flatMap((path) => {
    const runsWith = runsLater(path);
    return runsWith === null ? [] : [{ path, runs_with: runsWith }];
  });

/** What git runs or obeys of its own folder. */
const ofGit = ['config', 'config.worktree', 'info/attributes', 'info/sparse-checkout'] as const;

const stateOf = (path: string): string => {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  return stats === undefined ? '' : [stats.mode, stats.size, stats.mtimeMs, stats.ctimeMs, stats.ino].join(':');
};

const namesIn = (folder: string): readonly string[] => {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
};

/** By path below the root; the folder lies elsewhere in a linked working tree, and is named as if it did not. */
const statesOf = (gitFolder: string): ReadonlyMap<string, string> =>
  new Map(
    [...ofGit, ...namesIn(join(gitFolder, 'hooks')).map((name) => `hooks/${name}`)].map((name) => [
      `.git/${name}`,
      stateOf(join(gitFolder, name)),
    ]),
  );

/** Asked later, says which of the files that git runs or obeys have changed since now. */
export const watchGitPrograms = (gitFolder: string | null): (() => readonly string[]) => {
  if (gitFolder === null) return () => [];
  const before = statesOf(gitFolder);
  return () => {
    const now = statesOf(gitFolder);
    const names = [...new Set([...before.keys(), ...now.keys()])];
    return names.filter((name) => (before.get(name) ?? '') !== (now.get(name) ?? '')).toSorted();
  };
};
