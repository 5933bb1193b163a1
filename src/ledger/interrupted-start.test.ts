import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { limits } from '../core/limits.ts';
import { atRest, createRoom, receiptOf, record, verification } from '../../test/memory-ledger.ts';

describe('a start that the disk refuses after it has begun to write', () => {
  it('writes no more, and the next one records what it found', async () => {
    const room = createRoom();
    const ledger = await room.opened();
    for (let left = 3; left > 0; left -= 1) receiptOf(await ledger.append(record('finding')));
    room.disk = room.disk.kill();
    const segment = [...room.disk.files().keys()].find((path) => path.includes('/journal/seg-')) ?? '';
    room.disk.tamper(segment, (bytes) => bytes.fill(0, Buffer.from(bytes).lastIndexOf('SealCommit')));
    let breaks = true;
    room.disk = room.disk.kill({
      chance: () => 0,
      fault: ({ path, what }) => (breaks && what === 'remove' && path.endsWith('/cut.json') ? 'failed' : 'ok'),
    });
    const refused = await room.open();
    assert.match('problem' in refused ? refused.problem : '', /EIO/);
    breaks = false;
    await atRest();
    const steps = room.disk.steps();
    await room.advance(limits.checkpointSetEveryMs);
    assert.equal(room.disk.steps(), steps);
    const again = await room.opened();
    assert.equal(again.found.cuts.length, 1);
    await again.close();
    assert.deepEqual(verification(room.disk).problems, []);
  });
});
