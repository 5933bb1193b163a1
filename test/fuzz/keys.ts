// Ed25519 keys that are the same in every run, so that an input that verified once verifies again.
// They protect nothing: their seeds are made of words that stand here.

import { createHash, createPrivateKey, type KeyObject } from 'node:crypto';

/** An Ed25519 private key in PKCS#8 (RFC 8410, section 7), up to its seed. */
const beforeSeed = Buffer.from('302e020100300506032b657004220420', 'hex');

export const keyFor = (word: string): KeyObject =>
  createPrivateKey({
    key: Buffer.concat([beforeSeed, createHash('sha256').update(`fuzzing ${word}`).digest()]),
    format: 'der',
    type: 'pkcs8',
  });
