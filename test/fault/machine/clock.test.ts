// The wall clock of a running envelope steps by hours, years and over a quarter, forward and back: leases and deadlines do not notice, records stay in the
// order in which they were made, in logs that verify, and a start whose clock is behind them goes on where they end.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { assertIntended, assertOutcomes, balanced } from '../books.ts';
import { ask } from '../clients.ts';
import { assertNoTrace, credentialOf } from '../up.ts';
import { createWorld } from '../world.ts';
import { createFaults } from './faults.ts';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const steps = [6 * hourMs, -2 * dayMs, 95 * dayMs, -95 * dayMs, 730 * dayMs, -1_095 * dayMs, 0];

test('a wall clock that steps ends no lease and lengthens none, and the order of the records stays the order of what happened', async () => {
  const world = await createWorld();
  const faults = createFaults(world.dataDir);
  try {
    const up = await world.start({ environment: faults.environment });
    const credential = await credentialOf(up);
    const answered: string[] = [];
    const say = async (text: string): Promise<number | undefined> => {
      const got = await ask(up, credential, { stream: answered.length % 2 === 0, text });
      if (got?.status === 200) answered.push(got.id);
      return got?.status;
    };
    const years = new Set<string>();
    for (const [at, offset] of steps.entries()) {
      faults.stepClock(offset);
      years.add(new Date(Date.now() + offset).toISOString().slice(0, 7));
      assert.equal(await say(`step ${at}`), 200);
    }
    // A year behind: a lease by the wall clock would now last for ever.
    faults.stepClock(-365 * dayMs);
    while ((await say('a lease that nobody renews')) === 200) await pause(1_000);
    const refused = await ask(up, credential, { stream: false, text: 'after the lease' });
    assert.equal(refused?.denial, 'unidentified');
    assert.equal(await up.stop(), 0);
    assertNoTrace(up.said());

    // And a start on a machine whose clock is right again.
    const next = await world.start();
    const after = await ask(next, await credentialOf(next), { stream: false, text: 'after the restart' });
    assert.equal(after?.status, 200);
    answered.push(after.id);
    assert.equal(await next.stop(), 0);

    const books = await balanced(world.dataDir);
    assertOutcomes(books, answered);
    assertIntended(
      books,
      world.dataDir,
      world.upstream.seen.map(({ body }) => body),
    );
    const outcomes = books.outcomes.map((record) => record['upstream_request_id']);
    assert.deepEqual(outcomes, answered, 'in the order in which they happened, whatever their timestamps say');
    const stamped = new Set(books.model.map((record) => String(record['timestamp']).slice(0, 7)));
    for (const year of years) assert.ok(stamped.has(year), `no record of ${year}: the clock did not step`);
  } finally {
    await world.remove();
    faults.remove();
  }
});
