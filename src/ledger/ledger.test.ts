import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { limits } from '../core/limits.ts';
import type { Receipt, RecordRefusal } from '../core/receipt.ts';
import {
  atRest,
  createRoom,
  leavesIn,
  ledgerSettings,
  permitted,
  receiptOf,
  record,
  verification,
  type Room,
} from '../../test/memory-ledger.ts';
import type { DiskFault, DiskOperation } from '../../test/sim/memory-disk.ts';
import type { Ledger } from './ledger.ts';

const root = '/data/ledger';
const inJournal = ({ path }: DiskOperation): boolean => path.includes('/journal/seg-');
const refusedWith = (result: Receipt | RecordRefusal): string => ('refused' in result ? result.refused : 'accepted');
const afterCrash = (room: Room): void => {
  room.disk = room.disk.crash();
};
const appendMany = async (ledger: Ledger, count: number, members: Record<string, unknown> = {}): Promise<void> => {
  for (let left = count; left > 0; left -= 500) {
    const bodies = Array.from({ length: Math.min(left, 500) }, () => record('finding', members));
    (await Promise.all(bodies.map((body) => ledger.append(body)))).forEach(receiptOf);
  }
};

describe('appending', () => {
  it('answers with the place of each record, which stands there with the members that the ledger adds', async () => {
    const room = createRoom();
    const ledger = await room.opened();
    const first = receiptOf(await ledger.append(record('finding', { text: 'é' })));
    const second = receiptOf(await ledger.append(record('finding', { stream: 'agent' })));
    assert.deepEqual([first.origin, first.index], ['local/model/standard/2026q4', 0]);
    assert.deepEqual([second.origin, second.index], ['local/agent/standard/2026q4', 0]);
    await ledger.close();
    const stored = leavesIn(room.disk).find((leaf) => leaf['log_id'] === first.logId);
    assert.deepEqual(stored, {
      deployment: 'laptop',
      environment: 'development',
      kind: 'finding',
      log_id: first.logId,
      release: 'sha256:0',
      schema: 'sealwright.record.v1',
      stream: 'model',
      text: 'é',
      timestamp: '2026-11-21T10:00:00.000Z',
    });
    assert.deepEqual(verification(room.disk).problems, []);
  });

  it('joins records that arrive during a commit into one write and one sync', async () => {
    let writes = 0;
    let syncs = 0;
    const room = createRoom({
      beforeStep: (operation) => {
        if (inJournal(operation) && operation.what === 'write') writes += 1;
        if (inJournal(operation) && operation.what === 'sync') syncs += 1;
      },
    });
    const ledger = await room.opened();
    receiptOf(await ledger.append(record('finding')));
    [writes, syncs] = [0, 0];
    const first = ledger.append(record('finding'));
    await Promise.resolve();
    await Promise.resolve();
    const rest = Array.from({ length: 50 }, () => ledger.append(record('finding')));
    await Promise.all([first, ...rest]);
    assert.deepEqual([writes, syncs], [2, 2]);
    await ledger.close();
  });

  it('refuses a record that is too large or that JSON cannot say, and goes on', async () => {
    const room = createRoom();
    const ledger = await room.opened();
    assert.equal(refusedWith(await ledger.append(record('finding', { text: 'x'.repeat(limits.leafBytes) }))), 'too_large');
    assert.equal(refusedWith(await ledger.append(record('finding', { text: '\ud800' }))), 'malformed');
    assert.equal(refusedWith(await ledger.append(record('finding', { number: Number.NaN }))), 'malformed');
    receiptOf(await ledger.append(record('finding')));
    await ledger.close();
  });

  it('refuses more than the queue takes, but endings still find a place', async () => {
    const room = createRoom({
      pause: (operation) => (inJournal(operation) && operation.what === 'write' ? new Promise(() => undefined) : Promise.resolve()),
    });
    const ledger = await room.opened();
    void ledger.append(record('finding'));
    await atRest();
    for (let count = 0; count < limits.queuedEntriesCount; count += 1) void ledger.append(record('finding'));
    assert.equal(refusedWith(await ledger.append(permitted())), 'backpressure');
    let answered = false;
    void ledger.append(record('outcome')).then(() => (answered = true));
    await atRest();
    assert.equal(answered, false);
  });

  it('goes on in the next segment when one is full, and removes segments that are published', async () => {
    const room = createRoom();
    const ledger = await room.opened();
    await appendMany(ledger, 2_000, { text: 'x'.repeat(1_000) });
    const segments = (): number => [...room.disk.files().keys()].filter((path) => path.includes('/journal/seg-')).length;
    assert.ok(segments() > 3);
    await room.advance(limits.checkpointEveryMs);
    assert.equal(segments(), 1);
    await ledger.close();
    assert.equal(segments(), 1, 'the last one stays: a ledger without a journal is one of which somebody took it');
    const verified = verification(room.disk);
    assert.deepEqual([verified.problems, verified.logs.find(({ stream }) => stream === 'model')?.size], [[], 2_000]);
  });
});

