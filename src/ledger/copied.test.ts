// A backup is copied file by file while the ledger goes on, in the order that docs/operate.md gives to tar.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limits } from '../core/limits.ts';
import { createRoom, leavesIn, receiptOf, record, verification, type Room } from '../../test/memory-ledger.ts';
import { createMemoryDisk, seededChance, type MemoryDisk } from '../../test/sim/memory-disk.ts';
import type { Ledger } from './ledger.ts';

const segmentBytes = 512 * 1024;
type Wanted = (path: string) => boolean;
const isBelow =
  (start: string): Wanted =>
  (path) =>
    path.startsWith(`/data/${start}`);
const isCheckpoint: Wanted = (path) => path.endsWith('/checkpoint');
const isJournal: Wanted = (path) => isBelow('ledger/journal/')(path) && !path.includes('/next.');
const isPublished: Wanted = (path) =>
  isBelow('ledger/')(path) && !isCheckpoint(path) && !isBelow('ledger/journal/')(path) && !/\/(?:newest-segment|lock)$/.test(path);
/** What each call of tar takes, in the order of its arguments, after the bulk. */
const order: readonly Wanted[] = [isBelow('private/'), isBelow('ledger/newest-segment'), isJournal, isCheckpoint, isPublished, isJournal];

/** Records of all sizes, and now and then what only time brings: publishing, and with it the end of segments. */
const worker = (room: Room, ledger: Ledger, chance: () => number, recordsMax: number) => {
  let left = recordsMax;
  return async (often = 0.7): Promise<void> => {
    for (; left > 0 && chance() < often; left -= 1) await work(room, ledger, chance);
  };
};
const work = async (room: Room, ledger: Ledger, chance: () => number): Promise<void> => {
  const stream = chance() < 0.5 ? 'agent' : 'model';
  receiptOf(await ledger.append({ ...record('finding', { text: 'x'.repeat(Math.floor(chance() * 60_000)) }), stream }));
  if (chance() < 0.3) await room.advance(limits.checkpointEveryMs);
};

/** The names are read at once, the files one after the other, in any order; what has gone by then is left out. */
const copyInto = async (copy: MemoryDisk, room: Room, wanted: Wanted, goOn: () => Promise<void>, chance: () => number): Promise<void> => {
  await goOn();
  const paths = [...room.disk.files().keys()].filter(wanted);
  for (const path of paths.toSorted(() => chance() - 0.5)) {
    await goOn();
    const bytes = room.disk.content(path)?.slice();
    if (bytes !== undefined) copy.tamper(path, () => bytes);
  }
};

const backupOf = async (room: Room, ledger: Ledger, chance: () => number): Promise<MemoryDisk> => {
  const copy = createMemoryDisk({ chance });
  await copyInto(copy, room, isPublished, worker(room, ledger, chance, 40), chance);
  // What follows is done while much less than a segment is written. Where one ends even so, and goes, the copy may be none.
  const goOn = worker(room, ledger, chance, 3);
  for (const wanted of order) await copyInto(copy, room, wanted, () => goOn(0.1), chance);
  return copy;
};

const ids = (disk: MemoryDisk): readonly unknown[] => leavesIn(disk).map(({ log_id: id }) => id);

test('G-OPERATE-6: a copy in the order of the runbook holds what was recorded before, verifies, opens, and verifies again', async () => {
  let [copies, again] = [0, 0];
  for (let seed = 1; seed <= 30; seed += 1) {
    const said = `seed ${seed}`;
    const chance = seededChance(seed);
    const room = createRoom();
    const ledger = await room.opened({ segmentBytes });
    for (let count = Math.floor(chance() * 40); count > 0; count -= 1) await work(room, ledger, chance);
    const before = ids(room.disk);
    let copy = await backupOf(room, ledger, chance);
    for (copies += 1; !verification(copy).ok; copies += 1) {
      again += 1;
      copy = await backupOf(room, ledger, chance);
    }
    await ledger.close();

    room.disk = copy;
    const restored = await room.opened({ segmentBytes });
    const found = new Set(ids(copy));
    assert.deepEqual(
      before.filter((id) => !found.has(id)),
      [],
      said,
    );
    // What would be there after a kill at once, and after one while it goes on.
    receiptOf(await restored.append(record('finding')));
    assert.deepEqual(verification(copy).problems, [], said);
    await worker(room, restored, chance, 40)();
    assert.deepEqual(verification(copy).problems, [], said);
    room.disk = copy.kill();
    await (await room.opened({ segmentBytes })).close();
    assert.deepEqual(verification(room.disk).problems, [], said);
  }
  assert.ok(again <= copies / 5, `${again} of ${copies} copies did not verify`);
});
