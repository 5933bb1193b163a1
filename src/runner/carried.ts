// What of a person's and a workspace's own configuration an agent may get: read here, bounded, as text, and shown to the person by its label.
// A repository is hostile until proven otherwise: its files are read only as instructions, through no symbolic link, and never as settings.
// What is missing or cannot be read is left out; what is too long is left out and said.

import { join, relative } from 'node:path';
import { limits } from '../core/limits.ts';
import { isUnreadable, readSmall } from './bounded-file.ts';
import type { Carriable } from '../core/principal.ts';
import type { AgentAdapter, Carried, CarriedFile } from './agents/adapter.ts';
import { liesWithin } from './executable.ts';

export interface CarryPlace {
  /** Of the person. */
  readonly userHome: string;
  /** Where the agent works. */
  readonly cwd: string;
  /** The root of the repository, or `cwd`; both after their symbolic links. */
  readonly workspace: string;
}

interface Reading {
  readonly file: CarriedFile | null;
  readonly problem: string | null;
}

const read = (path: string, label: string): Reading => {
  const bytes = readSmall(path, limits.carriedFileBytes);
  if (!isUnreadable(bytes)) return { file: { label, text: bytes.toString('utf8') }, problem: null };
  return { file: null, problem: bytes.missing ? null : `${label} is not carried in: ${bytes.unreadable}.` };
};

/** From the root of the workspace down to where the agent works. */
const foldersDown = ({ cwd, workspace }: CarryPlace): readonly string[] => {
  if (!liesWithin(workspace, cwd)) return [cwd];
  const parts = relative(workspace, cwd)
    .split('/')
    .filter((part) => part !== '');
  return [workspace, ...parts.map((_, index) => join(workspace, ...parts.slice(0, index + 1)))];
};

export const readCarried = (
  { sources }: AgentAdapter,
  carry: readonly Carriable[],
  place: CarryPlace,
): { readonly carried: Carried; readonly problems: readonly string[] } => {
  const problems: string[] = [];
  const take = ({ file, problem }: Reading): CarriedFile | null => {
    if (problem !== null) problems.push(problem);
    return file;
  };
  const ofPerson = (what: Carriable, path: string | null): CarriedFile | null =>
    path !== null && carry.includes(what) ? take(read(join(place.userHome, path), `~/${path}`)) : null;
  const instructions = carry.includes('instructions')
    ? foldersDown(place)
        .slice(-limits.carriedFoldersCount)
        .flatMap((folder) => sources.instructions.map((name) => join(folder, name)))
        .map((path) => take(read(path, relative(place.workspace, path))))
        .filter((file) => file !== null)
    : [];
  return {
    carried: { instructions, memory: ofPerson('memory', sources.memory), mcpServers: ofPerson('mcp_servers', sources.mcpServers) },
    problems,
  };
};
