// A login as it lies on this machine: one file for each issuer and plane, 0600 in a 0700 folder, replaced whole and durably.
// Who changes one holds its lock, so that two processes never spend the same refresh token. What is not ours alone is refused by name.
// No sentence holds a token.

import { lstatSync, readdirSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import type { Clock } from '../core/clock.ts';
import { ownNameForm } from '../core/identifier.ts';
import { limits } from '../core/limits.ts';
import { shellWord } from '../core/shell-word.ts';
import { readSecretFile } from './secret-file.ts';

export type Plane = 'invocation' | 'admin';

/** What signing in asks an issuer for, and how to reach it. */
export interface LoginPlan {
  /** Name under `identity.issuers`. */
  readonly issuerName: string;
  readonly issuerUrl: string;
  readonly plane: Plane;
  readonly clientId: string;
  readonly audience: string;
  /** Which token of the answer is shown to the envelope. */
  readonly token: 'id_token' | 'access_token';
  readonly scopes: readonly string[];
  /** Whether the audience is asked for by the parameter `resource` (RFC 8707). */
  readonly resource: boolean;
  /** Absolute path of a PEM file of certificates to trust instead of the usual ones. */
  readonly caFile: string | null;
}

export interface SavedLogin extends LoginPlan {
  /** Null once the login ended. */
  readonly credential: string | null;
  readonly refreshToken: string | null;
  /** Seconds since the Unix epoch; null where nothing says. */
  readonly expiresAt: number | null;
}

type Environment = Readonly<Record<string, string | undefined>>;

export const loginsFolder = (env: Environment, home: string): string => {
  const named = env['XDG_CONFIG_HOME'];
  return join(named !== undefined && isAbsolute(named) ? named : join(home, '.config'), 'sealwright', 'logins');
};

const ending = { invocation: '.json', admin: '.admin.json' } as const;

/** Null for a name under which no login can be kept: it would be another one's file. */
export const loginPath = (folder: string, issuerName: string, plane: Plane): string | null =>
  ownNameForm.test(issuerName) && !issuerName.endsWith('.admin') && issuerName.length <= limits.labelCharacters
    ? join(folder, `${issuerName}${ending[plane]}`)
    : null;

/** Names of the issuers with a login for this plane, sorted. */
export const savedIssuers = (folder: string, plane: Plane): readonly string[] => {
  let names: readonly string[] = [];
  try {
    names = readdirSync(folder);
  } catch {
    // No folder, no login.
  }
  return names
    .filter((name) => name.endsWith(ending[plane]) && name.endsWith(ending.admin) === (plane === 'admin'))
    .map((name) => name.slice(0, -ending[plane].length))
    .filter((name) => loginPath(folder, name, plane) !== null)
    .toSorted()
    .slice(0, limits.loginsCount);
};

const isText = (value: unknown): value is string => typeof value === 'string' && value.length > 0;
const isTextOrNull = (value: unknown): value is string | null => value === null || isText(value);

const parsed = (text: string): { readonly [name: string]: unknown } => {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as { readonly [name: string]: unknown }) : {};
  } catch {
    return {};
  }
};

const readMembers = (text: string): SavedLogin | null => {
  const { issuer, url, plane, client_id, audience, token, scopes, resource, ca, credential, refresh_token, expires_at } = parsed(text);
  if (!isText(issuer) || !isText(url) || !isText(client_id) || !isText(audience)) return null;
  if ((plane !== 'invocation' && plane !== 'admin') || (token !== 'id_token' && token !== 'access_token')) return null;
  if (!Array.isArray(scopes) || !scopes.every(isText) || typeof resource !== 'boolean' || !isTextOrNull(ca)) return null;
  if (!isTextOrNull(credential) || !isTextOrNull(refresh_token)) return null;
  if (expires_at !== null && (typeof expires_at !== 'number' || !Number.isFinite(expires_at))) return null;
  return {
    issuerName: issuer,
    issuerUrl: url,
    plane,
    clientId: client_id,
    audience,
    token,
    scopes,
    resource,
    caFile: ca,
    credential,
    refreshToken: refresh_token,
    expiresAt: expires_at,
  };
};

const textOf = (login: SavedLogin): string =>
  `${JSON.stringify({
    issuer: login.issuerName,
    url: login.issuerUrl,
    plane: login.plane,
    client_id: login.clientId,
    audience: login.audience,
    token: login.token,
    scopes: login.scopes,
    resource: login.resource,
    ca: login.caFile,
    credential: login.credential,
    refresh_token: login.refreshToken,
    expires_at: login.expiresAt,
  })}\n`;

export type LoginProblem = { readonly absent: boolean; readonly problem: string };

export const readLogin = async (path: string, uid: number | null): Promise<SavedLogin | LoginProblem> => {
  const file = await readSecretFile(path, uid, limits.loginFileBytes);
  if ('problem' in file) return file;
  const login = readMembers(file.text);
  // A file under another name than its own would be shown where it was not meant.
  if (login !== null && path.endsWith(`/${login.issuerName}${ending[login.plane]}`)) return login;
  return { absent: false, problem: `${path} is not a login that this version saved. Sign in again with \`sealwright login\`.` };
};

/** Null when the folder is ours alone. */
const folderProblem = (folder: string, uid: number | null): string | null => {
  const { mode, uid: owner } = lstatSync(folder);
  if (uid === null || (owner === uid && (mode & 0o077) === 0)) return null;
  return `${folder} holds logins and others have rights to it. Make it yours, and run: chmod 700 ${shellWord(folder)}`;
};

export interface LoginKeeper {
  readonly read: () => Promise<SavedLogin | LoginProblem>;
  /** Durable when it resolves. */
  readonly write: (login: SavedLogin) => Promise<void>;
  readonly remove: () => Promise<void>;
}

const waited = (clock: Pick<Clock, 'after'>): Promise<void> =>
  new Promise((resolve) => void clock.after(limits.loginLockLookMs, () => resolve()));

/** Does `work` while no other process changes the login at `path`; makes the folder. Rejects only as `work` does, or where the disk fails. */
export const holdingLogin = async <T>(
  { folder, path, uid, clock }: { readonly folder: string; readonly path: string; readonly uid: number | null; readonly clock: Clock },
  work: (keeper: LoginKeeper) => Promise<T>,
): Promise<T | { readonly problem: string }> => {
  const { createDisk } = await import('../disk/disk.ts');
  const disk = createDisk();
  await disk.createFolder(folder);
  const shared = folderProblem(folder, uid);
  if (shared !== null) return { problem: shared };
  const untilMs = clock.monotonicMs() + limits.loginLockMs;
  let lock = await disk.lock(`${path}.lock`);
  while (lock === null && clock.monotonicMs() < untilMs) {
    await waited(clock);
    lock = await disk.lock(`${path}.lock`);
  }
  if (lock === null) return { problem: `Another process has been changing ${path} for ${limits.loginLockMs / 1_000} s. Try again.` };
  try {
    return await work({
      read: () => readLogin(path, uid),
      write: (login) => disk.replaceFiles([{ path, bytes: Buffer.from(textOf(login)) }]),
      remove: async () => {
        // A crash while it was written may have left the one that was to come.
        await Promise.all([path, `${path}.tmp`].map(disk.remove));
        await disk.syncFolder(folder);
      },
    });
  } finally {
    lock.release();
  }
};
