import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { addLog, bytesAt, changed, filesOf, logFolder, origin, record, signer, verify, type Folder } from '../../test/sound-ledger.ts';
import { checkpointText, createSigner, signNote } from './note.ts';
import { openFolder, verifyLedger, type LedgerFiles, type Verification } from './verifier.ts';

const control = 'local/control/standard/2026q4';
const sound = (): Folder => {
  const folder: Folder = new Map();
  addLog(
    folder,
    origin,
    Array.from({ length: 600 }, (_, index) => record({ log_id: `${index}` })),
  );
  return folder;
};
const said = ({ ok, problems }: Verification): readonly unknown[] => [ok, ...problems.map(({ file, what }) => `${file}: ${what}`)];
const root = Buffer.alloc(32).toString('base64');

test('a head that no log can have had is a problem of the entry that states it', () => {
  for (const stated of [{ origin, root, size: -1 }, { origin, root, size: 1.5 }, { origin, root: 'AA==', size: 1 }, 7]) {
    for (const members of [
      { checkpoints: [stated], kind: 'checkpoint_set' },
      { kind: 'finding', predecessor: stated },
    ]) {
      const folder = sound();
      const member = 'predecessor' in members ? 'predecessor' : 'checkpoints';
      addLog(folder, control, [
        record(member === 'checkpoints' ? { ...members, log_id: 'c' } : { kind: 'finding', log_id: 'c', predecessor: stated }),
      ]);
      const what = `the entry states a head of a log in \`${member}\` that is none`;
      assert.deepEqual(said(verify(folder)), [false, `logs/${control}/tile/entries/000.p/1: ${what}`]);
    }
  }
});

test('a tile that lies far behind all others is named, and nothing between them is looked for', () => {
  const far = `${logFolder}/tile/0/x999/x999/x999/999`;
  const folder = sound().set(far, Buffer.alloc(8192));
  assert.deepEqual(said(verify(folder)), [false, `${far}: this file does not belong here`]);
  folder.delete(`${logFolder}/checkpoint`);
  assert.equal(verify(folder).ok, false);
});

test('a checkpoint over a tree whose tiles are not there is a problem, however large it is', () => {
  const text = checkpointText({ origin, size: 2 ** 50, root: Buffer.alloc(32) });
  const folder = changed(sound(), `${logFolder}/checkpoint`, Buffer.from(signNote(text, [signer])));
  const what = `the checkpoint signs ${2 ** 50} leaves, and most of their tiles are missing`;
  assert.deepEqual(said(verify(folder)), [false, `${logFolder}/checkpoint: ${what}`]);
});

test('more files than a call takes arguments are answered', () => {
  const files = filesOf(sound());
  const many = Array.from({ length: 150_000 }, (_, at) => String(1 + (at % 255)));
  const path = `${logFolder}/tile/entries/002.p`;
  const list: LedgerFiles['list'] = (folder) => (folder === path ? many : files.list(folder));
  assert.ok(verifyLedger({ list, read: files.read }).ok);
});

test('what cannot be read is never taken for absent', () => {
  const files = filesOf(sound());
  for (const path of ['', 'logs', 'logs/local', logFolder, 'journal']) {
    const list: LedgerFiles['list'] = (folder) => (folder === path ? null : files.list(folder));
    const verification = verifyLedger({ list, read: files.read });
    assert.ok(said(verification).includes(`${path}: this folder cannot be read`), path);
  }
  const name = 'seg-0000000000000000.wal';
  const list: LedgerFiles['list'] = (folder) => (folder === 'journal' ? [name] : files.list(folder));
  assert.deepEqual(said(verifyLedger({ list, read: files.read })), [false, `journal/${name}: this segment cannot be read`]);
});

test('files that are larger than any file of a ledger are not read', () => {
  const folder = mkdtempSync(join(tmpdir(), 'sealwright-large-'));
  try {
    for (const [path, bytes] of sound()) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), bytes);
    }
    assert.ok(verifyLedger(openFolder(folder)).ok);
    for (const path of ['key.vkey', `${logFolder}/checkpoint`]) truncateSync(join(folder, path), 3e8);
    assert.equal(openFolder(folder).read('key.vkey'), null);
    assert.equal(verifyLedger(openFolder(folder)).ok, false);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('a folder without any log does not pass, whatever key is given', () => {
  assert.deepEqual(said(verify(new Map())), [false, 'logs: there is no log here']);
  const emptied: Folder = new Map([['format', Buffer.from('sealwright ledger 1\nlocal\n')]]);
  assert.deepEqual(said(verify(emptied, { keys: [signer.vkey] })), [false, 'logs: there is no log here']);
  assert.equal(verify(emptied).standing, 'consistent, unanchored');
});

test('the key of another deployment signs nothing here, even when both are given', () => {
  const other = createSigner('other', generateKeyPairSync('ed25519').privateKey);
  const [text = ''] = Buffer.from(bytesAt(sound(), `${logFolder}/checkpoint`))
    .toString()
    .split('\n\n');
  const sign = (signers: readonly (typeof signer)[]): Folder =>
    changed(sound(), `${logFolder}/checkpoint`, Buffer.from(signNote(`${text}\n`, [...signers])));
  const keys = [signer.vkey, other.vkey];
  assert.deepEqual(said(verify(sign([other]), { keys })), [false, `${logFolder}/checkpoint: this signature does not verify`]);
  assert.ok(verify(sign([other, signer]), { keys }).ok);
});

test('bytes made to cost time end all the same', () => {
  const braces = Buffer.alloc(16_000_000, '}{{');
  const words = Buffer.alloc(1_000_000, 'a');
  assert.equal(verify(changed(sound(), `${logFolder}/tile/entries/000`, braces)).ok, false);
  assert.equal(verify(changed(sound(), `${logFolder}/checkpoint`, words)).ok, false);
});

test('nothing that a folder says can control a terminal', () => {
  const folder = sound().set(`${logFolder}/tile/0/\u001b[2J\n`, Buffer.alloc(1));
  addLog(folder, control, [record({ checkpoints: [{ origin: 'x\u001b[2J', root, size: 1 }], kind: 'checkpoint_set', log_id: 'c' })]);
  const text = said(verify(folder)).join('');
  assert.match(text, /\[2J/);
  assert.doesNotMatch(text, /\p{Cc}/u);
});
