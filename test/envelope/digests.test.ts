// Digests of agents' programs in a whole envelope: told and asked for over the control socket, kept in a private file.
// Nothing is run; the facts are made up.

import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { createControlClient } from '../../src/client/client.ts';
import { startRunning } from './running.ts';

const facts = { device: '1', inode: '2', sizeBytes: '3', modifiedNs: '4', changedNs: '5' };
const digest = 'ab'.repeat(32);

test('a digest is kept under the pseudonym of its invoker, in a file that only the user of the envelope can read', async (t) => {
  const running = await startRunning('http://127.0.0.1:9');
  t.after(running.remove);
  const client = createControlClient(running.envelope.controlSocket);
  assert.equal(await client.findDigest(facts), null);
  await client.keepDigest(facts, digest);
  assert.equal(await client.findDigest(facts), digest);
  assert.equal(await client.findDigest({ ...facts, changedNs: '6' }), null);
  const file = join(running.dataDir, 'private', 'digests.json');
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.equal(statSync(join(file, '..')).mode & 0o777, 0o700);
  const [pseudonym] = Object.keys(JSON.parse(readFileSync(join(file, '..', 'subjects'), 'utf8')) as object);
  assert.deepEqual(JSON.parse(readFileSync(file, 'utf8')), [
    { invoker: pseudonym, device: '1', inode: '2', size_bytes: '3', modified_ns: '4', changed_ns: '5', sha256: digest },
  ]);
  await running.envelope.close();
});

test('an envelope starts on a file of digests that is garbage, and knows none', async (t) => {
  const garbage = (text: string): string => {
    const folder = /data_dir: (.*)/.exec(text)?.[1] ?? '';
    mkdirSync(join(folder, 'private'), { recursive: true, mode: 0o700 });
    writeFileSync(join(folder, 'private', 'digests.json'), 'garbage', { mode: 0o600 });
    return text;
  };
  const running = await startRunning('http://127.0.0.1:9', garbage);
  t.after(running.remove);
  const client = createControlClient(running.envelope.controlSocket);
  assert.equal(await client.findDigest(facts), null);
  await client.keepDigest(facts, digest);
  assert.equal(await client.findDigest(facts), digest);
  await running.envelope.close();
});
