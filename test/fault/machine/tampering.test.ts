// Files of a data folder deleted, cut short, replaced and changed by one bit under a running envelope: that seals it, or is named when it ends or starts
// again, or is harmless, which is proved. With SEALWRIGHT_FAULTS set, every deed is done to every file at rest as well, which takes some minutes.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { atRest, deeds, whileRunning, type Deed, type Found } from '../deeds.ts';
import { filesOf, makeTemplates, type Templates } from '../template.ts';
import { createWorld, type World } from '../world.ts';

const all = process.env['SEALWRIGHT_FAULTS'] !== undefined;
const everyDeed = Object.keys(deeds) as Deed[];

let world: World;
let templates: Templates;
before(async () => {
  world = await createWorld();
  templates = await makeTemplates(world);
});
after(() => world.remove());

const casesRunning: readonly (readonly [RegExp, Deed, Found | 'sealed'])[] = [
  [/journal\/seg-/, 'deleted', 'sealed'],
  [/journal\/seg-/, 'replaced', 'sealed'],
  [/journal\/seg-/, 'emptied', 'verified'],
  [/model\/.*\/checkpoint$/, 'deleted', 'harmless'],
  [/model\/.*\/tile\/entries\/000$/, 'flipped', 'verified'],
  [/ledger\/lock$/, 'deleted', 'sealed'],
  [/private\/ledger-heads\.json$/, 'deleted', 'harmless'],
  [/private\/ledger-key\.pem$/, 'deleted', 'refused'],
];

test('G-LEDGER-1, G-LEDGER-4: what is done to a ledger under a running envelope seals it or is named, or it is harmless', async () => {
  const found: unknown[] = [];
  for (const [pattern, deed] of casesRunning) found.push([pattern, deed, await whileRunning(world, templates.stopped, pattern, deed)]);
  assert.deepEqual(found, casesRunning);
});

/** Who a pseudonym stands for is no part of the ledger: without it nobody can open a run, which says so. */
const apart = /private\/subjects$/;

if (all)
  test('whatever is done to whatever file, nothing is accepted without a word', async () => {
    const problems: string[] = [];
    let done = 0;
    const work = async (which: keyof Templates): Promise<void> => {
      const own = await createWorld();
      for (const file of filesOf(templates[which].folder))
        for (const deed of everyDeed) {
          if (apart.test(file)) continue;
          done += 1;
          await atRest(own, templates[which], file, deed).catch((problem: unknown) =>
            problems.push(`${which} ${file} ${deed}: ${String(problem).slice(0, 800)}`),
          );
        }
      await own.remove();
    };
    await Promise.all([work('stopped'), work('killed')]);
    assert.ok(done > 200, `only ${done} deeds`);
    assert.deepEqual(problems, []);
  });
