// The start of a ledger whose journal somebody changed: it opens with what verifies and nothing else, or it refuses and names the place.
// Input: the bytes of the one segment up to the last that is not zero.

import assert from 'node:assert/strict';
import { createRoom, leavesIn, ledgerSettings, record, verification, type Room } from '../../memory-ledger.ts';
import { openLedger } from '../../../src/ledger/ledger.ts';
import { createCountingRandom } from '../../virtual-clock.ts';
import { writtenBytes } from '../../../src/ledger/batch.ts';
import type { Target } from '../target.ts';

const segmentIn = (room: Room): string =>
  [...room.disk.files().keys()].find((path) => path.includes('/journal/seg-')) ?? assert.fail('no segment');

/** After a kill, with what it holds: some batches in the journal that no tile has yet. */
const killedRoom = async (): Promise<{ readonly room: Room; readonly segment: string; readonly written: Buffer; readonly ids: readonly unknown[] }> => {
  const room = createRoom();
  const ledger = await room.opened();
  for (let batch = 0; batch < 3; batch++) await Promise.all(Array.from({ length: 1 + batch }, () => ledger.append(record('finding', { text: 'x' }))));
  room.disk = room.disk.kill();
  const segment = segmentIn(room);
  const bytes = Buffer.from(room.disk.files().get(segment) ?? []);
  return { room, segment, written: bytes.subarray(0, writtenBytes(bytes)), ids: leavesIn(room.disk).map((leaf) => leaf['log_id']) };
}; // prettier-ignore

const made = await killedRoom();

const check = async (input: Uint8Array): Promise<void> => {
  const { room, segment, ids } = made;
  const tampered: Room = { ...room, disk: room.disk.kill() };
  tampered.disk.tamper(segment, () => Buffer.concat([input, Buffer.alloc(Math.max(0, ledgerSettings.segmentBytes - input.length))]));
  const opened = await openLedger(ledgerSettings, { disk: tampered.disk, clock: room.clock, random: createCountingRandom() });
  if ('problem' in opened) {
    assert.ok(opened.problem.length > 0);
    return;
  }
  await opened.close();
  assert.deepEqual(verification(tampered.disk).problems, []);
  const left = leavesIn(tampered.disk).map((leaf) => leaf['log_id']).filter((id) => String(id).startsWith('record-'));
  assert.deepEqual(left, ids.filter((id) => String(id).startsWith('record-')).slice(0, left.length), 'other records than were written');
}; // prettier-ignore

export const target: Target = {
  kind: 'bytes',
  bytesMax: 8_192,
  seeds: () => [made.written],
  words: ['SealBatch', 'SealCommit', 'Leaf'],
  check,
};
