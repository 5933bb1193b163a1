// Sockets that lie in folders which a jail will hold. One with a path is reached across network namespaces, so that whoever listens there, outside, could be
// asked by the agent to do something for it. Found by walking, up to a bound and the shallow ones first, and in the kernel's list of what has a path.
// What changes while it looks is passed over. Throws for a socket that cannot be named to bubblewrap: nothing could hide it.

import { lstatSync, readdirSync, readFileSync, realpathSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { limits } from '../../core/limits.ts';
import { liesWithin } from '../executable.ts';

export interface LyingSockets {
  readonly paths: readonly string[];
  /** Whether every entry was looked at, but for what is left out on purpose. */
  readonly whole: boolean;
}

/** Many entries, among which nobody puts sockets. */
const leftOut = (folder: string, name: string): boolean => name === 'node_modules' || (name === 'objects' && basename(folder) === '.git');

/** Names are bytes; each is a character here, so that none is lost. */
const bytesOf = (path: string): Buffer => Buffer.from(path, 'latin1');
/** The same to the system, and cheaper where it can be. */
const asNamed = (path: string): Buffer | string => (/^[\0-\x7f]*$/.test(path) ? path : bytesOf(path));
const asBytes = (path: string): string => Buffer.from(path).toString('latin1');

const entriesOf = (folder: string) => {
  try {
    return readdirSync(asNamed(folder), { withFileTypes: true, encoding: 'latin1' });
  } catch {
    return [];
  }
};

const isSocket = (path: string): boolean => {
  try {
    return lstatSync(bytesOf(path)).isSocket();
  } catch {
    return false;
  }
};

/** What a walk saw: the paths of sockets, and whether it saw all. */
export interface Walk {
  readonly seen: readonly string[];
  readonly whole: boolean;
}

/** Through `folders`, which are absolute and no links, but not through those that are `hidden`. */
export const walkThrough = (folders: readonly string[], hidden: readonly string[]): Walk => {
  const without = new Set(hidden.map(asBytes));
  const paths: string[] = [];
  const queue = folders.map(asBytes);
  let seen = 0;
  for (const folder of queue) {
    if (seen > limits.socketsSoughtEntriesCount) return { seen: paths, whole: false };
    for (const entry of entriesOf(folder)) {
      seen += 1;
      // Most are, and none of them takes more than this.
      if (entry.isFile()) continue;
      const path = `${folder}/${entry.name}`;
      if (entry.isSocket()) paths.push(path);
      else if (entry.isDirectory() && !without.has(path) && !leftOut(folder, entry.name)) queue.push(path);
    }
  }
  return { seen: paths, whole: true };
};

/** Of this network namespace, by the path that each was given when it was made (proc(5), `/proc/net/unix`). */
const listed = (): readonly string[] => {
  const lines = readFileSync('/proc/net/unix', 'latin1').split('\n');
  return lines.flatMap((line) => {
    const path = /^(?:\S+ +){7}(\/.*)$/.exec(line)?.[1];
    if (path === undefined) return [];
    try {
      return [join(realpathSync(bytesOf(dirname(path)), { encoding: 'latin1' }), basename(path))];
    } catch {
      return [];
    }
  });
};

const named = (path: string): string => {
  const text = bytesOf(path).toString();
  if (asBytes(text) === path) return text;
  throw new Error(`a socket lies at ${text} whose name is not text, and could not be hidden from the agent; remove or rename it`);
};

/** What lies in `folders` now, but not in those that are `hidden`: what walks through them saw and what the kernel lists. */
export const lyingSockets = (
  folders: readonly string[],
  hidden: readonly string[],
  walks: readonly Walk[] = [walkThrough(folders, hidden)],
): LyingSockets => {
  const [within, without] = [folders.map(asBytes), hidden.map(asBytes)];
  const inSight = (path: string): boolean =>
    within.some((folder) => liesWithin(folder, path)) && !without.some((folder) => liesWithin(folder, path)) && isSocket(path);
  const paths = [...walks.flatMap(({ seen }) => seen), ...listed()].filter(inSight);
  return { paths: [...new Set(paths)].map(named), whole: walks.every(({ whole }) => whole) };
};
