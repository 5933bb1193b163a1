import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash, generateKeyPairSync } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import {
  addLog,
  againAndAgain,
  bundles,
  bytesAt,
  changed,
  decision,
  entryOffsets,
  flipEach,
  hashTiles,
  leaves,
  logFolder,
  origin,
  outcome,
  places,
  record,
  signer,
  sound,
  verify,
  without,
  type Folder,
} from '../../test/sound-ledger.ts';
import { createFrontier, leafHash } from './merkle.ts';
import { checkpointText, createSigner } from './note.ts';
import { encodeBundle } from './tiles.ts';
import type { Verification } from './verifier.ts';

const everyBit = [0, 1, 2, 3, 4, 5, 6, 7];

test('G-LEDGER-2: an unaltered ledger verifies, and says what it is anchored to', () => {
  const root = createFrontier();
  for (const leaf of leaves) root.append(leafHash(leaf));
  const log = {
    origin,
    stream: 'model',
    class: 'standard',
    shard: '2026q4',
    size: 600,
    root: Buffer.from(root.root()).toString('base64'),
    unpublished: 0,
  };
  assert.deepEqual(verify(sound), { ok: true, standing: 'consistent, unanchored', logs: [log], problems: [], omitted: 0 });
  assert.equal(verify(sound, { keys: [signer.vkey] }).standing, 'verified with the given key');
  const since: Folder = new Map();
  addLog(since, origin, leaves.slice(0, 300));
  const checkpoint = bytesAt(since, `${logFolder}/checkpoint`);
  assert.equal(verify(sound, { since: [checkpoint] }).standing, 'continues the given checkpoint');
  assert.equal(
    verify(sound, { keys: [signer.vkey], since: [checkpoint] }).standing,
    'verified with the given key, continues the given checkpoint',
  );
});

test('G-LEDGER-1: flipping one bit of each byte of a hash tile names the tile and the hash', () => {
  let flips = 0;
  for (const path of hashTiles) flips += flipEach(path, [3], (at) => at - (at % 32));
  assert.equal(flips, (600 + 2) * 32);
});

test('flipping any bit of the verifier key names its file', () => {
  flipEach('key.vkey', everyBit, () => 0);
});

test('a checkpoint line is named even when the size in it is that of another tree', () => {
  const path = `${logFolder}/checkpoint`;
  const text = bytesAt(sound, path).toString();
  const lineTwo = text.indexOf('\n') + 1;
  for (const size of ['6', '599', '601', '512', '1000000', '0']) {
    assert.deepEqual(
      places(verify(changed(sound, path, Buffer.from(text.replace('\n600\n', `\n${size}\n`))))),
      [`${path}@${lineTwo}`],
      size,
    );
  }
});

test('missing files and files of the wrong size are named', () => {
  for (const path of [...hashTiles, ...bundles, `${logFolder}/checkpoint`]) {
    const verification = verify(without(sound, path));
    assert.equal(verification.ok, false);
    assert.ok(places(verification).includes(`${path}@0`), `${path}: ${JSON.stringify(verification.problems)}`);
  }
  for (const path of hashTiles) {
    const bytes = bytesAt(sound, path);
    assert.deepEqual(places(verify(changed(sound, path, bytes.subarray(0, -1)))), [`${path}@${bytes.length - 1}`]);
    assert.deepEqual(places(verify(changed(sound, path, Buffer.concat([bytes, bytes])))), [`${path}@${bytes.length}`]);
  }
  for (const path of bundles) {
    const bytes = bytesAt(sound, path);
    assert.deepEqual(places(verify(changed(sound, path, Buffer.concat([bytes, Buffer.from('x')])))), [`${path}@${bytes.length}`]);
    assert.deepEqual(places(verify(changed(sound, path, bytes.subarray(0, -1)))), [`${path}@${entryOffsets(bytes).at(-1)}`]);
  }
});

test('files that do not belong are named', () => {
  const strangers = [
    'stray',
    'journal/stray',
    `${logFolder}/stray`,
    `${logFolder}/tile/0/3`,
    `${logFolder}/tile/entries/x000/001`,
    'logs/local/stray',
    'logs/local/model/standard/autumn/checkpoint',
  ];
  for (const path of strangers) {
    const verification = verify(changed(sound, path, Buffer.from('x')));
    assert.deepEqual(places(verification), [`${path.replace('/autumn/checkpoint', '/autumn')}@0`], path);
  }
  assert.ok(!verify(changed(sound, `${logFolder}/tile/0/003`, Buffer.alloc(8_192))).ok);
});

