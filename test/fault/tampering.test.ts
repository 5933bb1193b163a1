// Files of a data folder deleted, cut short, replaced and changed by one bit, at rest and under a running envelope. Each deed is refused or named, or it is
// harmless, which is proved: nothing of the life before is lost, what was stopped stays stopped, and both verifiers accept what follows.
// By default one deed to each kind of file; SEALWRIGHT_FAULTS=all does every deed to every file.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { atRest, deeds, whileRunning, type Deed, type Found } from './deeds.ts';
import { filesOf, makeTemplates, type Templates } from './template.ts';
import { createWorld, type World } from './world.ts';

const all = process.env['SEALWRIGHT_FAULTS'] === 'all';
const everyDeed = Object.keys(deeds) as Deed[];

let world: World;
let templates: Templates;
before(async () => {
  world = await createWorld();
  templates = await makeTemplates(world);
});
after(() => world.remove());

type Case = readonly [keyof Templates, RegExp, Deed, Found];

/** The last file of the kind, which is the one that the ledger still builds on, or another where the pattern says so. */
const casesAtRest: readonly Case[] = [
  ['killed', /journal\/seg-/, 'deleted', 'refused'],
  ['killed', /journal\/seg-/, 'flipped', 'refused'],
  ['stopped', /model\/.*\/checkpoint$/, 'flipped', 'refused'],
  ['stopped', /model\/.*\/tile\/entries\/001\.p/, 'halved', 'refused'],
  ['stopped', /model\/.*\/tile\/0\/000$/, 'flipped', 'verified'],
  ['stopped', /model\/.*\/tile\/entries\/000$/, 'deleted', 'refused'],
  ['stopped', /ledger\/format$/, 'deleted', 'refused'],
  ['stopped', /ledger\/key\.vkey$/, 'flipped', 'harmless'],
  ['killed', /ledger\/lock$/, 'deleted', 'harmless'],
  ['stopped', /private\/ledger-heads\.json$/, 'deleted', 'refused'],
  ['stopped', /private\/ledger-key\.pem$/, 'deleted', 'refused'],
  ['killed', /state\/open-work\.json$/, 'flipped', 'harmless'],
  ['stopped', /releases\/.*\/release\.json$/, 'flipped', 'refused'],
];

test('G-LEDGER-1, G-LEDGER-4, G-LEDGER-5: what was done to a ledger at rest is refused or named, or it is harmless', async () => {
  const found: Case[] = [];
  for (const [which, pattern, deed] of casesAtRest) {
    const file = filesOf(templates[which].folder).findLast((name) => pattern.test(name)) ?? assert.fail(pattern.source);
    found.push([which, pattern, deed, await atRest(world, templates[which], file, deed)]);
  }
  assert.deepEqual(found, casesAtRest);
});

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
