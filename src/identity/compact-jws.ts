// A JWT as a compact JWS (RFC 7515 section 7.1), taken apart before any key is touched: bounded, canonical base64url, strict JSON.
// What it says of itself is believed only after its signature was verified. Keys that a header names or brings are never looked at.

import { Buffer } from 'node:buffer';
import { limits } from '../core/limits.ts';
import type { Claims } from './claims.ts';
import { isObject } from './claims.ts';
import type { IdentityProblem } from './problem.ts';
import { refused } from './problem.ts';
import type { ReadJson } from './world.ts';

export interface CompactJws {
  readonly text: string;
  readonly algorithm: string;
  readonly keyId: string | null;
  readonly claims: Claims;
}

const form = /^([\w-]+)\.([\w-]+)\.([\w-]+)$/;

/** Bytes of base64url without padding, in the one spelling that they have: unused bits of the last character must be zero. */
const decoded = (text: string): Buffer | null => {
  const bytes = Buffer.from(text, 'base64url');
  return bytes.toString('base64url') === text ? bytes : null;
};

const malformed = refused('The credential is not a signed JWT. Send the token itself, as its issuer gave it.');

const objectIn = (segment: string, readJson: ReadJson): Claims | null => {
  const bytes = decoded(segment);
  const read = bytes === null ? null : readJson(bytes);
  return read !== null && 'value' in read && isObject(read.value) ? read.value : null;
};

/** Whether `typ` (RFC 7515 section 4.1.9) names one of `types`, or nothing. */
const isOfType = ({ typ }: Claims, types: readonly string[]): boolean =>
  typ === undefined || (typeof typ === 'string' && types.includes(typ.toLowerCase().replace(/^application\//, '')));

/** Reads `text`; `types` are the kinds of JWT that are taken, beside those that do not say what they are. */
export const readJws = (text: string, types: readonly string[], readJson: ReadJson): CompactJws | IdentityProblem => {
  if (text.length > limits.credentialBytes)
    return refused(`The credential is larger than ${limits.credentialBytes} bytes. Have its issuer put less into it.`);
  const [, headerText = '', claimsText = '', signatureText = ''] = form.exec(text) ?? [];
  const header = objectIn(headerText, readJson);
  if (header === null || decoded(signatureText) === null) return malformed;
  const { alg, kid, crit } = header;
  if (typeof alg !== 'string' || (kid !== undefined && typeof kid !== 'string')) return malformed;
  if (crit !== undefined) return refused('The credential asks for an extension (`crit`) that is not known here.');
  if (!isOfType(header, types)) return refused('The credential is another kind of JWT (`typ`). Send an access token or an ID token.');
  const claims = objectIn(claimsText, readJson);
  return claims === null ? malformed : { text, algorithm: alg, keyId: kid ?? null, claims };
};
