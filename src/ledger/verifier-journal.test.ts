import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRoom, ledgerFiles, receiptOf, record, type Room } from '../../test/memory-ledger.ts';
import { sectorBytes } from './batch.ts';
import type { Ledger } from './ledger.ts';
import { verifyLedger, type LedgerFiles, type Verification } from './verifier.ts';

const origin = 'local/model/standard/2026q4';
const logFolder = `logs/${origin}`;

const appendEach = async (ledger: Ledger, count: number): Promise<void> => {
  for (let number = 0; number < count; number += 1) receiptOf(await ledger.append(record('finding')));
};

/** 300 published leaves and 20 more, each a batch of its own, all of them still in the journal. */
const filled = async (): Promise<{ readonly room: Room; readonly ledger: Ledger }> => {
  const room = createRoom();
  const ledger = await room.opened();
  await appendEach(ledger, 300);
  assert.ok(await ledger.publish());
  await appendEach(ledger, 20);
  return { room, ledger };
};

const changed = (files: LedgerFiles, changes: Readonly<Record<string, Uint8Array | null>>): LedgerFiles => ({
  list: files.list,
  read: (path) => (path in changes ? (changes[path] ?? null) : files.read(path)),
});
const flipped = (files: LedgerFiles, path: string, at: number): LedgerFiles => {
  const bytes = Buffer.from(files.read(path) ?? assert.fail(path));
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  return changed(files, { [path]: bytes });
};
const segmentOf = (files: LedgerFiles): string =>
  `journal/${(files.list('journal') ?? []).find((name) => name.startsWith('seg-')) ?? assert.fail()}`;
/** Offsets of the batches of a segment. */
const batchStarts = (files: LedgerFiles, segment: string): number[] => {
  const bytes = Buffer.from(files.read(segment) ?? []);
  const starts: number[] = [];
  for (let at = 0; at < bytes.length; at += sectorBytes) if (bytes.toString('latin1', at + 2, at + 11) === 'SealBatch') starts.push(at);
  return starts;
};
const unpublished = ({ logs }: Verification): number | undefined => logs.find((log) => log.origin === origin)?.unpublished;
const places = ({ problems }: Verification): string[] => problems.map(({ file, offset }) => `${file}@${offset}`);

test('leaves that only the journal has are counted and continue their log', async () => {
  const { room } = await filled();
  const verification = verifyLedger(ledgerFiles(room.disk));
  assert.deepEqual(verification.problems, []);
  assert.equal(unpublished(verification), 20);
});

test('a batch that does not verify is named by its offset when later ones follow it', async () => {
  const { room } = await filled();
  const files = ledgerFiles(room.disk);
  const segment = segmentOf(files);
  const starts = batchStarts(files, segment);
  for (const start of [starts[0], starts[7], starts.at(-2)]) {
    assert.ok(start !== undefined);
    assert.deepEqual(places(verifyLedger(flipped(files, segment, start + 120))), [`${segment}@${start}`]);
  }
});

test('an incomplete last batch is no problem: a crash leaves it so', async () => {
  const { room } = await filled();
  const files = ledgerFiles(room.disk);
  const segment = segmentOf(files);
  const verification = verifyLedger(flipped(files, segment, (batchStarts(files, segment).at(-1) ?? 0) + 120));
  assert.deepEqual(verification.problems, []);
  assert.equal(unpublished(verification), 19);
});

test('tiles that were written ahead of their checkpoint must be what the journal says', async () => {
  const { room, ledger } = await filled();
  const before = ledgerFiles(room.disk);
  const checkpoint = before.read(`${logFolder}/checkpoint`);
  assert.ok(await ledger.publish());
  const after = ledgerFiles(room.disk);
  const ahead = changed(after, { [`${logFolder}/checkpoint`]: checkpoint });
  const verification = verifyLedger(ahead);
  assert.deepEqual(
    verification.problems.filter(({ file }) => file.startsWith(logFolder)),
    [],
  );
  assert.equal(unpublished(verification), 20);
  const tile = `${logFolder}/tile/0/001.p/64`;
  assert.ok(places(verifyLedger(flipped(ahead, tile, 50 * 32 + 3))).includes(`${tile}@${50 * 32}`));
  const withoutJournal = changed(ahead, { [segmentOf(after)]: new Uint8Array(0) });
  assert.ok(places(verifyLedger(withoutJournal)).includes(`${tile}@0`));
});

test('a published leaf that the journal has otherwise is named there', async () => {
  const { room } = await filled();
  const { room: other } = await filled();
  const files = ledgerFiles(room.disk);
  const segment = segmentOf(files);
  const foreign = changed(files, { [segment]: ledgerFiles(other.disk).read(segment) });
  const verification = verifyLedger(foreign);
  assert.equal(verification.ok, false);
  assert.match(verification.problems[0]?.what ?? '', /leaf 0 of local\/model\/standard\/2026q4 is not the one that was published/);
});

test('a log that began while the folder was read, and whose part of the journal went meanwhile, is no problem', async () => {
  const room = createRoom();
  const ledger = await room.opened();
  await appendEach(ledger, 1);
  await ledger.publish();
  const before = ledgerFiles(room.disk);
  receiptOf(await ledger.append({ ...record('finding'), stream: 'agent' }));
  while ((ledgerFiles(room.disk).list('journal') ?? []).filter((name) => name.startsWith('seg-')).length < 2)
    receiptOf(await ledger.append(record('finding', { text: 'x'.repeat(60_000) })));
  await ledger.publish();
  const after = ledgerFiles(room.disk);
  // Names of logs are read first, then the journal.
  let now = before;
  const growing: LedgerFiles = {
    list: (path) => now.list(path),
    read: (path) => {
      if (path === 'newest-segment') now = after;
      return now.read(path);
    },
  };
  assert.deepEqual(verifyLedger(growing).problems, []);
});

test('G-LEDGER-1: a log without a checkpoint is consistent in itself, and not what a given key signed', async () => {
  const room = createRoom();
  const ledger = await room.opened();
  await appendEach(ledger, 3);
  await ledger.close();
  const files = ledgerFiles(room.disk);
  const keys = [
    Buffer.from(files.read('key.vkey') ?? [])
      .toString()
      .trim(),
  ];
  assert.equal(verifyLedger(files, { keys }).standing, 'verified with the given key');
  const unsigned: LedgerFiles = {
    list: (path) => (path.startsWith(logFolder) || path === 'logs' ? [] : files.list(path)),
    read: (path) => (path.startsWith(logFolder) ? null : files.read(path)),
  };
  const { ok, standing } = verifyLedger(unsigned);
  assert.deepEqual([ok, standing], [true, 'consistent, unanchored']);
  const judged = verifyLedger(unsigned, { keys });
  assert.deepEqual([judged.ok, places(judged)], [false, [`${logFolder}/checkpoint@0`]]);
  assert.match(judged.problems[0]?.what ?? '', /no key signs the 3 leaves of this log/);
});
