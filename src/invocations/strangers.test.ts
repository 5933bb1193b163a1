import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createVirtualClock } from '../../test/virtual-clock.ts';
import type { RecordBody } from '../core/receipt.ts';
import { limits } from '../core/limits.ts';
import { createStrangers } from './strangers.ts';

test('strangers leave one record a source and minute, and beyond the bound one for all others', async () => {
  const clock = createVirtualClock();
  const records: RecordBody[] = [];
  const recorder = {
    append: async (body: RecordBody) => {
      records.push(body);
      return { logId: body.log_id, origin: 'o', index: 0 };
    },
  };
  const strangers = createStrangers(clock, recorder, () => ({ log_id: 'l', timestamp: 't' }));
  for (let round = 0; round < 3; round += 1)
    for (let host = 0; host < limits.unidentifiedSourcesPerMinuteCount + 10; host += 1) strangers.seen(`model 10.0.0.${host}/32`);
  assert.equal(records.length, 0);
  clock.advance(60_000);
  await strangers.flush();
  assert.equal(records.length, limits.unidentifiedSourcesPerMinuteCount + 1);
  const counts = records.map((record) => (record['finding'] as { count: number }).count);
  assert.equal(counts[0], 3);
  assert.equal(counts.at(-1), 30);
});
