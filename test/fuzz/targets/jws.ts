// Compact JWS against `jose`: what is taken apart says what another reader finds in it, in the one spelling that it has.
// A signature that verifies is over these very bytes; key sets never keep what is secret.

import assert from 'node:assert/strict';
import { createPublicKey, sign } from 'node:crypto';
import { decodeJwt, decodeProtectedHeader } from 'jose';
import { claimsOf } from '../../../src/client/issuer.ts';
import { isMeantFor, timesOf } from '../../../src/identity/claims.ts';
import { readJws } from '../../../src/identity/compact-jws.ts';
import { isSignedBy, readKeySet } from '../../../src/identity/key-set.ts';
import { readPlainJson } from '../../../src/wire/plain-json.ts';
import { shownBy } from '../../../src/admin/authorise.ts';
import { keyFor } from '../keys.ts';
import type { Target } from '../target.ts';

const key = keyFor('issuer');
const set = readKeySet({ keys: [{ ...createPublicKey(key).export({ format: 'jwk' }), kid: 'k', alg: 'EdDSA' }] }, ['EdDSA']);
const types = ['jwt', 'at+jwt'];

const segment = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const signed = (header: object, claims: object): string => {
  const text = `${segment(header)}.${segment(claims)}`;
  return `${text}.${sign(null, Buffer.from(text), key).toString('base64url')}`;
};

const ours = [
  signed({ alg: 'EdDSA', kid: 'k', typ: 'JWT' }, { iss: 'https://issuer.example', sub: 'one', aud: 'envelope', exp: 1_900_000_000 }),
  signed({ alg: 'EdDSA' }, { aud: ['a', 'b'], nbf: 1.5, iat: 0, 'a"b': [null, { c: 'é' }] }),
  signed({ alg: 'RS256', kid: 'k', crit: ['x'] }, {}),
];

const checkKeySet = (text: string): void => {
  const read = readPlainJson(Buffer.from(text));
  if (!('value' in read)) return;
  const keys = readKeySet(read.value, ['RS256', 'ES256', 'EdDSA']);
  if ('problem' in keys) return;
  for (const { jwk } of keys.keys) for (const name of ['d', 'p', 'q', 'k', 'dp', 'dq', 'qi']) assert.ok(!Object.hasOwn(jwk, name), 'a secret is kept');
}; // prettier-ignore

const check = async (input: Uint8Array): Promise<void> => {
  const text = Buffer.from(input).toString();
  checkKeySet(text);
  claimsOf(text);
  shownBy(text, text);
  const jws = readJws(text, types, readPlainJson);
  if ('problem' in jws) return;
  assert.equal(jws.text, text);
  assert.ok(text.split('.').every((part) => Buffer.from(part, 'base64url').toString('base64url') === part));
  const header = decodeProtectedHeader(text);
  assert.deepEqual([jws.algorithm, jws.keyId], [header.alg, header.kid ?? null]);
  assert.deepEqual(JSON.parse(JSON.stringify(jws.claims)), JSON.parse(JSON.stringify(decodeJwt(text))));
  isMeantFor(jws.claims, ['envelope']);
  timesOf(jws.claims, { wallMs: 1_800_000_000_000, skewMs: 1_000 });
  assert.ok(!('problem' in set));
  if (await isSignedBy(set, jws)) assert.ok(ours.includes(text), 'a signature verifies over bytes that nobody signed');
};

export const target: Target = {
  kind: 'bytes',
  bytesMax: 2_048,
  seeds: () => [
    ...ours.map((text) => Buffer.from(text)),
    Buffer.from('{"keys":[{"kty":"OKP","crv":"Ed25519","x":"AAAA","kid":"1","use":"sig","key_ops":["verify"]},{"kty":"oct","k":"AA"}]}'),
    Buffer.from('Bearer eyJ.eyJ.x'),
  ],
  words: ['.', 'eyJhbGciOiJub25lIn0', 'e30', '=', ...ours.flatMap((text) => text.split('.'))],
  check,
};
