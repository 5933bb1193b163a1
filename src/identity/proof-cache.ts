// Credentials that were verified, by their SHA-256, so that the same one is not verified again. Never one that may be used only once.
// A proof holds as long as its credential and only under the keys that it was verified with. Bounded; the oldest goes first.

import { createHash } from 'node:crypto';
import { limits } from '../core/limits.ts';
import type { Issuer } from './issuer.ts';

export interface Kept<P> {
  readonly proof: P;
  readonly issuer: Issuer;
  /** Digest of the keys that verified it. */
  readonly keys: string;
}

export interface ProofCache<P> {
  readonly find: (credential: string, plane: string) => Kept<P> | null;
  readonly keep: (credential: string, plane: string, kept: Kept<P>) => void;
}

const nameOf = (credential: string, plane: string): string => `${plane} ${createHash('sha256').update(credential).digest('base64')}`;

export const createProofCache = <P>(): ProofCache<P> => {
  const proofs = new Map<string, Kept<P>>();
  return {
    find: (credential, plane) => (credential.length > limits.credentialBytes ? null : (proofs.get(nameOf(credential, plane)) ?? null)),
    keep: (credential, plane, kept) => {
      const name = nameOf(credential, plane);
      proofs.delete(name);
      proofs.set(name, kept);
      const [oldest] = proofs.keys();
      if (proofs.size > limits.proofsCachedCount && oldest !== undefined) proofs.delete(oldest);
    },
  };
};
