// A program that signs for itself (RFC 7523): one short-lived assertion for each use, made with a private key that never leaves this process.
// The algorithm follows from the key. Fails with a sentence that names the key's file and nothing of the key.

import { createPrivateKey, type KeyObject } from 'node:crypto';
import type { Clock, Random } from '../core/clock.ts';

export interface AssertionOrder {
  readonly clientId: string;
  readonly audience: string;
  /** Where the key lies, for sentences. */
  readonly keyFile: string;
  /** A private JWK (RFC 7517) or a PKCS #8 PEM. */
  readonly keyText: string;
}

/** Well within what an envelope accepts, and enough for clocks that differ a little. */
const lifetimeSeconds = 120;
const rsaBitsMin = 2_048;

const rsaAlgorithms = ['PS256', 'PS384', 'PS512', 'RS256', 'RS384', 'RS512'];
const curveAlgorithms: Readonly<Record<string, string>> = { prime256v1: 'ES256', secp384r1: 'ES384', secp521r1: 'ES512' };

/** Algorithms that the key can sign with, the usual one first. */
const algorithmsOf = (key: KeyObject): readonly string[] => {
  const { modulusLength = 0, namedCurve = '' } = key.asymmetricKeyDetails ?? {};
  if (key.asymmetricKeyType === 'rsa') return modulusLength < rsaBitsMin ? [] : rsaAlgorithms;
  if (key.asymmetricKeyType === 'ed25519') return ['EdDSA', 'Ed25519'];
  const algorithm = key.asymmetricKeyType === 'ec' ? curveAlgorithms[namedCurve] : undefined;
  return algorithm === undefined ? [] : [algorithm];
};

interface SigningKey {
  readonly key: KeyObject;
  readonly algorithm: string;
  readonly keyId: string | null;
}

const readKey = (text: string): SigningKey | null => {
  try {
    const jwk: unknown = text.trimStart().startsWith('{') ? JSON.parse(text) : null;
    const { alg, kid } = (jwk ?? {}) as { readonly [name: string]: unknown };
    const key = createPrivateKey(jwk === null ? text : { key: jwk as never, format: 'jwk' });
    const possible = algorithmsOf(key);
    const algorithm = alg === undefined ? possible[0] : possible.find((each) => each === alg);
    return algorithm === undefined ? null : { key, algorithm, keyId: typeof kid === 'string' ? kid : null };
  } catch {
    return null;
  }
};

/** A fresh assertion: `iss` and `sub` are the client, `jti` is never used twice. */
export const signAssertion = async (
  { clientId, audience, keyFile, keyText }: AssertionOrder,
  { clock, random }: { readonly clock: Pick<Clock, 'wallMs'>; readonly random: Random },
): Promise<{ readonly credential: string } | { readonly problem: string }> => {
  const found = readKey(keyText);
  if (found === null)
    return {
      problem: `${keyFile} holds no private key that can sign: a JWK or PKCS #8 PEM of RSA (2048 bits or more), P-256, P-384, P-521 or Ed25519.`,
    };
  const { key, algorithm: alg, keyId } = found;
  const { SignJWT } = await import('jose');
  const seconds = Math.floor(clock.wallMs() / 1_000);
  const credential = await new SignJWT({})
    .setProtectedHeader({ alg, typ: 'JWT', ...(keyId === null ? {} : { kid: keyId }) })
    .setIssuer(clientId)
    .setSubject(clientId)
    .setAudience(audience)
    .setJti(Buffer.from(random.bytes(16)).toString('base64url'))
    .setIssuedAt(seconds)
    .setExpirationTime(seconds + lifetimeSeconds)
    .sign(key);
  return { credential };
};
