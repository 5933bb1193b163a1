// What the runner reports of the repository around an agent: commits and files, as they were before and after.
// What could not be seen stands in `not_read` with its reason; a missing fact is never reported as an unchanged one.

import type { Json } from '../core/canonical-json.ts';
import { limits } from '../core/limits.ts';
import { join } from 'node:path';
import { liesWithin } from './executable.ts';
import { compareTrees, leavingOut, snapshotTree } from './files-changed.ts';
import type { FilesChanged, TreeSnapshot } from './files-changed.ts';
import { commitsBetween, headCommit } from './git-facts.ts';
import type { HeadCommit, Repository } from './git-facts.ts';
import type { GitProgramsWatch } from './git-programs.ts';
import { looksLikeRepository, watchGitPrograms } from './git-programs.ts';
import type { HostProgram } from './host-programs.ts';
import { hostPrograms, inTurns } from './host-programs.ts';

export interface RepositoryView {
  readonly repository: Repository | null;
  readonly head: HeadCommit;
  readonly tree: TreeSnapshot | null;
  readonly gitPrograms: GitProgramsWatch | null;
}

export interface ChangeReport {
  readonly [name: string]: Json;
  readonly host_programs: readonly { readonly path: string; readonly runs_with: string }[];
  /** How many more there are than a list holds. */
  readonly truncated: { readonly files_changed?: number; readonly host_programs?: number };
}

interface NotRead {
  readonly what: 'head' | 'commits' | 'files';
  readonly why: string;
}

const noRepository = 'the working folder is in no repository';

export const viewRepository = (repository: Repository | null): RepositoryView =>
  repository === null
    ? { repository, head: { commit: null, notRead: noRepository }, tree: null, gitPrograms: null }
    : {
        repository,
        head: headCommit(repository),
        tree: snapshotTree(repository.root),
        gitPrograms: watchGitPrograms(repository),
      };

/** Where something could be that nobody looked at. */
const notLookedAt = ({ hidden }: FilesChanged, before: TreeSnapshot, after: TreeSnapshot): readonly HostProgram[] => [
  ...hidden.map((path) => ({ path: path === '' ? '.' : path, runs_with: 'a folder that cannot be looked at' })),
  ...(before.complete && !after.complete && after.unlisted.length === 0
    ? [{ path: '.', runs_with: 'more files than can be looked at' }]
    : []),
];

/** A setting or a hook of a folder in which somebody might ask git. */
const isOfBareRepository = (root: string, path: string): boolean => {
  const folder = /^(.*?)\/(?:config|commondir|hooks\/[^/]+)$/s.exec(path)?.[1];
  return folder !== undefined && looksLikeRepository(join(root, folder));
};

const programsIn = (root: string, changed: FilesChanged, gitPrograms: GitProgramsWatch | null): readonly HostProgram[] => {
  const { isNamed, whole } = gitPrograms?.named() ?? { isNamed: () => false, whole: true };
  const ofGit = (path: string): boolean => isNamed(path) || isOfBareRepository(root, path);
  const unread = whole ? [] : [{ path: '.git/config', runs_with: 'more settings of git than can be looked at' }];
  return [...unread, ...inTurns(hostPrograms([...(gitPrograms?.changed() ?? []), ...changed.paths], ofGit))];
};

/**
 * Members of the report: `git {commit_before, commit_after, commits_made}`, `files_changed`, `host_programs`, `truncated`, `not_read`. What the envelope
 * itself writes into its data, where that lies in the repository, is not the agent's; and its digest in a record would tell what is private there.
 */
export const reportChanges = (view: RepositoryView, dataOfEnvelope: string | null): ChangeReport => {
  const { repository, head, gitPrograms } = view;
  const nothing = {
    git: { commit_before: head.commit, commit_after: null, commits_made: [] },
    files_changed: [],
    host_programs: [],
    truncated: {},
  };
  if (repository === null || view.tree === null) return { ...nothing, not_read: [{ what: 'files', why: noRepository }] };
  const after = headCommit(repository);
  const { root } = repository;
  const ofAgent = (all: TreeSnapshot): TreeSnapshot =>
    dataOfEnvelope !== null && liesWithin(root, dataOfEnvelope) ? leavingOut(root, dataOfEnvelope, all) : all;
  const [tree, treeAfter] = [ofAgent(view.tree), ofAgent(snapshotTree(root))];
  const commits = commitsBetween(repository, head.commit, after.commit);
  const changed = compareTrees(root, tree, treeAfter);
  const programs = [...notLookedAt(changed, tree, treeAfter), ...programsIn(root, changed, gitPrograms)];
  const notRead: NotRead[] = [];
  const headProblem = head.notRead ?? after.notRead;
  if (headProblem !== null) notRead.push({ what: 'head', why: headProblem });
  if (commits.notRead !== null && commits.notRead !== headProblem) notRead.push({ what: 'commits', why: commits.notRead });
  else if (!commits.complete)
    notRead.push({ what: 'commits', why: `there are more than ${limits.commitsListedCount}, or their history is not all here` });
  if (!tree.complete || !treeAfter.complete)
    notRead.push({ what: 'files', why: `some cannot be read, or there are more than ${limits.filesWatchedCount} files and folders` });
  return {
    git: { commit_before: head.commit, commit_after: after.commit, commits_made: commits.commits },
    files_changed: changed.files.map(({ path, change, sha256 }) => ({ path, change, sha256 })),
    host_programs: programs.slice(0, limits.hostProgramsListedCount).map(({ path, runs_with }) => ({ path, runs_with })),
    truncated: {
      ...(changed.truncated > 0 && { files_changed: changed.truncated }),
      ...(programs.length > limits.hostProgramsListedCount && { host_programs: programs.length - limits.hostProgramsListedCount }),
    },
    not_read: notRead.map(({ what, why }) => ({ what, why })),
  };
};
