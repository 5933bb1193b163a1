import assert from 'node:assert/strict';
import { createPrivateKey, generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import {
  checkpointText,
  createSigner,
  isNoteProblem,
  openNote,
  parseCheckpoint,
  parseNote,
  parseVkey,
  signNote,
  type NoteVerifier,
} from './note.ts';

const vkey = 'example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k';
const note = Buffer.from(
  'This is an example message.\n\n— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n',
);
const verifierOf = (text: string): NoteVerifier => {
  const verifier = parseVkey(text);
  assert.ok(!isNoteProblem(verifier), JSON.stringify(verifier));
  return verifier;
};
const newSigner = (name: string): ReturnType<typeof createSigner> => createSigner(name, generateKeyPairSync('ed25519').privateKey);

test('the example of the specification verifies', () => {
  assert.deepEqual(openNote(note, [verifierOf(vkey)]), { text: 'This is an example message.\n', signedBy: ['example.com/foo'] });
});

test('flipping any bit of a signed note makes it fail', () => {
  const verifier = verifierOf(vkey);
  for (let bit = 0; bit < note.length * 8; bit += 1) {
    const flipped = Buffer.from(note);
    flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    assert.ok(isNoteProblem(openNote(flipped, [verifier])), `bit ${bit}`);
  }
});

test('a fixed key and text give the same signature line for ever', () => {
  const seed = Buffer.alloc(32, 7).toString('hex');
  const privateKey = createPrivateKey({ key: Buffer.from(`302e020100300506032b657004220420${seed}`, 'hex'), format: 'der', type: 'pkcs8' });
  const signer = createSigner('envelope.example/agent/standard/2026q4', privateKey);
  const text = checkpointText({
    origin: signer.name,
    size: 0,
    root: Buffer.from('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855', 'hex'),
  });
  assert.equal(text, 'envelope.example/agent/standard/2026q4\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n');
  assert.equal(signNote(text, [signer]), signNote(text, [signer]));
  assert.deepEqual(openNote(Buffer.from(signNote(text, [signer])), [verifierOf(signer.vkey)]), { text, signedBy: [signer.name] });
});

test('signatures of unknown keys are ignored, so a key can be rotated by signing with both', () => {
  const [old, next, stranger] = [newSigner('log.example'), newSigner('log.example'), newSigner('log.example')];
  const signed = Buffer.from(signNote('a\n', [old, next]));
  assert.deepEqual(openNote(signed, [verifierOf(old.vkey)]), { text: 'a\n', signedBy: ['log.example'] });
  assert.deepEqual(openNote(signed, [verifierOf(next.vkey)]), { text: 'a\n', signedBy: ['log.example'] });
  assert.deepEqual(openNote(signed, [verifierOf(stranger.vkey)]), { problem: 'no known key signed the note' });
});

test('one bad signature of a known key refuses the note, whoever else signed it', () => {
  const [first, second] = [newSigner('a.example'), newSigner('b.example')];
  const other = signNote('other\n', [second]).split('\n').at(-2) ?? '';
  const mixed = Buffer.from(`${signNote('text\n', [first])}${other}\n`);
  assert.deepEqual(openNote(mixed, [verifierOf(first.vkey), verifierOf(second.vkey)]), {
    problem: 'the signature of b.example does not verify',
  });
  assert.deepEqual(openNote(mixed, [verifierOf(first.vkey)]), { text: 'text\n', signedBy: ['a.example'] });
});

test('the text may hold empty lines; the last one separates the signatures', () => {
  const signer = newSigner('a.example');
  const parsed = parseNote(Buffer.from(signNote('one\n\ntwo\n', [signer])));
  assert.ok(!isNoteProblem(parsed));
  assert.equal(parsed.text, 'one\n\ntwo\n');
  assert.equal(parsed.signatures.length, 1);
});

test('what is not a note, a verifier key or a checkpoint is a problem, never an exception', () => {
  for (const text of [
    '',
    '\n',
    'a\n\n',
    'a\n\n— x\n',
    'a\n\n- x QQ==\n',
    'a\t\n\n— x QUJDREU=\n',
    'a\n\n— x QUJDREV=\n',
    'a\n\n— x QUJDREU=',
  ]) {
    assert.ok(isNoteProblem(parseNote(Buffer.from(text))), JSON.stringify(text));
  }
  assert.ok(isNoteProblem(parseNote(Buffer.from([0xff, 10, 10]))));
  for (const text of [
    '',
    'x',
    ` ${vkey}`,
    `${vkey}\n`,
    vkey.replace('530d903a', '530d903b'),
    vkey.replace('AekyeR', 'BekyeR'),
    `a b+${vkey.slice(16)}`,
  ]) {
    assert.ok(isNoteProblem(parseVkey(text)), text);
  }
  const root = '47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=';
  for (const text of [
    '',
    'o\n1\n',
    `o\n01\n${root}\n`,
    `o\n-1\n${root}\n`,
    `o\n99999999999999999\n${root}\n`,
    `o\n1\n${root.slice(4)}\n`,
    `\n1\n${root}\n`,
    `o\n1\n${root}`,
  ]) {
    assert.ok(isNoteProblem(parseCheckpoint(text)), JSON.stringify(text));
  }
  assert.ok(!isNoteProblem(parseCheckpoint(`o\n1\n${root}\nan extension\n`)));
});

test('what a note cannot carry is not signed', () => {
  assert.throws(() => newSigner('a b'), TypeError);
  assert.throws(() => newSigner('a+b'), TypeError);
  assert.throws(() => signNote('no newline', [newSigner('a')]), TypeError);
  assert.throws(() => signNote('tab\t\n', [newSigner('a')]), TypeError);
});
