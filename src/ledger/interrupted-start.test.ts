import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { limits } from '../core/limits.ts';
import { atRest, createRoom, leavesIn, receiptOf, record, verification } from '../../test/memory-ledger.ts';

describe('a start that was killed', () => {
  it('G-RECORD-4: leaves nothing in a name that is not durable which the next start builds on and the power then takes', async () => {
    const started = createRoom();
    await started.opened();
    await atRest();
    for (let killedAt = 1; killedAt <= started.disk.steps(); killedAt += 1) {
      const room = createRoom({
        chance: () => 0,
        pause: ({ step }) => (step === killedAt ? new Promise(() => undefined) : Promise.resolve()),
      });
      await Promise.race([room.open(), atRest()]);
      room.disk = room.disk.kill({ chance: () => 0 });
      const ledger = await room.opened();
      const { logId } = receiptOf(await ledger.append(record('finding')));
      room.disk = room.disk.crash();
      const again = await room.open();
      if ('problem' in again) assert.fail(`killed at step ${killedAt}: ${again.problem}`);
      const kept = leavesIn(room.disk).some((leaf) => leaf['log_id'] === logId);
      assert.deepEqual([kept, again.vkey], [true, ledger.vkey], `killed at step ${killedAt}`);
      await again.close();
    }
  });
});

describe('what a start left unfinished', () => {
  it('is removed from the journal by the next one, so that nothing remains there which no log holds', async () => {
    const room = createRoom();
    const ledger = await room.opened();
    receiptOf(await ledger.append(record('finding')));
    room.disk = room.disk.kill();
    for (const name of ['seg-0000000000000007.wal.tmp', 'cut.json.tmp', 'next.tmp'])
      room.disk.tamper(`/data/ledger/journal/${name}`, () => Buffer.from('{"text":"never acknowledged"}'));
    await (await room.opened()).close();
    const left = [...room.disk.files()].filter(([path]) => path.includes('/journal/'));
    assert.deepEqual(
      left.map(([path]) => path.replace(/.*\//, '')),
      ['seg-0000000000000001.wal', 'next.wal'],
    );
    for (const [path, bytes] of left) assert.ok(!Buffer.from(bytes).includes('never acknowledged'), path);
  });
});

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
