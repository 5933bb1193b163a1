// A JWK set (RFC 7517) as the public keys in it that may verify a signature. What may not is left out, and counted by why.
// Pure but for importing a key, which Node does. The text of a key is only ever its public members.

import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';
import { compactVerify, importJWK, type JWK } from 'jose';
import { limits } from '../core/limits.ts';
import type { Claims } from './claims.ts';
import { isObject } from './claims.ts';
import type { CompactJws } from './compact-jws.ts';

interface PublicKey {
  readonly keyId: string | null;
  readonly algorithms: readonly string[];
  readonly jwk: JWK;
}

export interface KeySet {
  readonly keys: readonly PublicKey[];
  /** SHA-256 in hexadecimal over the keys: sets with the same verify the same. */
  readonly digest: string;
  /** How many are not public keys at all: private or shared ones. */
  readonly secretCount: number;
}

/** Members that only a private or a shared key has (RFC 7518 sections 6.2.2, 6.3.2 and 6.4.1, RFC 8037 section 2). */
const secretMembers = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k', 'priv'];

const rsaBitsMin = 2_048;
const rsaBitsMax = 8_192;
const rsaAlgorithms = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'];
const curves: Readonly<Record<string, readonly string[]>> = {
  'EC P-256': ['ES256'],
  'EC P-384': ['ES384'],
  'EC P-521': ['ES512'],
  'OKP Ed25519': ['EdDSA', 'Ed25519'],
};

const bitsOf = (number: string): number => {
  const hex = Buffer.from(number, 'base64url').toString('hex').replace(/^0+/, '');
  return hex === '' ? 0 : (hex.length - 1) * 4 + (32 - Math.clz32(Number.parseInt(hex.charAt(0), 16)));
};

/** The public members of a key, and what it could verify by its kind. */
const kindOf = ({ kty, crv, n, e, x, y }: Claims): Pick<PublicKey, 'jwk' | 'algorithms'> | null => {
  if (kty === 'RSA' && typeof n === 'string' && typeof e === 'string') {
    const bits = bitsOf(n);
    return bits < rsaBitsMin || bits > rsaBitsMax ? null : { jwk: { kty, n, e }, algorithms: rsaAlgorithms };
  }
  if (typeof kty !== 'string' || typeof crv !== 'string' || typeof x !== 'string') return null;
  const kind = `${kty} ${crv}`;
  const algorithms = Object.hasOwn(curves, kind) ? curves[kind] : undefined;
  if (algorithms === undefined) return null;
  if (kty === 'OKP') return { jwk: { kty, crv, x }, algorithms };
  return typeof y === 'string' ? { jwk: { kty, crv, x, y }, algorithms } : null;
};

const isSecret = (key: Claims): boolean => key['kty'] === 'oct' || secretMembers.some((name) => Object.hasOwn(key, name));

/** `key` where it may verify (RFC 7517 sections 4.2 to 4.4) by one of the algorithms that are `accepted`. */
const publicKeyOf = (key: Claims, accepted: readonly string[]): PublicKey | null => {
  const { use, key_ops: operations, alg, kid } = key;
  if (use !== undefined && use !== 'sig') return null;
  if (operations !== undefined && !(Array.isArray(operations) && operations.includes('verify'))) return null;
  if (kid !== undefined && typeof kid !== 'string') return null;
  const kind = kindOf(key);
  if (kind === null) return null;
  const algorithms = kind.algorithms.filter((name) => accepted.includes(name) && (alg === undefined || alg === name));
  return algorithms.length === 0 ? null : { keyId: kid ?? null, jwk: kind.jwk, algorithms };
};

const digestOf = (keys: readonly PublicKey[]): string => {
  const lines = keys.map(({ keyId, jwk, algorithms }) => JSON.stringify([keyId, jwk, algorithms]));
  return createHash('sha256').update(lines.toSorted().join('\n')).digest('hex');
};

/** The set that `value` is, or why it is none. */
export const readKeySet = (value: unknown, accepted: readonly string[]): KeySet | { readonly problem: string } => {
  const listed: unknown = isObject(value) ? value['keys'] : undefined;
  if (!Array.isArray(listed)) return { problem: 'is no JWK set' };
  if (listed.length > limits.keysPerSetCount) return { problem: `holds more than ${limits.keysPerSetCount} keys` };
  const objects = listed.filter(isObject);
  const keys = objects.filter((key) => !isSecret(key)).flatMap((key) => publicKeyOf(key, accepted) ?? []);
  return { keys, digest: digestOf(keys), secretCount: objects.filter(isSecret).length };
};

/** Whether the set has a key of exactly the name that the credential gives. */
export const hasNamedKey = ({ keys }: KeySet, { keyId, algorithm }: CompactJws): boolean =>
  keyId !== null && keys.some((key) => key.keyId === keyId && key.algorithms.includes(algorithm));

/** Whether a key of the set made the signature. A key without a name is tried for any; how many are tried is bounded. */
export const isSignedBy = async ({ keys }: KeySet, { text, algorithm, keyId }: CompactJws): Promise<boolean> => {
  const fitting = keys.filter((key) => key.algorithms.includes(algorithm) && (keyId === null || (key.keyId ?? keyId) === keyId));
  for (const { jwk } of fitting.slice(0, limits.keysTriedCount)) {
    try {
      await compactVerify(text, await importJWK(jwk, algorithm), { algorithms: [algorithm] });
      return true;
    } catch {
      // Not this one: another key may have the same name, or none.
    }
  }
  return false;
};
