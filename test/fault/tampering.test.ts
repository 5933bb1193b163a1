// Files of a data folder at rest deleted, cut short and changed by one bit, then an envelope started on it. Each deed is refused or named, or it is
// harmless, which is proved: nothing of the life before is lost, what was stopped stays stopped, and the verifiers accept what follows.
// One deed to each kind of file; every deed to every file, and deeds under a running envelope, are in machine/tampering.test.ts.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { atRest, type Deed, type Found } from './deeds.ts';
import { filesOf, makeTemplates, type Templates } from './template.ts';
import { createWorld, type World } from './world.ts';

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
