import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { limits } from '../core/limits.ts';
import { createRoom, permitted, receiptOf, record, verification, type Room } from '../../test/memory-ledger.ts';
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
