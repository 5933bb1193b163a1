import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

const file = `
import assert from 'node:assert/strict';
import { inThread } from ${JSON.stringify(new URL('thread.ts', import.meta.url).href)};
const test = inThread(import.meta.url);
const never = () => new Promise(() => undefined);
test('passes and does nothing', async () => undefined);
test('fails: an assertion', async () => assert.equal(1, 2));
test('passes after the assertion', async () => undefined);
test('fails: nobody handles', async () => { void Promise.reject(new Error('x')); await never(); });
test('passes after the rejection', async () => undefined);
test('fails: ends the thread', async () => process.exit(0));
test('fails: what no thread can hand over', async () => { throw () => undefined; });
test('fails: never ends', async () => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0));
test('passes in the end', async () => undefined);
`;

test('a body in a thread passes or fails its own test and no other, whatever becomes of the thread', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'sealwright-thread-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'bodies.test.mjs');
  writeFileSync(path, file);
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const options = ['--test', '--test-isolation=none', '--test-reporter=tap', '--test-timeout=4000', path];
  const { status, stdout } = spawnSync(process.execPath, options, { encoding: 'utf8', env });
  const results = [...stdout.matchAll(/^(not )?ok \d+ - (\w+)/gm)].map(([, not, name]) => [not === undefined, name]);
  assert.equal(results.length, 9, stdout);
  for (const [passed, name] of results) assert.equal(passed, name === 'passes', stdout);
  assert.equal(status, 1);
});
