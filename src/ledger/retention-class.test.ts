import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createRoom, leavesIn, permitted, receiptOf, record, verification } from '../../test/memory-ledger.ts';

describe('a ledger whose records are kept for another time from a start on', () => {
  for (const retentionClass of ['archive', 'zulu'])
    it(`knows what has ended, also without its cache, and verifies (${retentionClass})`, async () => {
      const room = createRoom();
      const ledger = await room.opened();
      const decided = receiptOf(await ledger.append(permitted()));
      receiptOf(await ledger.append({ ...record('opened', { invocation_id: 'i1' }), stream: 'agent' }));
      const change = { what: 'stopped', scope: { kind: 'agent', name: 'sdk' } };
      const stop = receiptOf(await ledger.append({ ...record('change', { change }), stream: 'control' }));
      room.disk = room.disk.kill();
      const again = await room.opened({ retentionClass });
      receiptOf(await again.append({ ...record('closed', { invocation_id: 'i1' }), stream: 'agent' }));
      const lifted = { what: 'stop_lifted', stop: stop.logId };
      receiptOf(await again.append({ ...record('change', { change: lifted }), stream: 'control' }));
      await again.close();
      for (let start = 0; start < 2; start += 1) {
        room.disk.tamper('/data/state/open-work.json', () => null);
        const { found, close } = await room.opened({ retentionClass });
        assert.deepEqual([found.openDecisions, found.openInvocations, found.stops], [[], [], []]);
        await close();
      }
      assert.equal(leavesIn(room.disk).filter(({ decision_log_id: of }) => of === decided.logId).length, 1);
      assert.deepEqual(verification(room.disk).problems, []);
      await (await room.opened()).close();
      assert.deepEqual(verification(room.disk).problems, []);
    });

  it('counts what its journal held all the same', async () => {
    const room = createRoom();
    const ledger = await room.opened();
    receiptOf(await ledger.append(record('finding')));
    await ledger.close();
    const again = await room.opened({ retentionClass: 'archive' });
    receiptOf(await again.append(record('finding')));
    await again.publish();
    for (const stream of ['agent', 'control'] as const)
      for (let left = stream === 'control' ? 1 : 12; left > 0; left -= 1)
        receiptOf(await again.append({ ...record('finding', { text: 'x'.repeat(40_000) }), stream }));
    room.disk = room.disk.kill();
    const [oldest = ''] = [...room.disk.files().keys()].filter((path) => path.includes('/journal/seg-')).toSorted();
    room.disk.tamper(oldest, () => null);
    assert.match(
      verification(room.disk).problems[0]?.what ?? '',
      /the journal counts \d+ leaves, and \d+ of them are neither here nor in a log/,
    );
    const refused = await room.open();
    assert.match('problem' in refused ? refused.problem : 'opened', /part of the journal is missing/);
  });
});
