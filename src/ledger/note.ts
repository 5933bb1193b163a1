// Signed notes (https://c2sp.org/signed-note), checkpoints (https://c2sp.org/tlog-checkpoint) and verifier keys, Ed25519 only.
// Reading answers `{ problem }` and never throws; signatures of unknown keys are ignored, one bad signature of a known key refuses the note.

import { createPublicKey, sign, verify, type KeyObject } from 'node:crypto';
import { hashBytes, sha256 } from './merkle.ts';

const ed25519Type = 1;
const publicKeyBytes = 32;
const keyIdBytes = 4;
const noteBytes = 1024 * 1024;
const signatureLines = 100;

export interface NoteProblem {
  readonly problem: string;
}

export interface NoteSignature {
  readonly name: string;
  /** Eight lower-case hexadecimal digits. */
  readonly keyId: string;
  readonly signature: Uint8Array;
}

export interface Note {
  /** With its final newline: what is signed. */
  readonly text: string;
  readonly signatures: readonly NoteSignature[];
}

export interface NoteVerifier {
  readonly name: string;
  readonly keyId: string;
  readonly verify: (text: string, signature: Uint8Array) => boolean;
}

export interface NoteSigner {
  readonly name: string;
  readonly keyId: string;
  readonly sign: (text: string) => Uint8Array;
  /** The verifier key, to be given to whoever verifies. */
  readonly vkey: string;
}

export interface Checkpoint {
  readonly origin: string;
  readonly size: number;
  readonly root: Uint8Array;
}

export const isNoteProblem = (value: object): value is NoteProblem => 'problem' in value;

const utf8 = new TextEncoder();
const toBase64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');

/** RFC 4648 section 4 with padding and no stray bits; null otherwise. */
export const fromBase64 = (text: string): Uint8Array | null => {
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64') === text ? bytes : null;
};

// Not JavaScript's `\s`, which differs from Unicode's white space.
const isKeyName = (name: string): boolean => name !== '' && !/[\p{White_Space}+]/u.test(name);

// oxlint-disable-next-line no-control-regex -- the specification forbids exactly these
const forbiddenControl = /[\u0000-\u0009\u000b-\u001f]/;

const rawPublicKey = (publicKey: KeyObject): Uint8Array => Buffer.from(publicKey.export({ format: 'jwk' }).x ?? '', 'base64url');

const keyIdOf = (name: string, typedKey: Uint8Array): string =>
  Buffer.from(sha256(Buffer.concat([utf8.encode(`${name}\n`), typedKey])).subarray(0, keyIdBytes)).toString('hex');

const typedKeyOf = (publicKey: KeyObject): Uint8Array => Buffer.concat([Uint8Array.of(ed25519Type), rawPublicKey(publicKey)]);

/** `NAME+KEYID+BASE64(0x01 || key)` for an Ed25519 key. */
export const vkeyOf = (name: string, publicKey: KeyObject): string => {
  const typedKey = typedKeyOf(publicKey);
  return `${name}+${keyIdOf(name, typedKey)}+${toBase64(typedKey)}`;
};

/** Reads a verifier key; surrounding white space is not part of it and is refused. */
export const parseVkey = (vkey: string): NoteVerifier | NoteProblem => {
  const [, name, keyId, encoded] = /^([^+]+)\+([0-9a-f]{8})\+(.+)$/.exec(vkey) ?? [];
  if (name === undefined || keyId === undefined || encoded === undefined || !isKeyName(name)) {
    return { problem: 'a verifier key has the form NAME+KEYID+BASE64' };
  }
  const typedKey = fromBase64(encoded);
  if (typedKey?.length !== 1 + publicKeyBytes || typedKey[0] !== ed25519Type) return { problem: 'the verifier key is not an Ed25519 key' };
  if (keyIdOf(name, typedKey) !== keyId) return { problem: 'the verifier key does not match its own key id' };
  const x = Buffer.from(typedKey.subarray(1)).toString('base64url');
  const publicKey = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
  return { name, keyId, verify: (text, signature) => signature.length === 64 && verify(null, utf8.encode(text), publicKey, signature) };
};

