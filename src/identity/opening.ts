// What identity reads when the envelope starts: certificates of issuers and public keys of clients. Read once.
// A file that cannot be used is a problem that names its setting; then nothing starts.

import { createHash } from 'node:crypto';
import { certificatesIn } from '../core/certificates.ts';
import type { Via } from '../core/endpoint.ts';
import { direct } from '../core/endpoint.ts';
import { limits } from '../core/limits.ts';
import type { Client } from './client-assertion.ts';
import type { ClientSettings, IdentitySettings } from './config.ts';
import { createFetchJson } from './fetch-json.ts';
import type { Issuer } from './issuer.ts';
import { createIssuerKeys } from './issuer-keys.ts';
import type { KeySet } from './key-set.ts';
import { readKeySet } from './key-set.ts';
import type { IdentityWorld } from './world.ts';

export interface StartProblem {
  /** The path of a setting and what is wrong with it. */
  readonly problem: string;
}

export interface Known {
  /** By `iss`. */
  readonly issuers: ReadonlyMap<string, Issuer>;
  /** By client id, which is their `iss`. */
  readonly clients: ReadonlyMap<string, Client>;
}

const bytesAt = (path: string, readFile: IdentityWorld['readFile']): Uint8Array | StartProblem => {
  try {
    return readFile(path);
  } catch {
    return { problem: 'cannot be read' };
  }
};

/** SHA-256 in hexadecimal of each file that says whom identity believes, by its setting. What cannot be read is a problem elsewhere. */
export const identityFiles = (
  { issuers, clients }: IdentitySettings,
  readFile: IdentityWorld['readFile'],
): Readonly<Record<string, string>> => {
  const named = [
    ...Object.entries(issuers).map(([name, { ca }]) => [`issuers.${name}.ca`, ca] as const),
    ...Object.entries(clients).map(([id, { keys }]) => [`clients.${id}.keys`, keys] as const),
  ];
  const digests = named.flatMap(([setting, path]) => {
    const bytes = path === undefined ? null : bytesAt(path, readFile);
    return bytes === null || 'problem' in bytes ? [] : [[setting, createHash('sha256').update(bytes).digest('hex')] as const];
  });
  return Object.fromEntries(digests);
};

const viaOf = (ca: string | undefined, readFile: IdentityWorld['readFile']): Via | StartProblem => {
  if (ca === undefined) return direct;
  const bytes = bytesAt(ca, readFile);
  const read = 'problem' in bytes ? bytes : certificatesIn(bytes);
  return 'problem' in read ? read : { proxy: null, ca: read.certificates };
};

const clientKeys = (
  { keys: path, algorithms }: ClientSettings,
  { readFile, readJson }: Pick<IdentityWorld, 'readFile' | 'readJson'>,
): KeySet | StartProblem => {
  const bytes = bytesAt(path, readFile);
  if ('problem' in bytes) return bytes;
  if (bytes.length > limits.keySetBytes) return { problem: `is larger than ${limits.keySetBytes} bytes` };
  const read = readJson(bytes);
  const set = 'problem' in read ? { problem: 'is not valid JSON' } : readKeySet(read.value, algorithms);
  if ('problem' in set) return set;
  if (set.secretCount > 0) return { problem: 'holds a private or a shared key. Make a new pair, and put only its public half there' };
  return set.keys.length === 0 ? { problem: 'holds no public key that signs by one of its algorithms' } : set;
};

export const openKnown = (
  settings: IdentitySettings,
  world: Pick<IdentityWorld, 'send' | 'clock' | 'readFile' | 'readJson'>,
): Known | StartProblem => {
  const issuers = new Map<string, Issuer>();
  const clients = new Map<string, Client>();
  const fetchJson = createFetchJson(world);
  for (const [name, issuer] of Object.entries(settings.issuers)) {
    const via = viaOf(issuer.ca, world.readFile);
    if ('problem' in via) return { problem: `identity.issuers.${name}.ca ${via.problem}` };
    const keys = createIssuerKeys({ name, settings: issuer, via, fetchJson, clock: world.clock });
    issuers.set(issuer.url, { name, settings: issuer, keys });
  }
  for (const [id, client] of Object.entries(settings.clients)) {
    const keys = clientKeys(client, world);
    if ('problem' in keys) return { problem: `identity.clients.${id}.keys ${keys.problem}` };
    clients.set(id, { id, settings: client, keys });
  }
  return { issuers, clients };
};