describe('a failing disk', () => {
  const failing = (fault: DiskFault, what: DiskOperation['what']): { readonly room: Room; readonly arm: (on: boolean) => void } => {
    let armed = false;
    const room = createRoom({ fault: (operation) => (armed && inJournal(operation) && operation.what === what ? fault : 'ok') });
    return { room, arm: (on) => (armed = on) };
  };

  for (const [fault, what] of [
    ['failed', 'sync'],
    ['failed_but_persisted', 'sync'],
    ['failed', 'write'],
    ['torn', 'write'],
    ['full', 'write'],
  ] as const) {
    it(`G-LEDGER-4: seals for good when a ${what} of the journal has ${fault.replaceAll('_', ' ')}, and syncs no more`, async () => {
      const { room, arm } = failing(fault, what);
      const ledger = await room.opened();
      receiptOf(await ledger.append(record('finding')));
      arm(true);
      const waiting = [ledger.append(record('finding')), ledger.append(permitted())];
      assert.deepEqual((await Promise.all(waiting)).map(refusedWith), ['sealed', 'sealed']);
      const { state, problem } = ledger.standing();
      assert.equal(state, 'sealed');
      assert.match(problem ?? '', /restart/);
      const steps = room.disk.steps();
      assert.equal(refusedWith(await ledger.append(record('outcome'))), 'sealed');
      assert.equal(room.disk.steps(), steps);
      arm(false);
      afterCrash(room);
      await (await room.opened()).close();
      assert.deepEqual(verification(room.disk).problems, []);
    });
  }

  for (const what of ['write', 'sync', 'rename'] as const) {
    it(`says that space is missing when it seals because a ${what} of the journal found none`, async () => {
      const { room, arm } = failing('full', what);
      const ledger = await room.opened();
      arm(true);
      assert.equal(refusedWith(await ledger.append(record('finding'))), 'sealed');
      assert.match(ledger.standing().problem ?? '', /free space on the disk that holds the ledger, then restart/);
    });
  }

  it('leaves the journal to the next start when it closes sealed, and still publishes what is durable', async () => {
    const { room, arm } = failing('failed', 'sync');
    const ledger = await room.opened();
    receiptOf(await ledger.append(record('finding')));
    arm(true);
    assert.equal(refusedWith(await ledger.append(record('finding'))), 'sealed');
    arm(false);
    await ledger.close();
    assert.equal([...room.disk.files().keys()].filter((path) => path.includes('/journal/seg-')).length, 1);
    assert.equal(ledger.heads()[0]?.size, 1);
    await (await room.opened()).close();
    assert.deepEqual(verification(room.disk).problems, []);
  });

  it('G-LEDGER-4: seals when the journal is deleted or replaced under it', async () => {
    for (const change of [() => null, (bytes: Uint8Array) => bytes]) {
      const room = createRoom();
      const ledger = await room.opened();
      receiptOf(await ledger.append(record('finding')));
      const segment = [...room.disk.files().keys()].find((path) => path.includes('/journal/seg-')) ?? '';
      room.disk.tamper(segment, change);
      assert.equal(refusedWith(await ledger.append(record('finding'))), 'sealed');
      assert.match(ledger.standing().problem ?? '', /deleted or replaced/);
    }
  });

  it('seals when the next segment cannot be made durable', async () => {
    let armed = false;
    const room = createRoom({ fault: ({ path, what }) => (armed && path.endsWith('/next.tmp') && what === 'sync' ? 'failed' : 'ok') });
    const ledger = await room.opened();
    armed = true;
    await ledger.append(record('finding'));
    await atRest();
    assert.equal(ledger.standing().state, 'sealed');
  });
});

