// Whatever happens to the journal, opening answers with data: all whole batches, all but an unfinished last one, or a refusal that names the place.
// A crash at any step of any operation loses no acknowledged record, even when the recovery itself crashes.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { assert as check, asyncProperty, constantFrom, double, integer, uint8Array } from 'fast-check';
import { limits } from '../../src/core/limits.ts';
import type { Ledger } from '../../src/ledger/ledger.ts';
import { casesCount } from '../cases.ts';
import { atRest, createRoom, leavesIn, permitted, record, verification, type Room } from '../memory-ledger.ts';
import { seededChance, type DiskFault } from '../sim/memory-disk.ts';

const batches = 6;

const killedRoom = async (): Promise<{
  readonly room: Room;
  readonly ids: readonly string[];
  readonly segment: string;
  readonly end: number;
}> => {
  const room = createRoom();
  const ledger = await room.opened();
  const ids: string[] = [];
  for (let batch = 0; batch < batches; batch += 1) {
    const bodies = Array.from({ length: 1 + (batch % 3) }, () => record('finding', { text: 'x'.repeat(batch * 150) }));
    await Promise.all(bodies.map((body) => ledger.append(body)));
    ids.push(...bodies.map((body) => body.log_id));
  }
  room.disk = room.disk.kill();
  const segment = [...room.disk.files().keys()].find((path) => path.includes('/journal/seg-')) ?? '';
  return { room, ids, segment, end: Buffer.from(room.disk.files().get(segment) ?? []).lastIndexOf('SealCommit') + 50 };
};

const lastBatch = 3;

/** What is left after `change`: the ids that are still there, or null when the start was refused with the place. */
const survivors = async (
  change: (bytes: Uint8Array, end: number) => Uint8Array,
): Promise<{ readonly ids: readonly string[]; readonly left: readonly string[] | null }> => {
  const { room, ids, segment, end } = await killedRoom();
  room.disk.tamper(segment, (bytes) => change(bytes, end));
  const opened = await room.open();
  if ('problem' in opened) {
    assert.equal(opened.file, segment);
    // Of a segment that is no longer one there is no place to name.
    assert.ok(opened.offset === undefined || typeof opened.offset === 'number');
    return { ids, left: null };
  }
  await opened.close();
  assert.deepEqual(verification(room.disk).problems, []);
  const found = new Set(leavesIn(room.disk).map((leaf) => leaf['log_id']));
  return { ids, left: ids.filter((id) => found.has(id)) };
};

describe('a journal that was changed', () => {
  it('loses at most its last batch to a cut at any place, or refuses', async () => {
    await check(
      asyncProperty(double({ min: 0, max: 1, noNaN: true }), async (place) => {
        let cutAt = 0;
        const { ids, left } = await survivors((bytes, end) => {
          cutAt = Math.floor(place * end);
          return bytes.subarray(0, cutAt);
        });
        // What was cut off whole cannot be seen from the journal alone; nothing but a prefix may remain.
        if (left !== null) assert.deepEqual(left, ids.slice(0, left.length));
      }),
      { numRuns: casesCount(40) },
    );
  });

  it('keeps everything but the last batch when bytes of one place change, or refuses', async () => {
    await check(
      asyncProperty(
        double({ min: 0, max: 1, noNaN: true }),
        integer({ min: 1, max: 255 }),
        integer({ min: 1, max: 700 }),
        async (place, mask, width) => {
          const { ids, left } = await survivors((bytes, end) => {
            const start = Math.floor(place * (end - 1));
            for (let at = start; at < Math.min(end, start + width); at += 1) bytes[at] = (bytes[at] ?? 0) ^ mask;
            return bytes;
          });
          if (left !== null)
            assert.ok(left.length === ids.length || left.length === ids.length - lastBatch, `${left.length} of ${ids.length}`);
        },
      ),
      { numRuns: casesCount(60) },
    );
  });

  it('answers with data for arbitrary bytes', async () => {
    await check(
      asyncProperty(uint8Array({ maxLength: 3_000 }), async (bytes) => {
        await survivors(() => bytes);
      }),
      { numRuns: casesCount(40) },
    );
  });
});