test('an older partial tile may stay and must agree with its successor', () => {
  const tile = `${logFolder}/tile/0/002.p/40`;
  const hashes = bytesAt(sound, `${logFolder}/tile/0/002.p/88`).subarray(0, 40 * 32);
  assert.ok(verify(changed(sound, tile, hashes)).ok);
  const flipped = Buffer.from(hashes);
  flipped[100] = (flipped[100] ?? 0) ^ 1;
  assert.deepEqual(places(verify(changed(sound, tile, flipped))), [`${tile}@96`]);
  const bundle = `${logFolder}/tile/entries/002.p/40`;
  const whole = bytesAt(sound, `${logFolder}/tile/entries/002.p/88`);
  const entries = whole.subarray(0, entryOffsets(whole)[40]);
  assert.ok(verify(changed(sound, bundle, entries)).ok);
  const alteredEntry = Buffer.from(entries);
  alteredEntry[(entryOffsets(whole)[20] ?? 0) + 5] = 0x20;
  assert.deepEqual(places(verify(changed(sound, bundle, alteredEntry))), [`${bundle}@${entryOffsets(whole)[20]}`]);
});

test('entries in another order are both named', () => {
  const path = bundles[0] ?? '';
  const swapped = leaves.slice(0, 256);
  [swapped[3], swapped[4]] = [swapped[4] ?? leaves[0]!, swapped[3] ?? leaves[0]!];
  const offsets = entryOffsets(bytesAt(sound, path));
  assert.deepEqual(places(verify(changed(sound, path, encodeBundle(swapped)))), [`${path}@${offsets[3]}`, `${path}@${offsets[4]}`]);
});

test('a hash and an entry that are altered at the same time are told apart', () => {
  const tile = bytesAt(sound, `${logFolder}/tile/0/001`);
  tile[0] = (tile[0] ?? 0) ^ 1;
  const path = `${logFolder}/tile/entries/001`;
  const bundle = bytesAt(sound, path);
  const third = entryOffsets(bundle)[3] ?? 0;
  bundle[third + 4] = (bundle[third + 4] ?? 0) ^ 1;
  const verification = verify(changed(changed(sound, `${logFolder}/tile/0/001`, tile), path, bundle));
  assert.deepEqual(places(verification).toSorted(), [`${logFolder}/tile/0/001@0`, `${path}@${third}`].toSorted());
});

test('G-LEDGER-3: a log that was rewritten, cut or emptied does not pass', () => {
  const shorter: Folder = new Map();
  addLog(shorter, origin, leaves.slice(0, 300));
  const since = bytesAt(sound, `${logFolder}/checkpoint`);
  assert.ok(verify(shorter).ok);
  assert.deepEqual(places(verify(shorter, { since: [since] })), [`${logFolder}/checkpoint@0`]);
  const rewritten: Folder = new Map();
  addLog(
    rewritten,
    origin,
    leaves.map((leaf, index) => (index === 5 ? record({ log_id: 'other' }) : leaf)),
  );
  assert.deepEqual(places(verify(rewritten, { since: [since] })), [`${logFolder}/checkpoint@0`]);
  assert.deepEqual(places(verify(new Map(), { since: [since] })), ['logs@0', `${logFolder}@0`]);
  const mixed = changed(rewritten, `${logFolder}/checkpoint`, since);
  assert.deepEqual(places(verify(mixed)), [`${logFolder}/tile/1/000.p/2@0`]);
});

test('G-LEDGER-3: a key known from elsewhere decides, whatever key lies in the folder', () => {
  const stranger = createSigner('local', generateKeyPairSync('ed25519').privateKey);
  const verification = verify(sound, { keys: [stranger.vkey] });
  assert.equal(verification.ok, false);
  assert.match(verification.problems[0]?.what ?? '', /signature/);
  assert.ok(verify(without(sound, 'key.vkey'), { keys: [signer.vkey] }).ok);
  assert.deepEqual(places(verify(without(sound, 'key.vkey'))), ['key.vkey@0']);
});

const ledgerOf = (logs: Readonly<Record<string, readonly Uint8Array[]>>): Folder => {
  const folder: Folder = new Map();
  for (const [name, entries] of Object.entries(logs)) addLog(folder, name, entries);
  return folder;
};
const whats = (verification: Verification): string[] => verification.problems.map(({ what }) => what);

test('every outcome ends one earlier decision, and a denial has none', () => {
  assert.ok(verify(ledgerOf({ [origin]: [decision('a'), decision('b'), outcome('c', 'b'), outcome('d', 'a')] })).ok);
  const wrong: Uint8Array[][] = [
    [outcome('c', 'a'), decision('a')],
    [decision('a'), outcome('c', 'a'), outcome('d', 'a')],
    [decision('a', 'deny'), outcome('c', 'a')],
  ];
  for (const entries of wrong)
    assert.deepEqual(whats(verify(ledgerOf({ [origin]: entries }))), ['this outcome names no earlier decision that still waits for one']);
});

test('a decision may have its outcome in the next quarter', () => {
  const earlier = 'local/model/standard/2026q3';
  const predecessor = { origin: earlier, root: Buffer.from(leafHash(decision('a'))).toString('base64'), size: 1 };
  const first = record({ kind: 'change', log_id: 'p', predecessor });
  const folder = ledgerOf({ [earlier]: [decision('a')], [origin]: [first, outcome('b', 'a')] });
  assert.ok(verify(folder).ok);
  const alone = new Map([...folder].filter(([path]) => !path.includes('2026q3')));
  assert.ok(verify(alone).ok);
  const other = ledgerOf({ [earlier]: [decision('x')], [origin]: [first, outcome('b', 'x')] });
  assert.deepEqual(whats(verify(other)), [`${earlier} does not continue the tree of 1 leaves that it had`]);
});