describe('a slow disk', () => {
  /** `hold` stops syncs of the journal until what it answers is called. */
  const slowRoom = (): { readonly room: Room; readonly hold: () => () => void } => {
    let held: Promise<void> | null = null;
    const room = createRoom({
      pause: async (operation) => (inJournal(operation) && operation.what === 'sync' ? ((await held) ?? undefined) : undefined),
    });
    const hold = (): (() => void) => {
      const { promise, resolve } = Promise.withResolvers<void>();
      held = promise;
      return resolve;
    };
    return { room, hold };
  };

  it('refuses what is not durable in time; what was still queued is never written', async () => {
    const { room, hold } = slowRoom();
    const ledger = await room.opened();
    receiptOf(await ledger.append(record('finding')));
    const release = hold();
    const written = ledger.append(permitted({ log_id: 'written' }));
    await atRest();
    const queued = ledger.append(permitted({ log_id: 'queued' }));
    await room.advance(limits.commitMs);
    assert.deepEqual([refusedWith(await written), refusedWith(await queued)], ['slow', 'slow']);
    release();
    await atRest();
    await ledger.close();
    const leaves = leavesIn(room.disk);
    assert.equal(
      leaves.some((leaf) => leaf['log_id'] === 'queued'),
      false,
    );
    const outcome = leaves.find((leaf) => leaf['decision_log_id'] === 'written');
    assert.deepEqual([outcome?.['kind'], outcome?.['success'], outcome?.['invocation_id']], ['outcome', false, 'invocation-1']);
    assert.match(String(outcome?.['error_message']), /not carried out/);
  });

  it('lets nobody wait longer where a record begins the log of a new quarter', async () => {
    const { room, hold } = slowRoom();
    const ledger = await room.opened();
    receiptOf(await ledger.append(record('finding')));
    const release = hold();
    const before = ledger.append(record('finding'));
    await room.advance(limits.commitMs / 4);
    const first = ledger.append(record('finding', { timestamp: '2027-01-01T00:00:00.000Z' }));
    let answered = 'nothing';
    void first.then((result) => (answered = refusedWith(result)));
    await room.advance(limits.commitMs / 4);
    const releaseAgain = hold();
    release();
    receiptOf(await before);
    await room.advance((3 * limits.commitMs) / 4);
    assert.equal(answered, 'slow');
    releaseAgain();
    await ledger.close();
  });

  it('says that a late decision was not carried out even if the disk is slow once more', async () => {
    const { room, hold } = slowRoom();
    const ledger = await room.opened();
    receiptOf(await ledger.append(record('finding')));
    const release = hold();
    const late = ledger.append(permitted({ log_id: 'late' }));
    await room.advance(limits.commitMs);
    assert.equal(refusedWith(await late), 'slow');
    // More than one batch takes, so that the correction has to wait in the queue.
    for (let count = 0; count <= limits.batchEntriesCount; count += 1) void ledger.append(record('finding'));
    const releaseAgain = hold();
    release();
    await room.advance(2 * limits.commitMs);
    releaseAgain();
    await atRest();
    await ledger.close();
    const outcomes = leavesIn(room.disk).filter((leaf) => leaf['decision_log_id'] === 'late');
    assert.deepEqual(
      outcomes.map((leaf) => leaf['success']),
      [false],
    );
  });

  it('closes an invocation whose opening became durable too late', async () => {
    const { room, hold } = slowRoom();
    const ledger = await room.opened();
    receiptOf(await ledger.append(record('finding')));
    const release = hold();
    const opening = ledger.append(record('opened', { stream: 'agent', invocation_id: 'late' }));
    await room.advance(limits.commitMs);
    assert.equal(refusedWith(await opening), 'slow');
    release();
    await atRest();
    await ledger.close();
    assert.deepEqual((await room.opened()).found.openInvocations, []);
    assert.ok(leavesIn(room.disk).some((leaf) => leaf['kind'] === 'closed' && leaf['invocation_id'] === 'late'));
  });
});

