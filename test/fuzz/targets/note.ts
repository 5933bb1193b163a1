// Signed notes and checkpoints, under keys that stay: whatever verifies is a text that was signed, byte for byte.
// What is read writes itself out again as the same bytes.

import assert from 'node:assert/strict';
import type { NoteVerifier } from '../../../src/ledger/note.ts';
import {
  checkpointText,
  createSigner,
  isNoteProblem,
  openNote,
  parseCheckpoint,
  parseNote,
  parseVkey,
  signNote,
} from '../../../src/ledger/note.ts';
import { emptyRoot } from '../../../src/ledger/merkle.ts';
import { parseOrigin, originText, shardOf } from '../../../src/ledger/origin.ts';
import { keyFor } from '../keys.ts';
import type { Target } from '../target.ts';

const signers = [createSigner('local', keyFor('one')), createSigner('witness.example/a', keyFor('two'))] as const;
const stranger = createSigner('local', keyFor('three'));
const verifiers = signers.map(({ vkey }): NoteVerifier => {
  const verifier = parseVkey(vkey);
  return isNoteProblem(verifier) ? assert.fail(verifier.problem) : verifier;
});

const texts = [
  checkpointText({ origin: 'local/model/standard/2026q4', size: 600, root: emptyRoot }),
  checkpointText({ origin: 'local/control/standard/2026q4', size: 0, root: emptyRoot }),
  `${checkpointText({ origin: 'local/agent/standard/2026q4', size: 7, root: emptyRoot })}an extension\n`,
  'anything\n\nin it\n',
];
const signed = [
  ...texts.map((text) => signNote(text, [signers[0]])),
  signNote(texts[0] ?? '', signers),
  signNote(texts[1] ?? '', [stranger, signers[1]]),
  signNote(texts[1] ?? '', [stranger]),
];

const checkVkey = (text: string): void => {
  const verifier = parseVkey(text);
  if (isNoteProblem(verifier)) return;
  assert.ok(text.startsWith(`${verifier.name}+${verifier.keyId}+`));
  assert.ok(!verifier.verify('x\n', new Uint8Array(64)));
};

const checkCheckpoint = (text: string): void => {
  const checkpoint = parseCheckpoint(text);
  if (isNoteProblem(checkpoint)) return;
  assert.ok(text.startsWith(checkpointText(checkpoint)), 'a checkpoint writes itself out otherwise');
  const origin = parseOrigin(checkpoint.origin);
  if (origin !== null) assert.equal(originText(origin), checkpoint.origin);
};

const check = (input: Uint8Array): void => {
  const text = Buffer.from(input).toString();
  checkVkey(text);
  checkCheckpoint(text);
  shardOf(text);
  const note = parseNote(input);
  const opened = openNote(input, verifiers);
  if (isNoteProblem(note)) {
    assert.ok(isNoteProblem(opened), 'a note is opened that cannot be read');
    return;
  }
  const lines = note.signatures.map(
    ({ name, keyId, signature }) => `— ${name} ${Buffer.concat([Buffer.from(keyId, 'hex'), signature]).toString('base64')}\n`,
  );
  assert.deepEqual(Buffer.from(`${note.text}\n${lines.join('')}`), Buffer.from(input), 'a note writes itself out otherwise');
  checkCheckpoint(note.text);
  if (isNoteProblem(opened)) return;
  assert.equal(opened.text, note.text);
  assert.ok(texts.includes(opened.text), 'a text verifies that nobody signed');
  for (const name of opened.signedBy) assert.ok(signers.some((signer) => signer.name === name));
};

export const target: Target = {
  kind: 'lines',
  bytesMax: 2_048,
  seeds: () => [...signed, ...texts, ...signers.map(({ vkey }) => vkey)].map((text) => Buffer.from(text)),
  words: ['— ', '—', '\n\n', '+', '\uFEFF', '\u0085', ...signed.flatMap((text) => text.split('\n'))],
  check,
};