test('leaves that are not canonical records are named by their entry', () => {
  const leafOf = (text: string): Uint8Array => Buffer.from(text, 'latin1');
  const wrong = [
    '{"log_id":"a"} ',
    '{"log_id":"a","a":1}',
    '{"log_id":"\\u0061"}',
    '{"log_id":1}',
    '{}',
    '[]',
    'x',
    '{"log_id":"a","n":1.0}',
    '{"a":"\\ud800","log_id":"a"}',
    '{"log_id":"\u00ff"}',
  ];
  for (const text of wrong) {
    const verification = verify(ledgerOf({ [origin]: [record({ log_id: 'first' }), leafOf(text)] }));
    assert.deepEqual(places(verification), [`${logFolder}/tile/entries/000.p/2@20`], text);
  }
  assert.equal(verify(ledgerOf({ [origin]: [record({ 9: 2, 10: 1, log_id: 'a' })] })).ok, false);
  assert.ok(verify(ledgerOf({ [origin]: [Buffer.from('{"10":1,"9":2,"log_id":"a"}')] })).ok);
});

test('a checkpoint set in the control log binds the other logs', () => {
  const other = [decision('a'), outcome('b', 'a')];
  const frontier = createFrontier();
  for (const leaf of other) frontier.append(leafHash(leaf));
  const control = 'local/control/standard/2026q4';
  const set = (size: number, root: Uint8Array): Uint8Array =>
    record({ checkpoints: [{ origin, root: Buffer.from(root).toString('base64'), size }], kind: 'checkpoint_set', log_id: 's' });
  const folder = ledgerOf({ [origin]: other, [control]: [set(1, leafHash(other[0] ?? Buffer.alloc(0))), set(2, frontier.root())] });
  assert.ok(verify(folder).ok, JSON.stringify(verify(folder)));
  const rolledBack = new Map([...folder, ...ledgerOf({ [origin]: other.slice(0, 1) })]);
  rolledBack.delete(`${logFolder}/tile/0/000.p/2`);
  rolledBack.delete(`${logFolder}/tile/entries/000.p/2`);
  assert.deepEqual(whats(verify(rolledBack)), [`${origin} had 2 leaves and now has 1`]);
  const removed = new Map([...folder].filter(([path]) => !path.startsWith(logFolder)));
  assert.deepEqual(whats(verify(removed)), [`${origin} had 2 leaves and is not in this folder`]);
});

test('a leaf that is nested deeper than the stack goes is a problem, not an exception', () => {
  const nested = Buffer.from(`${'['.repeat(30_000)}${']'.repeat(30_000)}`);
  assert.deepEqual(places(verify(ledgerOf({ [origin]: [nested] }))), [`${logFolder}/tile/entries/000.p/1@0`]);
});

test('a size that nobody signed is not believed', () => {
  const text = checkpointText({ origin, size: 9_000_000_000_000_000, root: Buffer.alloc(32) });
  const verification = verify(changed(sound, `${logFolder}/checkpoint`, Buffer.from(`${text}\n— local AAAAAAAA\n`)));
  assert.equal(verification.ok, false);
  assert.equal(verification.problems.at(-1)?.file, `${logFolder}/checkpoint`);
});

test('any bytes in any file give an answer and never an exception', () => {
  const verifyWith = againAndAgain();
  for (const path of sound.keys()) {
    for (let seed = 0; seed < 30; seed += 1) {
      const noise = createHash('shake256', { outputLength: (seed * 37) % 700 })
        .update(`${path} ${seed}`)
        .digest();
      assert.equal(verifyWith(new Map([[path, noise]])).ok, false);
    }
  }
});

test('the verifier runs by itself as a program', () => {
  const folder = mkdtempSync(join(tmpdir(), 'sealwright-verifier-'));
  try {
    for (const [path, bytes] of sound) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), bytes);
    }
    const program = fileURLToPath(new URL('verifier.ts', import.meta.url));
    const run = (...args: string[]): { readonly status: number | null; readonly stdout: string; readonly stderr: string } =>
      spawnSync(process.execPath, [program, ...args], { encoding: 'utf8' });
    const good = run(folder, '--key', signer.vkey, '--since', join(folder, logFolder, 'checkpoint'));
    assert.deepEqual(
      [good.status, JSON.parse(good.stdout)],
      [0, verify(sound, { keys: [signer.vkey], since: [bytesAt(sound, `${logFolder}/checkpoint`)] })],
    );
    writeFileSync(join(folder, 'stray'), '');
    assert.equal(run(folder).status, 1);
    for (const args of [
      [],
      [folder, folder],
      [join(folder, 'nowhere')],
      [folder, '--key', 'x'],
      [folder, '--since', 'nowhere'],
      [folder, '--key'],
    ]) {
      const { status, stdout, stderr } = run(...args);
      assert.deepEqual([status, stdout], [2, '']);
      assert.match(stderr, /usage: node verifier\.js LEDGER_FOLDER/);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