describe('a full disk', () => {
  it('takes endings but no beginnings, and recovers when there is space', async () => {
    let capacityBytes = Infinity;
    const room = createRoom({ capacityBytes: () => capacityBytes });
    const ledger = await room.opened();
    receiptOf(await ledger.append(record('opened', { stream: 'agent', invocation_id: 'invocation-1' })));
    const admitted = permitted();
    receiptOf(await ledger.append(admitted));
    await atRest();
    capacityBytes = 0;
    let filled = 0;
    while (refusedWith(await ledger.append(record('finding', { text: 'x'.repeat(10_000) }))) === 'accepted') filled += 1;
    assert.ok(filled > 0);
    await room.advance(limits.checkpointEveryMs);
    assert.deepEqual(ledger.standing().state, 'full');
    assert.match(ledger.standing().problem ?? '', /free space/);
    assert.equal(refusedWith(await ledger.append(permitted())), 'full');
    assert.equal(refusedWith(await ledger.append(record('opened', { stream: 'agent' }))), 'full');
    receiptOf(await ledger.append(record('outcome', { decision_log_id: admitted.log_id, success: true })));
    receiptOf(await ledger.append(record('closed', { stream: 'agent', invocation_id: 'invocation-1' })));
    receiptOf(await ledger.append(record('recovery', { stream: 'control' })));
    capacityBytes = Infinity;
    await room.advance(limits.diskRetryMs);
    await room.advance(limits.checkpointEveryMs);
    assert.deepEqual(ledger.standing(), { state: 'open', problem: null });
    receiptOf(await ledger.append(permitted()));
    await ledger.close();
    assert.deepEqual(verification(room.disk).problems, []);
  });

  it('is told at the start', async () => {
    const room = createRoom({ capacityBytes: () => 10_000 });
    const problem = await room.open();
    assert.match('problem' in problem ? problem.problem : '', /free space/);
  });
});

describe('logs that cannot be published', () => {
  it('take no more beginnings once too much waits, and take them again as soon as it is published', async () => {
    let broken = true;
    const room = createRoom({
      fault: ({ what, path }) =>
        broken
          ? what === 'create' && path.includes('/tile/')
            ? 'failed'
            : 'ok'
          : what === 'remove' && path.includes('/seg-')
            ? 'failed'
            : 'ok',
    });
    const ledger = await room.opened({ segmentBytes: 8 * 1024 * 1024 });
    const text = 'x'.repeat(60_000);
    for (let bytes = 0; bytes <= limits.unpublishedBytes; bytes += 64 * text.length)
      (await Promise.all(Array.from({ length: 64 }, () => ledger.append(record('finding', { text }))))).forEach(receiptOf);
    await room.advance(limits.checkpointEveryMs);
    assert.equal(ledger.standing().state, 'full');
    assert.equal(refusedWith(await ledger.append(permitted())), 'full');
    receiptOf(await ledger.append(record('closed', { invocation_id: 'a' })));
    broken = false;
    await room.advance(limits.checkpointEveryMs);
    // That old segments cannot be removed is a problem of its own, and no reason to refuse.
    assert.equal(ledger.standing().state, 'open');
    assert.match(ledger.standing().problem ?? '', /EIO/);
    receiptOf(await ledger.append(permitted()));
    await ledger.close();
    assert.deepEqual(verification(room.disk).problems, []);
  });
});

describe('closing', () => {
  it('makes what was accepted durable and published, and takes nothing more', async () => {
    const room = createRoom();
    const ledger = await room.opened();
    const last = ledger.append(record('finding'));
    const closing = ledger.close();
    assert.equal(refusedWith(await ledger.append(record('finding'))), 'sealed');
    receiptOf(await last);
    await closing;
    assert.equal(ledger.heads().find(({ origin }) => origin.includes('/model/'))?.size, 1);
    const again = await room.opened({ ...ledgerSettings });
    assert.deepEqual(again.found.cuts, []);
    await again.close();
  });

  it('leaves the folder to the next writer, and only then', async () => {
    const room = createRoom();
    const ledger = await room.opened();
    const second = await room.open();
    assert.match('problem' in second ? second.problem : '', /another process/);
    await ledger.close();
    await (await room.opened()).close();
    assert.equal(
      [...room.disk.files().keys()].some((path) => path.startsWith(`${root}/journal/seg-`)),
      false,
    );
  });
});
