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
const asBytes = (path: string): string => Buffer.from(path).toString('latin1');

const entriesOf = (folder: string) => {
  try {
    return readdirSync(bytesOf(folder), { withFileTypes: true, encoding: 'latin1' });
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

const walked = (folders: readonly string[], hidden: ReadonlySet<string>): LyingSockets => {
  const paths: string[] = [];
  const queue = [...folders];
  let seen = 0;
  for (const folder of queue) {
    if (seen > limits.socketsSoughtEntriesCount) return { paths, whole: false };
    for (const entry of entriesOf(folder)) {
      seen += 1;
      const path = `${folder}/${entry.name}`;
      if (entry.isSocket()) paths.push(path);
      else if (entry.isDirectory() && !hidden.has(path) && !leftOut(folder, entry.name)) queue.push(path);
    }
  }
  return { paths, whole: true };
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

/** What lies in `folders`, which are absolute and no links, but not in those that are `hidden`. */
export const lyingSockets = (folders: readonly string[], hidden: readonly string[]): LyingSockets => {
  const [within, without] = [folders.map(asBytes), hidden.map(asBytes)];
  const { paths, whole } = walked(within, new Set(without));
  const inSight = (path: string): boolean =>
    within.some((folder) => liesWithin(folder, path)) && !without.some((folder) => liesWithin(folder, path)) && isSocket(path);
  return { paths: [...new Set([...paths, ...listed().filter(inSight)])].map(named), whole };
};
