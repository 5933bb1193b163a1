// Ledgers judged by independent implementations of the C2SP formats: `c2sp/main.go` builds on Tessera and Go's sumdb, and runs nothing of ours.
// Needs Go, and its module proxy or cache; without Go it fails. What the judge accepts is only worth something because it refuses each flipped bit.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createPrivateKey, generateKeyPairSync } from 'node:crypto';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { checkpointText, createSigner, signNote, vkeyOf } from '../../src/ledger/note.ts';
import { openFolder, openLedger, proveRecord, recordAt } from '../../src/ledger/reading.ts';
import { tilePath, tileWidth, type TileLevel } from '../../src/ledger/tiles.ts';
import { root } from '../project-files.ts';
import { independentJudge, type Accepted, type Head, type Judge } from './c2sp/judge.ts';
import { makeLedger, type MadeLedger } from './c2sp/made-ledger.ts';

const scratch = mkdtempSync(join(tmpdir(), 'sealwright-c2sp-'));
after(() => rmSync(scratch, { recursive: true, force: true }));

let judge: Judge;
let made: MadeLedger;

before(async () => {
  judge = independentJudge();
  mkdirSync(join(scratch, 'made'));
  made = await makeLedger(join(scratch, 'made'));
});

const logsOf = (accepted: readonly Accepted[]): readonly Head[] => accepted.flatMap(({ log }) => log ?? []);
const sizeOf = (accepted: readonly Accepted[], origin: string): number => logsOf(accepted).find((log) => log.origin === origin)?.size ?? 0;

