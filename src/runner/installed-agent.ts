// What is installed of a CLI agent: version, and one digest over all the files that its adapter names.
// The digest is the SHA-256 of the lines `HEX  NAME`, sorted by name, each ended by a newline; names are the same on every machine.
// What cannot be read has no digest and says why; a pin then refuses it. Nothing of the agent runs for this.

import { readdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { limits } from '../core/limits.ts';
import type { AgentIdentity, Identification } from './agent-digest.ts';
import { fileDigest } from './agent-digest.ts';
import type { AgentAdapter, InstalledPackage, Look } from './agents/adapter.ts';
import { isOlder } from './version-order.ts';
import { newHash } from './hashing.ts';

export interface InstalledIdentity extends AgentIdentity {
  readonly version: string | null;
  /** The files that the digest is over. */
  readonly paths: readonly string[];
  /** Why this version is not run at all; null when it is. */
  readonly tooOld: string | null;
  /** Set where nobody has looked at this version yet. */
  readonly unseen: boolean;
}

const packageIn = (folder: string, names: readonly string[]): InstalledPackage | null => {
  try {
    const { name, version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Record<string, unknown>;
    return typeof name === 'string' && names.includes(name) && typeof version === 'string' ? { folder, version } : null;
  } catch {
    return null;
  }
};

const packageAround: Look['packageAround'] = (path, names) => {
  for (let folder = dirname(path); ; folder = dirname(folder)) {
    const found = packageIn(folder, names);
    if (found !== null || folder === dirname(folder)) return found;
  }
};

const packageFrom: Look['packageFrom'] = (path, name) => {
  try {
    const manifest = realpathSync(createRequire(path).resolve(`${name}/package.json`));
    // Aliased packages carry the name of the one that they are an edition of.
    const { version } = JSON.parse(readFileSync(manifest, 'utf8')) as Record<string, unknown>;
    return typeof version === 'string' ? { folder: dirname(manifest), version } : null;
  } catch {
    return null;
  }
};

const filesBelow: Look['filesBelow'] = (folder) => {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  if (entries.length > limits.agentFilesCount) throw new Error(`more than ${limits.agentFilesCount} files`);
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .toSorted();
};

const look: Look = { packageAround, packageFrom, filesBelow, platform: `${process.platform}-${process.arch}` };

/** Progress over all files together. */
const spread = (progress: Identification['progress'], sizes: readonly number[]): ((index: number) => Identification['progress']) => {
  const total = sizes.reduce((sum, size) => sum + size, 0);
  return (index) => {
    const before = sizes.slice(0, index).reduce((sum, size) => sum + size, 0);
    return (done) => progress(before + done, total);
  };
};

type Identified = Pick<InstalledIdentity, 'digest' | 'problem' | 'version' | 'paths'>;

const digestOf = async (adapter: AgentAdapter, executable: string, how: Identification): Promise<Identified> => {
  const { version, files } = adapter.installed(executable, look);
  const paths = files.map(({ path }) => path);
  const sizes = files.map(({ path }) => statSync(path).size);
  const progress = spread(how.progress, sizes);
  const lines: string[] = [];
  for (const [index, { path, name }] of files.entries()) {
    const { digest, problem } = await fileDigest(path, { ...how, progress: progress(index) });
    if (digest === null) return { digest: null, problem, version, paths };
    lines.push(`${digest}  ${name}\n`);
  }
  const byName = lines.toSorted((a, b) => (a.slice(66) < b.slice(66) ? -1 : 1));
  return { digest: newHash('sha256').update(byName.join('')).digest('hex'), problem: null, version, paths };
};

const oldProblem = ({ title, oldest }: AgentAdapter, version: string | null): string | null =>
  version !== null && isOlder(version, oldest)
    ? `${title} ${version} is older than ${oldest}, the oldest that is known to keep to the envelope's settings. Install a newer one.`
    : null;

/** Identifies the program of `adapter` at `executable`, an absolute path. */
export const identifyInstalled = async (adapter: AgentAdapter, executable: string, how: Identification): Promise<InstalledIdentity> => {
  try {
    const found = await digestOf(adapter, realpathSync(executable), how);
    const { version } = found;
    return { ...found, tooOld: oldProblem(adapter, version), unseen: version === null || isOlder(adapter.seen, version) };
  } catch (error) {
    const problem = `${executable} could not be identified: ${error instanceof Error ? error.message : 'unknown error'}`;
    return { digest: null, problem, version: null, paths: [], tooOld: null, unseen: true };
  }
};