/** Appends until the disk is gone or the ledger sealed, in bursts, letting time pass in between. */
const work = async (room: Room, ledger: Ledger, acknowledged: Set<string>, chance: () => number, isGone: () => boolean): Promise<void> => {
  while (!isGone() && ledger.standing().state !== 'sealed') {
    for (let count = Math.floor(chance() * 40); count >= 0; count -= 1) {
      const body =
        chance() < 0.3
          ? permitted({ text: 'x'.repeat(Math.floor(chance() * 6_000)) })
          : record('finding', { stream: chance() < 0.5 ? 'agent' : 'model' });
      void ledger.append(body).then((result) => 'refused' in result || acknowledged.add(body.log_id));
    }
    await atRest();
    if (chance() < 0.3) await room.advance(limits.checkpointEveryMs);
    if (chance() < 0.05) await room.advance(limits.checkpointSetEveryMs);
  }
};

/** Whether the disk, and not what lies on it, kept the ledger from opening. */
const faulted = ({ problem }: { readonly problem: string }): boolean => /\(EIO\)|free space/.test(problem);

const faults: readonly DiskFault[] = ['failed', 'failed_but_persisted', 'torn', 'full', 'slow'];

/** Lives of one ledger, each ended by a crash; `faultShare` of all disk operations fail on the way. */
const crashAnywhere = async (seed: number, share: number): Promise<void> => {
  const chance = seededChance(seed);
  let faultShare = share;
  let crashAt = Infinity;
  let gone = (): void => undefined;
  let isGone = false;
  const acknowledged = new Set<string>();
  const room = createRoom({
    chance,
    beforeStep: ({ step }) => {
      if (step < crashAt || isGone) return;
      isGone = true;
      gone();
    },
    fault: () => (chance() < faultShare ? (faults[Math.floor(chance() * faults.length)] ?? 'ok') : 'ok'),
    pause: () => (isGone ? new Promise(() => undefined) : Promise.resolve()),
  });
  for (let crash = 0; crash < 4; crash += 1) {
    crashAt = room.disk.steps() + 1 + Math.floor(chance() * (crash % 2 === 0 ? 250 : 60));
    isGone = false;
    const crashed = new Promise<null>((resolve) => {
      gone = () => resolve(null);
    });
    const opened = await Promise.race([room.open(), crashed]);
    if (opened !== null) {
      if (!('problem' in opened)) await work(room, opened, acknowledged, chance, () => isGone);
      else if (!faulted(opened)) assert.fail(`seed ${seed}: ${JSON.stringify(opened)}`);
    }
    room.disk = chance() < 0.3 ? room.disk.kill() : room.disk.crash();
  }
  crashAt = Infinity;
  isGone = false;
  faultShare = 0;
  const last = await room.open();
  if ('problem' in last) assert.fail(`seed ${seed}: ${JSON.stringify(last)}`);
  await last.close();
  const leaves = leavesIn(room.disk);
  const found = new Map(leaves.map((leaf) => [leaf['log_id'], leaf]));
  for (const id of acknowledged) assert.ok(found.has(id), `seed ${seed}: ${id} was acknowledged and is lost`);
  const outcomes = leaves.filter((leaf) => leaf['kind'] === 'outcome').map((leaf) => leaf['decision_log_id']);
  const decisions = leaves.filter((leaf) => leaf['kind'] === 'decision').map((leaf) => leaf['log_id']);
  assert.deepEqual(new Set(outcomes), new Set(decisions), `seed ${seed}: each decision has an outcome`);
  assert.equal(outcomes.length, new Set(outcomes).size, `seed ${seed}: no decision has two outcomes`);
  assert.deepEqual(verification(room.disk).problems, [], `seed ${seed}`);
};

/** What once broke, by what it was: these run each time, before the random ones. */
const examples: [seed: number, faultShare: number][] = [
  // A start whose disk had no space for the batch that says what it found.
  [283_826, 0.01],
  // The same, for the step to the next segment.
  [280_258, 0.01],
  // A start that ended before the name of the signing key was durable, and power that went while the next published.
  [282_581, 0.01],
];

describe('a crash', () => {
  it('on a disk that fails now and then loses no acknowledged record either', async () => {
    await check(asyncProperty(integer({ min: 1, max: 1_000_000 }), constantFrom(0.01, 0.05), crashAnywhere), {
      numRuns: 12 + examples.length,
      examples,
    });
  });

  it('at any step loses no acknowledged record, and every log verifies afterwards', async () => {
    await check(
      asyncProperty(integer({ min: 1, max: 1_000_000 }), (seed) => crashAnywhere(seed, 0)),
      { numRuns: casesCount(12) },
    );
  });
});
