// Two envelopes on one data folder: the second is refused with a sentence and the first is not harmed, by whatever way the second comes to the folder.
// A lock that a killed envelope left behind keeps nobody out.

import assert from 'node:assert/strict';
import { existsSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createControlClient, isClientFailure } from '../../src/client/client.ts';
import { until } from '../until.ts';
import { assertOutcomes, balanced } from './books.ts';
import { ask, type Got } from './clients.ts';
import { assertNoTrace, credentialOf, type NotUp, type Up } from './up.ts';
import { createWorld, type World } from './world.ts';

let world: World;
before(async () => {
  world = await createWorld();
});
after(() => world.remove());

const second = (options: readonly string[] = []): Promise<Up | NotUp> =>
  world.tryStart({ control: join(world.folder, 'second.sock'), options });

const assertRefused = (started: Up | NotUp): void => {
  assert.ok('said' in started && !('doors' in started), 'it started');
  assert.equal(started.ended, 1);
  assertNoTrace(started.said);
  assert.match(started.said, /another process writes to this ledger: stop that one first/);
};

const assertServes = async (up: Up, credential: string): Promise<void> => {
  for (const stream of [true, false]) {
    const got = await ask(up, credential, { stream, text: 'still here' });
    assert.deepEqual([got?.status, got?.whole], [200, true], got?.text ?? '');
  }
};

test('G-LEDGER-4: a second envelope on the folder is refused, by its own name, by a link to it and after a kill, and the first goes on', async () => {
  const link = join(world.folder, 'link');
  const first = await world.start();
  const credential = await credentialOf(first);
  symlinkSync(world.dataDir, link);
  for (const options of [[], ['--data', link], ['--data', `${world.folder}/./data/../data`]]) {
    assertRefused(await second(options));
    await assertServes(first, credential);
  }
  first.process.kill('SIGKILL');
  await first.ended;
  assert.ok(existsSync(join(world.dataDir, 'ledger/lock')), 'the killed one left its lock');
  const third = await world.start();
  assertRefused(await second(['--data', link]));
  await assertServes(third, credential);
  assert.equal(await third.stop(), 0);
  await balanced(world.dataDir);
});

test('G-LEDGER-4: of two that start at the same moment one serves, and the other says why it does not', async () => {
  const both = await Promise.all([world.tryStart(), second()]);
  const [up] = both.filter((started) => 'doors' in started);
  const [refused] = both.filter((started) => !('doors' in started));
  assert.ok(up !== undefined && refused !== undefined && 'doors' in up);
  assertRefused(refused);
  await assertServes(up, await credentialOf(up));
  assert.equal(await up.stop(), 0);
  await balanced(world.dataDir);
});

test('G-LEDGER-4: where the lock is deleted under load, which lets a second in, the first stops recording before it could lose anything', async () => {
  const first = await world.start();
  const credential = await credentialOf(first);
  const answered: string[] = [];
  const load = async (worker: number): Promise<Got | null> => {
    for (let turn = 0; ; turn += 1) {
      const got = await ask(first, credential, { stream: turn % 2 === 0, text: `${worker} ${turn}` });
      if (got?.status !== 200 || got.denial !== null) return got;
      answered.push(got.id);
    }
  };
  const loads = [1, 2, 3, 4].map(load);
  await until(() => answered.length > 20);
  rmSync(join(world.dataDir, 'ledger/lock'));
  const other = await second();
  assert.ok('doors' in other, 'said' in other ? String(other.said) : '');
  for (const got of await Promise.all(loads)) assert.notEqual(got?.denial ?? null, null, got?.text ?? '');
  assert.equal(await (await fetch(`${first.doors.admin}/readyz`)).text(), 'not ready: ledger sealed\n');
  const status = await createControlClient(first.control).status();
  assert.ok(!isClientFailure(status), JSON.stringify(status));
  assert.match(status.ledger.problem ?? '', /the lock of the ledger was deleted or replaced/);
  await assertServes(other, await credentialOf(other));
  assert.equal(await first.stop(), 0);
  assertNoTrace(first.said());
  other.process.kill('SIGKILL');
  await other.ended;
  assert.equal(await (await world.start()).stop(), 0);
  assertOutcomes(await balanced(world.dataDir), answered);
});