test('every log verifies: signature, text, each tile, each entry, each path, and no file too many', () => {
  const { status, accepted, stderr } = judge(made.folder);
  assert.equal(status, 0, stderr);
  assert.equal(sizeOf(accepted, 'local/agent/standard/2024q1'), tileWidth);
  assert.ok(sizeOf(accepted, 'local/agent/standard/2024q2') >= 3_000, 'partial tiles of level 0 and 1');
  assert.ok(sizeOf(accepted, 'local/model/standard/2024q2') > tileWidth ** 2, 'a full tile of level 1 and a partial one of level 2');
  assert.ok(logsOf(accepted).some(({ origin, size }) => origin.includes('/control/') && size > tileWidth));
  const files = readdirSync(join(made.folder, 'logs'), { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  assert.equal(
    accepted.reduce((sum, { files: count }) => sum + (count ?? 0), 0),
    files.length,
  );
});

test('every checkpoint that was ever published still has its tree, and the tree of today continues it', () => {
  const { status, accepted, stderr } = judge(made.folder, ...made.checkpoints);
  assert.equal(status, 0, stderr);
  const sizes = accepted.flatMap(({ older }) => older?.size ?? []);
  assert.equal(sizes.length, made.checkpoints.length);
  for (const size of [2, 255, 256, 257, 65_535, 65_536, 65_537]) assert.ok(sizes.includes(size), `no checkpoint of ${size} leaves`);
});

test('proofs are what other implementations write, and verify with two of them', () => {
  const folder = join(scratch, 'proofs');
  mkdirSync(folder);
  const ledger = openLedger(openFolder(made.folder));
  const expected: string[] = [];
  const paths: string[] = [];
  for (const { origin, size } of ledger.logs) {
    for (const index of new Set([0, 1, 255, 256, 257, Math.floor(size / 2), size - 1])) {
      const record = recordAt(ledger, origin, index);
      if (record === null) continue;
      const proof = proveRecord(ledger, record);
      assert.ok(typeof proof === 'string', JSON.stringify(proof));
      expected.push(`${origin} ${size} ${index} ${Buffer.from(record.leaf).toString('base64')}`);
      paths.push(join(folder, `${paths.length}.tlog-proof`));
      writeFileSync(paths.at(-1) ?? '', proof);
    }
  }
  assert.ok(paths.length > 30, `only ${paths.length} proofs`);
  const { status, accepted, stderr } = judge(made.folder, ...paths);
  assert.equal(status, 0, stderr);
  assert.deepEqual(
    accepted.flatMap(({ proof, index, leaf }) => (proof === undefined ? [] : [`${proof.origin} ${proof.size} ${index} ${leaf}`])),
    expected,
  );
});

test('the largest record is an entry like any other', () => {
  const ledger = openLedger(openFolder(made.folder));
  assert.equal(recordAt(ledger, 'local/agent/standard/2024q2', 254)?.leaf.length, 0xffff);
});

test('tiles have the same paths as elsewhere, up to indexes that no test can write', () => {
  const indexes = [0, 1, 9, 10, 255, 256, 999, 1_000, 1_001, 999_999, 1_000_000, 1_234_067, 70_000_000_123, Number.MAX_SAFE_INTEGER];
  const levels: readonly TileLevel[] = [0, 1, 2, 6, 63, 'entries'];
  const names = levels.flatMap((level) =>
    indexes.flatMap((index) =>
      [1, 7, 112, 255, tileWidth].map((width) => ({
        level: level === 'entries' ? null : level,
        index,
        width,
        path: tilePath({ level, index, width }),
      })),
    ),
  );
  const list = join(scratch, 'paths.json');
  writeFileSync(list, JSON.stringify(names));
  const { status, accepted, stderr } = judge(made.folder, list);
  assert.equal(status, 0, stderr);
  assert.equal(accepted.at(-1)?.paths, names.length);
});

/** One bit of a file is turned while `run` runs. */
const withFlippedBit = <T>(file: string, at: number, run: () => T): T => {
  const bytes = readFileSync(file);
  const flipped = Buffer.from(bytes);
  flipped[at] = (flipped[at] ?? 0) ^ 1;
  writeFileSync(file, flipped);
  try {
    return run();
  } finally {
    writeFileSync(file, bytes);
  }
};

test('one flipped bit anywhere is refused: checkpoint, tiles and bundles, full, partial and outgrown', () => {
  const copy = join(scratch, 'copy');
  const origin = 'local/agent/standard/2024q2';
  mkdirSync(copy);
  cpSync(join(made.folder, 'key.vkey'), join(copy, 'key.vkey'));
  cpSync(join(made.folder, 'logs', origin), join(copy, 'logs', origin), { recursive: true });
  const intact = judge(copy);
  assert.equal(intact.status, 0, intact.stderr);
  const log = join(copy, 'logs', origin);
  const files = readdirSync(log, { recursive: true, withFileTypes: true }).flatMap((entry) =>
    entry.isFile() ? [join(entry.parentPath, entry.name)] : [],
  );
  for (const kind of [
    /checkpoint$/,
    /0\/000$/,
    /0\/011\.p\/\d+$/,
    /1\/000\.p\/2$/,
    /1\/000\.p\/11$/,
    /entries\/000$/,
    /entries\/011\.p\/\d+$/,
  ]) {
    assert.ok(
      files.some((file) => kind.test(file)),
      `no file like ${kind.source}`,
    );
  }
  for (const file of files) {
    const { length } = readFileSync(file);
    for (const at of new Set([0, Math.floor(length / 3), Math.floor((length * 2) / 3), length - 2])) {
      const { status, stderr } = withFlippedBit(file, at, () => judge(copy));
      assert.equal(status, 1, `byte ${at} of ${file}`);
      assert.match(stderr, new RegExp(origin), `byte ${at} of ${file}`);
    }
  }
  assert.equal(judge(copy).status, 0);
});

const rootOf = (note: string): Uint8Array => Buffer.from(note.split('\n')[2] ?? '', 'base64');

test('another key, a flipped bit of a proof and a head that the log does not continue are refused', () => {
  const key = readFileSync(join(made.folder, 'key.vkey'), 'utf8').trimEnd();
  assert.equal(judge('-key', key, made.folder).status, 0);
  const other = vkeyOf('local', generateKeyPairSync('ed25519').publicKey);
  assert.match(judge('-key', other, made.folder).stderr, /checkpoint: note has no verifiable signatures/);

  const ledger = openLedger(openFolder(made.folder));
  const record = recordAt(ledger, 'local/agent/standard/2024q2', 700);
  const proof = record && proveRecord(ledger, record);
  assert.ok(typeof proof === 'string');
  const file = join(scratch, 'flipped.tlog-proof');
  writeFileSync(file, proof);
  assert.equal(judge(made.folder, file).status, 0);
  for (const line of ['c2sp.org', 'extra ', 'index ', '\n\nlocal/', '\n— local ']) {
    const at: number = Buffer.from(proof).indexOf(line) + Buffer.byteLength(line);
    assert.equal(withFlippedBit(file, at, () => judge(made.folder, file)).status, 1, `after ${JSON.stringify(line)}`);
  }

  const signer = createSigner('local', createPrivateKey(readFileSync(join(scratch, 'made/private/ledger-key.pem'))));
  const forked = join(scratch, 'forked');
  const [older = '', whole = ''] = [made.checkpoints[3], made.checkpoints[4]].map((path) => readFileSync(path ?? '', 'utf8'));
  const withRoot = (note: string): string => checkpointText({ origin: 'local/agent/standard/2024q1', size: 255, root: rootOf(note) });
  writeFileSync(forked, signNote(withRoot(older), [signer]));
  assert.equal(judge(made.folder, forked).status, 0);
  writeFileSync(forked, signNote(withRoot(whole), [signer]));
  const { status, stderr } = judge(made.folder, forked);
  assert.equal(status, 1);
  assert.match(stderr, /calculated root/);
});

test('what the demo leaves behind verifies, and so does a proof that `audit prove` writes', () => {
  const data = join(scratch, 'demo');
  const proof = join(scratch, 'demo.tlog-proof');
  const environment = { ...process.env, NO_COLOR: '1' };
  const sealwright = (...argv: readonly string[]) =>
    spawnSync(`${root}bin/sealwright`, argv, { env: environment, cwd: scratch, encoding: 'utf8', timeout: 120_000 });
  const demo = sealwright('demo', '--once', '--data', data, '--port', '0', '--network-port', '0', '--admin-port', '0');
  assert.equal(demo.status, 0, demo.stderr);
  const ledger = join(data, 'ledger');
  const [{ origin, size } = { origin: '', size: 0 }] = logsOf(judge(ledger).accepted);
  const proved = sealwright('audit', 'prove', `${origin}#${size - 1}`, '--data', data, '--out', proof);
  assert.equal(proved.status, 0, proved.stderr);
  const { status, accepted, stderr } = judge(ledger, proof);
  assert.equal(status, 0, stderr);
  assert.deepEqual(
    logsOf(accepted).map((log) => log.origin.split('/')[1]),
    ['agent', 'control', 'model'],
  );
  assert.equal(accepted.at(-1)?.proof?.origin, origin);
});
