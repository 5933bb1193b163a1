// A release is the digest-named set of everything that alters behaviour: config, policies, trusted certificates, compiled roles, package version.
// Its content is one canonical file, kept under its digest, so that `sha256sum` alone shows what a record's release was.
// Keeping is durable and may be repeated; content that does not match its digest is a problem, never overwritten.

import { createHash } from 'node:crypto';
import { dirname } from 'node:path';
import { canonicalJson } from '../core/canonical-json.ts';
import type { RecordBody } from '../core/receipt.ts';
import type { Stamp } from '../core/stamp.ts';
import { type Disk, diskErrorName } from '../disk/disk.ts';

export interface ReleaseParts {
  /** The config as it was declared: references to secrets, never secrets. */
  readonly config: { readonly endpoints: object };
  /** Hand-written policies. */
  readonly policies: readonly { readonly name: string; readonly text: string }[];
  /** SHA-256 in hexadecimal of each certificate that an endpoint trusts beyond the system's; endpoints without any are absent. */
  readonly trustedCertificates: Readonly<Record<string, readonly string[]>>;
  /** SHA-256 in hexadecimal of each file that says whom identity believes, by its setting. */
  readonly identityFiles: Readonly<Record<string, string>>;
  /** What the roles became, as Cedar. */
  readonly compiledRoles: string;
  readonly packageVersion: string;
}

export interface Release {
  /** `sha256:` and 64 hexadecimal digits: SHA-256 over `bytes`. */
  readonly digest: string;
  /** RFC 8785 canonical JSON in UTF-8. */
  readonly bytes: Uint8Array;
  readonly packageVersion: string;
}

export const releaseDigest = (bytes: Uint8Array): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

export const createRelease = (parts: ReleaseParts): Release => {
  const { config, policies, trustedCertificates, identityFiles, compiledRoles, packageVersion } = parts;
  const content = {
    schema: 1,
    config,
    // Canonical JSON sorts names, but the order of endpoints decides where a model goes.
    endpoint_order: Object.keys(config.endpoints),
    policies: policies.map(({ name, text }) => ({ name, text })).toSorted((a, b) => (a.name < b.name ? -1 : 1)),
    trusted_certificates: trustedCertificates,
    identity_files: identityFiles,
    compiled_roles: compiledRoles,
    package_version: packageVersion,
  };
  const bytes = new TextEncoder().encode(canonicalJson(content));
  return { digest: releaseDigest(bytes), bytes, packageVersion };
};

export interface ReleaseStore {
  readonly disk: Disk;
  /** `data/releases` */
  readonly folder: string;
}

/** Where the content of a release is kept. A colon in a name is trouble for tar and for other systems, so the folder has a hyphen there. */
export const releasePath = (folder: string, digest: string): string => `${folder}/${digest.replace(':', '-')}/release.json`;
export const lastPath = (folder: string): string => `${folder}/last`;

/** Makes the release's content durable at `DIGEST/release.json`, or checks what is kept there already. Never rejects. */
export const keepRelease = async (
  { disk, folder }: ReleaseStore,
  { digest, bytes }: Release,
): Promise<{ readonly path: string } | { readonly problem: string }> => {
  const path = releasePath(folder, digest);
  try {
    const kept = await disk.readFile(path);
    if (kept === null) await disk.replaceFiles([{ path, bytes }]);
    else if (releaseDigest(kept) !== digest) {
      return {
        problem: `${path} is not what it was when the release ${digest} was kept. Find out who changed it; a good copy may be in a backup`,
      };
    }
    // A start that was killed may have left it in a name that is not durable yet.
    else await disk.syncFolder(dirname(path));
    return { path };
  } catch (error) {
    return { problem: `the release could not be kept at ${path} (${diskErrorName(error)})` };
  }
};

const digestForm = /^sha256:[0-9a-f]{64}$/;

/** What the mark of the active release says; null where it is unreadable. */
export const markedRelease = (bytes: Uint8Array | null): string | null => {
  const text = bytes === null ? '' : new TextDecoder().decode(bytes).trim();
  return digestForm.test(text) ? text : null;
};

/** Digest of the release that was last marked as active; null when none was or the mark is unreadable. Rejects only if the disk does. */
export const lastRelease = async ({ disk, folder }: ReleaseStore): Promise<string | null> =>
  markedRelease(await disk.readFile(lastPath(folder)));

/** Marks the release as active, after its activation record is durable. The record is what counts; the mark only finds it faster. */
export const markActive = async ({ disk, folder }: ReleaseStore, { digest }: Release): Promise<void> =>
  disk.replaceFiles([{ path: lastPath(folder), bytes: new TextEncoder().encode(`${digest}\n`) }]);

/** The control record that makes a release the active one. `previous` is null on the first start. */
export const activationRecord = (stamp: Stamp, release: Release, previous: string | null): RecordBody => ({
  log_id: stamp.log_id,
  timestamp: stamp.timestamp,
  stream: 'control',
  kind: 'change',
  change: { what: 'release_activated', previous_release: previous, release: release.digest, package_version: release.packageVersion },
});
