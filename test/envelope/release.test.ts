// The release of a running envelope: its activation is recorded before anything passes, every record names it, its content is kept under its digest,
// and a changed config is another one that says which came before.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { LedgerRecord } from './running.ts';
import { recordsUnder, startRunning } from './running.ts';

const startAndStop = async (dataDir: string, edit: (text: string) => string = (text) => text): Promise<readonly LedgerRecord[]> => {
  const running = await startRunning('http://127.0.0.1:1', (text) => edit(text.replace(/^data_dir: .*$/m, `data_dir: ${dataDir}`)));
  await running.open();
  await running.envelope.close();
  running.remove();
  return [...recordsUnder(dataDir, 'control'), ...recordsUnder(dataDir, 'agent')];
};

const activationsIn = (records: readonly LedgerRecord[]): readonly Record<string, unknown>[] =>
  records
    .map(({ change }) => change as Record<string, unknown> | undefined)
    .flatMap((change) => (change?.['what'] === 'release_activated' ? [change] : []));

test('G-RECORD-6: each start records which release is active and which was before, and every record names one whose content is kept', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'sealwright-test-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const dataDir = join(folder, 'data');
  await startAndStop(dataDir);
  await startAndStop(dataDir);
  const records = await startAndStop(dataDir, (text) =>
    text.replace('allowed_tools: [allowed_tool]', 'allowed_tools: [allowed_tool, another]'),
  );

  const [first, same, changed, ...others] = activationsIn(records);
  assert.equal(others.length, 0);
  assert.equal(first?.['previous_release'], null);
  assert.deepEqual([same?.['previous_release'], same?.['release']], [first?.['release'], first?.['release']]);
  assert.equal(changed?.['previous_release'], first?.['release']);
  assert.notEqual(changed?.['release'], first?.['release']);

  const digests = [String(first?.['release']), String(changed?.['release'])];
  for (const { kind, release } of records) assert.ok(digests.includes(String(release)), `${String(kind)} names ${String(release)}`);
  for (const digest of digests) {
    const content = readFileSync(join(dataDir, 'releases', digest.replace(':', '-'), 'release.json'), 'utf8');
    assert.equal(`sha256:${createHash('sha256').update(content).digest('hex')}`, digest);
    assert.equal(content.includes('"another"'), digest === changed?.['release'], 'what is kept is what was active');
    assert.ok(!content.includes('upstream-secret'), 'no secret is kept');
  }
});
