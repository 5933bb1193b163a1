// A process that is held up (stopped, starved, its machine at rest) hears nothing of the disk meanwhile: that is no fault of the disk.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limits } from '../core/limits.ts';
import type { Receipt, RecordRefusal } from '../core/receipt.ts';
import { atRest, createRoom, ledgerSettings, receiptOf, record } from '../../test/memory-ledger.ts';
import { createCountingRandom, createHaltingClock } from '../../test/virtual-clock.ts';
import { openLedger, type Ledger } from './ledger.ts';

interface HeldUp {
  readonly ledger: Ledger;
  /** Makes the disk keep its word to itself until what it gives is called. */
  readonly hold: () => () => void;
  readonly standStill: (ms: number) => Promise<void>;
}

const open = async (): Promise<HeldUp> => {
  let held: Promise<void> | undefined;
  const room = createRoom({ pause: async ({ what, path }) => (what === 'sync' && path.includes('/journal/seg-') ? held : undefined) });
  const clock = createHaltingClock();
  const ledger = await openLedger(ledgerSettings, { disk: room.disk, clock, random: createCountingRandom() });
  assert.ok(!('problem' in ledger));
  receiptOf(await ledger.append(record('finding')));
  const hold = (): (() => void) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    held = promise;
    return resolve;
  };
  const standStill = async (ms: number): Promise<void> => {
    clock.standStill(ms);
    await atRest();
  };
  return { ledger, hold, standStill };
};

const saidOf = (result: Promise<Receipt | RecordRefusal>): (() => string) => {
  let said = 'nothing';
  void result.then((receipt) => (said = 'refused' in receipt ? receipt.refused : 'durable'));
  return () => said;
};

test('G-RECORD-3: a record that waits while the process stands still is not refused as slow before the disk was heard', async () => {
  const { ledger, hold, standStill } = await open();
  const release = hold();
  const said = saidOf(ledger.append(record('outcome')));
  await atRest();
  await standStill(30 * limits.commitMs);
  assert.equal(said(), 'nothing');
  release();
  await atRest();
  assert.equal(said(), 'durable');
  await ledger.close();
});

test('a disk that says nothing is slow all the same, however often the process stands still', async () => {
  const { ledger, hold, standStill } = await open();
  const release = hold();
  const said = saidOf(ledger.append(record('outcome')));
  await atRest();
  for (let look = 0; look < limits.commitMs / limits.commitLookMs; look += 1) {
    assert.equal(said(), 'nothing');
    await standStill(limits.commitMs);
  }
  assert.equal(said(), 'slow');
  release();
  await ledger.close();
});
