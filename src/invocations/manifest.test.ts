import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import type { Json } from '../core/canonical-json.ts';
import { limits } from '../core/limits.ts';
import { manifestsOf } from './manifest.ts';

const list = (length: number): string[] => Array.from({ length }, (_, index) => `entry ${index}`);
const digestOf = (bytes: Uint8Array): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

test('a list that is longer than a record holds is kept whole in a manifest, and the record says how much it leaves out', async () => {
  const kept: string[] = [];
  const keep = async (bytes: Uint8Array): Promise<string> => {
    kept.push(Buffer.from(bytes).toString());
    return digestOf(bytes);
  };
  const facts = {
    files_changed: list(limits.listInRecordCount + 3),
    git: { commits_made: list(limits.listInRecordCount + 1) },
    short: ['a'],
    truncated: { files_changed: 10 },
  };
  const said = await manifestsOf(facts, keep);
  assert.deepEqual(said['truncated'], { files_changed: 13, 'git.commits_made': 1 });
  assert.deepEqual(said['manifests'], {
    files_changed: digestOf(Buffer.from(kept[0] ?? '')),
    'git.commits_made': digestOf(Buffer.from(kept[1] ?? '')),
  });
  assert.deepEqual(JSON.parse(kept[0] ?? ''), facts.files_changed);
});

test('short lists leave nothing out, and a manifest that cannot be kept is not named', async () => {
  assert.deepEqual(
    await manifestsOf({ files_changed: list(limits.listInRecordCount), truncated: {} }, () => assert.fail('nothing is kept')),
    {},
  );
  const said = await manifestsOf({ files_changed: list(limits.listInRecordCount + 1) }, async () => null);
  assert.deepEqual(said, { truncated: { files_changed: 1 }, manifests: {} });
});

test('a list that cannot be written leaves its manifest out, and nothing throws', async () => {
  let deep: Json = 'x';
  for (let depth = 0; depth < 100_000; depth += 1) deep = [deep];
  for (const entry of [deep, '\ud800']) {
    const facts = { hostile: Array.from({ length: limits.listInRecordCount + 1 }, () => entry) };
    assert.deepEqual(await manifestsOf(facts, async () => 'kept'), { truncated: { hostile: 1 }, manifests: {} });
  }
});
