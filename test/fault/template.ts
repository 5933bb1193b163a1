// A data folder that has lived: a full tile and more, a run that is open, a stop that is in force, and what a kill left in the journal.
// Made once, copied for each deed. Contract: `same` insists that nothing of that life was lost or changed.

import assert from 'node:assert/strict';
import { cpSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { isClientFailure } from '../../src/client/client.ts';
import { createControlClient } from '../../src/client/client.ts';
import { tileWidth } from '../../src/ledger/tiles.ts';
import { until } from '../until.ts';
import { ask } from './clients.ts';
import { credentialOf, sealwright } from './up.ts';
import type { World } from './world.ts';

export interface Template {
  readonly folder: string;
  /** Of the run that is open. */
  readonly credential: string;
  /** Ids of the model's answers that were released. */
  readonly answered: readonly string[];
}

/** The same life up to a clean stop, and up to a kill. */
export interface Templates {
  readonly stopped: Template;
  readonly killed: Template;
}

export const stopReason = 'in force before and after';

/** Lives in the world's own data folder, which is left as the kill left it. */
export const makeTemplates = async (world: World): Promise<Templates> => {
  const up = await world.start();
  const credential = await credentialOf(up);
  const answered: string[] = [];
  const load = async (count: number): Promise<void> => {
    for (let turn = 0; turn < count; turn += 1) {
      const got = await ask(up, credential, { stream: turn % 2 === 0, text: `template ${turn}` });
      assert.equal(got?.status, 200, got?.text ?? '');
      answered.push(got.id);
    }
  };
  const stopping = await sealwright('stop', '--model', 'forbidden-1', '--reason', stopReason, '--control', up.control);
  assert.equal(stopping.code, 0, stopping.err);
  await Promise.all(Array.from({ length: 8 }, () => load(Math.ceil((tileWidth * 1.2) / 16))));
  await up.stop();
  const stopped: Template = { folder: join(world.folder, 'stopped'), credential, answered: [...answered] };
  cpSync(world.dataDir, stopped.folder, { recursive: true });
  const second = await world.start();
  for (let turn = 0; turn < 4; turn += 1) {
    const got = await ask(second, credential, { stream: true, text: `before the kill ${turn}` });
    assert.equal(got?.status, 200, got?.text ?? '');
    answered.push(got.id);
  }
  // Killed with a batch that is published and one that is not.
  const client = createControlClient(second.control);
  const published = async (): Promise<boolean> => {
    const status = await client.status();
    return !isClientFailure(status) && JSON.stringify(status.ledger.heads).includes('/model/');
  };
  let isPublished = false;
  void published().then((is) => (isPublished = is));
  await until(() => isPublished);
  const got = await ask(second, credential, { stream: false, text: 'the last before the kill' });
  if (got?.status === 200) answered.push(got.id);
  second.process.kill('SIGKILL');
  await second.ended;
  const killed: Template = { folder: join(world.folder, 'killed'), credential, answered };
  cpSync(world.dataDir, killed.folder, { recursive: true });
  return { stopped, killed };
};

/** Every file of a data folder, below it. */
export const filesOf = (folder: string): readonly string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .toSorted();
