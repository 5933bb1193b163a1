import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limits } from '../core/limits.ts';
import type { Issuer } from './issuer.ts';
import { createProofCache } from './proof-cache.ts';

const issuer = {} as Issuer;

test('the oldest proofs are forgotten when there are more than the bound, and a plane has its own', () => {
  const proofs = createProofCache<number>();
  for (let proof = 0; proof <= limits.proofsCachedCount; proof += 1) proofs.keep(`${proof}`, 'admin', { proof, issuer, keys: '' });
  assert.deepEqual(
    ['0', '1', `${limits.proofsCachedCount}`].map((credential) => proofs.find(credential, 'admin')?.proof),
    [undefined, 1, limits.proofsCachedCount],
  );
  assert.equal(proofs.find('1', 'invocation'), null);
  proofs.keep('1', 'admin', { proof: 7, issuer, keys: '' });
  proofs.keep('another', 'admin', { proof: 8, issuer, keys: '' });
  assert.equal(proofs.find('1', 'admin')?.proof, 7);
});
