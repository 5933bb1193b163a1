import assert from 'node:assert/strict';
import { atRest, createRoom, leavesIn, receiptOf, record, verification, type Room } from '../memory-ledger.ts';
import { seededChance, type MemoryDiskSettings } from '../sim/memory-disk.ts';
import { inThread } from '../thread.ts';
import { isRefusal, type Stream } from '../../src/core/receipt.ts';
import { isLedgerProblem, type Ledger } from '../../src/ledger/ledger.ts';

const it = inThread(import.meta.url);
const quarters = ['2026-09-30T23:59:59.000Z', '2026-10-01T00:00:00.000Z', '2026-09-30T23:59:59.500Z', '2026-10-01T00:00:01.000Z'];
const streams: readonly Stream[] = ['agent', 'model', 'control'];

/** Records of two quarters, with a clock that steps back once and a publication in between; answers what was acknowledged. */
const crossQuarter = async (room: Room, acknowledged: Set<string>): Promise<void> => {
  const ledger = await room.open();
  if (isLedgerProblem(ledger)) return;
  for (const timestamp of quarters) {
    const answers = await Promise.all(streams.map((stream) => ledger.append(record('finding', { stream, timestamp }))));
    for (const answer of answers) if (!isRefusal(answer)) acknowledged.add(answer.logId);
    if (timestamp === quarters[1]) await ledger.publish();
  }
  await ledger.close();
};

const stopsAt = (step: number): Partial<MemoryDiskSettings> => ({
  pause: (operation) => (operation.step >= step ? new Promise(() => undefined) : Promise.resolve()),
});

/** Waits until `promise` is settled or waits for a disk that answers no more. */
const untilStuck = async (room: Room, promise: Promise<unknown>): Promise<boolean> => {
  const work = { ended: false };
  void promise.then(() => (work.ended = true));
  for (let steps = -1; !work.ended && steps !== room.disk.steps();) {
    steps = room.disk.steps();
    for (let turns = 0; turns < 3; turns += 1) await atRest();
  }
  return work.ended;
};

const closed = async (ledger: Ledger): Promise<void> => {
  receiptOf(await ledger.append(record('finding', { stream: 'control', timestamp: quarters[3] })));
  await ledger.close();
};

for (const end of ['crash', 'kill'] as const) {
  it(`G-RECORD-4: after a ${end} at every second step around a new quarter, also during the recovery, a clean stop has published every leaf of both quarters`, async () => {
    for (let step = 1, ended = false; !ended; step += 2) {
      const room = createRoom({ chance: seededChance(step), ...stopsAt(step) });
      const acknowledged = new Set<string>();
      ended = await untilStuck(room, crossQuarter(room, acknowledged));
      // The first start after it is cut short as well, at a step that wanders.
      const calm = { chance: seededChance(step) };
      room.disk = room.disk[end]({ ...calm, ...stopsAt(1 + ((step * 7) % 60)) });
      await untilStuck(
        room,
        room.open().then(async (ledger) => (isLedgerProblem(ledger) ? undefined : ledger.close())),
      );
      room.disk = room.disk[end](calm);
      await closed(await room.opened());
      const { logs, problems } = verification(room.disk);
      assert.deepEqual(problems, [], `step ${step}`);
      assert.deepEqual(
        logs.filter(({ unpublished }) => unpublished > 0),
        [],
        `step ${step}`,
      );
      const kept = new Set(leavesIn(room.disk).map((leaf) => leaf['log_id']));
      assert.deepEqual(
        [...acknowledged].filter((id) => !kept.has(id)),
        [],
        `step ${step}`,
      );
      assert.ok(!ended || step > 100);
    }
  });
}

it('G-RECORD-4: a process that is killed at any step, started again, and then loses the power, has lost nothing', async () => {
  for (let step = 1, ended = false; !ended; step += 1) {
    const room = createRoom({ chance: seededChance(step), ...stopsAt(step) });
    const acknowledged = new Set<string>();
    ended = await untilStuck(room, crossQuarter(room, acknowledged));
    room.disk = room.disk.kill({ chance: seededChance(step * 100 + 1) });
    const second = await room.opened();
    await second.publish();
    room.disk = room.disk.crash();
    await closed(await room.opened());
    assert.deepEqual(verification(room.disk).problems, [], `step ${step}`);
    const kept = new Set(leavesIn(room.disk).map((leaf) => leaf['log_id']));
    assert.deepEqual(
      [...acknowledged].filter((id) => !kept.has(id)),
      [],
      `step ${step}`,
    );
  }
});