/** A signer named `name`. Throws on a name that a note cannot carry, or a key that is not Ed25519. */
export const createSigner = (name: string, privateKey: KeyObject): NoteSigner => {
  if (!isKeyName(name)) throw new TypeError('a key name has at least one character and neither spaces nor a plus');
  if (privateKey.asymmetricKeyType !== 'ed25519') throw new TypeError('a note is signed with an Ed25519 key');
  const publicKey = createPublicKey(privateKey);
  return {
    name,
    keyId: keyIdOf(name, typedKeyOf(publicKey)),
    sign: (text) => sign(null, utf8.encode(text), privateKey),
    vkey: vkeyOf(name, publicKey),
  };
};

/** `text` must end in a newline and hold no other control character. */
export const signNote = (text: string, signers: readonly NoteSigner[]): string => {
  if (!text.endsWith('\n') || forbiddenControl.test(text) || !text.isWellFormed()) throw new TypeError('this text cannot be a signed note');
  const lines = signers.map(
    ({ name, keyId, sign: signWith }) => `— ${name} ${toBase64(Buffer.concat([Buffer.from(keyId, 'hex'), signWith(text)]))}\n`,
  );
  return `${text}\n${lines.join('')}`;
};

const parseSignatureLine = (line: string): NoteSignature | null => {
  const [, name, encoded] = /^— ([^ ]+) ([^ ]+)$/.exec(line) ?? [];
  const bytes = encoded === undefined ? null : fromBase64(encoded);
  if (name === undefined || !isKeyName(name) || bytes === null || bytes.length <= keyIdBytes) return null;
  return { name, keyId: Buffer.from(bytes.subarray(0, keyIdBytes)).toString('hex'), signature: bytes.subarray(keyIdBytes) };
};

/** Splits a note into text and signatures, without verifying anything. */
export const parseNote = (bytes: Uint8Array): Note | NoteProblem => {
  if (bytes.length > noteBytes) return { problem: 'the note is too long' };
  let whole: string;
  try {
    whole = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return { problem: 'the note is not UTF-8' };
  }
  if (forbiddenControl.test(whole)) return { problem: 'the note holds a control character' };
  const blank = whole.lastIndexOf('\n\n');
  if (blank < 0 || !whole.endsWith('\n')) return { problem: 'the note has no signatures' };
  const lines = whole.slice(blank + 2, -1).split('\n');
  if (lines.length > signatureLines) return { problem: 'the note has too many signatures' };
  const signatures: NoteSignature[] = [];
  for (const line of lines) {
    const signature = parseSignatureLine(line);
    if (signature === null) return { problem: 'a line after the text is not a signature' };
    signatures.push(signature);
  }
  return { text: whole.slice(0, blank + 1), signatures };
};

/** The text of a note that at least one of `verifiers` signed, and the names of those that did. */
export const openNote = (
  bytes: Uint8Array,
  verifiers: readonly NoteVerifier[],
): { readonly text: string; readonly signedBy: readonly string[] } | NoteProblem => {
  const note = parseNote(bytes);
  if (isNoteProblem(note)) return note;
  const signedBy: string[] = [];
  for (const { name, keyId, signature } of note.signatures) {
    const known = verifiers.find((verifier) => verifier.name === name && verifier.keyId === keyId);
    if (known === undefined) continue;
    if (!known.verify(note.text, signature)) return { problem: `the signature of ${name} does not verify` };
    signedBy.push(name);
  }
  return signedBy.length === 0 ? { problem: 'no known key signed the note' } : { text: note.text, signedBy };
};

export const checkpointText = ({ origin, size, root }: Checkpoint): string => `${origin}\n${size}\n${toBase64(root)}\n`;

/** Reads the text of a note as a checkpoint. Extension lines are allowed and ignored, as tlog-checkpoint asks. */
export const parseCheckpoint = (text: string): Checkpoint | NoteProblem => {
  const lines = text.split('\n');
  const [origin, size, root] = lines;
  if (lines.length < 4 || lines.pop() !== '' || lines.includes(''))
    return { problem: 'a checkpoint has at least three lines, none of them empty' };
  if (origin === undefined || size === undefined || root === undefined) return { problem: 'a checkpoint has at least three lines' };
  if (!/^(0|[1-9]\d{0,15})$/.test(size) || !Number.isSafeInteger(Number(size))) return { problem: 'the tree size is not a plain number' };
  const rootBytes = fromBase64(root);
  if (rootBytes?.length !== hashBytes) return { problem: 'the root is not the base64 of 32 bytes' };
  return { origin, size: Number(size), root: rootBytes };
};
