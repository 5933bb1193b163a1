// Proofs of one record, for a log and keys that stay.
// Whatever verifies is a record of that log, at its place, in the tree that its own deployment signed.

import assert from 'node:assert/strict';
import { createFrontier, inclusionProof, leafHash } from '../../../src/ledger/merkle.ts';
import { checkpointText, createSigner, isNoteProblem, parseVkey, signNote } from '../../../src/ledger/note.ts';
import { verifyProof } from '../../../src/ledger/proof.ts';
import { keyFor } from '../keys.ts';
import type { Target } from '../target.ts';

const origin = 'local/model/standard/2026q4';
const signer = createSigner('local', keyFor('proof'));
const other = createSigner('other', keyFor('other'));
const verifiers = [signer, other].map(({ vkey }) => {
  const verifier = parseVkey(vkey);
  return isNoteProblem(verifier) ? assert.fail(verifier.problem) : verifier;
});

const leaves = Array.from({ length: 13 }, (_, index) => Buffer.from(`{"log_id":"${index}"}`));
const hashes = new Map<string, Uint8Array>();
const frontier = createFrontier();
for (const leaf of leaves) frontier.append(leafHash(leaf), (level, index, node) => void hashes.set(`${level} ${index}`, node));
const source = (level: number, index: number): Uint8Array => hashes.get(`${level} ${index}`) ?? assert.fail(`${level} ${index}`);

const noteOf = (named: string, by: typeof signer): string =>
  signNote(checkpointText({ origin: named, size: leaves.length, root: frontier.root() }), [by]);

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');

const proofOf = (index: number, note: string): string =>
  [
    'c2sp.org/tlog-proof@v1',
    `extra ${base64(leaves[index] ?? assert.fail())}`,
    `index ${index}`,
    ...inclusionProof(source, index, leaves.length).map(base64),
    '',
    note,
  ].join('\n');

const check = (input: Uint8Array): void => {
  const proved = verifyProof(Buffer.from(input).toString(), verifiers);
  if (isNoteProblem(proved)) return assert.ok(proved.problem.length > 0);
  assert.equal(proved.origin, origin, 'a checkpoint of another deployment counts');
  assert.equal(proved.size, leaves.length);
  assert.deepEqual(Buffer.from(proved.leaf), leaves[proved.index], 'something is proved that is not there');
  return assert.ok(proved.signedBy.includes('local'));
};

export const target: Target = {
  kind: 'lines',
  bytesMax: 3_000,
  seeds: () => [
    ...[0, 1, 6, 12].map((index) => Buffer.from(proofOf(index, noteOf(origin, signer)))),
    Buffer.from(proofOf(3, noteOf(origin, other))),
  ],
  words: ['extra ', 'index ', 'c2sp.org/tlog-proof@v1', '\n\n', '— ', ...[...hashes.values()].map(base64), ...leaves.map(base64)],
  check,
};
