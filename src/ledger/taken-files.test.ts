import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { limits } from '../core/limits.ts';
import { atRest, createRoom, permitted, receiptOf, record, verification, type Room } from '../../test/memory-ledger.ts';
import type { DiskOperation } from '../../test/sim/memory-disk.ts';
import type { Ledger, LedgerProblem } from './ledger.ts';

const files = (room: Room, part: string): string[] => [...room.disk.files().keys()].filter((path) => path.includes(part)).toSorted();
const append = async (ledger: Ledger, count: number): Promise<void> => {
  for (let left = count; left > 0; left -= 1) receiptOf(await ledger.append(record('finding', { text: `number ${left}` })));
};
const problemOf = (result: Ledger | LedgerProblem): LedgerProblem => {
  if (!('problem' in result)) throw new Error('the ledger opened');
  return result;
};

describe('a ledger from which something was taken', () => {
  it('G-LEDGER-5: is refused without the newest heads, unless checkpoints from elsewhere are shown', async () => {
    const room = createRoom();
    const ledger = await room.opened();
    await append(ledger, 3);
    await ledger.close();
    const [checkpoint = ''] = files(room, '/model/standard/2026q4/checkpoint');
    const known = Buffer.from(room.disk.files().get(checkpoint) ?? []).toString();
    room.disk.tamper('/data/private/ledger-heads.json', () => null);
    const problem = problemOf(await room.open());
    assert.match(problem.problem, /newest heads is missing/);
    assert.equal(problem.file, '/data/private/ledger-heads.json');
    const again = await room.opened({ knownCheckpoints: [known] });
    await append(again, 1);
    await again.close();
    await (await room.opened()).close();
  });

  it('is refused without its journal, whether it was stopped or killed, and with a segment that was emptied', async () => {
    for (const stopped of [true, false]) {
      const room = createRoom();
      await (await room.opened()).close();
      const ledger = await room.opened();
      await append(ledger, 3);
      await room.advance(limits.checkpointEveryMs);
      receiptOf(await ledger.append(record('finding')));
      if (stopped) await ledger.close();
      else room.disk = room.disk.kill();
      const segment = files(room, '/journal/seg-').at(-1) ?? '';
      const bytes = room.disk.files().get(segment)?.slice() ?? new Uint8Array(0);
      room.disk.tamper(segment, () => new Uint8Array(0));
      assert.match(problemOf(await room.open()).problem, /segment is empty/);
      room.disk.tamper(segment, () => null);
      assert.match(problemOf(await room.open()).problem, /segment of the journal is missing/);
      room.disk.tamper(segment, () => bytes);
      await (await room.opened()).close();
      assert.deepEqual(verification(room.disk).problems, []);
    }
  });

  it('opens however far the name of the newest segment was written when the power went', async () => {
    const note = '/data/ledger/newest-segment';
    const room = createRoom();
    const ledger = await room.opened();
    const before = room.disk.files().get(note)?.slice() ?? new Uint8Array();
    await append(ledger, 3);
    await ledger.close();
    const after = room.disk.files().get(note)?.slice() ?? new Uint8Array();
    const next = Buffer.from(Buffer.from(after).toString().replaceAll('seg-0', 'seg-a'));
    assert.notDeepEqual(next, Buffer.from(after));
    for (const [older, newer, writtenMax] of [
      [before, after, after.length],
      // The one that is begun is there by then; here it is not, so that only the other one can be what is looked for.
      [after, next, after.length / 2 - 1],
    ] as const)
      for (let written = 0; written <= writtenMax; written += 1) {
        room.disk.tamper(note, () => Buffer.concat([newer.subarray(0, written), older.subarray(written)]));
        await (await room.opened()).close();
      }
    room.disk.tamper(note, () => next);
    assert.match(problemOf(await room.open()).problem, /segment of the journal is missing/);
  });

  it('G-LEDGER-5: is refused without a segment whose records no log has, though nothing in the others tells, and the verifier names it', async () => {
    const room = createRoom();
    const ledger = await room.opened();
    // Three segments, each with the records of one stream: none of them continues what another one holds.
    for (const stream of ['agent', 'model', 'control'] as const)
      for (let left = stream === 'control' ? 1 : 12; left > 0; left -= 1)
        receiptOf(await ledger.append({ ...record('finding', { text: 'x'.repeat(40_000) }), stream }));
    room.disk = room.disk.kill();
    const segments = files(room, '/journal/seg-');
    assert.equal(segments.length, 3);
    const journal = '/data/ledger/journal';
    const [, second = '', third = ''] = segments;
    const told: string[] = [];
    for (const segment of segments) {
      const bytes = room.disk.files().get(segment)?.slice() ?? new Uint8Array();
      room.disk.tamper(segment, () => null);
      const { problem, file = '' } = problemOf(await room.open());
      const [named, ...more] = verification(room.disk).problems;
      assert.deepEqual(more, []);
      told.push(`${file}: ${problem}`, `${named?.file}: ${named?.what}`);
      room.disk.tamper(segment, () => bytes);
    }
    assert.deepEqual(told, [
      `${journal}: part of the journal is missing, with 12 records that no log holds: restore it from a copy`,
      'journal: the journal counts 25 leaves, and 12 of them are neither here nor in a log',
      `${second}: part of the journal is missing, with 12 records that no log holds: restore it from a copy`,
      `${third.slice('/data/ledger/'.length)}: the journal goes on with record 24 instead of 12`,
      `${third}: this segment of the journal is missing, which held the newest records: restore it from a copy`,
      `${third.slice('/data/ledger/'.length)}: this segment is missing, which held the newest records; if the folder was copied while the envelope ran, copy it again`,
    ]);
    assert.deepEqual(verification(room.disk).problems, []);
    await (await room.opened()).close();
  });

  it('believes a name of the newest segment that is from before where a later one holds records, and not where that is empty', async () => {
    const room = createRoom();
    const ledger = await room.opened();
    const note = '/data/ledger/newest-segment';
    await append(ledger, 1);
    const before = room.disk.files().get(note)?.slice() ?? new Uint8Array();
    const [first = ''] = files(room, '/journal/seg-');
    while (files(room, '/journal/seg-').length < 2) receiptOf(await ledger.append(record('finding', { text: 'x'.repeat(40_000) })));
    await ledger.close();
    assert.deepEqual(files(room, '/journal/seg-').includes(first), false);
    room.disk.tamper(note, () => before);
    await (await room.opened()).close();
    // As a crash leaves it that comes before the next one is named.
    const [newest = ''] = files(room, '/journal/seg-');
    room.disk.tamper(newest, (bytes) => new Uint8Array(bytes.length));
    room.disk.tamper(note, () => before);
    assert.match(problemOf(await room.open()).problem, /segment of the journal is missing/);
  });

  it('G-LEDGER-5: is refused without the name of the newest segment, or with a part of it, and a first start without it goes on', async () => {
    const room = createRoom();
    const note = '/data/ledger/newest-segment';
    const ledger = await room.opened();
    room.disk.tamper(note, () => null);
    await (await createRoom().opened()).close();
    await ledger.close();
    const unrecorded = createRoom();
    await (await unrecorded.opened()).close();
    unrecorded.disk.tamper(note, () => null);
    const again = await unrecorded.opened();
    await append(again, 2);
    unrecorded.disk = unrecorded.disk.kill();
    const said = unrecorded.disk.files().get(note)?.slice() ?? new Uint8Array();
    for (const change of [null, new Uint8Array(), said.subarray(0, 25)]) {
      unrecorded.disk.tamper(note, () => change);
      const { problem, file } = problemOf(await unrecorded.open());
      assert.deepEqual(
        [problem, file],
        ['what names the newest segment of the journal is missing or damaged: restore it from a copy', note],
      );
    }
    unrecorded.disk.tamper(note, () => said);
    await (await unrecorded.opened()).close();
  });

  it('G-LEDGER-5: is refused where a batch is damaged and a later segment was begun, though nothing is written there: it was durable', async () => {
    let stuck = false;
    const isNext = (path: string): boolean => path.includes('/seg-') && !path.endsWith('/seg-0000000000000000.wal');
    const pause = ({ what, path }: DiskOperation): Promise<void> =>
      stuck && what === 'write' && isNext(path) ? new Promise(() => undefined) : Promise.resolve();
    const room = createRoom({ pause });
    const ledger = await room.opened();
    for (let count = 0; count < 12; count += 1) receiptOf(await ledger.append(record('finding', { text: 'x'.repeat(40_000) })));
    stuck = true;
    void ledger.append(record('finding', { text: 'x'.repeat(60_000) }));
    for (let turn = 0; turn < 20; turn += 1) await atRest();
    room.disk = room.disk.kill({ chance: () => 0 });
    const [first = '', next] = files(room, '/journal/seg-');
    assert.ok(next !== undefined);
    const sound = room.disk.files().get(first)?.slice() ?? new Uint8Array();
    const at = Buffer.from(sound).lastIndexOf('SealCommit');
    room.disk.tamper(first, (bytes) => {
      bytes[at - 100] = (bytes[at - 100] ?? 0) ^ 1;
      return bytes;
    });
    assert.match(problemOf(await room.open()).problem, /a later batch follows it, so no crash explains this/);
    room.disk.tamper(first, () => sound);
    await (await room.opened()).close();
  });

  it('believes no cache of what is open that says something else than it said', async () => {
    const room = createRoom();
    const ledger = await room.opened();
    const decided = receiptOf(await ledger.append(permitted({ crossing_id: 'one' })));
    await ledger.close();
    room.disk.tamper('/data/state/open-work.json', (bytes) => Buffer.from(Buffer.from(bytes).toString().replace(decided.logId, 'another')));
    const again = await room.opened();
    assert.deepEqual(
      again.found.openDecisions.map(({ log_id: id }) => id),
      [decided.logId],
    );
    await again.close();
  });
});
