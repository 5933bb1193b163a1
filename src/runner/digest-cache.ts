// Digests of large programs, so that a second run need not read two hundred megabytes again. A file in the person's own state folder.
// A cache that others could have written, or that lies inside the workspace, is not used. It only saves time: every failure here means hashing anew.

import { lstatSync, mkdirSync, realpathSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import type { Stats } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';
import { limits } from '../core/limits.ts';
import { isUnreadable, readSmall } from './bounded-file.ts';
import { liesWithin } from './executable.ts';

export interface DigestCache {
  /** SHA-256 in hexadecimal of the file with exactly these facts, or null. */
  readonly find: (stats: Stats) => string | null;
  readonly keep: (stats: Stats, digest: string) => void;
}

export const noDigestCache: DigestCache = { find: () => null, keep: () => undefined };

/** A file that changed just now could change again within the same tick of its file system's clock. */
const settledMs = 2_000;
const cacheFileBytes = 64 * 1_024;

const keyOf = ({ dev, ino, size, mtimeMs, ctimeMs }: Stats): string => [dev, ino, size, mtimeMs, ctimeMs].join(':');

const isOurs = (path: string, uid: number): boolean => {
  const stats = lstatSync(path);
  return stats.uid === uid && (stats.mode & 0o022) === 0;
};

const load = (file: string, uid: number): Map<string, string> => {
  const known = new Map<string, string>();
  try {
    const bytes = isOurs(file, uid) ? readSmall(file, cacheFileBytes) : { unreadable: 'others may write to it', missing: false };
    const entries: unknown = isUnreadable(bytes) ? [] : JSON.parse(bytes.toString('utf8'));
    for (const entry of Array.isArray(entries) ? entries : []) {
      const [key, digest]: readonly unknown[] = Array.isArray(entry) ? entry : [];
      if (typeof key === 'string' && typeof digest === 'string' && /^[0-9a-f]{64}$/.test(digest)) known.set(key, digest);
    }
  } catch {
    return new Map();
  }
  return known;
};

export interface CachePlace {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly uid: number;
  /** The folder in which the agent works. */
  readonly workspace: string;
  readonly wallMs: () => number;
}

/** The cache under `$XDG_STATE_HOME/sealwright`, made with mode 0700 where it does not exist. */
export const openDigestCache = ({ env, uid, workspace, wallMs }: CachePlace): DigestCache => {
  const given = env['XDG_STATE_HOME'];
  const stateHome = given !== undefined && isAbsolute(given) ? given : join(env['HOME'] ?? homedir(), '.local', 'state');
  let file: string;
  try {
    mkdirSync(join(stateHome, 'sealwright'), { recursive: true, mode: 0o700 });
    file = join(realpathSync(join(stateHome, 'sealwright')), 'digests.json');
    if (!isOurs(dirname(file), uid) || liesWithin(workspace, file)) return noDigestCache;
  } catch {
    return noDigestCache;
  }
  const known = load(file, uid);
  return {
    find: (stats) => known.get(keyOf(stats)) ?? null,
    keep: (stats, digest) => {
      if (stats.ctimeMs > wallMs() - settledMs) return;
      known.set(keyOf(stats), digest);
      const entries = [...known].slice(-limits.digestsCachedCount);
      const written = `${file}.${process.pid}`;
      try {
        writeFileSync(written, JSON.stringify(entries), { mode: 0o600, flag: 'wx' });
        renameSync(written, file);
      } catch {
        rmSync(written, { force: true });
      }
    },
  };
};
