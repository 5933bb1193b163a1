import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createRoom, leavesIn, permitted, receiptOf, record, verification } from '../../test/memory-ledger.ts';
import { limits } from '../core/limits.ts';
import type { Receipt, RecordRefusal } from '../core/receipt.ts';
import type { Ledger } from './ledger.ts';

const refusedWith = (result: Receipt | RecordRefusal): string => ('refused' in result ? result.refused : 'accepted');
const appendMany = async (ledger: Ledger, count: number, members: Record<string, unknown> = {}): Promise<void> => {
  for (let left = count; left > 0; left -= 500) {
    const bodies = Array.from({ length: Math.min(left, 500) }, () => record('finding', members));
    (await Promise.all(bodies.map((body) => ledger.append(body)))).forEach(receiptOf);
  }
};

describe('publishing', () => {
  it('signs at most one checkpoint in each interval, and none when nothing is new', async () => {
    let checkpoints = 0;
    const room = createRoom({
      beforeStep: ({ path, what }) => {
        if (what === 'rename' && path.endsWith('/checkpoint') && path.includes('/model/')) checkpoints += 1;
      },
    });
    const ledger = await room.opened();
    for (let elapsedMs = 0; elapsedMs < 3 * limits.checkpointEveryMs; elapsedMs += 50) {
      await appendMany(ledger, 2);
      await room.advance(50);
    }
    assert.ok(checkpoints >= 3 && checkpoints <= 4, `${checkpoints}`);
    await room.advance(limits.checkpointEveryMs);
    const settled = checkpoints;
    for (let idle = 0; idle < 30; idle += 1) await room.advance(limits.checkpointEveryMs);
    assert.equal(checkpoints, settled);
    await ledger.close();
  });

  it('removes partial tiles once the full ones are there', async () => {
    const room = createRoom();
    const ledger = await room.opened();
    await appendMany(ledger, 200);
    await room.advance(limits.checkpointEveryMs);
    const partial = (): string[] => [...room.disk.files().keys()].filter((path) => path.includes('/model/') && path.includes('.p/'));
    assert.deepEqual(
      partial().map((path) => path.split('/tile/')[1]),
      ['0/000.p/200', 'entries/000.p/200'],
    );
    await appendMany(ledger, 100);
    await room.advance(limits.checkpointEveryMs);
    assert.deepEqual(
      partial()
        .toSorted()
        .map((path) => path.split('/tile/')[1]),
      ['0/001.p/44', '1/000.p/1', 'entries/001.p/44'],
    );
    await ledger.close();
    assert.deepEqual(verification(room.disk).problems, []);
  });

  it('never signs over tiles whose sync failed; commits go on and the trouble is shown until it is over', async () => {
    let failing = true;
    const room = createRoom({ fault: ({ path, what }) => (failing && path.includes('/tile/') && what === 'sync' ? 'failed' : 'ok') });
    const ledger = await room.opened();
    await appendMany(ledger, 300);
    await room.advance(limits.checkpointEveryMs);
    assert.equal(
      [...room.disk.files().keys()].some((path) => path.endsWith('/checkpoint')),
      false,
    );
    assert.equal(ledger.standing().state, 'open');
    assert.match(ledger.standing().problem ?? '', /published/);
    await appendMany(ledger, 10);
    failing = false;
    await room.advance(limits.checkpointEveryMs);
    assert.deepEqual(ledger.standing(), { state: 'open', problem: null });
    assert.equal(ledger.heads()[0]?.size, 310);
    await ledger.close();
    assert.deepEqual(verification(room.disk).problems, []);
  });

  it('that failed is tried again though nothing new comes, and whoever asked for it is told', async () => {
    let failing = true;
    const room = createRoom({ fault: ({ path, what }) => (failing && path.includes('/tile/') && what === 'sync' ? 'failed' : 'ok') });
    const ledger = await room.opened();
    await appendMany(ledger, 3);
    assert.equal(await ledger.publish(), false);
    await room.advance(limits.checkpointEveryMs);
    failing = false;
    await room.advance(limits.checkpointEveryMs);
    assert.equal(ledger.heads()[0]?.size, 3);
    assert.equal(await ledger.publish(), true);
    await ledger.close();
  });

  it('that is under way is over before another may write the ledger', async () => {
    const held = Promise.withResolvers<void>();
    let holding = false;
    const room = createRoom({
      pause: ({ path }) => (holding && path.includes('/tile/') ? held.promise : Promise.resolve()),
      fault: ({ path, what }) => (holding && path.endsWith('.wal') && what === 'sync' ? 'failed' : 'ok'),
    });
    const ledger = await room.opened();
    await appendMany(ledger, 3);
    holding = true;
    const publishing = ledger.publish();
    assert.equal(refusedWith(await ledger.append(record('finding'))), 'sealed');
    let closed = false;
    const closing = ledger.close().then(() => (closed = true));
    for (let turn = 0; turn < 20; turn += 1) await room.advance(0);
    assert.equal(closed, false);
    held.resolve();
    await Promise.all([publishing, closing]);
  });

  it('that fails for long stops beginnings before the journal grows without bound', async () => {
    let failing = true;
    const room = createRoom({ fault: ({ path, what }) => (failing && path.includes('/tile/') && what === 'write' ? 'failed' : 'ok') });
    const ledger = await room.opened({ segmentBytes: 2 * 1024 * 1024 });
    const text = 'x'.repeat(60_000);
    while (refusedWith(await ledger.append(record('finding', { text }))) === 'accepted');
    await room.advance(limits.checkpointEveryMs);
    assert.equal(ledger.standing().state, 'full');
    assert.equal(refusedWith(await ledger.append(permitted())), 'full');
    receiptOf(await ledger.append(record('recovery', { stream: 'control' })));
    failing = false;
    await room.advance(limits.checkpointEveryMs);
    assert.deepEqual(ledger.standing(), { state: 'open', problem: null });
    receiptOf(await ledger.append(record('finding')));
    await ledger.close();
  });

  it('binds the heads of the other logs when they moved, and at a clean stop', async () => {
    const room = createRoom();
    const ledger = await room.opened();
    await appendMany(ledger, 5);
    await room.advance(limits.checkpointEveryMs);
    await room.advance(limits.checkpointSetEveryMs);
    await room.advance(limits.checkpointEveryMs);
    const sets = (): Record<string, unknown>[] => leavesIn(room.disk).filter((leaf) => leaf['kind'] === 'checkpoint_set');
    assert.equal(sets().length, 1);
    await room.advance(5 * limits.checkpointSetEveryMs);
    assert.equal(sets().length, 1);
    await appendMany(ledger, 5);
    await ledger.close();
    assert.equal(sets().length, 2);
    const [model] = ledger.heads().filter(({ origin }) => origin.includes('/model/'));
    assert.ok(
      sets().some(
        (leaf) => JSON.stringify(leaf['checkpoints']) === JSON.stringify([{ origin: model?.origin, root: model?.root, size: 10 }]),
      ),
    );
  });

  it('binds heads that were published and not stated before the process ended, and those that were stated not once more', async () => {
    const room = createRoom();
    await appendMany(await room.opened(), 5);
    await room.advance(limits.checkpointEveryMs);
    const sets = (): Record<string, unknown>[] => leavesIn(room.disk).filter((leaf) => leaf['kind'] === 'checkpoint_set');
    room.disk = room.disk.kill();
    await (await room.opened()).close();
    assert.deepEqual(
      sets().map((leaf) => (leaf['checkpoints'] as { readonly size: number }[]).map(({ size }) => size)),
      [[5]],
    );
    for (let start = 0; start < 2; start += 1) await (await room.opened()).close();
    assert.equal(sets().length, 1);
    room.disk.tamper('/data/state/open-work.json', () => null);
    await (await room.opened()).close();
    assert.equal(sets().length, 1);
  });
});

describe('shards', () => {
  it('begin with the last head of their predecessor and never go back', async () => {
    const room = createRoom();
    const ledger = await room.opened();
    const at = (timestamp: string) => ledger.append(record('finding', { timestamp }));
    const results = await Promise.all([at('2026-12-31T23:59:59.999Z'), at('2027-01-01T00:00:00.000Z'), at('2026-12-31T23:59:59.999Z')]);
    assert.deepEqual(
      results.map(receiptOf).map(({ origin, index }) => [origin, index]),
      [
        ['local/model/standard/2026q4', 0],
        ['local/model/standard/2027q1', 1],
        ['local/model/standard/2027q1', 2],
      ],
    );
    await ledger.close();
    const [reference] = leavesIn(room.disk).filter((leaf) => 'predecessor' in leaf);
    const [before] = ledger.heads().filter(({ origin }) => origin.endsWith('/model/standard/2026q4'));
    assert.deepEqual([reference?.['kind'], reference?.['predecessor']], ['checkpoint_set', { ...before }]);
    const again = await room.opened();
    assert.equal(receiptOf(await again.append(record('finding'))).origin, 'local/model/standard/2027q1');
    await again.close();
    assert.deepEqual(verification(room.disk).problems, []);
  });

  it('begin anew with another retention class', async () => {
    const room = createRoom();
    const ledger = await room.opened();
    await ledger.append(record('finding'));
    await ledger.close();
    const again = await room.opened({ retentionClass: 'long' });
    assert.deepEqual(receiptOf(await again.append(record('finding'))).index, 1);
    await again.close();
    assert.deepEqual(verification(room.disk).problems, []);
  });
});
